import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_cases import STEADY, make, problems, some_routes

from copt.envs import Incumbent, Legs, NearCustomers, NearRoutes
from copt.errors import CoptError
from copt.problems.routing import Routes, Routing


def on_a_line(routes: list[list[int]], count: int, **fields: object) -> Incumbent:
    """Node k stands at k."""
    instance = make(coordinates=[[k, 0] for k in range(count)], **fields)
    return Incumbent(Legs(instance), Routes.from_lists(routes), 5)


def test_whole_routes_join_by_their_nearest_customer_while_they_fit() -> None:
    state = on_a_line([[1, 9], [2, 3], [8, 4], [5, 6, 7]], 10, depot=0)
    assert NearRoutes(7)(state, 3).tolist() == [2, 3, 8, 4, 1, 9]
    assert NearRoutes(4)(state, 3).tolist() == [2, 3, 8, 4]
    assert NearRoutes(2)(state, 3).tolist() == [2, 3]
    assert NearRoutes(3)(state, 7).tolist() == [5, 6, 7]


def test_a_stretch_of_a_tour_goes_round_its_end() -> None:
    state = on_a_line([[0, 1, 2, 3, 4, 5, 6]], 7)
    assert NearRoutes(3)(state, 4).tolist() == [3, 4, 5]
    assert NearRoutes(4)(state, 6).tolist() == [4, 5, 6, 0]
    assert NearRoutes(4)(state, 0).tolist() == [5, 6, 0, 1]
    assert NearRoutes(7)(state, 4).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_a_stretch_of_a_route_stays_between_its_ends() -> None:
    state = on_a_line([[7], [1, 2, 3, 4, 5, 6]], 8, depot=0)
    assert NearRoutes(3)(state, 4).tolist() == [3, 4, 5]
    assert NearRoutes(3)(state, 1).tolist() == [1, 2, 3]
    assert NearRoutes(3)(state, 6).tolist() == [4, 5, 6]
    assert NearRoutes(1)(state, 7).tolist() == [7]


def test_the_nearest_customers_may_be_on_any_route() -> None:
    state = on_a_line([[1, 9], [2, 3], [8, 4], [5, 6, 7]], 10, depot=0)
    assert NearCustomers(4)(state, 6).tolist() == [6, 5, 7, 4]
    assert NearCustomers(50)(state, 1).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_near_is_the_cheaper_direction() -> None:
    instance = make(matrix=[[0, 9, 5, 2], [9, 0, 9, 9], [1, 9, 0, 9], [9, 9, 9, 0]])
    state = Incumbent(Legs(instance), Routes.from_lists([[0, 1, 2, 3]]), 5)
    assert NearCustomers(3)(state, 0).tolist() == [0, 2, 3]


def test_a_customer_is_in_its_zone_whoever_shares_its_place() -> None:
    instance = make(coordinates=[[0, 0]] * 5, depot=0)
    state = Incumbent(Legs(instance), Routes.from_lists([[1], [2], [3], [4]]), 5)
    assert NearRoutes(2)(state, 4).tolist() == [4, 1]
    assert NearCustomers(2)(state, 4).tolist() == [4, 1]


@pytest.mark.parametrize("zones", [NearRoutes, NearCustomers])
def test_a_zone_has_a_customer(zones: type[NearRoutes] | type[NearCustomers]) -> None:
    with pytest.raises(CoptError, match="size must be at least 1, got 0"):
        zones(0)


@STEADY
@given(problems(), st.integers(1, 8), st.integers(0, 2**16))
def test_zones_hold_their_customer_and_keep_their_size(instance: Routing, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    routes = some_routes(instance, rng)
    state = Incumbent(Legs(instance), routes, 1)
    customer = int(rng.choice(instance.customers))
    for zones in (NearRoutes(size), NearCustomers(size)):
        zone = zones(state, customer).tolist()
        assert customer in zone
        assert len(set(zone)) == len(zone) <= size
        assert set(zone) <= set(instance.customers.tolist())
    zone = NearRoutes(size)(state, customer).tolist()
    if len(routes.to_lists()[state.owner[customer]]) <= size:
        assert all(set(route) <= set(zone) or not set(route) & set(zone) for route in routes.to_lists())
