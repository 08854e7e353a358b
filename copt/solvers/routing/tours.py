"""Local search of a tour, stretch by stretch: the Python face of the tour kernels."""

import math
import time
from collections.abc import Sequence

import numpy as np

from copt.monitor import Monitor
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing, objective
from copt.solvers.divide import Limited, next_steps, quota
from copt.solvers.randomness import random_state
from copt.solvers.routing.cost_kernels import Int32
from copt.solvers.routing.path_kernels import GAIN, KICKS, Path, push
from copt.solvers.routing.plan import costs_of
from copt.solvers.routing.tour_kernels import kick, mend

__all__ = ["TourSearch"]

SOURCE = "local search"
FEW = 20  # steps of a first slice
WIDEST = 100  # places of a stretch that a kick moves
LOG = 1 << 16  # reversals that can be taken back
REACH = 50_000  # longest reversal
HOT = 0.2  # first temperature, in mean legs; it falls to 0


class TourSearch(Limited):
    """Improves a tour; see ``copt.solvers.divide.Problem``.

    Args:
        instance: A symmetric problem without a depot.
        near: Nearest nodes of each, shape (nodes, neighbours).
        first: Nodes in the order of the first tour.
        monitor: Takes incumbents, gives the clock.
        seed: Seed of every random choice.
    """

    def __init__(self, instance: Routing, near: Int32, first: IntArray, monitor: Monitor, seed: int) -> None:
        self._instance, self._near = instance, near
        self._costs = costs_of(instance)
        self._tour = first.astype(np.int32)
        self._place = np.zeros_like(self._tour)
        self._waiting = np.zeros(first.size, dtype=np.uint8)
        self._fresh = np.ones(first.size, dtype=bool)
        self._rng = np.random.default_rng([seed, 3])
        self._seed = seed
        self._cost = self._best = float(objective(instance, self._routes()))
        self._unit = self._cost / first.size
        super().__init__(monitor)  # the clock of the search starts when it is ready

    @property
    def spent(self) -> bool:
        """Whether the moves are used up, or no move exists."""
        return self._tour.size < 5 or super().spent

    def divide(self, parts: int) -> list[Path]:
        """Cut the tour at random into stretches of equal length."""
        n = self._tour.size
        self._tour[:] = np.roll(self._tour, int(self._rng.integers(n)))
        self._place[self._tour] = np.arange(n, dtype=np.int32)
        parts = max(1, min(parts, n // 50))
        cuts = np.linspace(0, n, parts + 1).astype(np.int64)
        return [self._path(k, int(cuts[k]), int(cuts[k + 1])) for k in range(parts)]

    def conquer(self, zone: Path, deadline: float) -> None:
        """Improve a stretch until the deadline: first to a local optimum, then kick after kick."""
        for node in self._tour[zone.low : zone.high]:
            if self._fresh[node]:
                push(zone, node)
        steps, done, left = FEW, False, quota(self._monitor, self._moves)
        while left > 0 and not self._halted:
            began = time.perf_counter()
            if math.isinf(left) and began >= deadline:
                break
            if not done:
                done = mend(zone, steps)
                steps = FEW if done else next_steps(steps, time.perf_counter() - began)
            else:
                steps = int(min(steps, left))
                kick(zone, steps, WIDEST, self._temperature())
                left -= steps
                steps = next_steps(steps, time.perf_counter() - began)
        nodes = self._tour[zone.low : zone.high]
        self._fresh[nodes] = self._waiting[nodes] > 0
        self._waiting[nodes] = 0

    def reunite(self, zones: Sequence[Path]) -> None:
        """Report the tour if it is better."""
        gain = sum(float(zone.account[GAIN]) for zone in zones)
        self._moves += int(max(zone.account[KICKS] for zone in zones))
        for zone in zones:
            self._fresh[self._tour[[zone.low, zone.high - 1]]] = True
        self._cost -= gain
        if self._cost < self._best - 1e-6:
            self._best = self._cost
            routes = self._routes()
            self._monitor.offer(objective(self._instance, routes), routes, SOURCE)

    def _temperature(self) -> float:
        """Return the temperature of this moment: a straight course down to 0 over the time or the moves."""
        return self._unit * HOT * (1.0 - self._progress())

    def _routes(self) -> Routes:
        return Routes(self._tour.astype(np.int64), np.array([0, self._tour.size]))

    def _path(self, number: int, low: int, high: int) -> Path:
        length = high - low
        return Path(
            self._costs,
            self._near,
            self._tour,
            self._place,
            self._waiting,
            low,
            high,
            REACH,
            queue=np.zeros(1 << max(4, length.bit_length()), dtype=np.int32),
            ends=np.zeros(2, dtype=np.int64),
            log=np.zeros((LOG, 2), dtype=np.int64),
            counts=np.zeros(1, dtype=np.int64),
            random=random_state(self._seed, number, int(self._rng.integers(2**31))),
            account=np.zeros(2),
        )
