import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_cases import STEADY, make, problems, some_routes

from copt.envs.routing_moves import length_of
from copt.envs.routing_paths import FREE, NO_LIMIT, cut_out, rejoin
from copt.problems.routing import Routes, Routing, objective, toy


def test_two_routes_of_the_toy_become_paths_and_a_third_may_begin() -> None:
    cut = cut_out(toy(), Routes.from_lists([[1, 2], [3], [4, 5, 6]]), np.array([1, 2, 3]))
    # Stops 0, 1, 2 are customers 1, 2, 3; all ends are at the depot.
    assert cut.nodes.tolist() == [1, 2, 3, 0, 0, 0, 0, 0, 0]
    assert cut.paths == [[3, 0, 1, 4], [5, 2, 6], [7, 8]]
    assert cut.route.tolist() == [0, 1, 3]
    assert cut.whole.tolist() == [True, True, True]
    assert cut.room.tolist() == [3, 3, 0, 3]
    assert cut.demand.tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert cut.frame == [[0], [1], [[4, 5, 6]], [2]]
    assert rejoin(cut, [[3, 4], [5, 1, 2, 6], [7, 0, 8]]).to_lists() == [[2, 3], [4, 5, 6], [1]]


def test_parts_of_a_route_lie_between_what_stays() -> None:
    cut = cut_out(toy(), Routes.from_lists([[1, 2, 3], [4, 5, 6]]), np.array([1, 3, 5]))
    assert cut.nodes.tolist() == [1, 3, 5, 0, 2, 2, 0, 4, 6, 0, 0]
    assert cut.paths == [[3, 0, 4], [5, 1, 6], [7, 2, 8], [9, 10]]
    assert cut.route.tolist() == [0, 0, 1, 2]
    assert cut.whole.tolist() == [False, False, False, True]
    assert cut.room.tolist() == [2, 1, 3]
    assert cut.frame == [[0, [2], 1], [[4], 2, [6]], [3]]


def test_the_end_of_an_open_route_is_free() -> None:
    instance = make(matrix=[[9, 1, 2], [3, 9, 4], [5, 6, 9]], depot=0, open_routes=True, max_routes=1)
    cut = cut_out(instance, Routes.from_lists([[2, 1]]), np.array([1, 2]))
    assert cut.nodes.tolist() == [2, 1, 0, FREE]
    assert cut.paths == [[2, 0, 1, 3]]  # no other route may begin
    assert cut.cost.tolist() == [[0, 6, 5, 0], [4, 0, 3, 0], [2, 1, 0, 0], [2, 1, 9, 0]]
    assert cut.room.tolist() == [NO_LIMIT]
    assert length_of(cut, cut.paths) == 2 + 6


def test_a_tour_is_turned_so_that_it_begins_outside() -> None:
    tour = make(coordinates=[[k, 0] for k in range(6)])
    cut = cut_out(tour, Routes.from_lists([[4, 5, 0, 1, 2, 3]]), np.array([3, 4, 0]))
    assert cut.frame == [[[5], 0, [1, 2], 1]]
    assert cut.nodes.tolist() == [0, 3, 4, 5, 1, 2, 5]
    assert cut.paths == [[3, 0, 4], [5, 1, 2, 6]]
    assert not cut.whole.any()


def test_a_tour_that_is_all_zone_keeps_its_first_node() -> None:
    tour = make(coordinates=[[k, 0] for k in range(3)])
    cut = cut_out(tour, Routes.from_lists([[2, 0, 1]]), np.arange(3))
    assert cut.frame == [[[2], 0]]
    assert cut.nodes.tolist() == [0, 1, 2, 2]
    assert length_of(cut, cut.paths) == 4


@STEADY
@given(problems().filter(lambda problem: problem.num_nodes > 1), st.integers(0, 2**16))
def test_what_is_cut_out_can_be_put_back(instance: Routing, seed: int) -> None:
    rng = np.random.default_rng(seed)
    routes = some_routes(instance, rng)
    zone = rng.permutation(instance.customers)[: rng.integers(1, instance.customers.size, endpoint=True)]
    cut = cut_out(instance, routes, zone)
    back = rejoin(cut, cut.paths)
    if instance.depot is not None:
        assert back.to_lists() == routes.to_lists()
    assert objective(instance, back) == pytest.approx(objective(instance, routes))
    # Whatever the zone, its paths cost what the routes cost more than without the zone's legs.
    shuffled = [[path[0], *rng.permutation(path[1:-1]).tolist(), path[-1]] for path in cut.paths]
    difference = length_of(cut, shuffled) - length_of(cut, cut.paths)
    assert objective(instance, rejoin(cut, shuffled)) - objective(instance, routes) == pytest.approx(
        difference, abs=1e-6
    )
