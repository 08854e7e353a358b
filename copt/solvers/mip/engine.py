"""SCIP as exact master, and a partner process that starts and improves points."""

import numpy as np

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.mip import MIP, Point
from copt.result import StopReason
from copt.solvers.mip.master import Master
from copt.solvers.mip.memory import Memory
from copt.solvers.mip.partner import Task, available
from copt.solvers.mip.settings import DEFAULT

__all__ = ["NAME", "solve", "unfit"]

NAME = "scip"
MOST = 20_000_000  # nonzeros up to which a second copy of the program is made


def solve(
    instance: MIP, monitor: Monitor, *, start: Point | None, policy: Policy | None, workers: int, seed: int
) -> None:
    """Search until the monitor says stop or SCIP has proved its answer; see ``copt.solvers.base.Solver``."""
    memory = policy if isinstance(policy, Memory) else None
    prior = memory.arms(instance) if memory is not None else {}
    setting = memory.setting(instance, np.random.default_rng(seed)) if memory is not None else DEFAULT
    reason = unfit(instance)
    helped = workers > 1 and reason is None and bool(instance.integer.any())
    if workers > 1 and reason is not None:
        monitor.note(f"SCIP works alone: {reason}")
    task = Task(instance.bare(), monitor.remaining, seed, prior) if helped else None
    records = Master(instance, monitor, seed, setting).run(task, start)
    if memory is not None:
        memory.learn(instance, records, setting, -mean_gap(monitor))
    if monitor.reason() is None:
        monitor.end(StopReason.EXHAUSTED)


def mean_gap(monitor: Monitor) -> float:
    """Return the mean gap between incumbent and bound over the time of a solve, from 0 to 1 (primal-dual integral)."""
    trace, now = monitor.trace(), max(monitor.elapsed, 1e-9)
    courses = (trace.incumbents, trace.bounds)
    moments = sorted((time, kind, value) for kind, pairs in enumerate(courses) for time, value in pairs)
    known: list[float | None] = [None, None]
    total, last, gap = 0.0, 0.0, 1.0
    for time, kind, value in moments:
        total, last = total + gap * (time - last), time
        known[kind] = value
        best, bound = known
        if best is not None and bound is not None:
            gap = min(1.0, abs(best - bound) / max(abs(best), abs(bound), 1e-9))
    return (total + gap * (now - last)) / now


def unfit(instance: MIP) -> str | None:
    """Return why no partner can help with ``instance``, or None."""
    if instance.beyond:
        return f"the partner's copy cannot hold {', '.join(instance.beyond)}"
    if instance.columns.size > MOST:
        return f"a second copy of {instance.columns.size} nonzeros would take too much memory"
    return None if available() else "this system hands no pipes to other processes"
