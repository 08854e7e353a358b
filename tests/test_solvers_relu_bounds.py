"""Bounds of pre-activations hold at every point, and backward relaxation is never looser than intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relu_cases import greatest, random_mlp

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet
from copt.solvers.relu_bounds import Bounds, clipped_bounds, crown_bounds, interval_bounds
from copt.solvers.relu_crown import Crown


def assert_sound(net: ReluNet, lower: FloatArray, upper: FloatArray, bounds: Bounds) -> None:
    """All corners of the box of two inputs, and random points of it."""
    rng = np.random.default_rng(0)
    corners = np.array([(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)])
    x = np.clip(lower + (upper - lower) * np.vstack([corners, rng.random((100, 2))]), lower, upper)
    found = np.hstack([net.preactivations(x), net.forward(x)])
    assert (np.concatenate(bounds.lower) <= found).all()
    assert (found <= np.concatenate(bounds.upper)).all()


@given(st.integers(0, 10_000), st.floats(-12, 12), st.floats(0, 4), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_bounds_are_sound_at_any_scale(seed: int, power: float, width: float, depth: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [2, *rng.integers(1, 6, depth), 2]
    kinds = [rng.choice([RELU, RELU, IDENTITY, ZERO], n) for n in sizes[1:-1]]
    net = random_mlp([int(n) for n in sizes], seed, kinds=kinds, scale=10.0**power)
    lower = rng.normal(size=2)
    upper = lower + width * rng.random(2)
    loose, tight = interval_bounds(net, lower, upper), crown_bounds(net, lower, upper)
    assert_sound(net, lower, upper, loose)
    assert_sound(net, lower, upper, tight)
    assert (np.concatenate(tight.lower) >= np.concatenate(loose.lower)).all()
    assert (np.concatenate(tight.upper) <= np.concatenate(loose.upper)).all()


def test_bounds_hold_exactly_at_a_point_of_the_box() -> None:
    net, x = random_mlp([2, 5, 5, 1], 4), np.array([0.3, -0.7])
    for bounds in (interval_bounds(net, x, x), crown_bounds(net, x, x)):
        assert_sound(net, x, x, bounds)
        assert np.allclose(np.concatenate(bounds.lower), np.concatenate(bounds.upper), rtol=0, atol=1e-11)
        assert not bounds.unstable(net).any()


@given(st.integers(0, 10_000), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_bounds_hold_for_all_points_that_keep_the_limits(seed: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [2, *(int(n) for n in rng.integers(1, 6, depth)), 2]
    net = random_mlp(sizes, seed, kinds=[rng.choice([RELU, RELU, IDENTITY, ZERO], n) for n in sizes[1:-1]])
    x = rng.uniform(-1, 1, (200, 2))
    found = np.hstack([net.preactivations(x), net.forward(x)])
    low, high = np.sort(found[rng.integers(200, size=(2, found.shape[1])), np.arange(found.shape[1])], axis=0)
    low, high = np.where(rng.random(low.size) < 0.5, low, -np.inf), np.where(rng.random(low.size) < 0.5, high, np.inf)
    kept = found[((found >= low) & (found <= high)).all(axis=1)]
    bounds = clipped_bounds(net, -np.ones(2), np.ones(2), np.stack([low, high]), slack=1e-6)
    twin = Crown(net).bounds(-np.ones(2), np.ones(2), np.stack([low, high]), slack=1e-6)
    if bounds is None or twin is None:
        assert bounds is twin
        assert not len(kept)
        return
    for one, other in zip((*bounds.lower, *bounds.upper), (*twin.lower, *twin.upper), strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9)
    assert (np.concatenate(bounds.lower) <= kept).all()
    assert (kept <= np.concatenate(bounds.upper)).all()
    free = interval_bounds(net, -np.ones(2), np.ones(2))
    assert (np.concatenate(bounds.lower) >= np.concatenate(free.lower)).all()


def test_a_limit_reaches_later_layers_even_through_identities() -> None:
    double = ReluNet(
        1, (np.array([[2.0]]), np.array([[0.0, 3.0]])), (np.zeros(1), np.zeros(1)), (np.array([IDENTITY]),)
    )
    limits = np.array([[-np.inf, -np.inf], [1.0, np.inf]])
    bounds = clipped_bounds(double, -np.ones(1), np.ones(1), limits, slack=1e-9)
    assert bounds is not None
    assert (*bounds.lower[-1], *bounds.upper[-1]) == pytest.approx((-6.0, 3.0), abs=1e-12)
    beyond = np.array([[-np.inf, -np.inf], [-2.1, np.inf]])
    assert clipped_bounds(double, -np.ones(1), np.ones(1), beyond, slack=1e-9) is None


def test_lines_are_those_of_crown() -> None:
    # One ReLU over [-1, 3]: y = x - max(0, x). Below the ReLU the identity leaves less area, so y <= 0; the chord
    # above is 3/4 (x + 1), so y >= x / 4 - 3 / 4 >= -1. Intervals give [-4, 3].
    net = ReluNet.residual([[1.0]], [0.0], [[-1.0]], [[1.0]], [0.0])
    bounds = crown_bounds(net, np.array([-1.0]), np.array([3.0]))
    assert bounds.lower[-1] == pytest.approx([-1.0], abs=1e-12)
    assert bounds.upper[-1] == pytest.approx([0.0], abs=1e-12)
    loose = interval_bounds(net, np.array([-1.0]), np.array([3.0]))
    assert (*loose.lower[-1], *loose.upper[-1]) == pytest.approx((-4.0, 3.0), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_no_bound_cuts_the_maximum_off(seed: int) -> None:
    net, low, high = random_mlp([3, 4, 3, 1], seed), -np.ones(3), np.ones(3)
    best = greatest(net, low, high)
    assert best <= crown_bounds(net, low, high).upper[-1][0] <= interval_bounds(net, low, high).upper[-1][0]


def test_backward_bounds_leave_fewer_units_open() -> None:
    net, low, high = random_mlp([4, 12, 12, 12, 2], 0), np.full(4, -0.3), np.full(4, 0.3)
    assert crown_bounds(net, low, high).unstable(net).sum() < interval_bounds(net, low, high).unstable(net).sum()


def test_bounds_along_a_horizon_contain_every_state() -> None:
    net = random_mlp([3, 6, 2], 1, scale=0.7).unrolled(5)
    low, high = np.array([0.2, 0.1, *[-1.0] * 5]), np.array([0.2, 0.1, *[1.0] * 5])
    x = np.random.default_rng(0).uniform(low, high, (200, 7))
    bounds = crown_bounds(net, low, high)
    assert (bounds.lower[-1] <= net.forward(x)).all()
    assert (net.forward(x) <= bounds.upper[-1]).all()


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        ([-np.inf, 0], [1, 1], r"lower\[0\] = -inf: inputs need finite bounds"),
        ([0, 0], [1, np.nan], r"upper\[1\] = nan"),
        ([0, 2], [1, 1], r"lower\[1\] = 2.0 is above upper\[1\] = 1.0"),
        ([0], [1], r"lower has shape \(1,\) instead of \(2,\)"),
    ],
)
def test_bad_boxes_say_so(lower: list[float], upper: list[float], text: str) -> None:
    net = random_mlp([2, 3, 1], 0)
    for bound in (interval_bounds, crown_bounds):
        with pytest.raises(InvalidNetworkError, match=text):
            bound(net, np.array(lower), np.array(upper))


def test_numbers_that_overflow_say_so() -> None:
    net = random_mlp([2, 3, 1], 0, scale=1e100)
    with pytest.raises(InvalidNetworkError, match="scale weights or inputs down"):
        crown_bounds(net, -np.ones(2), np.ones(2))
