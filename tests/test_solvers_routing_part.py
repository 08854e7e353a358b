"""Parts of a problem cost what they cost in the whole; PyVRP sees the same costs."""

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from routing_cases import as_matrix, make, one_of_each_metric, random_routing, some_routes

from copt.problems.routing import METRICS, Routes, Routing, check, objective
from copt.solvers.routing.part import cost_matrix, has_pyvrp, part_of, pyvrp_data, pyvrp_routes, whole

needs_pyvrp = pytest.mark.skipif(not has_pyvrp(), reason="pyvrp is not installed")


def one_way(customers: int, seed: int, **fields: Any) -> Routing:
    """Routes whose way back costs something else."""
    matrix = np.random.default_rng(seed).integers(1, 90, (customers + 1, customers + 1)).astype(np.float64)
    return make(matrix=matrix, depot=0, demand=[0, *[1] * customers], capacity=3, name="one-way", **fields)


CASES = [
    random_routing(9, 1),
    random_routing(9, 1, open_routes=True),
    random_routing(9, 1, metric="exact", depot=4, demand=[1, 1, 1, 1, 0, 1, 1, 1, 1, 1]),
    random_routing(9, 1, metric="geo", coordinates=np.random.default_rng(1).uniform(-80, 80, (10, 2))),
    as_matrix(random_routing(9, 1)),
    one_way(9, 2),
    one_way(9, 2, open_routes=True),
]
NAMES = ["plain", "open", "exact", "geo", "matrix", "one-way", "one-way-open"]


@pytest.mark.parametrize("instance", CASES, ids=NAMES)
def test_routes_cost_the_same_in_a_part(instance: Routing) -> None:
    assert instance.depot is not None
    chosen = instance.customers[[7, 2, 3, 5]]
    nodes = np.array([instance.depot, *chosen])
    part = part_of(instance, nodes, None)
    routes = Routes.from_lists([[3, 1], [2], [4]])
    same = Routes.from_lists([nodes[route].tolist() for route in routes.to_lists()])
    assert check(part, routes) == []
    assert objective(part, routes) == objective(instance, same)
    assert part.demands.tolist() == instance.demands[nodes].tolist()
    assert (part.depot, part.capacity, part.open_routes) == (0, instance.capacity, instance.open_routes)


def test_a_part_has_the_routes_that_it_is_given() -> None:
    instance = random_routing(9, 1, max_routes=9)
    assert part_of(instance, np.array([0, 4, 5]), 2).max_routes == 2
    assert part_of(instance, np.array([0, 4, 5]), None).max_routes is None


def test_whole_costs_keep_their_proportions() -> None:
    exact = random_routing(9, 3, metric="exact")
    scaled = whole(exact)
    ratio = cost_matrix(scaled).sum() / cost_matrix(exact).sum()
    assert scaled.integral
    assert np.abs(cost_matrix(scaled) - ratio * cost_matrix(exact)).max() < 1.0
    fractions = replace(as_matrix(exact))
    assert (
        np.abs(cost_matrix(whole(fractions)) / 10_000 - cost_matrix(fractions) / cost_matrix(fractions).max()).max()
        < 1e-4
    )
    assert whole(CASES[0]) is CASES[0]


def test_open_routes_cost_the_same_by_the_matrix() -> None:
    instance = random_routing(9, 4, open_routes=True)
    routes = some_routes(instance, np.random.default_rng(1))
    closed = make(matrix=cost_matrix(instance), depot=0, demand=instance.demands, capacity=12)
    assert objective(closed, routes) == objective(instance, routes)


@needs_pyvrp
@pytest.mark.parametrize("instance", CASES, ids=NAMES)
def test_pyvrp_counts_as_copt_does(instance: Routing) -> None:
    import pyvrp

    data = pyvrp_data(instance)
    routes = some_routes(instance, np.random.default_rng(5))
    place = {node: k for k, node in enumerate(instance.customers.tolist())}
    solution = pyvrp.Solution(data, [[place[node] for node in route] for route in routes.to_lists()])
    assert solution.is_feasible()
    if instance.integral:
        assert solution.distance() == objective(instance, routes)
    back = pyvrp_routes(instance, solution)
    assert sorted(back.to_lists()) == sorted(routes.to_lists())


@needs_pyvrp
@pytest.mark.parametrize("tour", one_of_each_metric(6), ids=[*METRICS, "matrix"])
def test_a_tour_is_one_route_for_pyvrp(tour: Routing) -> None:
    import pyvrp

    solution = pyvrp.Solution(pyvrp_data(tour), [[2, 0, 1, 4, 3]])
    routes = pyvrp_routes(tour, solution)
    assert routes.to_lists() == [[0, 3, 1, 2, 5, 4]]
    if tour.integral:
        assert solution.distance() == objective(tour, routes)


def test_without_the_package_pyvrp_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not has_pyvrp()
