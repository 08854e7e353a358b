"""Moves of local search on the robust knapsack: bounds, what a network sees of them, and whom they may mislead."""

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from robust_cases import random_loans
from robust_twins import best_decisions, random_knapsack, worst_case

import copt
from copt.errors import CoptError
from copt.events import Silent
from copt.instances.robust_generators import robust_knapsack
from copt.monitor import Monitor
from copt.problems.robust import check
from copt.problems.robust_knapsack import RobustKnapsack
from copt.solvers.robust.knapsack_descent import climb
from copt.solvers.robust.knapsack_game import KnapsackGame
from copt.solvers.robust.knapsack_moves import Moves, Prices, State, by_bound, least_costs, moves_from, prices_of
from copt.solvers.robust.knapsack_primal import Primal
from copt.solvers.robust.move_net import guide_of, item_features, move_features, scores_of, seen
from copt.stop import Stop

HIDDEN = 4
ITEM_FEATURES, MOVE_FEATURES = 21, 5


def some_weights(seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights of a network of one layer, all of them random."""
    rng = np.random.default_rng(seed)
    shapes = {
        "item_mean": (ITEM_FEATURES,),
        "item_scale": (ITEM_FEATURES,),
        "move_mean": (MOVE_FEATURES,),
        "move_scale": (MOVE_FEATURES,),
        "enter.weight": (HIDDEN, ITEM_FEATURES),
        "enter.bias": (HIDDEN,),
        "layers.0.own.weight": (HIDDEN, HIDDEN),
        "layers.0.own.bias": (HIDDEN,),
        "layers.0.context.weight": (HIDDEN, 2 * HIDDEN),
        "layers.0.context.bias": (HIDDEN,),
        "flip.weight": (HIDDEN, HIDDEN),
        "move.weight": (HIDDEN, MOVE_FEATURES),
        "move.bias": (HIDDEN,),
        "score.weight": (1, HIDDEN),
        "score.bias": (1,),
    }
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@dataclass(frozen=True)
class Advice:
    """A policy of any weights."""

    weights: dict[str, NDArray[np.float32]]
    name: str = "advice"
    family: str = "robust"
    card: dict[str, Any] = field(default_factory=lambda: {"role": "moves"})


def state_of(instance: RobustKnapsack, seed: int) -> State:
    """Some decisions with their worst case, and two more scenarios."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, instance.num_items).astype(np.uint8)
    game = KnapsackGame(instance, 0)
    found = game.solve(game.decided(x))
    more = rng.random((2, instance.num_items))
    more *= np.minimum(1.0, instance.budget / more.sum(axis=1, keepdims=True))
    return State(instance, x, found, np.vstack([found.scenario, more]))


def test_moves_are_all_flips_and_swaps() -> None:
    x = np.array([1, 0, 1, 0, 0], dtype=np.uint8)
    moves = moves_from(x)
    found = {moves.apply(k, x).tobytes() for k in range(len(moves.first))}
    flips = {tuple(x ^ np.eye(5, dtype=np.uint8)[i]) for i in range(5)}
    swaps = {tuple(np.array(y, np.uint8)) for y in itertools.product((0, 1), repeat=5) if sum(y) == 2}
    near = {y for y in swaps if (np.array(y) != x).sum() == 2}
    assert found == {np.array(y, dtype=np.uint8).tobytes() for y in flips | near}
    assert len(moves.first) == 5 + 2 * 3
    np.testing.assert_array_equal(moves.total(np.arange(5.0)), [0, 1, 2, 3, 4, 1, 3, 4, 3, 5, 6])


@pytest.mark.parametrize("seed", range(15))
def test_no_move_costs_less_than_its_bound(seed: int) -> None:
    instance = random_knapsack(seed)
    state = state_of(instance, seed)
    moves, prices = moves_from(state.x), prices_of(state)
    slack = 1e-6 * (1.0 + float(instance.outsourcing.sum()))
    assert (prices.bounds <= worst_case(instance, state.x) + slack).all()
    least = least_costs(state, moves, prices)
    for k in range(len(moves.first)):
        assert least[k] <= worst_case(instance, moves.apply(k, state.x)) + slack
    np.testing.assert_array_equal(by_bound(state, moves, prices), -least)


def test_bounds_are_those_of_a_loop() -> None:
    instance = robust_knapsack(items=12, correlation="WC", seed=3)
    state = state_of(instance, 3)
    prices = prices_of(state)
    for s, scenario in enumerate(state.scenarios):
        total = -prices.capacity[s] * instance.capacity
        for i in np.flatnonzero(state.x):
            gain, price = instance.outsourcing[i], prices.capacity[s]
            bare = gain - instance.degradations[i] * scenario[i] - price * instance.weights[i]
            repaired = gain - price * (instance.weights[i] + instance.repair_weights[i])
            adds = gain - instance.profits[i] - max(0.0, bare, repaired)
            assert prices.choosing[i, s] == pytest.approx(adds)
            assert prices.flipping(state.x)[i, s] == -prices.choosing[i, s]
            total += adds
        assert prices.bounds[s] == pytest.approx(total)
        # The price is the best one: none gives a bound that is better by more than rounding.
        for price in np.linspace(0.0, 3.0, 301):
            kept = state.x > 0
            bare = instance.outsourcing - instance.degradations * scenario - price * instance.weights
            repaired = instance.outsourcing - price * (instance.weights + instance.repair_weights)
            adds = instance.outsourcing - instance.profits - np.maximum(0.0, np.maximum(bare, repaired))
            assert adds[kept].sum() - price * instance.capacity <= prices.bounds[s] + 1e-4


def test_units_do_not_change_what_the_network_sees() -> None:
    instance = robust_knapsack(items=15, correlation="ASC", seed=5)
    state = state_of(instance, 5)
    scaled = replace(
        instance,
        profits=8.0 * instance.profits,
        degradations=8.0 * instance.degradations,
        outsourcing=8.0 * instance.outsourcing,
        weights=3 * instance.weights,
        repair_weights=3 * instance.repair_weights,
        capacity=3 * instance.capacity,
    )
    other = State(scaled, state.x, state.found._replace(value=8.0 * state.found.value), state.scenarios)
    moves = moves_from(state.x)
    first, second = (seen(one, moves, prices_of(one)) for one in (state, other))
    assert first.items.shape == (15, ITEM_FEATURES)
    assert first.moves.shape == (len(moves.first), MOVE_FEATURES)
    # Prices of capacity are found by halving an interval 32 times.
    np.testing.assert_allclose(first.items, second.items, atol=1e-5)
    np.testing.assert_allclose(first.moves, second.moves, atol=1e-5)
    assert np.abs(first.items).max() <= 5.0


def test_scores_follow_the_items_in_any_order() -> None:
    instance = robust_knapsack(items=14, correlation="UN", seed=2)
    state = state_of(instance, 2)
    order = np.random.default_rng(0).permutation(14)
    names = ("profits", "degradations", "outsourcing", "weights", "repair_weights")
    turned = replace(instance, **{name: getattr(instance, name)[order] for name in names})
    multipliers = np.concatenate([state.found.scenario[order], np.zeros(16)])
    found = state.found._replace(multipliers=multipliers, plans=state.found.plans[:, order])
    other = State(turned, state.x[order], found, state.scenarios[:, order])
    moves, place = moves_from(state.x), np.argsort(order)
    same = Moves(place[moves.first], np.where(moves.second >= 0, place[moves.second], -1))
    weights = some_weights(1)
    np.testing.assert_allclose(
        scores_of(weights, seen(state, moves, prices_of(state)), moves),
        scores_of(weights, seen(other, same, prices_of(other)), same),
        rtol=1e-3,
        atol=1e-3,  # of scores around 10 in single precision
    )


@pytest.mark.parametrize("seed", range(10))
def test_features_are_finite_where_weights_or_profits_are_nothing(seed: int) -> None:
    instance = random_knapsack(seed)
    nothing = replace(instance, weights=0 * instance.weights, profits=0 * instance.profits, capacity=0)
    for one in (instance, nothing):
        state = state_of(one, seed)
        prices = prices_of(state)
        assert np.isfinite(item_features(state, prices)).all()
        assert np.isfinite(move_features(state, moves_from(state.x), prices)).all()


def test_the_guide_says_what_is_tried_first() -> None:
    instance = robust_knapsack(items=10, correlation="SC", seed=1)
    game, monitor = KnapsackGame(instance, 0), Monitor(Stop(seconds=30), Silent(), sign=-1)
    primal, tried = Primal(instance, monitor), list[bytes]()
    x = np.zeros(10, dtype=np.uint8)
    found = primal.evaluate(game, x, "nothing", cutoff=np.inf)
    assert found is not None

    def last_first(state: State, moves: Moves, prices: Prices) -> NDArray[np.float64]:
        tried.append(state.x.tobytes())
        return np.arange(len(moves.first), dtype=np.float64)

    search = climb(game, primal, x, found, np.random.default_rng(0), last_first)
    with pytest.raises(StopIteration) as end:
        while True:
            next(search)
    result, best = end.value.value
    second = np.frombuffer(tried[1], dtype=np.uint8)
    expected = next(i for i in range(9, -1, -1) if worst_case(instance, np.eye(10)[i]) < found.value - 1e-6)
    np.testing.assert_array_equal(second, np.eye(10)[expected])
    assert best.value == pytest.approx(worst_case(instance, result), rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scale", [0.0, 1.0, np.inf])
def test_no_policy_can_make_the_solver_wrong(seed: int, scale: float) -> None:
    instance = random_knapsack(seed)
    policy = Advice({name: np.full_like(w, scale) if scale != 1.0 else w for name, w in some_weights(seed).items()})
    result = copt.solve(instance, seconds=60, policy=policy, workers=1 + seed % 2)
    assert result.status is copt.Status.OPTIMAL
    assert result.policy == "advice"
    assert result.objective == pytest.approx(-best_decisions(instance), rel=1e-6, abs=1e-4)
    assert check(instance, result.solution) == []


def test_without_a_policy_the_rule_guides() -> None:
    assert guide_of(None) is by_bound


def test_a_policy_of_something_else_is_refused() -> None:
    with pytest.raises(CoptError, match="policy 'advice' orders no moves of robust knapsacks; take robust-moves-v1"):
        guide_of(Advice({}, card={"role": "focus"}))
    with pytest.raises(CoptError, match="policy 'advice' serves two-stage knapsacks only, pass policy=None"):
        copt.solve(random_loans(4, 1), policy=Advice({}), seconds=5)
