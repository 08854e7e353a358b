"""Divide, conquer, reunite: the parallel loop over the zones of one incumbent.

Zheng et al. (NeurIPS 2024, UDC) cut a solution into parts that are improved at once and put together again, with
other cuts in the next round. Here the parts are zones that worker threads improve in place.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from copt.monitor import Monitor

__all__ = ["Limited", "Problem", "divide_and_conquer", "next_steps", "quota"]

SLICE = 0.03  # seconds of compiled search between two looks at the clock
ROUND = 500  # moves of a round if their number is limited
FIRST, LONGEST, GROWTH = 0.1, 1.0, 1.3  # seconds of a round: the first is short, so that an incumbent comes soon

Zone = TypeVar("Zone")


def quota(monitor: Monitor, done: int) -> float:
    """Return the moves of the next round of a worker that has ``done`` some, infinity if only time counts.

    With a limit on moves a round ends by moves, so that its course does not depend on the speed of the machine.
    """
    limit = monitor.stop.moves
    return math.inf if limit is None else max(0, min(ROUND, limit - done))


def next_steps(steps: int, seconds: float) -> int:
    """Return how many steps fill a slice of compiled search, after one of ``steps`` that took ``seconds``.

    It grows by a factor of four at most: the next steps may be harder.
    """
    return max(10, min(4 * steps, int(steps * SLICE / max(seconds, 1e-6))))


class Limited:
    """A search that counts its moves and can be halted: the part of a ``Problem`` that is the same for all.

    Args:
        monitor: Gives the limits and the clock.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor, self._began = monitor, monitor.elapsed
        self._moves, self._halted = 0, False

    @property
    def spent(self) -> bool:
        """Whether the moves are used up."""
        limit = self._monitor.stop.moves
        return limit is not None and self._moves >= limit

    def halt(self) -> None:
        """Make every ``conquer`` that runs return soon."""
        self._halted = True

    def _progress(self) -> float:
        """Return the share of the time, or of the moves, that is over, at most 1."""
        stop = self._monitor.stop
        if stop.moves is not None:
            return min(1.0, self._moves / max(1, stop.moves))
        return min(1.0, (self._monitor.elapsed - self._began) / max(1e-9, stop.seconds - self._began))


class Problem(Protocol[Zone]):
    """What can be divided."""

    def divide(self, parts: int) -> Sequence[Zone]:
        """Cut the current solution into at most ``parts`` zones that do not touch each other."""

    def conquer(self, zone: Zone, deadline: float) -> None:
        """Improve ``zone`` in place until ``time.perf_counter()`` reaches ``deadline`` or the search is halted.

        With a limit on moves, ``quota`` takes the place of the deadline.
        """

    def reunite(self, zones: Sequence[Zone]) -> None:
        """Put the zones together and report what is better than before."""

    def halt(self) -> None:
        """Make every ``conquer`` that runs return soon."""

    @property
    def spent(self) -> bool:
        """Whether there is nothing left to do."""


def divide_and_conquer(
    problem: Problem[Zone],
    monitor: Monitor,
    workers: int,
    until: Callable[[], bool] = lambda: False,
    *,
    first: float = FIRST,
) -> None:
    """Divide, conquer and reunite until ``monitor`` or ``until`` says stop, or the problem is spent.

    Args:
        problem: What is divided.
        monitor: Gives the limits and the clock.
        workers: Zones at once, one thread for each.
        until: Asked between rounds; True ends it.
        first: Seconds of the first round; later ones last longer, up to a second.
    """
    seconds = first
    with ThreadPoolExecutor(workers, thread_name_prefix="copt-zone") as pool:
        while monitor.reason() is None and not problem.spent and not until():
            zones = problem.divide(workers)
            deadline = time.perf_counter() + min(seconds, monitor.remaining)
            tasks = [pool.submit(problem.conquer, zone, deadline) for zone in zones]
            while not all(task.done() for task in tasks) and monitor.wait(0.02) is None:
                pass
            if monitor.reason() is not None:
                problem.halt()
            for task in tasks:
                task.result()
            problem.reunite(zones)
            seconds = min(LONGEST, GROWTH * seconds)
