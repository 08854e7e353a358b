"""The legs of a routing problem: the static half of its environments."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routing, costs

__all__ = ["Legs"]

BLOCK = 2**18  # legs that are computed at once, so that no table of all of them is held


@dataclass(frozen=True, eq=False)
class Legs:
    """What a step looks up about the legs of ``instance``. Costs are computed when asked for, a row at a time.

    Args:
        instance: The problem.
    """

    instance: Routing

    @cached_property
    def demands(self) -> IntArray:
        """Demand of each node."""
        return self.instance.demands

    @cached_property
    def capacity(self) -> int | None:
        """Most demand that some set of customers could put on a route: a multiple of what divides all demands."""
        if self.instance.capacity is None:
            return None
        unit = int(np.gcd.reduce(self.demands)) or 1
        return int(self.instance.capacity) // unit * unit

    @cached_property
    def to_visit(self) -> FloatArray:
        """1 for each customer, 0 for the depot, shape (nodes,)."""
        marks = np.zeros(self.instance.num_nodes)
        marks[self.instance.customers] = 1.0
        return marks

    @cached_property
    def places(self) -> FloatArray:
        """Place of each node, the longer side of their box being 1; zeros if there are no coordinates. (nodes, 2)."""
        points = self.instance.coordinates
        if points is None:
            return np.zeros((self.instance.num_nodes, 2))
        low, high = points.min(axis=0), points.max(axis=0)
        placed: FloatArray = (points - low) / (float((high - low).max()) or 1.0)
        return placed

    @cached_property
    def scale(self) -> float:
        """Sum over the customers of the cheapest leg that enters each; no solution costs less. 1 if it is 0."""
        return self._extremes[0] or 1.0

    @cached_property
    def dearest(self) -> float:
        """Cost of the dearest leg between two nodes; 1 if it is 0."""
        return self._extremes[1] or 1.0

    def outward(self, node: int) -> FloatArray:
        """Return the cost from ``node`` to each node, shape (nodes,)."""
        nodes = np.arange(self.instance.num_nodes)
        return costs(self.instance, np.full_like(nodes, node), nodes)

    def homeward(self, node: int) -> FloatArray:
        """Return the cost from each node to ``node``, shape (nodes,)."""
        nodes = np.arange(self.instance.num_nodes)
        return costs(self.instance, nodes, np.full_like(nodes, node))

    @cached_property
    def _extremes(self) -> tuple[float, float]:
        nodes = np.arange(self.instance.num_nodes)
        cheapest, dearest = 0.0, 0.0
        if nodes.size == 1:
            return cheapest, dearest
        rows = max(1, BLOCK // nodes.size)
        for first in range(0, nodes.size, rows):
            target, origin = np.meshgrid(nodes[first : first + rows], nodes, indexing="ij")
            table = np.array(costs(self.instance, origin, target))
            own = np.arange(len(table))
            table[own, first + own] = 0.0
            dearest = max(dearest, float(table.max()))
            table[own, first + own] = np.inf
            cheapest += float(table.min(axis=1)[self.to_visit[first : first + rows] > 0].sum())
        return cheapest, dearest
