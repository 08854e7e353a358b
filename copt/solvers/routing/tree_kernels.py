"""Compiled one-trees."""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.routing.cost_kernels import Costs, Float64, cost
from copt.solvers.routing.route_kernels import Int64

__all__ = ["Room", "one_tree"]


class Room(NamedTuple):
    """Scratch space for a tree that grows."""

    distance: Float64  # (nodes,) priced cost from each node to the tree
    link: Int64  # (nodes,) where in the tree that leg ends
    free: Int64  # (nodes,) nodes that are not in the tree


@kernel
def one_tree(costs: Costs, price: Float64, degree: Int64, room: Room) -> float:
    """Return the bound of the cheapest one-tree under ``price``, and write the degrees of its nodes.

    The tree spans nodes 1 to n - 1 (Prim 1957, quadratic time); node 0 is tied to it by its two cheapest legs.
    A leg costs the prices of its ends on top; twice the sum of all prices is taken off again.
    """
    distance, link, free = room.distance, room.link, room.free
    n = price.size
    degree[:] = 0
    distance[:] = np.inf
    for k in range(n - 2):
        free[k] = k + 2
    count, node, total = n - 2, 1, 0.0
    while count > 0:
        nearest, where = np.inf, 0
        for k in range(count):
            j = free[k]
            through = cost(costs, node, j) + price[node] + price[j]
            if through < distance[j]:
                distance[j], link[j] = through, node
            if distance[j] < nearest:
                nearest, where = distance[j], k
        node = free[where]
        count -= 1
        free[where] = free[count]
        total += nearest
        degree[node] += 1
        degree[link[node]] += 1
    first, second, one, two = np.inf, np.inf, 0, 0
    for j in range(1, n):
        leg = cost(costs, 0, j) + price[0] + price[j]
        if leg < first:
            first, second, one, two = leg, first, j, one
        elif leg < second:
            second, two = leg, j
    degree[0] = 2
    degree[one] += 1
    degree[two] += 1
    paid = 0.0
    for j in range(n):
        paid += price[j]
    return total + first + second - 2.0 * paid
