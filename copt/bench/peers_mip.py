"""Adapters of solvers of mixed-integer programs. Each gets the whole time limit, its model made inside it."""

import math
import time
from typing import Any

import numpy as np

from copt.bench.answer import Answer
from copt.errors import CoptError
from copt.instances.mip_scip import to_scip
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, check, objective

__all__ = [
    "Incumbents",
    "improving",
    "limit_scip",
    "prepare",
    "recorded",
    "run_concurrent",
    "run_cpsat",
    "run_highs",
    "run_scip",
]

SLACK = 1e-6  # of the value: what solvers allow between a bound and a value that they say have met

Incumbents = list[tuple[float, float]]


def prepare() -> None:
    """Import SCIP, HiGHS and CP-SAT off the clock; copt's partner process loads within its time."""
    import highspy  # noqa: F401
    from ortools.math_opt.python import mathopt  # noqa: F401

    import copt.solvers.mip.master  # noqa: F401


def run_scip(instance: MIP, *, seconds: float, workers: int, seed: int, aggressive: bool = False) -> Answer:
    """Run SCIP on one thread, with its defaults or with heuristics set to aggressive; ``workers`` does nothing."""
    began = time.perf_counter()
    from pyscipopt.scip import PY_SCIP_PARAMSETTING

    model, variables = to_scip(instance)
    incumbents = recorded(model, began)
    if aggressive:
        model.setHeuristics(PY_SCIP_PARAMSETTING.AGGRESSIVE)
    limit_scip(model, seconds - (time.perf_counter() - began), seed)
    model.optimizeNogil()
    return _answer(instance, _values_of(model, variables), model.getDualbound(), incumbents)


def recorded(model: Any, began: float) -> Incumbents:
    """Return a list to which a SCIP model will add each better solution: seconds since ``began``, and its value."""
    from pyscipopt.scip import PY_SCIP_EVENTTYPE, Eventhdlr

    incumbents: Incumbents = []

    class Recorder(Eventhdlr):
        def eventinit(self) -> None:
            self.model.catchEvent(PY_SCIP_EVENTTYPE.BESTSOLFOUND, self)

        def eventexit(self) -> None:
            self.model.dropEvent(PY_SCIP_EVENTTYPE.BESTSOLFOUND, self)

        def eventexec(self, event: Any) -> None:
            best = self.model.getSolObjVal(self.model.getBestSol())
            incumbents.append((time.perf_counter() - began, best))

    model.includeEventhdlr(Recorder(), "recorder", "keeps when solutions came")
    return incumbents


