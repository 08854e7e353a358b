"""Random routing problems and slow, obvious accounts of them."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from copt.problems.routing import METRICS, Routes, Routing, check, objective

STEADY = settings(deadline=None, derandomize=True)
"""The same examples in every run, however busy the machine is."""


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


@st.composite
def problems(draw: st.DrawFn, *, most: int = 7) -> Routing:
    """Draw a tour or routes, of coordinates or a matrix, closed or open, with and without limits."""
    seed, size, depot = draw(st.integers(0, 10_000)), draw(st.integers(1, most)), draw(st.booleans())
    rng = np.random.default_rng(seed)
    fields: dict[str, Any] = {"name": "drawn"}
    if draw(st.booleans()):
        fields |= {"matrix": rng.integers(0, 50, (size + depot, size + depot)).astype(np.float64)}
    else:
        places = rng.integers(0, 101, (size + depot, 2)).astype(np.float64)
        fields |= {"coordinates": places, "metric": draw(st.sampled_from(METRICS))}
    if depot:
        home = draw(st.integers(0, size))
        demand = np.insert(rng.integers(0, 7, size), home, 0)
        fields |= {"depot": home, "open_routes": draw(st.booleans()), "demand": demand}
        if draw(st.booleans()):
            fields["capacity"] = draw(st.integers(max(1, int(demand.max())), 20))
        if draw(st.booleans()):
            fewest = len(_packed(sorted(demand.tolist(), reverse=True), fields.get("capacity", 99)))
            fields["max_routes"] = fewest + draw(st.integers(0, 2))
    return Routing(**fields)


def _packed(demands: list[int], capacity: int) -> list[int]:
    """The loads of routes on which each demand goes to the first that it fits on."""
    loads: list[int] = []
    for demand in demands:
        fits = [k for k, load in enumerate(loads) if load + demand <= capacity]
        if fits:
            loads[fits[0]] += demand
        else:
            loads.append(demand)
    return loads


def all_solutions(instance: Routing) -> Iterator[Routes]:
    """Yield every feasible solution; routes in every order."""
    for order in itertools.permutations(instance.customers.tolist()):
        for cuts in itertools.product([False, True], repeat=0 if instance.depot is None else len(order) - 1):
            lists = [[order[0]]]
            for node, cut in zip(order[1:], cuts or [False] * (len(order) - 1), strict=True):
                if cut:
                    lists.append([])
                lists[-1].append(node)
            routes = Routes.from_lists(lists)
            if not check(instance, routes):
                yield routes


def some_routes(instance: Routing, rng: np.random.Generator) -> Routes:
    """Return random feasible routes: customers in any order, each on a random route that has room for it."""
    order = rng.permutation(instance.customers).tolist()
    if instance.depot is None:
        return Routes.from_lists([order])
    most = instance.max_routes or len(order)
    while True:
        routes: list[list[int]] = [[] for _ in range(most)]
        for node in order:
            fits = [
                r
                for r in routes
                if instance.capacity is None or instance.demands[[*r, node]].sum() <= instance.capacity
            ]
            if not fits:
                break
            fits[rng.integers(len(fits))].append(node)
        else:
            return Routes.from_lists([route for route in routes if route])
        order = sorted(order, key=lambda node: -int(instance.demands[node]))  # large ones first: then some try succeeds
