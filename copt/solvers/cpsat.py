"""Run a CP-SAT model under a Monitor: limits go down, incumbents and bounds come up."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from ortools.sat.python import cp_model

from copt.monitor import Monitor

__all__ = ["Parameters", "Reader", "Status", "run", "search"]

Status = cp_model.CpSolverStatus
Parameters = dict[str, Any]  # fields of CP-SAT's SatParameters
Reader = Callable[[cp_model.LinearExprT], int]  # value of an expression in a solution

POLL = 0.05  # seconds between two looks at the stop conditions; bounds how late a stop reaches CP-SAT


class _Listener(cp_model.CpSolverSolutionCallback):
    """Hands solutions and bounds on, and keeps what the receivers raise, which must not cross into C++."""

    def __init__(
        self,
        solver: cp_model.CpSolver,
        on_solution: Callable[[Reader], None],
        on_bound: Callable[[float], None],
    ) -> None:
        super().__init__()
        self.failure: BaseException | None = None
        self._solver = solver
        self._receive_solution = on_solution
        self._receive_bound = on_bound

    def on_solution_callback(self) -> None:
        """Hand the current solution on."""
        self._guard(self._receive_solution, self.value)

    def on_bound(self, bound: float) -> None:
        """Hand the best bound on."""
        self._guard(self._receive_bound, bound)

    def _guard(self, receive: Callable[[Any], None], item: Any) -> None:
        if self.failure is not None:
            return
        try:
            receive(item)
        except BaseException as failure:
            self.failure = failure
            self._solver.stop_search()


def search(
    model: cp_model.CpModel,
    *,
    seconds: float,
    workers: int,
    seed: int,
    stopped: Callable[[], bool],
    on_solution: Callable[[Reader], None],
    on_bound: Callable[[float], None],
    parameters: Parameters | None = None,
) -> Status:
    """Solve ``model`` in a thread of its own while the calling thread watches for a stop.

    The calling thread stays in Python, so that the main thread's signal handlers run; CP-SAT installs none.

    Args:
        model: The model.
        seconds: Limit on CP-SAT's wall time.
        workers: Number of CP-SAT's threads.
        seed: Seed of CP-SAT.
        stopped: Asked every 50 ms; True ends the search. Presolve can make CP-SAT answer late.
        on_solution: Receives a reader of values at each improving solution, from one of CP-SAT's threads.
        on_bound: Receives each better objective bound, from one of CP-SAT's threads; infinity at the end if
            the model is infeasible.
        parameters: Further fields of CP-SAT's ``SatParameters``.

    Raises:
        Exception: Whatever ``stopped``, ``on_solution`` or ``on_bound`` raises, after the search has ended.
        ValueError: If CP-SAT rejects the model.
    """
    solver = cp_model.CpSolver()
    listener = _Listener(solver, on_solution, on_bound)
    solver.best_bound_callback = listener.on_bound
    settings = dict(parameters or {}, max_time_in_seconds=seconds, num_workers=workers, random_seed=seed)
    for name, value in settings.items():
        setattr(solver.parameters, name, value)
    solver.parameters.catch_sigint_signal = False
    with ThreadPoolExecutor(1, thread_name_prefix="cp-sat") as pool:
        future = pool.submit(solver.solve, model, listener)
        try:
            while not future.done():
                if stopped():
                    solver.stop_search()
                wait([future], POLL)
        finally:
            solver.stop_search()
    if listener.failure is not None:
        raise listener.failure
    status = future.result()
    if status == cp_model.MODEL_INVALID:
        raise ValueError(f"CP-SAT rejects the model: {model.validate()}")
    if status == cp_model.OPTIMAL:
        on_bound(solver.best_objective_bound)
    if status == cp_model.INFEASIBLE:
        on_bound(math.inf)
    return status


def run(
    model: cp_model.CpModel,
    monitor: Monitor,
    translate: Callable[[Reader], tuple[float, Any]],
    *,
    workers: int,
    seed: int,
    source: str = "cp-sat",
    seconds: float | None = None,
    stop: Callable[[], bool] | None = None,
    parameters: Parameters | None = None,
) -> Status:
    """Solve ``model``, which minimises an integer objective, and report to ``monitor`` all the way.

    Args:
        model: The model.
        monitor: Receives incumbents and bounds, and says when to stop.
        translate: Turns a reader of values into the value and the solution to be reported.
        workers: Number of CP-SAT's threads.
        seed: Seed of CP-SAT.
        source: Name under which incumbents and bounds are reported.
        seconds: Limit on wall time beside the monitor's own.
        stop: Further reason to stop, asked every 50 ms.
        parameters: Further fields of CP-SAT's ``SatParameters``.

    Returns:
        CP-SAT's status. ``OPTIMAL`` and ``INFEASIBLE`` have reached the monitor as a bound.

    Raises:
        Exception: Whatever ``translate``, ``stop`` or a listener of the monitor raises.
    """

    def offer(read: Reader) -> None:
        value, solution = translate(read)
        monitor.offer(value, solution, source)

    def prove(bound: float) -> None:
        if bound > -math.inf:
            monitor.prove(bound if math.isinf(bound) else math.ceil(bound - 1e-6), source)

    remaining = monitor.remaining + POLL  # the monitor must be first to run out of time: it says why
    return search(
        model,
        seconds=remaining if seconds is None else min(seconds, remaining),
        workers=workers,
        seed=seed,
        stopped=lambda: monitor.reason() is not None or (stop is not None and stop()),
        on_solution=offer,
        on_bound=prove,
        parameters=parameters,
    )
