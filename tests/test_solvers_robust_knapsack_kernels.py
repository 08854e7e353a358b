"""Kernels of the two-stage robust knapsack agree with slow, obvious twins."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robust_twins import all_plans, best_decisions, plan_costs, random_knapsack, relaxation, worst_case

from copt.solvers.robust.knapsack_game import BARRED, CHOSEN, FREE, KnapsackGame, Part
from copt.solvers.robust.knapsack_kernels import best_plan, lagrangian

SEEDS = st.integers(0, 100_000)


@settings(deadline=None)
@given(SEEDS)
def test_best_plan_is_the_best_of_all_and_beats_the_floor_or_is_none(seed: int) -> None:
    instance, rng = random_knapsack(seed), np.random.default_rng(seed)
    n, plans = instance.num_items, all_plans(instance)
    table = np.zeros((n, 3))
    table[:, 2] = rng.uniform(-2, 20, n)
    table[:, 1] = table[:, 2] - rng.uniform(0, 10, n)
    best = table[np.arange(n), plans].sum(axis=1).max()
    weights, repair = instance.weights.astype(np.int64), instance.repair_weights.astype(np.int64)
    room, plan, spare = np.zeros(n), np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.uint8)
    rows, choices = np.zeros((2, instance.capacity + 1)), np.zeros((n, instance.capacity + 1), dtype=np.uint8)
    core = np.zeros((n, 3), dtype=np.int64)
    assert lagrangian(table, weights, repair, instance.capacity, room)[1] >= best - 1e-9
    for floor in (-1.0, best - 1.0, best - 1e-6):
        found = best_plan(table, weights, repair, instance.capacity, floor, room, rows, choices, core, spare, plan)
        assert found == pytest.approx(best, abs=1e-9)
        assert table[np.arange(n), plan].sum() == pytest.approx(best, abs=1e-9)
        assert (plan > 0) @ weights + (plan > 1) @ repair <= instance.capacity
    floor = best + 1e-6
    assert best_plan(table, weights, repair, instance.capacity, floor, room, rows, choices, core, spare, plan) == floor


def random_part(game: KnapsackGame, rng: np.random.Generator) -> Part:
    """Some decisions fixed, and an interval of prices: all of them, one price, or any."""
    root = game.root()
    fixed = np.where(root.fixed == CHOSEN, CHOSEN, rng.integers(0, 3, game.size)).astype(np.uint8)
    low, high = np.sort(rng.uniform(0.0, 1.2 * root.high, 2))
    intervals = [(0.0, root.high), (0.0, high), (low, low), (low, high), (low, max(low, root.high))]
    return Part(fixed, *intervals[int(rng.integers(0, len(intervals)))])


@settings(deadline=None)
@given(SEEDS)
def test_relaxation_is_the_linear_program_with_linked_decisions(seed: int) -> None:
    instance, rng = random_knapsack(seed), np.random.default_rng(seed)
    game = KnapsackGame(instance, 0)
    start = None
    for _ in range(4):
        part = random_part(game, rng)
        found = game.solve(part, start=start)
        value = relaxation(instance, *part)
        assert found.bound <= value + 1e-6
        assert found.bound == pytest.approx(value, abs=1e-4)
        assert found.value == pytest.approx(value, abs=1e-4)
        assert part.low - 1e-4 <= found.price <= part.high + 1e-4
        start = found


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_some_interval_of_prices_holds_the_optimum_and_none_excludes_it(seed: int) -> None:
    instance, rng = random_knapsack(seed, 5), np.random.default_rng(seed)
    game = KnapsackGame(instance, 0)
    root, optimum = game.root(), best_decisions(instance)
    cuts = [0.0, *np.sort(rng.uniform(0.0, root.high, 2)), root.high]
    bounds = [game.solve(root._replace(low=low, high=high)).bound for low, high in itertools.pairwise(cuts)]
    assert min(bounds) <= optimum + 1e-6
    assert min(bounds) >= game.solve(root).bound - 1e-4


@settings(deadline=None)
@given(SEEDS)
def test_fixing_all_decisions_gives_their_worst_case(seed: int) -> None:
    instance = random_knapsack(seed)
    game = KnapsackGame(instance, 0)
    x = np.random.default_rng(seed).integers(0, 2, instance.num_items).astype(np.uint8)
    value = worst_case(instance, x)
    found = game.solve(game.decided(x))
    assert found.bound == pytest.approx(value, abs=1e-4)
    assert instance.two_stage().uncertainty.contains(found.scenario)
    solution = game.solution(x, found)
    assert solution is not None and solution.weights is not None
    costs, losses = plan_costs(instance, solution.plans @ np.vstack([np.eye(x.size)] * 2), x)
    slope = solution.weights @ losses
    worst = instance.two_stage().uncertainty.worst(slope)
    assert solution.weights @ costs + slope @ worst == pytest.approx(value, abs=1e-4)
    scenarios = np.array([np.zeros(x.size), found.scenario])
    assert game.beaten(x, scenarios, value - 1e-3) >= 0
    assert game.beaten(x, scenarios, value + 1e-3) == -1


@settings(deadline=None)
@given(SEEDS)
def test_bounds_of_fixing_one_more_item_hold(seed: int) -> None:
    instance, rng = random_knapsack(seed, 5), np.random.default_rng(seed)
    game = KnapsackGame(instance, 0)
    part = random_part(game, rng)
    part = part._replace(fixed=game.root().fixed)
    barred, chosen = game.forced(game.solve(part), part)
    for i in np.flatnonzero(part.fixed == FREE):
        for side, bounds in ((BARRED, barred), (CHOSEN, chosen)):
            other = part.fixed.copy()
            other[i] = side
            assert bounds[i] <= relaxation(instance, other, part.low, part.high) + 1e-6


def test_a_relaxation_ends_at_the_cutoff_and_starts_from_a_similar_one_of_another_pool() -> None:
    instance = random_knapsack(11)
    game, other = KnapsackGame(instance, 0), KnapsackGame(instance, 1)
    part = game.root()
    found = game.solve(part)
    assert game.solve(part, start=found).bound == pytest.approx(found.bound, abs=1e-4)
    assert other.solve(part, start=found).bound == pytest.approx(found.bound, abs=1e-4)
    assert game.solve(part, start=found, cutoff=found.bound - 1.0).value == np.inf
