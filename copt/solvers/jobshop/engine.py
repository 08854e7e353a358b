"""Chooses what runs when: bounds, a plain schedule, compiled search, CP-SAT."""

from collections.abc import Callable

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.jobshop import JobShop, Schedule, objective
from copt.result import StopReason
from copt.solvers.jobshop.bounds import job_bound, machine_bound, one_machine_bound
from copt.solvers.jobshop.loading import FLEXIBLE, PLAIN
from copt.solvers.jobshop.plain import dispatch
from copt.solvers.loading import COLD, Loading

__all__ = ["NAME", "policy_pays", "solve"]

NAME = "jobshop"
QUICK = 10_000  # operations up to which plain dispatching takes no noticeable time
WIDE = 5  # jobs a machine from which a shop is wide
SMALL = 600  # operations up to which a full CP-SAT model pays


def policy_pays(instance: JobShop) -> bool:
    """Return whether the learned policy helps the search more than priority rules do, as measured.

    It does not on wide shops, where rules come close to the busiest machine's load at once. It dispatches job
    shops only.
    """
    plain = instance.ordered and not instance.flexible and instance.criterion == "makespan"
    return plain and instance.num_jobs < WIDE * instance.num_machines


def solve(
    instance: JobShop,
    monitor: Monitor,
    *,
    start: Schedule | None,
    policy: Policy | None,
    workers: int,
    seed: int,
) -> None:
    """Search until the monitor says stop; see ``copt.solvers.base.Solver``."""
    if instance.criterion == "makespan":
        monitor.prove(max(job_bound(instance), machine_bound(instance)), "job and machine bounds")
    if instance.criterion != "makespan" or not instance.ordered:
        _offer_plain(instance, monitor, lambda: False)
        if monitor.reason() is None and not _prove(instance, monitor, workers, seed):
            monitor.end(StopReason.TIME)  # CP-SAT's clock may be ahead of the monitor's by milliseconds
        return
    kernels = FLEXIBLE if instance.flexible else PLAIN
    kernels.begin()
    if instance.num_operations <= QUICK:
        # With a move limit nothing may depend on how soon the kernels are there.
        _offer_plain(instance, monitor, kernels.done if monitor.stop.moves is None else lambda: False)
    _await_kernels(instance, monitor, kernels, workers, seed)
    if monitor.reason() is None:
        monitor.prove(one_machine_bound(instance), "one-machine bound")
    if monitor.reason() is None:
        _search(instance, monitor, start, policy, workers, seed)


def _search(
    instance: JobShop, monitor: Monitor, start: Schedule | None, policy: Policy | None, workers: int, seed: int
) -> None:
    if instance.flexible:
        from copt.solvers.jobshop.flexible import search_flexible

        search_flexible(instance, monitor, workers, seed)
    else:
        from copt.solvers.jobshop.search import search

        search(instance, monitor, start=start, policy=policy, workers=workers, seed=seed)


def _prove(
    instance: JobShop, monitor: Monitor, workers: int, seed: int, stop: Callable[[], bool] | None = None
) -> bool:
    """Let CP-SAT alone search the shop; return whether its optimum is proved."""
    from copt.solvers.jobshop import exact  # OR-Tools, which most shops see their first schedules without

    return exact.prove(instance, monitor, workers=workers, seed=seed, stop=stop)


def _offer_plain(instance: JobShop, monitor: Monitor, superseded: Callable[[], bool]) -> None:
    """Offer a schedule that needs no compiled code, unless it is ``superseded`` while in the making."""
    schedule = dispatch(instance, lambda: superseded() or monitor.reason() is not None)
    if schedule is not None:
        monitor.offer(objective(instance, schedule), schedule, "plain dispatch")


def _await_kernels(instance: JobShop, monitor: Monitor, kernels: Loading, workers: int, seed: int) -> None:
    """Wait for the kernels; while they compile on first use, search without them."""
    began = monitor.elapsed
    while not kernels.done() and monitor.wait(0.01) is None:
        if monitor.elapsed - began > COLD:
            monitor.note("compiling the search kernels on first use (once); `copt doctor --warm` does it ahead")
            began = float("inf")
            if monitor.stop.moves is not None:
                continue
            if instance.num_operations > QUICK:
                _offer_plain(instance, monitor, kernels.done)
            elif instance.num_operations <= SMALL:
                _prove(instance, monitor, workers, seed, kernels.done)
