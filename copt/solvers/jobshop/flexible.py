"""Iterated tabu search for flexible shops."""

import numpy as np

from copt.monitor import Monitor
from copt.problems.jobshop import JobShop, Schedule, chosen_durations
from copt.result import StopReason
from copt.solvers.jobshop.flexible_kernels import Modes, first_on, flexible_search, shake
from copt.solvers.jobshop.order_kernels import Int32, Order, Shop, makespan_of
from copt.solvers.jobshop.plain import dispatch
from copt.solvers.jobshop.relink_kernels import load
from copt.solvers.jobshop.search import effort_for
from copt.solvers.jobshop.shop import machine_successors, memory_for, order_for, schedule_from, shop_of
from copt.solvers.jobshop.team import Allowance, run_team

__all__ = ["search_flexible"]

SHAKEN = 0.05  # share of the operations that a restart moves to other machines


class FlexibleWorker:
    """One search thread: tabu search from its best schedule, shaken anew whenever it stalls.

    Args:
        instance: A shop with ordered jobs.
        begin: Schedule to start from.
        monitor: Takes incumbents, gives the bound.
        halt: Its one entry becomes nonzero when the search must end.
        seed: Seed of this thread.
    """

    def __init__(self, instance: JobShop, begin: Schedule, monitor: Monitor, halt: Int32, seed: int) -> None:
        self._instance, self._monitor, self._halt = instance, monitor, halt
        self._shop, self._view_shop = (
            shop_of(instance, begin.machine, chosen_durations(instance, begin.machine)) for _ in range(2)
        )
        arrays = (instance.mode_offsets, instance.machines, instance.durations)
        self._modes = Modes(*(a.astype(np.int32) for a in arrays))
        self._order, self._view = order_for(instance), order_for(instance)
        self._first = np.zeros(instance.num_machines, dtype=np.int32)
        self._memory = memory_for(instance, seed)
        self._allowance = Allowance(self._memory, halt, monitor.stop.moves)
        effort = effort_for(instance)
        self._limits = effort.limits(effort.patience, 1000)
        self._best = (machine_successors(self._shop, begin.start), self._shop.machine.copy())
        self._found = (self._best[0].copy(), self._best[1].copy())

    def run(self) -> None:
        """Search until halted."""
        strength = max(3, int(SHAKEN * self._instance.num_operations))
        best = self._load(self._shop, self._order, *self._best)
        while not self._allowance.spent:
            value = self._improve()
            if value <= best:
                best = value
                for kept, found in zip(self._best, self._found, strict=True):
                    kept[:] = found
            self._load(self._shop, self._order, *self._best)
            first_on(self._shop, self._order, self._first)
            shake(self._shop, self._order, self._modes, self._first, self._memory, strength)

    def _load(self, shop: Shop, order: Order, succ: Int32, machine: Int32) -> int:
        n = self._instance.num_operations
        shop.machine[:] = machine
        shop.duration[:n] = chosen_durations(self._instance, machine[:n].astype(np.int64))
        return int(load(shop, order, succ))

    def _improve(self) -> int:
        """Run a tabu search from the current order; leave its best in ``_found`` and return the makespan."""
        progress = np.array([makespan_of(self._shop, self._order), 0], dtype=np.int64)
        self._found[0][:], self._found[1][:] = self._order.succ, self._shop.machine
        first_on(self._shop, self._order, self._first)

        def step() -> bool:
            lower = int(self._monitor.lower_bound or 0)
            state = (self._shop, self._order, self._modes, self._first, self._memory)
            return bool(flexible_search(*state, *self._found, progress, self._limits, self._halt, lower))

        self._allowance.run(step, self._limits, lambda: self._offer(int(progress[0])))
        return int(progress[0])

    def _offer(self, makespan: int) -> None:
        best = self._monitor.best
        if best is None or makespan < best:
            self._load(self._view_shop, self._view, *self._found)
            self._monitor.offer(makespan, schedule_from(self._view_shop, self._view.end), "tabu search")


def search_flexible(instance: JobShop, monitor: Monitor, workers: int, seed: int) -> None:
    """Run ``workers`` search threads from the monitor's incumbent, or from a plain schedule."""
    begin = monitor.solution or dispatch(instance, lambda: monitor.reason() is not None)
    if begin is None:
        return
    halt = np.zeros(1, dtype=np.int32)
    team = [FlexibleWorker(instance, begin, monitor, halt, seed * 1009 + k) for k in range(workers)]
    run_team(monitor, halt, [worker.run for worker in team])
    if monitor.reason() is None:
        monitor.end(StopReason.MOVES)
