import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_cases import STEADY, make, problems, some_routes

from copt.envs import Incumbent, Legs
from copt.problems.routing import Routes, Routing, costs, objective, toy


def test_the_incumbent_of_the_toy() -> None:
    state = Incumbent(Legs(toy()), Routes.from_lists([[1, 3], [4, 5, 6], [2]]), horizon=9)
    assert (state.cost, state.start_cost, state.scale, state.taken) == (18 + 20 + 10, 48, 48, 0)
    assert state.owner.tolist() == [-1, 0, 2, 0, 1, 1, 1]
    assert state.place.tolist() == [-1, 0, 5, 1, 2, 3, 4]
    assert state.leg_before.tolist() == [0, 4, 5, 5, 4, 3, 4]
    assert state.leg_after.tolist() == [0, 5, 5, 9, 3, 4, 9]
    assert state.saving.tolist() == [0, 0, 10, 18 - 8, 4 + 3 - 5, 3 + 4 - 5, 13 - 5]


def test_only_better_routes_are_kept_and_every_step_is_remembered() -> None:
    state = Incumbent(Legs(toy()), Routes.from_lists([[1, 3], [4, 5, 6], [2]]), horizon=9)
    better, worse = Routes.from_lists([[1, 3, 2], [4, 5, 6]]), Routes.from_lists([[1], [2], [3], [4, 5, 6]])
    state.offer(better, np.array([1, 2, 3]))
    assert (state.cost, state.taken) == (38, 1)
    state.offer(worse, np.array([3, 4]))
    assert (state.cost, state.start_cost, state.taken) == (38, 48, 2)
    assert state.routes is better
    assert state.tried.tolist() == [-1, 0, 0, 1, 1, -1, -1]
    assert state.gain.tolist() == [0, 10, 10, 0, 0, 0, 0]


def test_no_cost_is_scaled_by_one() -> None:
    assert Incumbent(Legs(make(coordinates=[[2, 2]] * 2)), Routes.from_lists([[0, 1]]), 3).scale == 1


@STEADY
@given(problems(), st.integers(0, 2**16))
def test_legs_and_savings_equal_a_slow_account_of_them(instance: Routing, seed: int) -> None:
    routes = some_routes(instance, np.random.default_rng(seed))
    state = Incumbent(Legs(instance), routes, 1)
    assert state.cost == objective(instance, routes)
    assert state.leg_before.sum() <= state.cost + 1e-6
    for number, route in enumerate(routes.to_lists()):
        for k, node in enumerate(route):
            assert state.owner[node] == number
            assert routes.nodes[state.place[node]] == node
            before = route[k - 1] if k or instance.depot is None else instance.depot
            assert state.leg_before[node] == costs(instance, before, node)
            if len(route) > 1 or instance.depot is not None:
                rest = [*routes.to_lists()[:number], route[:k] + route[k + 1 :], *routes.to_lists()[number + 1 :]]
                less = objective(instance, Routes.from_lists([r for r in rest if r]))
                # A tour that is left with one node goes from it to itself, which no route needs to.
                if instance.depot is not None or len(route) > 2:
                    assert state.saving[node] == pytest.approx(state.cost - less, abs=1e-6)
