"""The problem in one scenario, and the least cost of recourse in it, by HiGHS."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp

from copt.problems.two_stage import TOLERANCE, Columns, TwoStage
from copt.problems.uncertainty import FloatArray

__all__ = ["Fixed", "Recourse", "allowance", "at_scenario", "least_cost", "minimise"]

INFEASIBLE, UNBOUNDED, UNCLEAR = 2, 3, 4  # words of scipy
LOOSE = 0.4  # share of the allowance that is twice what SCIP forgives
LEAST = 0.01  # seconds that HiGHS gets at least


@dataclass(frozen=True, eq=False)
class Fixed:
    """What is left of a problem in one scenario: costs and rows of x and y."""

    constant: float
    cost_x: FloatArray
    cost_y: FloatArray
    rows_x: FloatArray
    rows_y: FloatArray
    limits: FloatArray


class Recourse(NamedTuple):
    """The best recourse to decisions in a scenario.

    Args:
        value: Its cost, first stage included; infinity if none was found.
        bound: What no recourse is below: infinity if none is feasible, -infinity if nothing is known.
        plan: The recourse, shape (m,), or None.
    """

    value: float
    bound: float
    plan: FloatArray | None


def allowance(problem: TwoStage) -> FloatArray:
    """Return by how much solvers here let rows be missed: half of what the checker forgives, shape (r,)."""
    slack: FloatArray = 0.5 * TOLERANCE * np.maximum(1.0, np.abs(problem.limits))
    return slack


def at_scenario(problem: TwoStage, scenario: FloatArray) -> Fixed:
    """Return the problem in ``scenario``."""
    assert problem.cost_u is not None and problem.cost_ux is not None and problem.cost_uy is not None
    assert problem.rows_u is not None
    r = problem.limits.size
    return Fixed(
        problem.constant + float(problem.cost_u @ scenario),
        problem.cost_x + scenario @ problem.cost_ux,
        problem.cost_y + scenario @ problem.cost_uy,
        problem.rows_x + problem.products_x.at(scenario, r, problem.x.size),
        problem.rows_y + problem.products_y.at(scenario, r, problem.y.size),
        problem.limits - problem.rows_u @ scenario,
    )


def least_cost(
    problem: TwoStage, x: FloatArray, scenario: FloatArray, seconds: float = math.inf, *, loose: bool = False
) -> Recourse:
    """Return the best recourse to ``x`` in ``scenario``.

    Decisions that a solver made feasible within its tolerance are not called infeasible: rows are let out a little
    where no recourse keeps them.

    Args:
        problem: The problem.
        x: First-stage decisions.
        scenario: The scenario.
        seconds: Limit on wall time.
        loose: Let rows out a little from the first, so that a cost is not due to a row that is missed by less than
            what SCIP forgives.
    """
    fixed = at_scenario(problem, scenario)
    known = fixed.constant + float(fixed.cost_x @ x)
    room = fixed.limits - fixed.rows_x @ x
    if problem.y.size == 0:
        fits = bool((room >= -allowance(problem)).all())
        return Recourse(known, known, np.zeros(0)) if fits else Recourse(math.inf, math.inf, None)
    found = Recourse(math.inf, math.inf, None)
    for slack in (LOOSE if loose else 0.0, 1.0):
        found = minimise(fixed.cost_y, fixed.rows_y, room + slack * allowance(problem), problem.y, seconds)
        if found.bound < math.inf:
            break
    return Recourse(known + found.value, known + found.bound, found.plan)


def minimise(
    costs: FloatArray, rows: FloatArray, limits: FloatArray, columns: Columns, seconds: float = math.inf
) -> Recourse:
    """Minimise ``costs @ y`` over ``rows @ y <= limits`` and the bounds of ``columns``; whole numbers are exact."""
    found = _milp(costs, rows, limits, columns, seconds)
    if found.status == UNCLEAR:  # infeasible or unbounded
        found = _milp(np.zeros(len(costs)), rows, limits, columns, seconds)
        found.status = UNBOUNDED if found.status == 0 else found.status
    if found.status == INFEASIBLE:
        return Recourse(math.inf, math.inf, None)
    if found.status == UNBOUNDED or found.x is None:
        return Recourse(-math.inf if found.status == UNBOUNDED else math.inf, -math.inf, None)
    plan = np.where(columns.integer, np.round(found.x), found.x)
    if columns.integer.any() and not columns.integer.all() and (rows @ plan > limits + 1e-9).any():
        whole = Columns(
            np.where(columns.integer, plan, columns.lower),
            np.where(columns.integer, plan, columns.upper),
            np.zeros(len(plan), dtype=np.bool_),
        )
        again = _milp(costs, rows, limits, whole, seconds)
        plan = plan if again.x is None else np.where(columns.integer, plan, again.x)
    bound = found.mip_dual_bound if columns.integer.any() else found.fun  # there is no such bound of a linear program
    plan = np.clip(plan, columns.lower, columns.upper)
    return Recourse(float(costs @ plan), -math.inf if bound is None else float(bound), plan)


def _milp(costs: FloatArray, rows: FloatArray, limits: FloatArray, columns: Columns, seconds: float) -> OptimizeResult:
    return milp(
        costs,
        constraints=LinearConstraint(rows, ub=limits) if len(limits) else None,
        bounds=Bounds(columns.lower, columns.upper),
        integrality=columns.integer.astype(int),
        options={"mip_rel_gap": 1e-9} | ({} if seconds == math.inf else {"time_limit": max(LEAST, seconds)}),
    )
