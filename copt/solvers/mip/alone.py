"""The partner's search by itself, in this process: what finds labels to learn from, and what guides are compared on."""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, objective, toy
from copt.result import Trace
from copt.solvers.mip.corner import from_corner
from copt.solvers.mip.partner import Found, Guide, Task
from copt.solvers.mip.submip import Relaxed
from copt.solvers.mip.worker import Worker

__all__ = ["Find", "Search", "search"]


class Find(NamedTuple):
    """A better point.

    Args:
        seconds: When it was found.
        cost: What it costs; minimised.
        source: What found it.
        values: Shape (variables,).
    """

    seconds: float
    cost: float
    source: str
    values: FloatArray


class Search(NamedTuple):
    """What a search has found.

    Args:
        finds: Each better point, the last the best.
        pool: Costs and values of the best points, the best first.
        relaxed: The linear relaxation, None if it was not solved in time.
    """

    finds: list[Find]
    pool: list[tuple[float, FloatArray]]
    relaxed: Relaxed | None

    def mean_gap(self, best: float, seconds: float) -> float:
        """Return the mean over ``seconds`` of the gap of the incumbent to ``best``, at most 1 (Berthold 2013)."""
        return Trace(tuple((find.seconds, find.cost) for find in self.finds)).primal_integral(best, seconds)


def search(
    instance: MIP,
    seconds: float,
    *,
    seed: int = 0,
    guide: Guide | None = None,
    clock: Callable[[], float] = time.process_time,
) -> Search:
    """Search without SCIP and return what was found.

    Args:
        instance: The program.
        seconds: Most time by ``clock``.
        seed: Seed of every random choice.
        guide: Guesses values.
        clock: What counts as seconds; by default the processor time of this process, which others cannot slow down.
    """
    _warm()
    return _search(instance.bare(), seconds, seed, guide, clock)


@cache
def _warm() -> None:
    """Compile or load the kernels, so that this does not count."""
    _search(toy(), 0.1, 0, None, time.process_time)


def _search(instance: MIP, seconds: float, seed: int, guide: Guide | None, clock: Callable[[], float]) -> Search:
    recorder = _Recorder(instance, clock)
    first = from_corner(instance)
    if first is not None:
        recorder.send(Found.of("corner", first.values))
    worker = Worker(Task(instance, seconds, seed, guide=guide), recorder, clock)
    try:
        worker.run()
    finally:
        recorder.over.set()
    return Search(recorder.finds, worker.state.pool, worker.state.relaxed)


class _Recorder:
    """Stands for the other end of a worker's connection."""

    def __init__(self, instance: MIP, clock: Callable[[], float]) -> None:
        self._instance, self._clock, self._began = instance, clock, clock()
        self.finds: list[Find] = []
        self.over = threading.Event()

    def send(self, message: Any) -> None:
        """Keep a point."""
        if isinstance(message, Found):
            values = message.dense(self._instance.num_variables)
            cost = self._instance.sign * objective(self._instance, Point(values))
            if not self.finds or cost < self.finds[-1].cost:  # a worker does not know of the first point
                self.finds.append(Find(self._clock() - self._began, cost, message.source, values))

    def recv(self) -> Any:
        """Wait for the end of the search: nobody sends anything.

        Raises:
            EOFError: Then.
        """
        self.over.wait()
        raise EOFError
