"""Search threads: running them together, and each one's search in slices."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from copt.monitor import Monitor
from copt.solvers.jobshop.order_kernels import Int32
from copt.solvers.jobshop.tabu_kernels import Int64, Memory

__all__ = ["Allowance", "run_team"]

SLICE = 0.1  # seconds of compiled search between two looks at the other threads
GRACE = 0.3  # seconds in which halted threads normally end
MOVES = 1  # place of a slice's moves among the limits of a search


@dataclass(frozen=True)
class Allowance:
    """What a thread may still do.

    Args:
        memory: Its memory, which counts its moves.
        halt: Its one entry becomes nonzero when the search must end.
        moves: Moves in all, or None for any number.
    """

    memory: Memory
    halt: Int32
    moves: int | None

    @property
    def left(self) -> int:
        """Moves left."""
        return 2**62 if self.moves is None else self.moves - int(self.memory.clock[0])

    @property
    def spent(self) -> bool:
        """Whether the thread must end."""
        return self.halt[0] != 0 or self.left <= 0

    def run(self, search: Callable[[], bool], limits: Int64, report: Callable[[], None]) -> None:
        """Call ``search`` in slices of about equal time until it is over, with a ``report`` after each.

        How moves are divided into slices has no influence on the search.
        """
        over, first = False, int(self.memory.clock[0])
        while not over and not self.spent:
            limits[MOVES] = min(limits[MOVES], self.left)
            began, before = time.perf_counter(), int(self.memory.clock[0])
            over = search()
            report()
            rate = (int(self.memory.clock[0]) - before) / max(time.perf_counter() - began, 1e-6)
            limits[MOVES] = max(10, int(rate * SLICE))
        if int(self.memory.clock[0]) == first:
            self.memory.clock[0] += 1  # so that a limit on moves also ends restarts that find none


def run_team(monitor: Monitor, halt: Int32, tasks: Sequence[Callable[[], None]]) -> None:
    """Run every task in a thread of its own until all have ended or the monitor says stop, then halt the rest.

    A thread that does not end within the grace time, such as one in CP-SAT's presolve, is left to wind down alone.

    Raises:
        BaseException: What a task raised first.
    """
    raised: list[BaseException] = []

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not raised and monitor.wait(0.02) is None:
        pass
    halt[0] = 1
    deadline = time.perf_counter() + GRACE
    for thread in threads:
        thread.join(max(0.0, deadline - time.perf_counter()))
    if raised:
        raise raised[0]
