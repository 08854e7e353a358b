"""First routes: the savings of Clarke and Wright (1964) over pairs of near customers."""

import numpy as np

from copt.problems.routing import Routing, costs
from copt.solvers.routing.cost_kernels import Int32
from copt.solvers.routing.route_kernels import Int64, Plan
from copt.solvers.routing.savings_kernels import merge

__all__ = ["savings_routes"]


def savings_routes(instance: Routing, plan: Plan) -> list[list[int]]:
    """Return routes made by merging those of single customers, the largest saving first.

    Only pairs of near customers are looked at, so there may be more routes than needed.
    """
    directed = instance.open_routes or not instance.symmetric
    tail, head = _pairs(instance, plan, directed)
    n = instance.num_nodes
    link = np.full((n, 2), -1, dtype=np.int32)
    load: Int64 = np.array(instance.demands)
    merge(tail, head, load, plan.capacity, directed, np.arange(n, dtype=np.int32), link)
    return _walk(instance, link, directed)


def _pairs(instance: Routing, plan: Plan, directed: bool) -> tuple[Int32, Int32]:
    """Return the pairs that save something, by falling savings."""
    customers = instance.customers
    width = plan.near.shape[1]
    tail = np.repeat(customers, width)
    head = plan.near[customers].ravel().astype(np.int64)
    if directed:
        tail, head = np.concatenate([tail, head]), np.concatenate([head, tail])
    else:
        tail, head = np.minimum(tail, head), np.maximum(tail, head)
    key = np.unique(tail * instance.num_nodes + head)
    tail, head = key // instance.num_nodes, key % instance.num_nodes
    saved = plan.enter[tail] + plan.leave[head] - costs(instance, tail, head)
    order = np.argsort(-saved, kind="stable")
    order = order[saved[order] > 0]
    return tail[order].astype(np.int32), head[order].astype(np.int32)


def _walk(instance: Routing, link: Int32, directed: bool) -> list[list[int]]:
    neighbours = link.tolist()
    visited = [False] * instance.num_nodes
    routes = []
    for begin in instance.customers.tolist():
        before, behind = neighbours[begin]
        if visited[begin] or (before >= 0 if directed else behind >= 0):
            continue
        route, node, came = [], begin, -1
        while node >= 0:
            visited[node] = True
            route.append(node)
            before, behind = neighbours[node]
            node, came = (behind if directed or before == came else before), node
        routes.append(route)
    return routes
