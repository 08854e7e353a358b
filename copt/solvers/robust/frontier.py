"""The open nodes of a branch and bound, shared by threads: the one of least bound first."""

import heapq
import itertools
import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from copt.monitor import Monitor

__all__ = ["SOURCE", "Entry", "Frontier"]

SOURCE = "branch and price"

Node = TypeVar("Node")


class Entry(NamedTuple, Generic[Node]):
    """An open node; ordered by bound, then by age.

    Args:
        bound: Lower bound.
        age: Number of the node.
        node: The node.
    """

    bound: float
    age: int
    node: Node


class Frontier(Generic[Node]):
    """Hands out nodes, and proves what is left.

    Args:
        monitor: Told of bounds, in the minimising sense.
        cutoff: Returns the cost from which on a node is not worth a look.
        rounding: What sums of rounded numbers may have added to a bound.
    """

    def __init__(self, monitor: Monitor, cutoff: Callable[[], float], rounding: float) -> None:
        self._monitor, self._cutoff, self._rounding = monitor, cutoff, rounding
        self._open: list[Entry[Node]] = []
        self._busy: dict[int, float] = {}  # bounds of the nodes at which threads are
        self._ages = itertools.count()
        self._changes = threading.Condition()
        self._loose = np.inf  # least bound of decisions whose worst case was not found closely enough

    def add(self, bound: float, node: Node) -> None:
        """Take in a node."""
        with self._changes:
            heapq.heappush(self._open, Entry(bound, next(self._ages), node))
            self._changes.notify()

    def loosen(self, bound: float) -> None:
        """Note that a node was closed by decisions that may cost no more than ``bound``."""
        with self._changes:
            self._loose = min(self._loose, bound)

    def safe(self, bound: float) -> float:
        """Return ``bound`` less what rounding may have added."""
        return bound - self._rounding

    def work(self, branch: Callable[[Entry[Node]], bool]) -> bool:
        """Let ``branch`` have the best node, which stays open if it returns False; return whether nodes were left."""
        with self._changes:
            while not self._open and self._busy and not self._stopped():
                self._changes.wait(0.05)
            if not self._open or self._stopped():
                if not self._busy and not self._stopped():
                    self._close()
                return False
            entry = heapq.heappop(self._open)
            if entry.bound >= self._cutoff():
                self._open.clear()
                return True
            self._busy[threading.get_ident()] = entry.bound
        finished = False
        try:
            finished = branch(entry)
        finally:
            with self._changes:
                if not finished:
                    heapq.heappush(self._open, entry)
                del self._busy[threading.get_ident()]
                self._changes.notify_all()
                self._report()
        return True

    def _stopped(self) -> bool:
        return self._monitor.reason() is not None

    def _close(self) -> None:
        best = self._monitor.best
        if best is not None:
            exact = self._loose >= self._cutoff()
            self._monitor.prove(best if exact else self.safe(self._loose), SOURCE)

    def _report(self) -> None:
        bound = min([self._loose, *self._busy.values(), *(entry.bound for entry in self._open[:1])])
        if bound < self._cutoff():
            self._monitor.prove(self.safe(bound), SOURCE)
