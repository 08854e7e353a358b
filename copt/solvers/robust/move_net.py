"""A learned guide of local search on the robust knapsack: which moves are likely to pay.

A set network sees the items and where the search stands; its score of a move is a small network's of the sum over the
items that the move flips. Nothing in it depends on the number of items. ``copt.models.robust`` is the same in torch.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.policy import Policy
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.knapsack_moves import Guide, Moves, Prices, State, by_bound

__all__ = ["Seen", "by_net", "guide_of", "item_features", "move_features", "scores_of", "seen"]

Float32 = NDArray[np.float32]
TINY = 1e-9  # least divisor, in means of all items
CLIP = 5.0  # bound on every feature


class Seen(NamedTuple):
    """What the network sees: numbers that neither units nor the number of items change.

    Args:
        items: Shape (items, features).
        chosen: Whether each item is chosen, shape (items,).
        moves: Shape (moves, features).
    """

    items: Float32
    chosen: NDArray[np.bool_]
    moves: Float32


def seen(state: State, moves: Moves, prices: Prices) -> Seen:
    """Return what the network sees of ``state``."""
    return Seen(item_features(state, prices), state.x > 0, move_features(state, moves, prices))


def _units(instance: RobustKnapsack) -> tuple[float, float]:
    """Return the units of money and of weight: the means of all items."""
    money, size = float(instance.profits.mean()), float(instance.weights.mean())
    return (money if money > 0.0 else 1.0), (size if size > 0.0 else 1.0)


def _clipped(columns: list[FloatArray]) -> Float32:
    """Return features side by side, none too far out."""
    table: Float32 = np.clip(np.stack(columns, axis=1), -CLIP, CLIP).astype(np.float32)
    return table


def _ranks(values: FloatArray) -> FloatArray:
    """Return the rank of each value as a share of all, in (0, 1); equal values share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean: FloatArray = np.cumsum(counts) - 0.5 * counts
    return mean[place] / values.size


def item_features(state: State, prices: Prices) -> Float32:
    """Return the features of the items, shape (items, features)."""
    one, n = state.instance, state.instance.num_items
    money, size = _units(one)
    profits = np.maximum(one.profits, TINY * money)
    weights = np.maximum(one.weights, TINY * size)
    made, repaired = (state.found.weights @ (state.found.recourse > least) for least in (0, 1))
    choosing = prices.choosing / money
    everywhere = (
        one.capacity / (size * n),
        one.budget / n,
        float(one.weights @ state.x) / max(1, one.capacity),
        prices.capacity[0] * size / money,
    )
    columns = [
        profits / money,
        one.degradations / profits,
        one.outsourcing / profits,
        weights / size,
        one.repair_weights / weights,
        np.log(profits / money) - np.log(weights / size),
        _ranks(one.profits / weights),
        _ranks((one.profits - one.degradations) / weights),
        _ranks(one.profits / (weights + one.repair_weights)),
        state.x.astype(np.float64),
        state.found.scenario,
        made,
        repaired,
        choosing[:, 0],
        choosing.max(axis=1),
        choosing.min(axis=1),
        _ranks(choosing[:, 0]),
        *(np.full(n, value) for value in everywhere),
    ]
    return _clipped(columns)


def move_features(state: State, moves: Moves, prices: Prices) -> Float32:
    """Return the features of the moves, shape (moves, features)."""
    one = state.instance
    money, size = _units(one)
    # The cost of x itself may not be known closely, so its best bound is what those of the moves are compared with.
    low = (prices.bounds - prices.bounds.max() + moves.total(prices.flipping(state.x))) / money
    heavier = moves.total(np.where(state.x > 0, -1.0, 1.0) * (one.weights / size))
    columns = [
        low.max(axis=1),
        low[:, 0],
        low.mean(axis=1),
        heavier,
        (moves.second >= 0).astype(np.float64),
    ]
    return _clipped(columns)


def scores_of(weights: Mapping[str, Float32], what: Seen, moves: Moves) -> Float32:
    """Return the score of each move, shape (moves,).

    Args:
        weights: Parameters by name, as ``copt.models.robust.MoveNet`` stores them.
        what: What the network sees.
        moves: The moves.
    """

    def linear(name: str, x: Float32) -> Float32:
        result: Float32 = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return result

    def mean(h: Float32, some: NDArray[np.bool_]) -> Float32:
        result: Float32 = h[some].sum(axis=0) / np.float32(max(1, some.sum()))
        return result

    h = np.maximum(linear("enter", (what.items - weights["item_mean"]) / weights["item_scale"]), 0)
    layer = 0
    while f"layers.{layer}.own.weight" in weights:
        context = np.concatenate([mean(h, what.chosen), mean(h, ~what.chosen)])
        h = h + np.maximum(linear(f"layers.{layer}.own", h) + linear(f"layers.{layer}.context", context), 0)
        layer += 1
    g = linear("move", (what.moves - weights["move_mean"]) / weights["move_scale"])
    hidden = np.maximum(moves.total(h @ weights["flip.weight"].T) + g, 0)
    return linear("score", hidden)[:, 0]


def by_net(weights: Mapping[str, Float32], state: State, moves: Moves, prices: Prices) -> Float32:
    """Return the network's scores of moves: a ``Guide`` once ``weights`` are given."""
    with np.errstate(all="ignore"):  # moves without a finite score are not tried, whatever the weights
        return scores_of(weights, seen(state, moves, prices), moves)


def guide_of(policy: Policy | None) -> Guide:
    """Return how local search orders moves with ``policy``, or without learning.

    Raises:
        CoptError: If the policy is none of moves.
    """
    if policy is None:
        return by_bound
    if policy.card.get("role") != "moves":
        raise CoptError(
            f"policy '{policy.name}' orders no moves of robust knapsacks; take robust-moves-v1 or train one with "
            "`copt train robust`"
        )
    return partial(by_net, policy.weights)
