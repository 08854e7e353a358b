"""The game of plans and scenarios: both sides agree, and brute force over extreme points agrees with both."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copt.errors import CoptError
from copt.problems.uncertainty import Box, Budget, Ellipsoid, Polyhedron, Product, UncertaintySet
from copt.solvers.robust.mixture import linear_rows, play


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_both_sides_of_the_game_have_one_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plans, n = int(rng.integers(1, 6)), 4
    sets: list[UncertaintySet] = [
        Box(-np.ones(n), rng.random(n)),
        Budget(n, float(rng.uniform(0.0, n))),
        Polyhedron(rng.random((2, n)), np.ones(2), Box(np.zeros(n), np.ones(n))),
        Product((Budget(2, 1.5), Box(np.zeros(2), np.ones(2)))),
        Ellipsoid(rng.normal(size=n), np.diag(rng.uniform(0.1, 1.0, n))),
        Product((Ellipsoid(np.zeros(2), np.eye(2)), Box(np.zeros(2), np.ones(2)))),
    ]
    uncertainty = sets[seed % len(sets)]
    constants, slopes = rng.normal(size=plans), rng.normal(size=(plans, n))
    game = play(constants, slopes, uncertainty)
    assert uncertainty.contains(game.worst)
    assert game.weights.sum() == pytest.approx(1.0)
    slope = game.weights @ slopes
    assert game.weights @ constants + slope @ uncertainty.worst(slope) == pytest.approx(game.value, abs=1e-6)
    assert (constants + slopes @ game.worst).min() == pytest.approx(game.value, abs=1e-6)


def test_two_plans_that_hedge_each_other() -> None:
    # One plan loses 2 u, the other 2 (1 - u): half of each loses 1 whatever u is.
    game = play(np.array([0.0, 2.0]), np.array([[2.0], [-2.0]]), Box(np.zeros(1), np.ones(1)))
    assert game.value == pytest.approx(1.0)
    assert game.weights == pytest.approx([0.5, 0.5])
    assert game.worst == pytest.approx([0.5])


@pytest.mark.parametrize("budget", [0.0, 1.0, 1.5, 3.0])
def test_worst_member_of_a_budget_is_that_of_its_extreme_points(budget: float) -> None:
    n = 3
    grid = np.array(list(itertools.product(np.linspace(0, 1, 5), repeat=n)))
    members = grid[grid.sum(axis=1) <= budget + 1e-9]
    for direction in np.random.default_rng(0).normal(size=(20, n)):
        worst = Budget(n, budget).worst(direction)
        assert Budget(n, budget).contains(worst)
        assert direction @ worst >= (members @ direction).max() - 1e-9


def test_an_ellipsoid_has_no_linear_rows() -> None:
    with pytest.raises(CoptError, match="Ellipsoid has no description"):
        linear_rows(Ellipsoid(np.zeros(2), np.eye(2)))
