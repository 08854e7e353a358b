"""The elite pool: good machine orders that differ from each other, shared by the search threads."""

import threading
from dataclasses import dataclass

import numpy as np

from copt.solvers.jobshop.order_kernels import Int32
from copt.solvers.jobshop.relink_kernels import distance, positions

__all__ = ["Elite", "Pool"]

FIRST = 2  # starts that are made in any case
TOO_CLOSE = 10  # pairs in the other order below which two members count as one


@dataclass(frozen=True, eq=False)
class Elite:
    """A member of the pool: makespan, machine successors (n + 1,) and machine positions (n + 1,)."""

    makespan: int
    succ: Int32
    place: Int32


class Pool:
    """A bounded pool that keeps its best members apart from each other.

    Args:
        capacity: Number of members; 0 for shops so large that comparing two orders takes longer than it is worth.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._members: list[Elite] = []
        self._started = 0
        self._lock = threading.Lock()

    def claim_start(self) -> int | None:
        """Return the number of the next start to make, or None when the pool has had its share."""
        with self._lock:
            if self._started >= max(self.capacity, FIRST):
                return None
            self._started += 1
            return self._started - 1

    def pair(self, random: np.random.Generator) -> tuple[Elite, Elite] | None:
        """Return two random members, or None while there are fewer than two."""
        with self._lock:
            if len(self._members) < 2:
                return None
            i, j = random.choice(len(self._members), 2, replace=False)
            return self._members[i], self._members[j]

    def remove(self, member: Elite) -> None:
        """Drop ``member`` and ask for a fresh start in its place."""
        with self._lock:
            if member in self._members:
                self._members.remove(member)
                self._started -= 1

    def insert(self, makespan: int, succ: Int32) -> None:
        """Take an order into the pool if it is good enough for its distance to the others."""
        if self.capacity == 0:
            return
        place = np.empty_like(succ)
        positions(succ, place)
        new = Elite(makespan, succ.copy(), place)
        with self._lock:
            apart = [distance(member.succ, place) for member in self._members]
            nearest = int(np.argmin(apart)) if apart else -1
            if apart and apart[nearest] < TOO_CLOSE:
                if makespan < self._members[nearest].makespan:
                    self._members[nearest] = new
            elif len(self._members) < self.capacity:
                self._members.append(new)
            else:
                worst = max(range(len(self._members)), key=lambda k: self._members[k].makespan)
                if makespan <= self._members[worst].makespan:
                    self._members[worst] = new
