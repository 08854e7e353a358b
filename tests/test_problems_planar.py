"""Dynamics that are the same in every direction."""

import numpy as np
import pytest

from copt.errors import InvalidNetworkError
from copt.problems.planar import Planar, turned
from copt.problems.relu import ReluNet

# A thing at (x, y) that points along (p, q), pushed by (u, v): it gives way only forwards, and only to the first half.
AHEAD = ReluNet.residual(
    skip=np.eye(4, 6),
    shift=np.zeros(4),
    lift=[[0.5], [0.0], [0.0], [0.0]],
    weights=[[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]],
    biases=[0.0],
)
HEADING = np.eye(2, 4, 2)


def test_vectors_turn_pair_by_pair() -> None:
    found = turned(np.array([1.0, 0.0, 3.0, 4.0]), 0.0, 1.0)
    np.testing.assert_allclose(found, [0.0, 1.0, -4.0, 3.0])
    two = turned(np.ones((2, 3, 2)), np.array([1.0, 0.0])[:, None], np.array([0.0, 1.0])[:, None])
    np.testing.assert_allclose(two, [[[1.0, 1.0]] * 3, [[-1.0, 1.0]] * 3])


def test_a_network_turns_with_the_state() -> None:
    up = Planar(AHEAD, HEADING).at(np.array([5.0, 6.0, 0.0, 2.0]))  # forwards is along y
    moved = up.forward(np.array([[5.0, 6.0, 0.0, 2.0, 0.3, 0.4], [5.0, 6.0, 0.0, 2.0, 0.3, -0.4]]))
    np.testing.assert_allclose(moved, [[5.0, 6.2, 0.0, 2.0], [5.0, 6.0, 0.0, 2.0]], atol=1e-12)


def test_a_turned_network_is_the_network_in_turned_coordinates() -> None:
    rng = np.random.default_rng(1)
    shapes = ((5, 6), (4, 11), (4, 15))
    net = ReluNet(6, tuple(rng.normal(size=s) for s in shapes), tuple(rng.normal(size=s[0]) for s in shapes))
    state, inputs, angle = np.append(rng.normal(size=2), [np.cos(0.7), np.sin(0.7)]), rng.normal(size=(50, 6)), 0.7
    seen = turned(inputs, np.cos(angle), -np.sin(angle))
    expected = turned(net.forward(seen), np.cos(angle), np.sin(angle))
    np.testing.assert_allclose(Planar(net, HEADING).at(state).forward(inputs), expected, atol=1e-12)


def test_a_network_that_is_right_everywhere_stays() -> None:
    assert AHEAD.at(np.zeros(4)) is AHEAD


def test_what_is_no_pair_or_points_nowhere_is_refused() -> None:
    with pytest.raises(InvalidNetworkError, match="5 inputs and 4 outputs are not pairs"):
        Planar(ReluNet(5, (np.zeros((4, 5)),), (np.zeros(4),)), HEADING)
    with pytest.raises(InvalidNetworkError, match=r"heading must be finite numbers of shape \(2, 4\), got shape"):
        Planar(AHEAD, np.eye(2, 6))
    with pytest.raises(InvalidNetworkError, match=r"the state has shape \(3,\) instead of \(4,\)"):
        Planar(AHEAD, HEADING).at(np.zeros(3))
    with pytest.raises(InvalidNetworkError, match="points nowhere"):
        Planar(AHEAD, HEADING).at(np.zeros(4))
