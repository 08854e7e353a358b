from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_cases import STEADY, best_routes, best_tour, make, problems, random_routing, some_routes

from copt.envs import LocalSearch
from copt.errors import CoptError
from copt.problems.routing import Routes, Routing, check, objective, toy


@settings(STEADY, max_examples=60)
@given(problems(), st.integers(0, 2**16))
def test_what_it_returns_is_feasible_and_not_worse(instance: Routing, seed: int) -> None:
    rng = np.random.default_rng(seed)
    routes = some_routes(instance, rng)
    zone = rng.permutation(instance.customers)[: rng.integers(1, instance.customers.size, endpoint=True)]
    better = LocalSearch()(instance, routes, zone, seed)
    assert check(instance, better) == []
    assert objective(instance, better) <= objective(instance, routes) + 1e-9
    again = LocalSearch()(instance, routes, zone, seed)
    assert again.to_lists() == better.to_lists()


@pytest.mark.parametrize("fields", [{}, {"open_routes": True}, {"max_routes": 2, "capacity": 14}])
def test_many_kicks_find_the_optimum_of_a_few_customers(fields: dict[str, Any]) -> None:
    for seed in range(4):
        instance = random_routing(6, seed, **fields)
        start = some_routes(instance, np.random.default_rng(seed))
        found = LocalSearch(kicks=60)(instance, start, instance.customers, seed)
        assert objective(instance, found) == best_routes(instance)


def test_many_kicks_find_the_optimum_of_a_one_way_tour() -> None:
    tour = make(matrix=np.random.default_rng(0).integers(1, 50, (7, 7)))
    found = LocalSearch(kicks=60)(tour, Routes.from_lists([list(range(7))]), np.arange(7), 0)
    assert objective(tour, found) == best_tour(tour)


def test_kicks_leave_a_local_optimum() -> None:
    instance = random_routing(12, 2)
    start = some_routes(instance, np.random.default_rng(0))
    values = [objective(instance, LocalSearch(k)(instance, start, instance.customers, 1)) for k in (0, 20)]
    assert values[1] < values[0] < objective(instance, start)


def test_customers_outside_of_the_zone_keep_their_order() -> None:
    start = Routes.from_lists([[1, 3, 2], [5, 4, 6]])
    better = LocalSearch()(toy(), start, np.array([1, 2, 3]), 0)
    assert [5, 4, 6] in better.to_lists()


@pytest.mark.parametrize(
    ("options", "text"),
    [({"kicks": -1}, "kicks must be at least 0, got -1"), ({"ruined": 1}, "ruined must be at least 2, got 1")],
)
def test_wrong_options_are_refused(options: dict[str, int], text: str) -> None:
    with pytest.raises(CoptError, match=text):
        LocalSearch(**options)