def run_concurrent(instance: MIP, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run SCIP's concurrent solvers on as many threads as workers; they do not tell when their solutions came."""
    began = time.perf_counter()
    model, variables = to_scip(instance)
    model.setParam("parallel/maxnthreads", workers)
    limit_scip(model, seconds - (time.perf_counter() - began), seed)
    model.solveConcurrent()
    return _answer(instance, _values_of(model, variables), model.getDualbound(), [])


def limit_scip(model: Any, seconds: float, seed: int) -> None:
    """Give a SCIP model its time and seed."""
    model.setParam("limits/time", max(0.0, seconds))
    model.setParam("randomization/randomseedshift", seed)


def _values_of(model: Any, variables: list[Any]) -> FloatArray | None:
    if model.getNSols() == 0:
        return None
    best = model.getBestSol()
    return np.array([model.getSolVal(best, variable) for variable in variables])


def run_highs(instance: MIP, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run HiGHS on as many threads as workers."""
    began = time.perf_counter()
    import highspy

    _require_rows(instance, "highs")
    program, matrix = highspy.HighsLp(), _matrix(instance)
    program.num_col_, program.num_row_ = instance.num_variables, instance.num_rows
    program.col_cost_, program.offset_ = instance.costs, instance.offset
    program.col_lower_, program.col_upper_ = instance.lower, instance.upper
    program.row_lower_, program.row_upper_ = instance.row_lower, instance.row_upper
    program.sense_ = highspy.ObjSense.kMaximize if instance.maximise else highspy.ObjSense.kMinimize
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
    program.a_matrix_.value_ = matrix.data
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    program.integrality_ = [kinds[whole] for whole in instance.integer.tolist()]
    solver, incumbents = highspy.Highs(), Incumbents()
    # A gap of 1e-4 is proof enough by default; its peers close it.
    options = {"output_flag": False, "threads": workers, "random_seed": seed, "mip_rel_gap": 0.0}
    for name, value in options.items():
        solver.setOptionValue(name, value)
    solver.passModel(program)
    solver.cbMipImprovingSolution.subscribe(
        lambda event: incumbents.append((time.perf_counter() - began, event.data_out.objective_function_value))
    )
    solver.setOptionValue("time_limit", max(0.0, seconds - (time.perf_counter() - began)))
    solver.run()
    info = solver.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.array(solver.getSolution().col_value) if found else None
    whole = bool(instance.integer.any())
    bound = info.mip_dual_bound if whole else info.objective_function_value
    return _answer(instance, values, bound, incumbents)


def run_cpsat(instance: MIP, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run CP-SAT through MathOpt, which scales the numbers, with as many workers as cores."""
    began = time.perf_counter()
    import datetime

    from ortools.math_opt.python import mathopt

    _require_rows(instance, "cpsat")
    model = mathopt.Model.from_model_proto(_mathopt_model(instance))
    variables = list(model.variables())
    incumbents: Incumbents = []

    def record(data: Any) -> Any:
        values = np.array([data.solution[variable] for variable in variables])
        incumbents.append((time.perf_counter() - began, objective(instance, Point(values))))
        return mathopt.CallbackResult()

    left = max(0.001, seconds - (time.perf_counter() - began))
    result = mathopt.solve(
        model,
        mathopt.SolverType.CP_SAT,
        params=mathopt.SolveParameters(
            time_limit=datetime.timedelta(seconds=left),
            threads=workers,
            random_seed=seed,
            relative_gap_tolerance=0.0,
        ),
        callback_reg=mathopt.CallbackRegistration(events={mathopt.Event.MIP_SOLUTION}),
        cb=record,
    )
    values = np.array(result.variable_values(variables)) if result.has_primal_feasible_solution() else None
    return _answer(instance, values, result.termination.objective_bounds.dual_bound, incumbents)


def _mathopt_model(instance: MIP) -> Any:
    from ortools.math_opt import model_pb2

    model, matrix = model_pb2.ModelProto(), _matrix(instance)
    model.variables.ids.extend(range(instance.num_variables))
    model.variables.lower_bounds.extend(instance.lower.tolist())
    model.variables.upper_bounds.extend(instance.upper.tolist())
    model.variables.integers.extend(instance.integer.tolist())
    model.objective.maximize = instance.maximise
    model.objective.offset = instance.offset
    costly = np.flatnonzero(instance.costs)
    model.objective.linear_coefficients.ids.extend(costly.tolist())
    model.objective.linear_coefficients.values.extend(instance.costs[costly].tolist())
    model.linear_constraints.ids.extend(range(instance.num_rows))
    model.linear_constraints.lower_bounds.extend(instance.row_lower.tolist())
    model.linear_constraints.upper_bounds.extend(instance.row_upper.tolist())
    rows = np.repeat(np.arange(instance.num_rows), np.diff(matrix.indptr))
    model.linear_constraint_matrix.row_ids.extend(rows.tolist())
    model.linear_constraint_matrix.column_ids.extend(matrix.indices.tolist())
    model.linear_constraint_matrix.coefficients.extend(matrix.data.tolist())
    return model


def _matrix(instance: MIP) -> Any:
    """Return the matrix in compressed rows, each variable once in a row and in order."""
    from scipy.sparse import csr_array

    parts = (instance.coefficients.copy(), instance.columns.copy(), instance.starts.copy())
    matrix = csr_array(parts, shape=(instance.num_rows, instance.num_variables))
    matrix.sum_duplicates()
    return matrix


def _require_rows(instance: MIP, peer: str) -> None:
    if instance.beyond:
        raise CoptError(f"peer {peer} takes rows and bounds only; {instance.name} has {', '.join(instance.beyond)}")


def _answer(instance: MIP, values: FloatArray | None, bound: float, incumbents: Incumbents) -> Answer:
    """Return what a solver found and claims, the value computed from the instance.

    A bound that meets the value within the solver's tolerance is the value.
    """
    known = bound if math.isfinite(bound) and abs(bound) < 1e20 else None
    if values is None:
        return Answer(bound=known)
    rounded = np.where(instance.integer, np.round(values), values)
    # Rounding costs feasibility where large factors stand before integers.
    point = Point(rounded) if not check(instance, Point(rounded)) else Point(values)
    value = objective(instance, point)
    if known is not None and abs(known - value) <= SLACK * max(1.0, abs(value)):
        known = value
    before = improving(instance.sign, incumbents, value)
    return Answer(point, value, known, tuple(before))


def improving(sign: int, incumbents: Incumbents, value: float, slack: float = SLACK) -> Incumbents:
    """Return the incumbents that are better than all before, the last with the true ``value``; none if none is."""
    kept: Incumbents = []
    for seconds, claimed in incumbents:
        worth = value if abs(claimed - value) <= slack * max(1.0, abs(value)) else claimed
        if sign * worth >= sign * value and (not kept or sign * worth < sign * kept[-1][1]):
            kept.append((seconds, worth))
    return kept if kept and kept[-1][1] == value else []
