from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from routing_cases import STEADY, make, problems

from copt.envs import Appending, Legs, NodeFeatures, PartialRoutes
from copt.problems.routing import Routing, toy


def seen_after(instance: Routing, nodes: list[int], spare: int = 0) -> dict[str, NDArray[Any]]:
    state, rules = PartialRoutes(Legs(instance)), Appending()
    for node in nodes:
        rules.take(state, node)
    mask = np.append(rules.legal(state), np.zeros(spare)).astype(np.int8)
    return NodeFeatures()(state, mask)


def test_node_features_of_the_toy() -> None:
    seen = seen_after(toy(), [1, 3], spare=1)  # at (8, 3); the box is 16 wide, the dearest leg costs 17
    expected: Any = [
        [-8 / 16, -3 / 16, 9 / 17, 0, 0, 0, 0, 1],
        [-4 / 16, -3 / 16, 5 / 17, 4 / 17, 1 / 3, 0, 0, 0],
        [-4 / 16, 0, 4 / 17, 5 / 17, 1 / 3, 1, 0, 0],
        [0, 0, 0, 9 / 17, 1 / 3, 0, 1, 0],
        [-12 / 16, -3 / 16, 12 / 17, 4 / 17, 1 / 3, 1, 0, 0],
        [-12 / 16, -6 / 16, 13 / 17, 5 / 17, 1 / 3, 1, 0, 0],
        [-16 / 16, -6 / 16, 17 / 17, 9 / 17, 1 / 3, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],  # room for a node that the instance does not have
    ]
    np.testing.assert_allclose(seen["nodes"], expected, rtol=1e-6)
    np.testing.assert_allclose(seen["route"], [1 / 3, 1, 2 / 6], rtol=1e-6)
    assert seen["action_mask"].tolist() == [1, 0, 1, 0, 1, 1, 1, 0]


def test_a_tour_begins_in_the_middle() -> None:
    tour = make(coordinates=[[0, 0], [10, 0], [10, 20]])
    seen = seen_after(tour, [])
    np.testing.assert_allclose(seen["nodes"][:, :4], np.array([[-0.5, -0.5, 0, 0], [0, -0.5, 0, 0], [0, 0.5, 0, 0]]))
    assert seen["nodes"][:, 4:].tolist() == [[0, 1, 0, 0]] * 3
    assert seen["route"].tolist() == [1, 1, 0]


def test_a_matrix_gives_rows_of_costs_and_no_places() -> None:
    seen = seen_after(make(matrix=[[99, 1, 2], [30, 99, 4], [5, 6, 99]]), [1])
    expected: Any = [[0, 0, 1, 1 / 30], [0, 0, 0, 1], [0, 0, 4 / 30, 6 / 30]]
    np.testing.assert_allclose(seen["nodes"][:, :4], expected, rtol=1e-6)


def test_routes_that_may_begin_are_a_share_of_the_most() -> None:
    fields = {"coordinates": [[0, 0], [1, 0], [2, 0], [3, 0]], "depot": 0, "demand": [0, 2, 0, 4], "max_routes": 4}
    seen = seen_after(make(**fields), [1, 0])
    np.testing.assert_allclose(seen["route"], [1, 2 / 4, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(seen["nodes"][:, 4], [0, 0.5, 0, 1])  # without capacity, of the largest demand


@STEADY
@given(problems(), st.integers(0, 2), st.integers(0, 2**16))
def test_every_observation_lies_in_its_space(instance: Routing, spare: int, seed: int) -> None:
    rng, rules, state = np.random.default_rng(seed), Appending(), PartialRoutes(Legs(instance))
    space = NodeFeatures().space(instance.num_nodes + spare)
    while True:
        mask = np.append(rules.legal(state), np.zeros(spare)).astype(np.int8)
        seen = NodeFeatures()(state, mask)
        assert space.contains(seen)
        if not mask.any():
            return
        rules.take(state, int(rng.choice(np.flatnonzero(mask))))
