from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from routing_cases import STEADY, make, problems, some_routes

from copt.envs import Incumbent, IncumbentFeatures, Legs
from copt.problems.routing import Routes, Routing, toy


def mask_of(instance: Routing, slots: int) -> Any:
    mask = np.zeros(slots, np.int8)
    mask[instance.customers] = 1
    return mask


def test_incumbent_features_of_the_toy() -> None:
    state = Incumbent(Legs(toy()), Routes.from_lists([[1, 3], [4, 5, 6], [2]]), horizon=4)
    state.offer(Routes.from_lists([[1, 3, 2], [4, 5, 6]]), np.array([1, 2, 3]))  # from 48 to 38
    state.offer(state.routes, np.array([4]))
    seen = IncumbentFeatures()(state, mask_of(toy(), 8))
    expected: Any = [  # costs in units of 48 / 6
        [8 / 16, 3 / 16, 0, 0, 0, 0, 0, 0, 0, 0],
        [12 / 16, 3 / 16, 4 / 8, 5 / 8, 0, 1 / 3, 0, 3 / 6, 2 / 4, 10 / 8],
        [12 / 16, 6 / 16, 4 / 8, 5 / 8, 0, 1 / 3, 0, 3 / 6, 2 / 4, 10 / 8],
        [16 / 16, 6 / 16, 5 / 8, 4 / 8, 6 / 8, 1 / 3, 0, 3 / 6, 2 / 4, 10 / 8],
        [4 / 16, 3 / 16, 4 / 8, 3 / 8, 2 / 8, 1 / 3, 0, 3 / 6, 1 / 4, 0],
        [4 / 16, 0, 3 / 8, 4 / 8, 2 / 8, 1 / 3, 0, 3 / 6, 1, 0],
        [0, 0, 4 / 8, 9 / 8, 8 / 8, 1 / 3, 0, 3 / 6, 1, 0],
        [0] * 10,  # room for a node that the instance does not have
    ]
    np.testing.assert_allclose(seen["nodes"], expected, rtol=1e-6)
    np.testing.assert_allclose(seen["progress"], [2 / 4, 38 / 48], rtol=1e-6)
    assert seen["action_mask"].tolist() == [0, 1, 1, 1, 1, 1, 1, 0]


def test_without_capacity_there_is_all_the_room() -> None:
    tour = make(matrix=[[9, 1, 2], [3, 9, 4], [5, 6, 9]])
    seen = IncumbentFeatures()(Incumbent(Legs(tour), Routes.from_lists([[0, 1, 2]]), 1), mask_of(tour, 3))
    expected = np.array([[0, 0, 5, 1, 0], [0, 0, 1, 4, 3], [0, 0, 4, 5, 6]])
    expected[0, 4] = 5 + 1 - 6  # from 2 to 1
    np.testing.assert_allclose(seen["nodes"][:, :5], expected * [1, 1, 0.3, 0.3, 0.3], rtol=1e-6)
    assert seen["nodes"][:, 5:].tolist() == [[0, 1, 1, 1, 0]] * 3


@STEADY
@given(problems(), st.integers(0, 2), st.integers(0, 2**16))
def test_every_observation_lies_in_its_space(instance: Routing, spare: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = Incumbent(Legs(instance), some_routes(instance, rng), 3)
    slots = instance.num_nodes + spare
    space = IncumbentFeatures().space(slots)
    for _ in range(4):
        assert space.contains(IncumbentFeatures()(state, mask_of(instance, slots)))
        state.offer(some_routes(instance, rng), rng.permutation(instance.customers)[:3])
