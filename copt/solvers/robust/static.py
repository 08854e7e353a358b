"""The static counterpart: recourse that is chosen before the scenario, against the worst one, as one program.

What it costs is sure. Where only costs are uncertain, recourse is continuous and scenarios form a convex set, nothing
is lost by it: the least cost over plans of the largest over scenarios is the largest of the least (von Neumann 1928).
"""

import math
from typing import Any

import numpy as np

from copt.monitor import Monitor
from copt.problems.robust import RobustSolution
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.offers import offer, refuse_boundless
from copt.solvers.robust.program import Program
from copt.solvers.scip import dual_bound, linear, run

__all__ = ["solve_counterpart"]

SOURCE = "static counterpart"


def solve_counterpart(problem: TwoStage, monitor: Monitor, *, exact: bool, seconds: float = math.inf) -> None:
    """Offer the best static plan found, and if it is ``exact``, prove what no decisions cost less than.

    Raises:
        CoptError: If it is exact and costs have no lower bound.
    """
    program, y = _program(problem)

    def hear(model: Any) -> None:
        if exact and math.isfinite(dual_bound(model)):
            monitor.prove(dual_bound(model), SOURCE)

    run(program.model, monitor, seconds=seconds, hear=hear)
    status = program.model.getStatus()
    if status in ("unbounded", "inforunbd") and exact:
        refuse_boundless(problem, _program(problem)[0], monitor)
        status = "infeasible"
    if exact and status == "infeasible" and monitor.reason() is None:
        monitor.prove(math.inf, SOURCE)
    if status in ("infeasible", "unbounded", "inforunbd"):
        return
    hear(program.model)
    x, plan = program.decisions(), program.values(y, problem.y)
    if x is not None and plan is not None:
        offer(problem, monitor, static_solution(problem, *_exact(problem, monitor, x, plan)), SOURCE)


def _exact(problem: TwoStage, monitor: Monitor, x: FloatArray, plan: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return decisions that fit the whole ones exactly: SCIP rounds these by its tolerance."""
    integer = np.append(problem.x.integer, problem.y.integer)
    if integer.all() or not integer.any():
        return x, plan
    program, y = _program(problem)
    for variable, value, whole in zip([*program.x, *y], np.append(x, plan), integer, strict=True):
        if whole:
            program.model.chgVarLb(variable, float(value))
            program.model.chgVarUb(variable, float(value))
    run(program.model, monitor)
    better, other = program.decisions(), program.values(y, problem.y)
    return (x, plan) if better is None or other is None else (better, other)


def static_solution(problem: TwoStage, x: FloatArray, plan: FloatArray) -> RobustSolution:
    """Return what is known of a plan that is feasible in every scenario."""
    constant, slope = problem.cost_terms(x, plan)
    worst = problem.uncertainty.worst(slope)
    if problem.certain_rows:
        return RobustSolution(x=x, plans=plan[None], worst=worst, proof="mixture", weights=np.ones(1))
    value = constant + float(slope @ worst)
    return RobustSolution(x=x, plans=plan[None], worst=worst, proof="adversary", value=value)


def _program(problem: TwoStage) -> tuple[Program, list[Any]]:
    assert problem.cost_u is not None and problem.cost_ux is not None and problem.cost_uy is not None
    program, sets = Program(problem), problem.uncertainty
    x, y, worst = program.x, program.columns(problem.y), program.free()
    nothing = 0.0 * program.nothing
    cost = linear(problem.cost_x, x) + linear(problem.cost_y, y)
    slopes = [
        linear(problem.cost_ux[k], x) + linear(problem.cost_uy[k], y) + float(problem.cost_u[k]) + nothing
        for k in range(sets.size)
    ]
    program.add(cost + program.support(slopes, sets) - worst, -problem.constant)
    for row, limit in enumerate(problem.limits):
        kept = linear(problem.rows_x[row], x) + linear(problem.rows_y[row], y)
        slopes = _row_slopes(problem, program, y, row)
        if slopes:
            kept += program.support(slopes, sets)
        program.add(kept, limit)
    program.model.setObjective(worst, "minimize")
    return program, y


def _row_slopes(problem: TwoStage, program: Program, y: list[Any], row: int) -> list[Any]:
    """Return the factors of the uncertain entries in ``row`` as expressions; none if it is certain."""
    assert problem.rows_u is not None
    parts = [(problem.products_x, program.x), (problem.products_y, y)]
    if not problem.rows_u[row].any() and not any((terms.rows == row).any() for terms, _ in parts):
        return []
    slopes: list[Any] = [float(value) + 0.0 * program.nothing for value in problem.rows_u[row]]
    for terms, variables in parts:
        for t in np.flatnonzero(terms.rows == row):
            entry, factor = terms.entries[t], float(terms.coefficients[t])
            slopes[entry] = slopes[entry] + factor * variables[terms.variables[t]]
    return slopes
