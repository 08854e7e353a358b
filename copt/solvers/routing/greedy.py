"""First tours: the shortest edges first (Bentley 1992), between near nodes, then between the ends of the pieces."""

import numpy as np

from copt.problems.base import IntArray
from copt.problems.routing import Routing, costs
from copt.solvers.routing.cost_kernels import Int32
from copt.solvers.routing.plan import NO_LIMIT, nearest_among
from copt.solvers.routing.savings_kernels import merge

__all__ = ["greedy_tour"]

NEAR = 8  # neighbours among which pieces are joined


def greedy_tour(instance: Routing, near: Int32) -> IntArray:
    """Return the nodes in the order of a greedy tour, shape (nodes,); the costs must be symmetric.

    Args:
        instance: The problem.
        near: Nearest nodes of each, shape (nodes, neighbours).
    """
    n = instance.num_nodes
    link, parent = np.full((n, 2), -1, dtype=np.int32), np.arange(n, dtype=np.int32)
    load = np.zeros(n, dtype=np.int64)
    nodes = np.arange(n)
    while True:
        tail = np.repeat(nodes, near.shape[1])
        head = near.ravel().astype(np.int64)
        order = np.argsort(costs(instance, tail, head), kind="stable")
        merge(tail[order].astype(np.int32), head[order].astype(np.int32), load, NO_LIMIT, False, parent, link)
        nodes = np.flatnonzero(link[:, 1] < 0)
        pieces = 2 * np.count_nonzero(link[nodes, 0] < 0) + np.count_nonzero(link[nodes, 0] >= 0)
        if pieces <= 2:
            return _walk(link.tolist(), int(nodes[0]))
        near = nearest_among(instance, nodes, NEAR)


def _walk(link: list[list[int]], node: int) -> IntArray:
    tour, came = [], -1
    while node >= 0:
        tour.append(node)
        before, behind = link[node]
        node, came = (behind if before == came else before), node
    return np.array(tour)
