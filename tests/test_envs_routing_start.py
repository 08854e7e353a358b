import pytest
from hypothesis import given
from routing_cases import STEADY, make, problems

from copt.envs import nearest_start
from copt.errors import CoptError
from copt.problems.routing import Routing, check, toy


def line(*places: int, **fields: object) -> Routing:
    return make(coordinates=[[x, 0] for x in places], **fields)


def test_the_nearest_that_fits_comes_next() -> None:
    assert nearest_start(line(0, 5, 1, 3)).to_lists() == [[0, 2, 3, 1]]
    routes = nearest_start(line(0, 1, 2, 3, 4, depot=0, demand=[0, 2, 2, 1, 3], capacity=3))
    assert routes.to_lists() == [[1, 3], [2], [4]]
    assert nearest_start(line(0, 4, -1, depot=0)).to_lists() == [[2, 1]]  # nothing sends it home
    assert nearest_start(toy()).to_lists() == [[1, 2, 3], [4, 5, 6]]


def test_costs_one_way_are_those_outward() -> None:
    assert nearest_start(make(matrix=[[9, 1, 2], [3, 9, 8], [5, 6, 9]])).to_lists() == [[0, 1, 2]]


def test_after_a_dead_end_large_demands_are_packed_first() -> None:
    # The nearest two carry 6 of 10; of demands 2, 5 and 6 only 2 fits, and the others are more than a route.
    instance = line(0, 1, 2, 3, 4, 5, depot=0, demand=[0, 1, 5, 2, 5, 6], capacity=10, max_routes=2)
    assert nearest_start(instance).to_lists() == [[5, 3, 1], [2, 4]]


def test_where_no_start_is_found_one_is_asked_for() -> None:
    bulky = line(0, 1, 2, 3, depot=0, demand=[0, 2, 2, 2], capacity=3, max_routes=2, name="bulky")
    with pytest.raises(CoptError, match=r"bulky: no start was found with max_routes = 2; pass one as start="):
        nearest_start(bulky)


@STEADY
@given(problems())
def test_the_start_is_feasible(instance: Routing) -> None:
    assert check(instance, nearest_start(instance)) == []
