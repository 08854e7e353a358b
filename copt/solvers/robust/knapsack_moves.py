"""Moves of local search on the first stage of the robust knapsack, and what known scenarios tell of them.

In a scenario u and at a price of capacity, Lagrangian duality bounds the cost of decisions x from below by a sum over
the items. What a move adds to that sum is found without solving anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.knapsack_game import Relaxation
from copt.solvers.robust.knapsack_kernels import Bytes

__all__ = ["Guide", "Moves", "Prices", "State", "by_bound", "least_costs", "moves_from", "prices_of"]

HALVINGS = 32  # of the interval in which a price of capacity lies
Places = NDArray[np.int64]
Real = TypeVar("Real", bound=np.floating[Any])


class Moves(NamedTuple):
    """Flips and swaps of decisions.

    Args:
        first: An item to flip, shape (moves,).
        second: Another one, or -1 for none, shape (moves,).
    """

    first: Places
    second: Places

    def apply(self, k: int, x: Bytes) -> Bytes:
        """Return ``x`` after move ``k``."""
        other = x.copy()
        for i in {int(self.first[k]), int(self.second[k])} - {-1}:
            other[i] = 1 - other[i]
        return other

    def total(self, of_items: NDArray[Real]) -> NDArray[Real]:
        """Return the sum over the items of each move; the first axis of ``of_items`` counts items, that of it moves."""
        padded = np.concatenate([of_items, np.zeros_like(of_items[:1])])
        summed: NDArray[Real] = padded[self.first] + padded[self.second]  # -1 is the padding
        return summed


def moves_from(x: Bytes) -> Moves:
    """Return the flip of each item, and each swap of a chosen item with one that is not."""
    inside, outside = np.flatnonzero(x), np.flatnonzero(x == 0)
    single = np.arange(x.size)
    return Moves(
        np.concatenate([single, np.repeat(inside, outside.size)]),
        np.concatenate([np.full(x.size, -1), np.tile(outside, inside.size)]),
    )


@dataclass(frozen=True)
class State:
    """Where local search stands.

    Args:
        instance: The instance.
        x: Whether each item is chosen, shape (items,).
        found: The worst case of ``x``.
        scenarios: Known scenarios, that of ``found`` first, shape (scenarios, items).
    """

    instance: RobustKnapsack
    x: Bytes
    found: Relaxation
    scenarios: FloatArray


class Prices(NamedTuple):
    """What a state's scenarios say of decisions.

    Args:
        capacity: Price of a unit of capacity, shape (scenarios,).
        choosing: What an item adds to the cost when it is chosen, shape (items, scenarios).
        bounds: Lower bound on the cost of the state's decisions, shape (scenarios,).
    """

    capacity: FloatArray
    choosing: FloatArray
    bounds: FloatArray

    def flipping(self, x: Bytes) -> FloatArray:
        """Return what flipping each item adds to the bounds, shape (items, scenarios)."""
        return np.where(x[:, None] > 0, -self.choosing, self.choosing)


def prices_of(state: State) -> Prices:
    """Return what the scenarios of ``state`` say, each at the price of capacity that is best for its decisions."""
    one, scenarios = state.instance, state.scenarios
    capacity = _capacity_prices(one, state.x, scenarios)
    bare = one.outsourcing - one.degradations * scenarios - capacity[:, None] * one.weights
    repaired = one.outsourcing - capacity[:, None] * (one.weights + one.repair_weights)
    choosing = one.outsourcing - one.profits - np.maximum(0.0, np.maximum(bare, repaired))
    return Prices(capacity, choosing.T, choosing @ state.x - capacity * one.capacity)


def _capacity_prices(instance: RobustKnapsack, x: Bytes, scenarios: FloatArray) -> FloatArray:
    """Return for each scenario a price of capacity at which the best choices of the items in ``x`` just fit."""
    chosen = x > 0
    light = instance.weights[chosen].astype(np.float64)
    heavy = light + instance.repair_weights[chosen]
    gain = instance.outsourcing[chosen]
    bare = gain - instance.degradations[chosen] * scenarios[:, chosen]
    low = np.zeros(len(scenarios))
    high = np.full(len(scenarios), float((gain / np.maximum(1, light)).max(initial=0.0)))
    for _ in range(HALVINGS):
        price = 0.5 * (low + high)
        first, second = bare - price[:, None] * light, gain - price[:, None] * heavy
        used = np.where((first > 0) & (first >= second), light, np.where(second > 0, heavy, 0.0)).sum(axis=1)
        low, high = np.where(used > instance.capacity, price, low), np.where(used > instance.capacity, high, price)
    return high


def least_costs(state: State, moves: Moves, prices: Prices) -> FloatArray:
    """Return what decisions cost at least after each move, shape (moves,)."""
    low: FloatArray = (prices.bounds + moves.total(prices.flipping(state.x))).max(axis=1)
    return low


# Scores of moves; what has a higher score is tried first.
Guide = Callable[[State, Moves, Prices], NDArray[np.floating[Any]]]


def by_bound(state: State, moves: Moves, prices: Prices) -> FloatArray:
    """Return the scores of the rule that tries first what may cost least in all known scenarios."""
    return -least_costs(state, moves, prices)
