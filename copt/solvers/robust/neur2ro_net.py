"""The networks of Neur2RO in numpy, for one instance: what they predict of decisions and scenarios.

Items are embedded one by one, in the same way, with what is decided or degrades of them as first input; the embeddings
are added up and put through a further network. The value network predicts the cost of the second stage from that of
decisions and that of a scenario (Dumouchelle, Julien, Kurtz, Khalil 2024, section 4).
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray

__all__ = ["Neur2roNet", "item_features"]

CLOSE = 1e-9  # difference of predictions, which are about 1, that does not count
Side = Literal["x", "u"]  # decisions, scenario


def item_features(instance: RobustKnapsack) -> FloatArray:
    """Return what is known of each item, and the capacity, shape (items, 6)."""
    columns = (
        instance.weights,
        instance.profits,
        instance.degradations,
        instance.outsourcing,
        instance.repair_weights,
        np.full(instance.num_items, instance.capacity),
    )
    return np.stack(columns, axis=1).astype(np.float64)


class Neur2roNet:
    """The networks with the items of one instance.

    Args:
        weights: Parameters by name, as ``copt.models.robust_neur2ro.Neur2roNet`` stores them.
        instance: The instance; of any size, though a network knows only those that it was trained on.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], instance: RobustKnapsack) -> None:
        self.weights = {name: array.astype(np.float64) for name, array in weights.items()}
        low, high = self.weights["low"], self.weights["high"]
        self.instance = instance
        self.size = instance.num_items
        self._items = (item_features(instance) - low) / (high - low)

    def first(self, side: Side) -> tuple[FloatArray, FloatArray]:
        """Return slope, shape (hidden,), and offset, shape (items, hidden), of the first layer in the item's input."""
        layer = self.weights[f"{side}.item.weight"]
        return layer[:, 0], self._items @ layer[:, 1:].T

    def hidden(self, side: Side, values: FloatArray) -> FloatArray:
        """Return the first layer's values for each item, shape (items, hidden).

        Args:
            side: Whether ``values`` are decisions or a scenario.
            values: Shape (items,).
        """
        slope, offset = self.first(side)
        return np.maximum(0.0, values[:, None] * slope + offset)

    def embedded(self, side: Side, values: FloatArray) -> FloatArray:
        """Return the embedding of decisions or of a scenario, shape (out,); see ``hidden``."""
        return self._behind_sum(side, self._items_embedded(side, values).sum(axis=0))

    def value(self, decisions: FloatArray, scenario: FloatArray) -> float:
        """Return the prediction, scaled, for two embeddings."""
        return float(self._values(decisions, scenario[None])[0])

    def climbed(self, decisions: FloatArray, scenario: FloatArray, stopped: Callable[[], bool]) -> FloatArray:
        """Return ``scenario`` with entries exchanged, two at a time, as long as that raises the prediction.

        Args:
            decisions: Their embedding.
            scenario: Shape (items,).
            stopped: Whether to end it early.
        """
        best = self.value(decisions, self.embedded("u", scenario))
        while not stopped():
            levels, place = np.unique(scenario, return_inverse=True)
            table = np.array([self._items_embedded("u", np.full(self.size, level)) for level in levels])
            own = table[place, np.arange(self.size)]
            i, j = np.nonzero(place[:, None] > place)
            sums = own.sum(axis=0) + table[place[j], i] - own[i] + table[place[i], j] - own[j]
            values = self._values(decisions, self._behind_sum("u", sums))
            if values.max(initial=-np.inf) <= best + CLOSE:
                break
            k = int(values.argmax())
            best, scenario = float(values[k]), scenario.copy()
            scenario[[i[k], j[k]]] = scenario[[j[k], i[k]]]
        return scenario

    def _items_embedded(self, side: Side, values: FloatArray) -> FloatArray:
        """Return the embedding of each item, shape (items, pool)."""
        embedded: FloatArray = self.hidden(side, values) @ self.weights[f"{side}.pool.weight"].T
        return embedded

    def _behind_sum(self, side: Side, sums: FloatArray) -> FloatArray:
        """Return embeddings, shape (..., out), for sums of those of items, shape (..., pool)."""
        wide = np.maximum(0.0, sums @ self.weights[f"{side}.wide.weight"].T)
        embedded: FloatArray = wide @ self.weights[f"{side}.out.weight"].T
        return embedded

    def _values(self, decisions: FloatArray, scenarios: FloatArray) -> FloatArray:
        """Return predictions, shape (scenarios,), for embedded decisions and scenarios, shape (scenarios, out)."""
        both = np.hstack([np.broadcast_to(decisions, (len(scenarios), len(decisions))), scenarios])
        hidden = np.maximum(0.0, both @ self.weights["hidden.weight"].T + self.weights["hidden.bias"])
        values: FloatArray = hidden @ self.weights["value.weight"][0] + self.weights["value.bias"][0]
        return values
