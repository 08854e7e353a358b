"""Kernels of capital budgeting with loans agree with slow, obvious twins."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loans_twins import BARRED, CHOSEN, FREE, plans, random_budgeting, relaxation, terms

from copt.problems.uncertainty import Box, FloatArray
from copt.solvers.robust.box_game_kernels import begin, improve
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.loans_game import LoansGame, units
from copt.solvers.robust.loans_kernels import appraise, price, relax
from copt.solvers.robust.mixture import play

SEEDS = st.integers(0, 100_000)


def random_game(seed: int) -> tuple[LoansGame, Bytes, FloatArray]:
    """A game, decisions of which some are fixed within the early budget, and a scenario."""
    rng = np.random.default_rng(seed)
    instance = random_budgeting(seed)
    game = LoansGame(instance, instance.loans is not None and seed % 2 == 1, seed)
    fixed = rng.integers(0, 3, instance.num_projects).astype(np.uint8)
    while game.projects.costs @ (fixed == CHOSEN) > game.projects.early_budget:
        fixed[rng.choice(np.flatnonzero(fixed == CHOSEN))] = BARRED
    v = np.append(rng.uniform(-1.0, 1.0, instance.num_factors), rng.uniform(0.0, 0.6))
    return game, fixed, v


def best_plan_at(game: LoansGame, fixed: Bytes, v: FloatArray) -> float:
    """What the best plan earns in a scenario."""
    found = []
    for ways, loan, rest in plans(game.instance, game.early_loan, fixed):
        gain, slope = terms(game.instance, game.early_loan, ways, loan)
        found.append(gain + float(slope @ v[:-1]) + float(v[-1]) * most_price(game) * rest)
    return max(found)


def most_price(game: LoansGame) -> float:
    """The price of a unit of currency, not of the part in which costs are whole."""
    return game.projects.most_price * (units(game.instance) or 1)


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_price_is_what_the_best_plan_earns(seed: int) -> None:
    game, fixed, v = random_game(seed)
    best = best_plan_at(game, fixed, v)
    assert price(game.projects, game.desk, fixed, v, best - 1.0) == pytest.approx(best, abs=1e-9)
    assert price(game.projects, game.desk, fixed, v, best + 1e-6) == best + 1e-6  # there is none


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_appraised_bounds_hold_for_either_side(seed: int) -> None:
    game, fixed, v = random_game(seed)
    sides = np.zeros((2, fixed.size))
    appraise(game.projects, game.desk, fixed, v, sides[BARRED], sides[CHOSEN])
    for i, side in itertools.product(np.flatnonzero(fixed == FREE), (BARRED, CHOSEN)):
        other = fixed.copy()
        other[i] = side
        if game.projects.costs @ (other == CHOSEN) <= game.projects.early_budget:
            assert sides[side, i] >= best_plan_at(game, other, v) - 1e-6


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_relaxation_is_that_of_all_plans(seed: int) -> None:
    game, fixed, v = random_game(seed)
    exact = relaxation(game.instance, game.early_loan, fixed, most_price(game))
    bound, value = relax(game.projects, game.desk, fixed, v, -100.0, 0.0, game.tiny)
    assert bound == pytest.approx(exact, abs=1e-5)
    assert value == pytest.approx(exact, abs=1e-5)
    assert relax(game.projects, game.desk, fixed, v, exact + 0.1, 0.0, game.tiny) == (exact + 0.1, -np.inf)


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_simplex_method_plays_as_a_general_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    game = LoansGame(random_budgeting(seed), False, seed).desk.game
    m, count = game.lower.size, int(rng.integers(1, 12))
    game.gains[:count] = rng.normal(size=count)
    game.slopes[:count] = rng.normal(size=(count, m))
    game.active[:count] = np.arange(count)
    begin(game, 0)
    value = improve(game, count, 1e-12)
    general = play(-game.gains[:count], -game.slopes[:count], Box(game.lower, game.upper))
    assert value == pytest.approx(-general.value, abs=1e-6)
    assert (game.gains[:count] + game.slopes[:count] @ game.outer).max() == pytest.approx(value, abs=1e-6)
    assert game.primal[game.basis >= 2 * m].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(6))
def test_climb_ends_where_no_exchange_helps(seed: int) -> None:
    instance = random_budgeting(10 * seed + 1, most=7)
    game = LoansGame(instance, True, seed)
    start = np.zeros(instance.num_projects, dtype=np.uint8)
    *_, (x, value) = game.climb(start, np.random.default_rng(seed))
    assert value == pytest.approx(game.worth(x), abs=1e-6)
    assert value >= game.worth(start)
    for i, j in itertools.combinations_with_replacement(range(x.size), 2):
        other = x.copy()
        other[[i, j]] = 1 - other[[i, j]]
        if game.projects.costs @ other <= game.projects.early_budget and (i == j or x[i] != x[j]):
            assert game.worth(other) <= value + 1e-5
