"""Compiled one-trees."""

import numpy as np

from copt.solvers.compiled import allocating
from copt.solvers.routing.cost_kernels import Costs, Float64, cost
from copt.solvers.routing.route_kernels import Int64

__all__ = ["one_tree"]


@allocating
def one_tree(costs: Costs, price: Float64, degree: Int64) -> float:
    """Return the bound of the cheapest one-tree under ``price``, and write the degrees of its nodes.

    The tree spans nodes 1 to n - 1 (Prim 1957, quadratic time); node 0 is tied to it by its two cheapest legs.
    A leg costs the prices of its ends on top; twice the sum of all prices is taken off again.
    """
    n = price.size
    degree[:] = 0
    distance, link = np.full(n, np.inf), np.zeros(n, dtype=np.int64)
    free = np.arange(2, n)
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
    bound: float = total + first + second - 2.0 * price.sum()
    return bound
