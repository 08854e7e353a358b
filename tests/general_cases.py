"""Small two-stage problems of every structure, and what they cost by brute force."""

import itertools
from typing import Any

import numpy as np
from robust_cases import binary_vectors
from scipy.optimize import linprog

from copt.problems.two_stage import Columns, Products, TwoStage
from copt.problems.uncertainty import Box, Budget, FloatArray, UncertaintySet


def columns(lower: list[float], upper: list[float], integer: list[bool]) -> Columns:
    """Variables from plain lists."""
    return Columns(np.array(lower, dtype=float), np.array(upper, dtype=float), np.array(integer))


def continuous(count: int, upper: float = np.inf, lower: float = 0.0) -> Columns:
    """Variables that need not be whole."""
    return Columns(np.full(count, lower), np.full(count, upper), np.zeros(count, dtype=bool))


def facility(
    opening: list[float], ship: FloatArray, demand: list[float], budget: float, capacity: float, **more: Any
) -> TwoStage:
    """Sites of which ``budget`` are lost; all demand is met from those that are open and not lost."""
    sites, customers = ship.shape
    site, customer = np.divmod(np.arange(sites * customers), customers)
    served = -(customer[None] == np.arange(customers)[:, None]).astype(float)
    sent = (site[None] == np.arange(sites)[:, None]).astype(float)
    rows = np.arange(customers, customers + sites)
    fields: dict[str, Any] = {
        "x": Columns.binary(sites),
        "y": continuous(sites * customers),
        "uncertainty": Budget(sites, budget),
        "cost_x": np.array(opening),
        "cost_y": ship.ravel(),
        "rows_x": np.vstack([np.zeros((customers, sites)), -capacity * np.eye(sites)]),
        "rows_y": np.vstack([served, sent]),
        "limits": np.concatenate([-np.array(demand), np.zeros(sites)]),
        "products_x": Products(rows, np.arange(sites), np.arange(sites), np.full(sites, capacity)),
    }
    return TwoStage(**fields | more)


def random_problem(seed: int, uncertainty: UncertaintySet, **more: Any) -> TwoStage:
    """Two binary decisions that widen capacities, three plans' variables, uncertain right-hand sides."""
    rng = np.random.default_rng(seed)
    n, m, k, r = 3, 3, uncertainty.size, 3
    fields: dict[str, Any] = {
        "x": Columns.binary(n),
        "y": continuous(m, 4.0),
        "uncertainty": uncertainty,
        "cost_x": rng.integers(1, 6, n).astype(float),
        "cost_y": rng.integers(1, 8, m).astype(float),
        "rows_x": -rng.integers(0, 4, (r, n)).astype(float),
        "rows_y": -rng.integers(0, 4, (r, m)).astype(float),
        "rows_u": rng.integers(-2, 4, (r, k)).astype(float),
        "limits": -rng.integers(0, 5, r).astype(float),
        "constant": float(rng.integers(-3, 4)),
        "name": f"random-{seed}",
    }
    return TwoStage(**fields | more)


def least_linear(problem: TwoStage, x: FloatArray, u: FloatArray) -> float:
    """Least cost of continuous recourse in a scenario."""
    y = np.zeros(problem.y.size)
    constants, slopes = problem.row_terms(x, y)
    assert problem.cost_uy is not None
    found = linprog(
        problem.cost_y + u @ problem.cost_uy,
        A_ub=problem.rows_y + problem.products_y.at(u, len(constants), len(y)),
        b_ub=-(constants + slopes @ u),
        bounds=[*zip(problem.y.lower, problem.y.upper, strict=True)],
    )
    return np.inf if found.status == 2 else problem.cost(x, y, u) + float(found.fun)


def least_binary(problem: TwoStage, x: FloatArray, scenarios: FloatArray) -> FloatArray:
    """Least cost of binary recourse in each scenario, shape (scenarios,)."""
    plans = binary_vectors(problem.y.size)
    rows, slopes = problem.row_terms_of_plans(x, plans)
    costs, changes = problem.cost_terms_of_plans(x, plans)
    kept = (rows[:, None] + np.einsum("prk,sk->psr", slopes, scenarios) <= 1e-9).all(axis=2)
    found: FloatArray = np.where(kept, costs[:, None] + changes @ scenarios.T, np.inf).min(axis=0)
    return found


def worst_listed(problem: TwoStage, x: FloatArray, scenarios: FloatArray) -> float:
    """Largest over ``scenarios`` of the least cost of recourse; infinity if ``x`` breaks its own rows."""
    constants, _ = problem.row_terms(x, np.zeros(problem.y.size))
    if (constants[problem.first_rows] > 1e-9).any():
        return np.inf
    if problem.y.integer.any():
        return float(least_binary(problem, x, scenarios).max())
    return max(least_linear(problem, x, u) for u in scenarios)


def best_listed(problem: TwoStage, scenarios: FloatArray) -> float:
    """Least over binary x of that."""
    return min(worst_listed(problem, x, scenarios) for x in binary_vectors(problem.x.size))


def corners(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """All corners of a box."""
    return np.array(list(itertools.product(*zip(lower, upper, strict=True))))


def grid(box: Box, steps: int) -> FloatArray:
    """Points of a box that are spread evenly, corners included."""
    sides = [np.linspace(low, high, steps) for low, high in zip(*box.bounds(), strict=True)]
    return np.array(list(itertools.product(*sides)))
