"""Facility location with disruption as a model and by hand; the best response in a scenario, read from arrays."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

import copt
from copt.problems.base import FloatArray
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import Budget

OPENING, CAPACITY = np.array([60.0, 50, 45]), np.array([70.0, 60, 50])
DEMAND, PENALTY = np.array([20.0, 15, 25, 10]), 12.0
COST = np.array([[1.0, 4, 5, 6], [4, 1, 2, 5], [6, 5, 2, 1]])


class Facility:
    """Open sites of which one may be down; what cannot be shipped is lost."""

    def __init__(self) -> None:
        self.model = m = copt.RobustModel("facility")
        self.site = m.here_and_now(3, kind="binary", name="site")
        self.down = m.uncertain(Budget(3, 1), name="down")
        self.ship = m.wait_and_see((3, 4), name="ship")
        self.lost = m.wait_and_see(4)
        m.add(self.ship.sum(axis=0) + self.lost >= DEMAND)
        m.add(self.ship.sum(axis=1) <= CAPACITY * self.site * (1 - self.down))
        m.minimize(OPENING @ self.site + (COST * self.ship).sum() + PENALTY * self.lost.sum())

    @staticmethod
    def by_hand(site: FloatArray, down: FloatArray) -> float:
        """Cost of a scenario, by a transportation problem that is written row by row."""
        rows, limits = [], []
        for customer in range(4):
            rows.append([-1.0 if k % 4 == customer else 0.0 for k in range(16)])
            limits.append(-DEMAND[customer])
        for place in range(3):
            rows.append([1.0 if k // 4 == place else 0.0 for k in range(16)])
            limits.append(CAPACITY[place] * site[place] * (1 - down[place]))
        return float(OPENING @ site + linprog([*COST.ravel(), *[PENALTY] * 4], rows, limits).fun)


def respond(problem: TwoStage, x: FloatArray, u: FloatArray) -> tuple[float, FloatArray]:
    """The least cost in a scenario, read from the arrays, and its plan."""
    nothing = np.zeros(problem.y.size)
    constants, slopes = problem.row_terms(x, nothing)
    assert problem.cost_uy is not None
    found = milp(
        problem.cost_y + u @ problem.cost_uy,
        constraints=LinearConstraint(
            problem.rows_y + problem.products_y.at(u, len(constants), nothing.size), ub=-(constants + slopes @ u)
        ),
        bounds=Bounds(problem.y.lower, problem.y.upper),
        integrality=problem.y.integer,
    )
    return (problem.cost(x, found.x, u), found.x) if found.status == 0 else (np.inf, nothing)
