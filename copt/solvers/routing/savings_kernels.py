"""Compiled merging of routes in the order of their savings (Clarke and Wright 1964)."""

from copt.solvers.compiled import kernel
from copt.solvers.routing.cost_kernels import Int32
from copt.solvers.routing.route_kernels import Int64

__all__ = ["merge"]


@kernel
def root(parent: Int32, node: int) -> int:
    """Return the representative of the route of ``node``."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def merge(tail: Int32, head: Int32, load: Int64, capacity: int, directed: bool, parent: Int32, link: Int32) -> None:
    """Join routes end to end, pair by pair, where the load allows it.

    Args:
        tail: First customer of each pair, shape (pairs,), by falling savings.
        head: Second customer of each pair.
        load: Demand of each node, shape (nodes,); becomes the loads of routes at their representatives.
        capacity: Most load of a route.
        directed: Whether ``head`` must come right behind ``tail``; otherwise routes may be turned round.
        parent: Union-find forest, shape (nodes,), each node its own parent.
        link: Neighbours in the routes, shape (nodes, 2), -1 for none; if directed, predecessor and successor.
    """
    for k in range(tail.size):
        i, j = tail[k], head[k]
        if link[i, 1] >= 0 or (link[j, 0] if directed else link[j, 1]) >= 0:
            continue
        a, b = root(parent, i), root(parent, j)
        if a == b or load[a] + load[b] > capacity:
            continue
        parent[b] = a
        load[a] += load[b]
        if directed:
            link[i, 1], link[j, 0] = j, i
        else:
            link[i, 1 if link[i, 0] >= 0 else 0] = j
            link[j, 1 if link[j, 0] >= 0 else 0] = i
