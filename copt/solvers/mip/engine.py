"""SCIP as exact master, and a partner process that starts and improves points."""

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.mip import MIP, Point
from copt.result import StopReason
from copt.solvers.mip.master import Master
from copt.solvers.mip.partner import Partner, Task, available

__all__ = ["NAME", "solve", "unfit"]

NAME = "scip"
MOST = 20_000_000  # nonzeros up to which a second copy of the program is made


def solve(
    instance: MIP, monitor: Monitor, *, start: Point | None, policy: Policy | None, workers: int, seed: int
) -> None:
    """Search until the monitor says stop or SCIP has proved its answer; see ``copt.solvers.base.Solver``."""
    partner = None
    if workers > 1 and instance.integer.any():
        reason = unfit(instance)
        if reason is None:
            partner = Partner(Task(instance.bare(), monitor.remaining, seed))
        else:
            monitor.note(f"SCIP works alone: {reason}")
    try:
        Master(instance, monitor, seed).run(partner, start)
    finally:
        if partner is not None:
            partner.end()
    if monitor.reason() is None:
        monitor.end(StopReason.EXHAUSTED)


def unfit(instance: MIP) -> str | None:
    """Return why no partner can help with ``instance``, or None."""
    if instance.beyond:
        return f"the partner's copy cannot hold {', '.join(instance.beyond)}"
    if instance.columns.size > MOST:
        return f"a second copy of {instance.columns.size} nonzeros would take too much memory"
    return None if available() else "this system hands no pipes to other processes"
