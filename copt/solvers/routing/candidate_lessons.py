"""What candidate edges are learned from and measured by: solutions, ranks, recall."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, Routing
from copt.solvers.routing.candidates import opposite
from copt.solvers.routing.cost_kernels import Float32, Int32

__all__ = ["Lesson", "RankPrior", "partners", "recall"]


def partners(routes: Routes, nodes: int, depot: int | None) -> IntArray:
    """Return the nodes before and behind each on its route or tour, shape (nodes, 2); -1 for the depot and its own."""
    found = np.full((nodes, 2), -1, dtype=np.int64)
    for route in routes.to_lists():
        tail, head = (route, [*route[1:], route[0]]) if depot is None else (route[:-1], route[1:])
        found[head, 0], found[tail, 1] = tail, head
    return found


@dataclass(frozen=True)
class Lesson:
    """A problem with a very good solution.

    Args:
        instance: The problem.
        near: Near nodes of each, nearest first, shape (nodes, neighbours).
        beside: Nodes beside each in the solution, shape (nodes, 2), -1 for none.
    """

    instance: Routing
    near: Int32
    beside: IntArray

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Whether each edge to a near node is in the solution, shape (nodes, neighbours)."""
        found: NDArray[np.bool_] = (self.near[:, :, None] == self.beside[:, None]).any(axis=2)
        return found

    def turned(self, rng: np.random.Generator) -> Routing:
        """Return the problem turned by a random angle, and mirrored half of the time."""
        assert self.instance.coordinates is not None
        angle = rng.uniform(0.0, 2.0 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turn[:, 0] *= rng.choice([-1.0, 1.0])
        return replace(self.instance, coordinates=self.instance.coordinates @ turn)


class RankPrior:
    """How often an edge is in a good solution, by its ranks among the near nodes of both ends: the control.

    Args:
        lessons: What is counted, all with the same number of neighbours.
    """

    def __init__(self, lessons: list[Lesson]) -> None:
        width = max(lesson.near.shape[1] for lesson in lessons)
        hits, total = np.zeros((width, width + 1)), np.zeros((width, width + 1))
        for lesson in lessons:
            ranks = self._ranks(lesson.near)
            np.add.at(hits, ranks, lesson.labels)
            np.add.at(total, ranks, 1.0)
        # One edge in a hundred, were there no data: pairs of ranks that never occur are not certain either way.
        self.table: FloatArray = (hits + 0.01) / (total + 1.0)

    def __call__(self, instance: Routing, near: Int32) -> Float32:
        """Return the score of each edge to a near node; see ``Candidates``."""
        return self.table[self._ranks(near)].astype(np.float32)

    def _ranks(self, near: Int32) -> tuple[IntArray, IntArray]:
        back, width = opposite(near), near.shape[1]
        own = np.broadcast_to(np.arange(width), near.shape)
        return own, np.where(back >= 0, back % width, width)


def recall(lists: Int32, beside: IntArray) -> float:
    """Return the share of the solution's neighbours that are in the lists of their nodes, in percent."""
    wanted = beside >= 0
    found = (lists[:, :, None] == beside[:, None]).any(axis=1)
    return 100.0 * float(found[wanted].mean())
