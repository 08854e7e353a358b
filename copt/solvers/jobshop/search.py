"""Tabu search and path relinking between elites, thread-parallel over one pool."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.jobshop import JobShop, Schedule
from copt.result import StopReason
from copt.solvers.jobshop.elite import TOO_CLOSE, Pool
from copt.solvers.jobshop.order_kernels import Int32, Shop
from copt.solvers.jobshop.relink_kernels import distance, load, relink
from copt.solvers.jobshop.shop import LARGE, machine_successors, memory_for, order_for, schedule_from, shop_of
from copt.solvers.jobshop.starts import Starts
from copt.solvers.jobshop.tabu_kernels import Int64, tabu_search
from copt.solvers.jobshop.team import Allowance, run_team

__all__ = ["Effort", "effort_for", "search"]

PROVABLE = 300  # operations up to which CP-SAT with one thread often proves a good incumbent optimal
SETTLE = 1.5  # seconds of tabu search before CP-SAT begins
LOADING = 1.5  # seconds that are left, from which OR-Tools is worth importing: an import cannot be interrupted
ALONE = 0.25  # share of the time that CP-SAT gets when there is one thread for all


@dataclass(frozen=True)
class Effort:
    """How the search divides its moves.

    Args:
        capacity: Members of the elite pool.
        patience: Moves without improvement that end a tabu search.
        short: Moves on each point of a path.
        span: Longest distance of a move within its block.
        tenure: Shortest and longest tabu tenure.
    """

    capacity: int
    patience: int
    short: int
    span: int
    tenure: tuple[int, int]

    def limits(self, patience: int, moves: int) -> Int64:
        """Return the limits of one search as the kernels take them, shape (5,)."""
        return np.array([patience, moves, *self.tenure, self.span], dtype=np.int64)


def effort_for(instance: JobShop) -> Effort:
    """Return the effort for the size of ``instance``; tenures follow Peng, Lu, Cheng (2015)."""
    n = instance.num_operations
    ratio = instance.num_jobs / max(1, instance.num_machines)
    shortest = 10 + ratio
    longest = shortest * (1.4 if ratio <= 2 else 1.5)
    if n >= LARGE:
        # Blocks are so long here that judging far moves would take most of the time.
        return Effort(0, 12_500, 500, 20, (int(shortest), int(longest)))
    capacity = 30 if n <= 500 else 12 if n <= 2000 else 4
    return Effort(capacity, 12_500, 500, 200, (int(shortest), int(longest)))


class Worker:
    """One search thread.

    With a move limit its course depends on the seed alone, as long as no other thread shares the pool.

    Args:
        instance: The shop.
        shop: The same for the kernels.
        monitor: Takes incumbents, gives the bound.
        pool: The elite pool.
        starts: Makes starting schedules.
        halt: Its one entry becomes nonzero when the search must end.
        effort: How to divide the moves.
        seed: Seed of this thread.
    """

    def __init__(
        self,
        instance: JobShop,
        shop: Shop,
        monitor: Monitor,
        pool: Pool,
        starts: Starts,
        halt: Int32,
        effort: Effort,
        seed: int,
    ) -> None:
        self._shop, self._monitor, self._pool, self._starts, self._halt = shop, monitor, pool, starts, halt
        self._order, self._view = order_for(instance), order_for(instance)
        self._memory = memory_for(instance, seed)
        self._random = np.random.default_rng([seed, 1])
        self._allowance = Allowance(self._memory, halt, monitor.stop.moves)
        self._limits = effort.limits(effort.patience, 1000)
        self._short = effort.limits(effort.patience, effort.short)
        size = instance.num_operations + 1
        self._best, self._child = np.zeros(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
        self._work = np.zeros((2, size), dtype=np.int32)

    def begin(self, first: Int32) -> None:
        """Improve a given machine order, shape (n + 1,)."""
        self._improve(first)

    def run(self, until: Callable[[], bool]) -> None:
        """Search until halted or, between two tabu searches, ``until`` holds."""
        while not self._allowance.spent and not until():
            number = self._pool.claim_start()
            if number is not None:
                self._start(number)
            else:
                self._relink()

    @property
    def _lower(self) -> int:
        return int(self._monitor.lower_bound or 0)

    def _start(self, number: int) -> None:
        """Improve the starting schedule called ``number``."""
        start = self._starts.make(number, self._halt)
        if start is not None:
            self._improve(machine_successors(self._shop, start))

    def _improve(self, succ: Int32) -> None:
        """Run a tabu search from ``succ`` and put its best order into the pool."""
        progress = np.array([load(self._shop, self._order, succ), 0], dtype=np.int64)
        self._best[:] = succ
        self._offer(int(progress[0]), "dispatch")

        def step() -> bool:
            lower = self._lower
            args = (self._shop, self._order, self._memory, self._best, progress, self._limits, self._halt, lower)
            return bool(tabu_search(*args))

        self._allowance.run(step, self._limits, lambda: self._offer(int(progress[0]), "tabu search"))
        if self._halt[0] == 0:
            self._pool.insert(int(progress[0]), self._best)

    def _relink(self) -> None:
        """Improve a point between two elites."""
        pair = self._pool.pair(self._random)
        if pair is None:
            # Other threads are still making the starts: one more start of our own does no harm.
            self._start(int(self._random.integers(2**31)))
            return
        one, other = pair
        apart = int(distance(one.succ, other.place))
        if apart < TOO_CLOSE:
            self._pool.remove(max(pair, key=lambda member: member.makespan))
            return
        path = (one.succ, other.place, apart, self._short, self._work, np.zeros(2, dtype=np.int64), self._child)
        relink(self._shop, self._order, self._memory, *path, self._halt, self._lower)
        self._improve(self._child)

    def _offer(self, makespan: int, source: str) -> None:
        best = self._monitor.best
        if best is None or makespan < best:
            load(self._shop, self._view, self._best)
            self._monitor.offer(makespan, schedule_from(self._shop, self._view.end), source)


def search(
    instance: JobShop,
    monitor: Monitor,
    *,
    start: Schedule | None = None,
    policy: Policy | None = None,
    workers: int = 1,
    seed: int = 0,
    effort: Effort | None = None,
) -> None:
    """Search a shop with ordered jobs and one machine an operation; CP-SAT is the last thread's partner if it is small.

    Args:
        instance: The shop.
        monitor: Takes incumbents and bounds, says when to stop.
        start: A schedule to begin with.
        policy: The learned policy for starts, or None.
        workers: Number of threads.
        seed: Seed of every random choice.
        effort: How to divide the moves; by default what its size asks for.
    """
    effort = effort or effort_for(instance)
    shop, halt = shop_of(instance), np.zeros(1, dtype=np.int32)
    pool, starts = Pool(effort.capacity), Starts(instance, policy, seed)

    def task(k: int) -> None:
        worker = Worker(instance, shop, monitor, pool, starts, halt, effort, seed * 1009 + k)
        if k == 0 and start is not None:
            worker.begin(machine_successors(shop, start.start))
        if k == workers - 1 and instance.num_operations <= PROVABLE and monitor.stop.moves is None:
            settled = monitor.elapsed + SETTLE
            worker.run(lambda: monitor.elapsed > settled)
            prove_beside(instance, monitor, halt, seed, None if workers > 1 else ALONE * monitor.stop.seconds)
        worker.run(lambda: False)

    run_team(monitor, halt, [partial(task, k) for k in range(workers)])
    if monitor.reason() is None:
        monitor.end(StopReason.MOVES)


def prove_beside(instance: JobShop, monitor: Monitor, halt: Int32, seed: int, seconds: float | None) -> None:
    """Let CP-SAT prove the incumbent optimal or improve it; it begins anew with every better one.

    Args:
        instance: The shop.
        monitor: Gives and takes incumbents and bounds.
        halt: Its one entry becomes nonzero when the search must end.
        seed: Seed of CP-SAT.
        seconds: Time to give up after, or None.
    """
    if monitor.remaining < LOADING:
        return
    from copt.solvers.jobshop import exact  # OR-Tools, which takes as long to import as small shops to be searched

    until = math.inf if seconds is None else monitor.elapsed + seconds
    while halt[0] == 0 and monitor.elapsed < until:
        best = monitor.best

        def stale(best: float | None = best) -> bool:
            return halt[0] != 0 or monitor.best != best or monitor.elapsed >= until

        if exact.prove(instance, monitor, workers=1, seed=seed, stop=stale):
            return
