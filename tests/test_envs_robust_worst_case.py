"""The worst case of chosen items: by brute force, and as the solver's kernels find it."""

import numpy as np
import pytest
import robust_twins as twins
from robust_twins import BARRED, CHOSEN

from copt.envs import WorstCase
from copt.instances.robust_generators import Correlation, robust_knapsack
from copt.problems.robust import check, objective
from copt.problems.robust_knapsack import RobustKnapsack
from copt.solvers.robust.knapsack_game import KnapsackGame

CLOSE = 1e-6  # relative: both sides stop 1e-7 short of the sum of the numbers


def assert_certain(instance: RobustKnapsack, worst_case: WorstCase, x: np.ndarray) -> float:
    """Evaluate; return the cost, which the checker confirms and which both bounds agree on."""
    found = worst_case(x)
    size = 1.0 + float(instance.profits.sum() + instance.outsourcing.sum())
    assert check(instance, found.solution) == []
    assert -objective(instance, found.solution) == pytest.approx(found.cost, abs=1e-12 * size)
    assert found.cost - found.bound == pytest.approx(0.0, abs=CLOSE * size)
    assert found.solution.x.tolist() == x.tolist()
    return found.cost


@pytest.mark.parametrize("seed", range(25))
def test_the_cost_is_that_of_all_plans(seed: int) -> None:
    instance, rng = twins.random_knapsack(seed), np.random.default_rng(seed)
    worst_case = WorstCase(instance)  # one for all sets of items: plans that do not fit must be left aside
    for _ in range(4):
        x = rng.random(instance.num_items) < 0.6
        expected = twins.worst_case(instance, x.astype(np.float64))
        assert assert_certain(instance, worst_case, x) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("correlation", ["UN", "WC", "ASC", "SC"])
def test_the_cost_is_that_of_the_kernels(correlation: Correlation) -> None:
    instance = robust_knapsack(items=20, correlation=correlation, seed=5)
    game, worst_case, rng = KnapsackGame(instance, 0), WorstCase(instance), np.random.default_rng(0)
    for share in (0.3, 0.6, 1.0):
        x = rng.random(20) < share
        expected = game.solve(game.decided(np.where(x, CHOSEN, BARRED).astype(np.uint8)))
        assert assert_certain(instance, worst_case, x) == pytest.approx(expected.value, rel=CLOSE)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_no_unit_of_money_matters(unit: float) -> None:
    instance = twins.random_knapsack(3)
    money = {name: unit * getattr(instance, name) for name in ("profits", "degradations", "outsourcing")}
    other = RobustKnapsack(
        **money,
        weights=instance.weights,
        repair_weights=instance.repair_weights,
        capacity=instance.capacity,
        budget=instance.budget,
    )
    x = np.ones(instance.num_items, dtype=np.bool_)
    assert WorstCase(other)(x).cost == pytest.approx(unit * WorstCase(instance)(x).cost, rel=1e-6)


def test_nothing_chosen_costs_nothing() -> None:
    instance = twins.random_knapsack(1)
    assert assert_certain(instance, WorstCase(instance), np.zeros(instance.num_items, dtype=np.bool_)) == 0.0
