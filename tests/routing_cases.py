"""Random routing problems and slow, obvious accounts of them."""

import itertools
import math
from typing import Any

import numpy as np

from copt.problems.routing import METRICS, Routes, Routing, objective


def make(**fields: Any) -> Routing:
    """A problem from plain lists."""
    return Routing(**fields)


def random_routing(customers: int, seed: int, **fields: Any) -> Routing:
    """Customers on a grid of 100, depot 0, demands of 1 to 5, capacity 12."""
    rng = np.random.default_rng(seed)
    demand = np.concatenate([[0], rng.integers(1, 6, customers)])
    points = rng.integers(0, 101, (customers + 1, 2)).astype(np.float64)
    settings: dict[str, Any] = {"coordinates": points, "metric": "euc_2d", "depot": 0, "demand": demand, "capacity": 12}
    return Routing(**settings | fields)


def random_tour(nodes: int, seed: int, **fields: Any) -> Routing:
    """Nodes on a grid of 1000."""
    points = np.random.default_rng(seed).integers(0, 1001, (nodes, 2)).astype(np.float64)
    return Routing(**{"coordinates": points, "metric": "euc_2d", **fields})


def one_of_each_metric(nodes: int) -> list[Routing]:
    """A tour of each metric, and one of a matrix."""
    rng = np.random.default_rng(7)
    tours = [Routing(coordinates=rng.uniform(-80, 80, (nodes, 2)), metric=metric, name=metric) for metric in METRICS]
    return [*tours, Routing(matrix=rng.integers(0, 99, (nodes, nodes)).astype(np.float64), name="matrix")]


def as_matrix(instance: Routing) -> Routing:
    """The same problem with its costs in a matrix."""
    from copt.problems.routing import costs

    nodes = np.arange(instance.num_nodes)
    fields = {**vars(instance), "coordinates": None}
    fields["matrix"] = costs(instance, *np.meshgrid(nodes, nodes, indexing="ij"))
    return Routing(**fields)


def best_tour(instance: Routing) -> float:
    """The optimum of a tour, by all orders."""
    rest = range(1, instance.num_nodes)
    return min(objective(instance, Routes.from_lists([[0, *order]])) for order in itertools.permutations(rest))


def best_routes(instance: Routing) -> float:
    """The optimum of a problem with a depot: the best order of every set of customers, then the best sets."""
    customers = instance.customers.tolist()
    full = (1 << len(customers)) - 1
    route: dict[int, float] = {}
    for mask in range(1, full + 1):
        members = [c for k, c in enumerate(customers) if mask >> k & 1]
        if instance.capacity is None or sum(instance.demands[members].tolist()) <= instance.capacity:
            route[mask] = min(
                objective(instance, Routes.from_lists([list(order)])) for order in itertools.permutations(members)
            )
    most = instance.max_routes or len(customers)
    best = {0: 0.0}
    for _ in range(most):
        for done in list(best):
            free = full & ~done
            part = free
            while part:
                if part in route and part & -free & free:
                    value = best[done] + route[part]
                    if value < best.get(done | part, math.inf):
                        best[done | part] = value
                part = (part - 1) & free
    return best[full]
