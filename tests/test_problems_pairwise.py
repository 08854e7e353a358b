"""Dynamics that any number of like things share."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from copt.control import MPC, Cost
from copt.envs import ControlEnv, Sorting
from copt.errors import InvalidNetworkError
from copt.instances.control_weights import arrays_of
from copt.problems.base import FloatArray, IntArray
from copt.problems.pairwise import Pairwise
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet
from copt.read import read_dynamics

# On a line, along x: a stroke takes what is before its end to its end, and what a thing moves to less than 1 before it
# gives way until it is 1 before it.
OWN = ReluNet.residual(
    skip=np.zeros((2, 4)),
    shift=[0.0, 0.0],
    lift=[[1.0], [0.0]],
    weights=[[-1.0, 0.0, 1.0, 0.0]],  # relu(d - (x - s))
    biases=[0.0],
)
OTHER = ReluNet.residual(
    skip=np.zeros((2, 4)),
    shift=[0.0, 0.0],
    lift=[[1.0], [0.0]],
    weights=[[-1.0, 0.0, 1.0, 0.0]],  # relu(1 - (x - y) + m)
    biases=[1.0],
)


def noisy(widths: tuple[int, ...], kinds: tuple[IntArray, ...] = (), seed: int = 0) -> ReluNet:
    """Return a random network of 4 inputs and 2 outputs."""
    rng, ends = np.random.default_rng(seed), np.cumsum([4, *widths])
    shapes = [(units, int(end)) for units, end in zip((*widths, 2), ends, strict=True)]
    weights, biases = zip(*((rng.normal(size=s), rng.normal(size=s[0])) for s in shapes), strict=True)
    return ReluNet(4, weights, biases, kinds)


MIXED = Pairwise(
    noisy((5, 3), (np.array([RELU, ZERO, IDENTITY, RELU, RELU]), np.array([RELU, IDENTITY, RELU]))),
    noisy((4, 2), seed=1),
)


def slow(dynamics: Pairwise, state: FloatArray, stroke: FloatArray) -> FloatArray:
    """Return the next state, thing by thing."""
    places = state.reshape(-1, 2)
    motions = [dynamics.own.forward(np.concatenate([x - stroke[:2], stroke[2:]])[None])[0] for x in places]
    after = [x + m for x, m in zip(places, motions, strict=True)]
    for i, j in itertools.permutations(range(len(places)), 2):
        moved, still = (np.concatenate([places[i] - places[j], m])[None] for m in (motions[j], np.zeros(2)))
        after[i] = after[i] + (dynamics.other.forward(moved) - dynamics.other.forward(still))[0]
    return np.concatenate(after)


def test_a_stroke_pushes_a_thing_into_another() -> None:
    # From s = 0 by 2: the thing at 1 goes to 2, the one at 2.5 is then only 0.5 ahead and gives way by 0.5, to 3.
    net = Pairwise(OWN, OTHER).of(2)
    assert int((net.kind == RELU).sum()) == 6
    found = net.forward(np.array([[1.0, 5.0, 2.5, 7.0, 0.0, 0.0, 2.0, 0.0]]))
    np.testing.assert_allclose(found, [[2.0, 5.0, 3.0, 7.0]], atol=1e-12)
    alone = Pairwise(OWN, OTHER).of(1).forward(np.array([[1.0, 5.0, 0.0, 0.0, 2.0, 0.0]]))
    np.testing.assert_allclose(alone, [[2.0, 5.0]])


@pytest.mark.parametrize("things", [1, 2, 3, 5])
def test_the_network_is_what_the_parts_say(things: int) -> None:
    rng = np.random.default_rng(things)
    net = MIXED.of(things)
    assert int((net.kind == RELU).sum()) == 5 * things + 2 * 6 * things * (things - 1)
    assert int((net.kind == IDENTITY).sum()) == net.units - int((net.kind == RELU).sum()) == 2 * things
    inputs = rng.normal(size=(20, 2 * things + 4))
    expected = [slow(MIXED, row[:-4], row[-4:]) for row in inputs]
    np.testing.assert_allclose(net.forward(inputs), expected, rtol=1e-9)


def test_things_in_another_order_move_alike() -> None:
    rng = np.random.default_rng(7)
    places, stroke, order = rng.normal(size=(4, 2)), rng.normal(size=4), np.array([2, 0, 3, 1])
    net = MIXED.of(4)
    after = net.forward(np.append(places, stroke)[None]).reshape(4, 2)
    swapped = net.forward(np.append(places[order], stroke)[None]).reshape(4, 2)
    np.testing.assert_allclose(swapped, after[order], rtol=1e-9)


def test_the_state_says_how_many_things_there_are() -> None:
    assert MIXED.at(np.zeros(6)) is MIXED.of(3)
    for state in (np.zeros(5), np.zeros(0), np.zeros((2, 2))):
        with pytest.raises(InvalidNetworkError, match="instead of \\(2 things,\\)"):
            MIXED.at(state)


def test_parts_see_four_and_tell_two_numbers() -> None:
    with pytest.raises(InvalidNetworkError, match="other has 5 inputs and 2 outputs; it needs 4 and 2"):
        Pairwise(OWN, ReluNet(5, (np.zeros((2, 5)),), (np.zeros(2),)))


def test_files_keep_both_parts(tmp_path: Path) -> None:
    save_file(arrays_of(MIXED), tmp_path / "both.safetensors")
    found = read_dynamics(tmp_path / "both.safetensors")
    assert isinstance(found, Pairwise)
    inputs = np.random.default_rng(3).normal(size=(9, 10))
    np.testing.assert_array_equal(found.of(3).forward(inputs), MIXED.of(3).forward(inputs))


def test_an_environment_plans_with_as_many_things_as_it_has() -> None:
    env = ControlEnv(Sorting(discs=3))
    env.reset(seed=0)
    assert env.problem(MIXED, 2).num_states == 6


def test_commands_push_one_thing_by_another() -> None:
    # The stroke starts at 0 along y = 0, so only how far it goes is free: 2 brings both to where they should be.
    cost = Cost(goal=np.array([2.0, 0.0, 3.0, 0.0]), state=np.ones(4))
    low, high = [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]
    mpc = MPC(Pairwise(OWN, OTHER), cost, horizon=1, u_bounds=(low, high), seconds=0.5)
    action, info = mpc.command([1.0, 0.0, 2.5, 0.0])
    np.testing.assert_allclose(action, [0.0, 0.0, 2.0, 0.0], atol=1e-6)
    assert info.value == pytest.approx(0.0, abs=1e-6)
