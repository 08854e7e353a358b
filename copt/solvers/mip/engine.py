"""SCIP as exact master, and a partner process that starts and improves points."""

import contextlib
from collections.abc import Iterator

import numpy as np

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.base import first_where
from copt.problems.mip import MIP, Point
from copt.result import StopReason
from copt.solvers.mip.bandit import Record
from copt.solvers.mip.master import Master
from copt.solvers.mip.memory import Memory
from copt.solvers.mip.partner import Guide, Partner, Spare, Task, available
from copt.solvers.mip.settings import DEFAULT

__all__ = ["NAME", "impossible", "solve", "unfit", "warm"]

NAME = "scip"
MOST = 20_000_000  # nonzeros up to which a second copy of the program is made


def solve(
    instance: MIP, monitor: Monitor, *, start: Point | None, policy: Policy | None, workers: int, seed: int
) -> None:
    """Search until the monitor says stop or SCIP has proved its answer; see ``copt.solvers.base.Solver``."""
    memory = policy if isinstance(policy, Memory) else None
    prior = memory.arms(instance) if memory is not None else {}
    setting = memory.setting(instance, np.random.default_rng(seed)) if memory is not None else DEFAULT
    wrong = impossible(instance)
    if wrong is not None:
        monitor.note(wrong)
        monitor.prove(np.inf, "limits")
        return
    reason = unfit(instance)
    helped = workers > 1 and reason is None
    if workers > 1 and reason is not None:
        monitor.note(f"SCIP works alone: {reason}")
    guide = None if policy is None or memory is not None else _guide(instance, monitor, policy)
    task = Task(instance.bare(), monitor.remaining, seed, prior, guide) if helped else None
    with _helper(task, monitor, memory) as partner:
        Master(instance, monitor, seed, setting, partner).run(start)
        records = {} if partner is None else partner.records
    if memory is not None:
        _remember(memory, instance, records, setting, monitor)
    if monitor.reason() is None:
        monitor.end(StopReason.EXHAUSTED)


@contextlib.contextmanager
def _helper(task: Task | None, monitor: Monitor, memory: Memory | None) -> Iterator[Partner | None]:
    """Yield a partner that works on ``task``, None if there is nothing to do or no process to do it."""
    spare = Spare() if memory is None else memory.spare
    try:
        partner = None if task is None else spare.take(task)
    except OSError as error:
        monitor.note(f"SCIP works alone: no process could be started beside it ({error.strerror})")
        partner = None
    try:
        yield partner
    finally:
        if partner is not None:
            spare.keep(partner)
        if memory is None:
            spare.close()


def _guide(instance: MIP, monitor: Monitor, policy: Policy) -> Guide | None:
    """Return the guide that a policy holds, unless the program is of another family than it was trained on."""
    from copt.solvers.mip.guide import guide_of  # takes SciPy along, which others need not wait for

    guide = guide_of(policy)
    strange = guide.stranger(instance)
    if strange is not None:
        monitor.note(f"policy '{policy.name}' is not used, it was trained on other programs: {strange}")
        return None
    return guide


def warm() -> None:
    """Compile the kernels of the partner, which this process does not need."""
    from copt.solvers.mip import points

    points.warm()


def _remember(memory: Memory, instance: MIP, records: dict[str, Record], setting: str, monitor: Monitor) -> None:
    try:
        memory.learn(instance, records, setting, -monitor.trace().primal_dual_integral(monitor.elapsed))
    except CoptError as error:  # no reason to lose the solution
        monitor.note(str(error))


def impossible(instance: MIP) -> str | None:
    """Return which limits exclude each other, or None."""
    row = first_where(instance.row_lower > instance.row_upper)
    if row is not None:
        return f"row {row} is to be at least {instance.row_lower[row]:g} and at most {instance.row_upper[row]:g}"
    j = first_where(instance.lower > instance.upper)
    if j is not None:
        return f"{instance.name_of(j)} is to be at least {instance.lower[j]:g} and at most {instance.upper[j]:g}"
    return None


def unfit(instance: MIP) -> str | None:
    """Return why no partner can help with ``instance``, or None."""
    if instance.beyond:
        return f"a partner's copy cannot hold {', '.join(instance.beyond)}"
    if not instance.integer.any():
        return "there are no integer variables"
    if instance.columns.size > MOST:
        return f"a second copy of {instance.columns.size} nonzeros would take too much memory"
    return None if available() else "this system hands no sockets to other processes"
