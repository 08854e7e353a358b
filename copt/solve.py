"""The one entry: pick solver and policy, run, check, return."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from copt.errors import CoptError, InvalidSolutionError, UnknownNameError, WrongSolutionError
from copt.events import Events, Silent
from copt.monitor import Monitor
from copt.policy import Policy, load_policy
from copt.read import read
from copt.registry import Family, family_of
from copt.result import Result, Status, StopReason
from copt.stop import Stop

__all__ = ["solve"]

ROUNDING = 1e-6  # relative, by which bounds in floating-point arithmetic may pass a solution


def solve(
    instance: Any,
    *,
    seconds: float = 60.0,
    gap: float = 0.0,
    stall: float | None = None,
    target: float | None = None,
    moves: int | None = None,
    policy: Policy | str | None = "auto",
    start: Any | None = None,
    workers: int | None = None,
    seed: int = 0,
    events: Events | None = None,
) -> Result:
    """Solve ``instance`` and return the best solution found, checked, with a proved bound.

    Ctrl-C ends the search and returns the incumbent; a second Ctrl-C raises KeyboardInterrupt.

    Args:
        instance: An instance of any family, or what ``copt.read`` makes one of: a path, a name, a model.
        seconds: Wall time for the whole call.
        gap: Stop at this relative gap between objective and bound.
        stall: Stop after this many seconds without a better incumbent.
        target: Stop at this objective value.

    Other Args:
        moves: Stop after this many local-search moves per worker; with ``workers=1`` the result then depends on
            the seed alone.
        policy: ``"auto"`` for the learned policy where it was measured to pay, None to switch learning off, the
            name of a stored policy, or a Policy.
        start: A solution to start from.
        workers: Number of threads; by default the cores at hand, at most 2.
        seed: Seed of every random choice.
        events: Listener for incumbents and bounds.

    Raises:
        CoptError: If a limit is invalid, a name is unknown, a file cannot be read, or ``start`` does not fit the
            instance.
    """
    began = time.perf_counter()
    stop = Stop(seconds=seconds, gap=gap, stall=stall, target=target, moves=moves)
    instance = read(instance)
    family = family_of(instance)
    if workers is not None and workers < 1:
        raise CoptError(f"workers must be at least 1, got {workers}")
    listener = Silent() if events is None else events
    chosen = _choose_policy(policy, family, instance)
    monitor = Monitor(stop, listener, began, instance.sign)
    with _interruptible(monitor):
        solver = family.load("solver")
        listener.on_start(instance, solver.NAME, chosen.name if chosen else None)
        if start is not None:
            _offer_start(instance, start, family, monitor)
        threads = workers or min(2, os.cpu_count() or 1)
        solver.solve(instance, monitor, start=start, policy=chosen, workers=threads, seed=seed)
    result = _conclude(instance, family, solver.NAME, chosen, seed, monitor)
    listener.on_end(result)
    return result


def _choose_policy(policy: Policy | str | None, family: Family, instance: Any) -> Policy | None:
    if policy == "auto":
        pays = family.policy is not None and family.load("solver").policy_pays(instance)
        policy = family.policy if pays else None
    if policy is None or isinstance(policy, str):
        chosen = None if policy in (None, "none") else load_policy(policy)
    else:
        chosen = policy
    if chosen is not None and chosen.family != family.name:
        raise UnknownNameError(
            "policy", chosen.name, [], f"it serves family {chosen.family}, not {family.name}; see `copt models list`"
        )
    return chosen


def _offer_start(instance: Any, start: Any, family: Family, monitor: Monitor) -> None:
    problem = family.load("problem")
    violations = problem.check(instance, start)
    if violations:
        raise InvalidSolutionError(f"start is not a solution of {instance.name}: {violations[0]}")
    monitor.offer(instance.sign * problem.objective(instance, start), start, "start")


def _conclude(instance: Any, family: Family, solver: str, policy: Policy | None, seed: int, monitor: Monitor) -> Result:
    monitor.close()
    reason = monitor.reason() or StopReason.EXHAUSTED
    solution, objective, bound = monitor.solution, monitor.objective, monitor.bound
    status, guaranteed = Status.UNKNOWN, getattr(solution, "proved", True)
    if solution is not None:
        problem = family.load("problem")
        violations = problem.check(instance, solution)
        value = None if violations else problem.objective(instance, solution)
        if violations or value != objective:
            detail = violations[0] if violations else f"it is worth {value}, not {objective}"
            raise WrongSolutionError(f"{solver} returned a wrong solution of {instance.name}: {detail}")
        bound = _met(objective, bound, instance.sign)
        proved = guaranteed and bound is not None and objective == bound
        status = Status.OPTIMAL if proved else Status.FEASIBLE
    elif monitor.lower_bound == float("inf"):
        status = Status.INFEASIBLE
    status = Status.UNBOUNDED if monitor.unbounded else status
    return Result(
        instance=instance.name,
        family=family.name,
        solution=solution,
        objective=objective,
        bound=None if status in (Status.INFEASIBLE, Status.UNBOUNDED) else bound,
        status=status,
        stopped_by=reason,
        seconds=monitor.elapsed,
        solver=solver,
        policy=policy.name if policy else None,
        seed=seed,
        trace=monitor.trace(),
        notes=tuple(monitor.notes),
        guaranteed=guaranteed,
    )


def _met(objective: float | None, bound: float | None, sign: int) -> float | None:
    """Return ``bound``, or the objective if that is better by rounding alone: a checked solution is no estimate."""
    if objective is None or bound is None or not 0 < sign * (bound - objective) <= ROUNDING * max(1.0, abs(objective)):
        return bound
    return objective


@contextlib.contextmanager
def _interruptible(monitor: Monitor) -> Iterator[None]:
    """Turn the first Ctrl-C into a stop; the second one gets the previous handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.getsignal(signal.SIGINT)

    def interrupt(_signum: int, _frame: Any) -> None:
        monitor.end(StopReason.USER)
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
