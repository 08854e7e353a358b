"""Slow, obvious twins of the compiled dispatcher, and shops to compare them on."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from copt.problems.jobshop import JobShop

Score = Callable[["SlowFloor", int, int], float]  # floor, operation, arrival


def random_shop(seed: int) -> JobShop:
    """Return a small shop with re-entrant routings, jobs of unequal length, zero durations and release dates."""
    rng = np.random.default_rng(seed)
    machines = int(rng.integers(1, 6))
    lengths = rng.integers(0, 7, size=int(rng.integers(2, 9)))
    lengths[0] = max(1, lengths[0])
    jobs = [[(int(rng.integers(machines)), int(rng.integers(0, 12))) for _ in range(k)] for k in lengths]
    release = rng.integers(0, 20, size=len(jobs)) if rng.random() < 0.5 else None
    return JobShop.from_jobs(jobs, num_machines=machines, release=release, name=f"shop-{seed}")


@dataclass
class SlowFloor:
    """Giffler and Thompson's scheme by scans over all jobs (Giffler and Thompson 1960)."""

    shop: JobShop
    free: list[int] = field(init=False)
    start: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.free = [0] * self.shop.num_machines

    def arrival(self, o: int) -> int:
        """Return when ``o`` reaches its machine."""
        j = int(self.shop.job_of[o])
        release = 0 if self.shop.release is None else int(self.shop.release[j])
        if o == self.shop.job_offsets[j]:
            return release
        return self.start[o - 1] + int(self.shop.durations[o - 1])

    def waiting(self) -> list[int]:
        """Return the next operation of every unfinished job."""
        spans = zip(self.shop.job_offsets[:-1], self.shop.job_offsets[1:], strict=True)
        nexts = (next((o for o in range(a, b) if o not in self.start), None) for a, b in spans)
        return [o for o in nexts if o is not None]

    def begin(self, o: int) -> int:
        """Return the earliest start of ``o``."""
        return int(max(self.arrival(o), self.free[self.shop.machines[o]]))

    def end(self, o: int) -> int:
        """Return the earliest completion of ``o``."""
        return self.begin(o) + int(self.shop.durations[o])

    def conflict_set(self, delta: float) -> list[int]:
        """Return the operations among which the next decision falls."""
        waiting = self.waiting()
        soonest = min(waiting, key=lambda o: (self.end(o), self.shop.machines[o]))
        rivals = [o for o in waiting if self.shop.machines[o] == self.shop.machines[soonest]]
        first = min(self.begin(o) for o in rivals)
        limit = first + delta * (min(self.end(o) for o in rivals) - first)
        return [o for o in rivals if self.begin(o) < limit or self.begin(o) == first]

    def fix(self, o: int) -> None:
        """Start ``o`` as early as it can."""
        self.start[o], self.free[self.shop.machines[o]] = self.begin(o), self.end(o)

    def work(self, o: int) -> int:
        """Return the duration of ``o`` and of everything behind it in its job."""
        last = self.shop.job_offsets[self.shop.job_of[o] + 1]
        return int(self.shop.durations[o:last].sum())

    def left(self, m: int) -> int:
        """Return the work of machine ``m`` that is not yet fixed."""
        return sum(
            int(p) for o, p in enumerate(self.shop.durations) if self.shop.machines[o] == m and o not in self.start
        )

    def bound(self) -> int:
        """Return a lower bound on every makespan from here on."""
        done = [self.start[o] + self.work(o) for o in self.start]
        ahead = [self.end(o) + self.work(o) - int(self.shop.durations[o]) for o in self.waiting()]
        machines = [free + self.left(m) for m, free in enumerate(self.free)]
        return max([*done, *ahead, *machines])


RULES: dict[str, Score] = {
    "mwkr": lambda floor, o, _: floor.work(o),
    "mor": lambda floor, o, _: int(floor.shop.job_offsets[floor.shop.job_of[o] + 1]) - o,
    "spt": lambda floor, o, _: -int(floor.shop.durations[o]),
    "fifo": lambda _, __, arrival: -arrival,
}


def slow_schedule(shop: JobShop, score: Score, delta: float) -> NDArray[np.int64]:
    """Return the start times that a greedy rule gives; ties go to the lowest operation."""
    floor = SlowFloor(shop)
    for _ in range(shop.num_operations):
        floor.fix(max(floor.conflict_set(delta), key=lambda o: (score(floor, o, floor.arrival(o)), -o)))
    return np.array([floor.start[o] for o in range(shop.num_operations)])


def _soft(x: float, scale: float) -> float:
    return x / (scale + abs(x))


def slow_features(floor: SlowFloor, rivals: list[int], o: int) -> list[float]:
    """Return the features of ``o`` in its conflict set ``rivals``, each from its definition."""
    shop, durations = floor.shop, floor.shop.durations
    waiting, m, n = floor.waiting(), int(shop.machines[o]), shop.num_operations
    unit, bound = n / int(durations.sum()), floor.bound()
    end, tail = floor.end(o), floor.work(o) - int(durations[o])
    length = int(shop.job_offsets[shop.job_of[o] + 1]) - o

    def queue(k: int) -> list[int]:
        return [w for w in waiting if shop.machines[w] == k]

    def queued(k: int) -> int:
        return sum(int(durations[w]) for w in queue(k))

    def coming(k: int) -> int:
        behind = [w + 1 for w in waiting if w + 1 < shop.job_offsets[shop.job_of[w] + 1]]
        return sum(int(durations[w]) for w in behind if shop.machines[w] == k)

    others = sorted((w for w in rivals if w != o), key=lambda w: int(durations[w]) - floor.work(w))
    clock, reach = end, end
    for w in others:
        clock += int(durations[w])
        reach = max(reach, clock + floor.work(w) - int(durations[w]))
    soonest = min(floor.begin(w) for w in rivals)
    pressure = bound - max(floor.free[m], soonest) - floor.left(m)
    undone = sum(int(durations[w]) for w in range(n) if w not in floor.start)
    busy = sum(floor.free[k] + floor.left(k) for k in range(shop.num_machines))
    ahead = [0.0] * 5
    if length > 1:
        t = int(shop.machines[o + 1])
        ahead[0] = _soft((floor.free[t] + queued(t) - end) * unit, 2)
        ahead[1] = (bound - floor.free[t] - floor.left(t)) / bound
        ahead[2], ahead[3] = _soft(len(queue(t)), 2), _soft(coming(t) * unit, 4)
    if length > 2:
        t = int(shop.machines[o + 2])
        ahead[4] = _soft((floor.free[t] + queued(t) - end - int(durations[o + 1])) * unit, 2)
    return [
        _soft((floor.begin(o) - soonest) * unit, 1),
        _soft((end - min(floor.end(w) for w in queue(m))) * unit, 1),
        _soft(int(durations[o]) * unit, 1),
        _soft((bound - end - tail) * unit, 4),
        (bound - end - tail) / bound,
        _soft((reach - bound) * unit, 4),
        (reach - bound) / bound,
        _soft((floor.work(o) - max(floor.work(w) for w in rivals)) * unit, 4),
        _soft(pressure * unit, 4),
        pressure / bound,
        _soft(length - 1, 4),
        tail / bound,
        _soft(len(rivals) - 2, 3),
        _soft((floor.begin(o) - floor.free[m]) * unit, 1),
        undone / int(durations.sum()),
        _soft(queued(m) * unit, 4),
        (floor.left(m) - queued(m)) / bound,
        _soft(coming(m) * unit, 4),
        1 - busy / bound / shop.num_machines,
        *ahead,
    ]
