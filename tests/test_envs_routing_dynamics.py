from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_cases import STEADY, all_solutions, make, problems

from copt.envs import Appending, Legs, PartialRoutes
from copt.problems.routing import Routing, check, objective, toy

RULES = Appending()


def replay(instance: Routing, nodes: list[int]) -> PartialRoutes:
    """Choose the nodes one after the other."""
    state = PartialRoutes(Legs(instance))
    for node in nodes:
        RULES.take(state, node)
    return state


def legal(state: PartialRoutes) -> list[int]:
    return np.flatnonzero(RULES.legal(state)).tolist()


def shelf(demand: list[int], **fields: Any) -> Routing:
    """Customers on a line, the depot at its start."""
    places = [[k, 0] for k in range(len(demand) + 1)]
    return make(coordinates=places, depot=0, demand=[0, *demand], **fields)


def test_the_toy_by_hand() -> None:
    state = PartialRoutes(Legs(toy()))
    assert (state.position, state.room, state.spare, state.remaining, state.demand) == (0, 3, None, 6, 6)
    assert legal(state) == [1, 2, 3, 4, 5, 6]
    costs = []
    for node in (1, 3, 2, 0, 6, 0, 4, 5):
        RULES.take(state, node)
        costs.append(state.cost)
    # 4, 5, 4, 5 home, 9 out, 9 home, 4 out, 3 and 5 home
    assert costs == [4, 9, 13, 18, 27, 36, 40, 48]
    assert state.routes == [[1, 3, 2], [6], [4, 5]]
    assert legal(state) == []


def test_a_full_route_can_only_go_home() -> None:
    assert legal(replay(toy(), [1, 2, 3])) == [0]
    assert legal(replay(toy(), [1, 2, 3, 0])) == [4, 5, 6]


def test_a_tour_begins_anywhere_and_returns_there() -> None:
    tour = make(matrix=[[9, 1, 2], [30, 9, 4], [5, 6, 9]])
    state = PartialRoutes(Legs(tour))
    assert legal(state) == [0, 1, 2]
    assert (state.position, state.outward.tolist()) == (None, [0, 0, 0])
    state = replay(tour, [1, 2])
    assert (state.cost, state.homeward.tolist()) == (4, [1, 9, 6])
    assert replay(tour, [1, 2, 0]).cost == 4 + 5 + 1


def test_a_tour_of_one_node_pays_the_leg_to_itself() -> None:
    assert replay(make(matrix=[[3.0]]), [0]).cost == 3


def test_open_routes_do_not_pay_the_way_home() -> None:
    state = replay(shelf([1, 1, 1], open_routes=True, capacity=2), [2, 3, 0, 1])
    assert (state.cost, state.routes) == (2 + 1 + 0 + 1, [[2, 3], [1]])


def test_the_last_route_cannot_be_left() -> None:
    assert legal(replay(shelf([1, 1, 1], max_routes=2), [1])) == [0, 2, 3]
    assert legal(replay(shelf([1, 1, 1], max_routes=2), [1, 0, 2])) == [3]


def test_no_room_is_wasted_that_the_rest_needs() -> None:
    assert legal(replay(shelf([2, 2, 1, 1], max_routes=2, capacity=3), [1])) == [3, 4]  # not home with room for one
    # Demands of 2 fill 4 of a capacity of 5 at most, so that two routes are full with two each.
    assert legal(replay(shelf([2, 2, 2, 2], max_routes=2, capacity=5), [1])) == [2, 3, 4]


def test_customers_of_over_half_the_capacity_keep_a_route_each() -> None:
    two = shelf([3, 3, 1, 1, 0], max_routes=2, capacity=5)
    assert legal(replay(two, [3])) == [1, 2, 4, 5]
    assert legal(replay(two, [3, 4])) == [1, 2, 5]  # not home: only one of the two would fit on the last route
    assert legal(replay(two, [1])) == [0, 3, 4, 5]
    assert legal(replay(shelf([3, 3, 1, 2], max_routes=2, capacity=5), [4])) == [1, 2]  # 1 more, and neither fits
    assert legal(PartialRoutes(Legs(shelf([2, 2, 2], max_routes=2, capacity=3)))) == []


def test_a_dead_end_that_is_not_foreseen() -> None:
    # 5 + 3 and 4 + 2 + 2 fill two routes of 8. After 2 + 3 there is room for 2, and 5 + 4 are more than a route.
    instance = shelf([2, 5, 3, 4, 2], max_routes=2, capacity=8)
    assert legal(PartialRoutes(Legs(instance))) == [1, 2, 3, 4, 5]
    assert legal(replay(instance, [5])) == [1, 3, 4]
    state = replay(instance, [5, 3])
    assert legal(state) == []
    assert state.charge == 2 * 5 * 3  # three customers, the dearest leg is 5


def test_room_that_no_customer_fits_into_does_not_count() -> None:
    # 4 + 4 leaves room for 2, so that four customers with 12 would go on a route of 10.
    assert legal(replay(shelf([4, 4, 3, 3, 3, 3], max_routes=2, capacity=10), [1])) == [3, 4, 5, 6]
    assert legal(replay(shelf([4, 4, 3, 3, 3, 2], max_routes=2, capacity=10), [1])) == [2, 3, 4, 5, 6]


@settings(STEADY, max_examples=60)
@given(problems(most=4))
def test_every_feasible_solution_can_be_built_and_costs_its_objective(instance: Routing) -> None:
    for routes in all_solutions(instance):
        state = PartialRoutes(Legs(instance))
        for number, route in enumerate(routes.to_lists()):
            home = [] if instance.depot is None or number == 0 else [instance.depot]
            for node in home + route:
                assert RULES.legal(state)[node]
                RULES.take(state, node)
        assert not RULES.legal(state).any()
        assert state.cost == pytest.approx(objective(instance, routes))
        assert state.solution().to_lists() == routes.to_lists()


@STEADY
@given(problems(), st.integers(0, 2**16))
def test_a_dead_end_needs_two_limits_and_unequal_demands(instance: Routing, seed: int) -> None:
    rng, state = np.random.default_rng(seed), PartialRoutes(Legs(instance))
    while (choices := legal(state)) != []:
        RULES.take(state, int(rng.choice(choices)))
    demands = set(instance.demands[instance.customers].tolist())
    if state.remaining:
        assert instance.capacity is not None and instance.max_routes is not None and len(demands) > 1
    else:
        assert check(instance, state.solution()) == []
        assert state.demand == 0
