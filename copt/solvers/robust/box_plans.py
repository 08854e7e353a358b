"""Plans for boxes of scenarios: the best one, by a program, and the best of those known."""

import math

import numpy as np

from copt.problems.two_stage import Columns, TwoStage
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.recourse import Recourse, allowance, minimise

__all__ = ["BoxProgram", "Pool"]


class Pool:
    """Plans for one x, and what they cost and ask for.

    Args:
        problem: The problem.
        x: First-stage decisions.
    """

    def __init__(self, problem: TwoStage, x: FloatArray) -> None:
        r, k = problem.limits.size, problem.uncertainty.size
        self._problem, self._x, self._seen = problem, x, dict[bytes, int]()
        self.plans: list[FloatArray] = []
        # the last row is the cost; room for more plans than there are
        self._constants, self._slopes = np.zeros((8, r + 1)), np.zeros((8, r + 1, k))

    def add(self, plan: FloatArray) -> int:
        """Take a plan; return its number."""
        key, count = plan.tobytes(), len(self.plans)
        if key in self._seen:
            return self._seen[key]
        if count == len(self._constants):
            self._constants = np.concatenate([self._constants, np.zeros_like(self._constants)])
            self._slopes = np.concatenate([self._slopes, np.zeros_like(self._slopes)])
        constants, slopes = self._problem.row_terms(self._x, plan)
        constant, slope = self._problem.cost_terms(self._x, plan)
        self._constants[count], self._slopes[count] = np.append(constants, constant), np.vstack([slopes, slope])
        self._seen[key] = count
        self.plans.append(plan)
        return count

    def best(self, low: FloatArray, high: FloatArray) -> tuple[float, int]:
        """Return the least cost, at the worst corner of a box, of plans that are feasible all over it, and which."""
        count = len(self.plans)
        if count == 0:
            return math.inf, -1
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        slopes = self._slopes[:count]
        worst = self._constants[:count] + slopes @ middle + np.abs(slopes) @ half
        costs = np.where((worst[:, :-1] <= 1e-9).all(axis=1), worst[:, -1], np.inf)
        plan = int(costs.argmin())
        return float(costs[plan]), plan if costs[plan] < np.inf else -1


class BoxProgram:
    """The program that finds one plan for a box of scenarios (Bertsimas and Sim 2004).

    Args:
        problem: The problem.
        x: First-stage decisions.
    """

    def __init__(self, problem: TwoStage, x: FloatArray) -> None:
        assert problem.cost_uy is not None
        self._problem = problem
        m, r = problem.y.size, problem.limits.size
        nothing = np.zeros(m)
        constants, slopes = problem.row_terms(x, nothing)
        _, slope = problem.cost_terms(x, nothing)
        all_slopes = np.vstack([slopes, slope])  # the last row is the cost
        factors = np.zeros((r + 1, len(slope), m))
        terms = problem.products_y
        np.add.at(factors, (terms.rows, terms.entries, terms.variables), terms.coefficients)
        factors[r] += problem.cost_uy
        follows = factors.any(axis=2)
        self._rows, self._entries = np.nonzero(follows)
        self._factors, self._offsets = factors[self._rows, self._entries], all_slopes[self._rows, self._entries]
        self._fixed = np.where(follows, 0.0, all_slopes)  # (rows + 1, entries): factors of entries that no plan changes
        self._constants = constants
        weights = np.abs(all_slopes) + np.abs(factors).sum(axis=2)
        scale = np.maximum(weights.max(axis=1, keepdims=True), 1e-300)
        self.influence = (weights / scale).sum(axis=0)
        self.pressure = slopes.sum(axis=0)  # an entry that grows with it makes rows harder to keep

    def solve(self, low: FloatArray, high: FloatArray, narrow: bool, seconds: float) -> Recourse:
        """Return the plan that costs least at its worst corner, feasible all over the box."""
        problem, pairs = self._problem, len(self._rows)
        m, r = problem.y.size, problem.limits.size
        worst = np.maximum(self._fixed * low, self._fixed * high).sum(axis=1)
        place = np.zeros((r + 1, pairs))
        place[self._rows, np.arange(pairs)] = 1.0
        sides = [side[self._entries] for side in (low, high)]
        rows = np.vstack(
            [
                np.hstack([problem.rows_y, place[:r]]),
                *(np.hstack([side[:, None] * self._factors, -np.eye(pairs)]) for side in sides),
            ]
        )
        room = -self._constants - worst[:r]
        columns = Columns(
            np.append(problem.y.lower, np.full(pairs, -np.inf)),
            np.append(problem.y.upper, np.full(pairs, np.inf)),
            np.append(problem.y.integer, np.zeros(pairs, dtype=np.bool_)),
        )
        costs = np.append(problem.cost_y, place[r])
        found = Recourse(math.inf, math.inf, None)
        for slack in (np.zeros(r), allowance(problem))[: 1 + narrow]:
            limits = np.concatenate([room + slack, *(-side * self._offsets for side in sides)])
            found = minimise(costs, rows, limits, columns, seconds)
            if found.bound < math.inf:
                break
        return found if found.plan is None else found._replace(plan=found.plan[:m])
