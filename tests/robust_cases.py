"""Small two-stage robust problems, and their optima by brute force."""

import itertools
from typing import Any

import numpy as np
from scipy.optimize import linprog

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.capital_budgeting import CapitalBudgeting, Loans
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import Box, Budget, FloatArray
from copt.stop import Stop


def make_knapsack(**fields: Any) -> RobustKnapsack:
    """A knapsack from plain lists."""
    return RobustKnapsack(**fields)


def make_budgeting(**fields: Any) -> CapitalBudgeting:
    """Capital budgeting from plain lists."""
    return CapitalBudgeting(**fields)


def random_knapsack(items: int, seed: int, **fields: Any) -> RobustKnapsack:
    """Weights up to 20, profits near them, about half of them fit, a third of them degrades."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 21, items)
    profits = weights + rng.integers(1, 11, items)
    settings: dict[str, Any] = {
        "profits": profits,
        "degradations": np.rint(profits * rng.uniform(0.2, 0.8, items)),
        "weights": weights,
        "repair_weights": rng.integers(1, 9, items),
        "outsourcing": np.rint(profits * rng.uniform(1.1, 1.5, items)),
        "capacity": int(weights.sum() // 2),
        "budget": items / 3,
        "name": f"random-{items}-{seed}",
    }
    return RobustKnapsack(**settings | fields)


def random_loans(projects: int, seed: int) -> CapitalBudgeting:
    """Costs up to 20, profits near a fifth of them, two factors."""
    rng = np.random.default_rng(seed)
    costs = rng.integers(1, 21, projects).astype(np.float64)
    factors = rng.uniform(-1, 1, (projects, 2))
    return CapitalBudgeting(
        costs=costs,
        profits=costs / 5 + rng.random(projects),
        cost_factors=np.zeros((projects, 2)),
        profit_factors=factors / np.abs(factors).sum(axis=1, keepdims=True),
        budget=float(costs.sum() // 3),
        loans=Loans(5.0, 5.0, 0.3, 0.4),
        name=f"loans-{projects}-{seed}",
    )


def binary_vectors(count: int) -> FloatArray:
    """All of them, shape (2 ** count, count)."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=count)))


def feasible(problem: TwoStage, x: FloatArray, y: FloatArray, u: FloatArray) -> bool:
    """Whether all rows hold."""
    constants, slopes = problem.row_terms(x, y)
    return bool((constants + slopes @ u <= 1e-9).all())


def worst_case(problem: TwoStage, x: FloatArray) -> float:
    """Cost of ``x`` in its worst scenario, rows being certain and variables binary: a linear program."""
    assert problem.certain_rows
    some = np.zeros(problem.uncertainty.size)
    plans = [y for y in binary_vectors(problem.y.size) if feasible(problem, x, y, some)]
    if not plans:
        return np.inf
    constants, slopes = zip(*(problem.cost_terms(x, y) for y in plans), strict=True)
    rows, limits = np.hstack([-np.array(slopes), np.ones((len(plans), 1))]), np.array(constants)
    if isinstance(problem.uncertainty, Budget):
        rows = np.vstack([rows, np.append(np.ones(problem.uncertainty.size), 0.0)])
        limits = np.append(limits, problem.uncertainty.budget)
    else:
        assert isinstance(problem.uncertainty, Box)
    sides = [*zip(*problem.uncertainty.bounds(), strict=True), (None, None)]
    return -float(linprog(np.append(some, -1.0), A_ub=rows, b_ub=limits, bounds=sides).fun)


def optimum(problem: TwoStage) -> float:
    """The least cost in the worst case over all x."""
    return min(worst_case(problem, x) for x in binary_vectors(problem.x.size))


def watched(stop: Stop) -> Monitor:
    """A monitor of a problem that maximises, with nobody listening."""
    return Monitor(stop, Silent(), sign=-1)
