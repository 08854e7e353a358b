"""The two-stage robust knapsack of Arslan and Detienne (2022): choose items, then produce, repair or outsource each."""

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from copt.errors import InvalidInstanceError
from copt.problems.base import IntArray, as_integers
from copt.problems.two_stage import Columns, TwoStage
from copt.problems.uncertainty import Budget, FloatArray, vector

__all__ = ["RobustKnapsack", "toy_knapsack"]


@dataclass(frozen=True, eq=False, kw_only=True)
class RobustKnapsack:
    """Items to be chosen before it is known which profits degrade.

    At most ``budget`` profits degrade, the last perhaps in part. Then each chosen item is produced as it is, which
    takes its weight; or produced and repaired, which takes the repair weight on top and keeps the profit whole; or
    outsourced, which takes no weight and costs ``outsourcing``, the profit being whole. The total profit in the worst
    case is maximised. All arrays have shape (items,).

    Args:
        profits: Profit of an item.
        degradations: Largest loss of profit.
        weights: Weight in production.
        repair_weights: Further weight if it is repaired.
        outsourcing: Cost of not producing a chosen item.
        capacity: Most weight.
        budget: How many profits degrade.
        name: Name for tables and files.

    Raises:
        InvalidInstanceError: If lengths differ, or a value is negative or not finite.
    """

    family: ClassVar[str] = "robust"
    sign: ClassVar[int] = -1

    profits: FloatArray
    degradations: FloatArray
    weights: IntArray
    repair_weights: IntArray
    outsourcing: FloatArray
    capacity: int
    budget: float
    name: str = "unnamed"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", as_integers("weights", self.weights))
        n = self.weights.size
        if n == 0:
            raise InvalidInstanceError("a knapsack needs at least one item")
        repair = as_integers("repair_weights", self.repair_weights)
        if repair.size != n:
            raise InvalidInstanceError(f"repair_weights has {repair.size} entries for {n} items")
        object.__setattr__(self, "repair_weights", repair)
        for name in ("profits", "degradations", "outsourcing"):
            object.__setattr__(self, name, vector(name, getattr(self, name), n, negative=False))
        if self.capacity < 0:
            raise InvalidInstanceError(f"capacity = {self.capacity} is negative")
        Budget(n, self.budget)

    @property
    def num_items(self) -> int:
        """Number of items."""
        return self.weights.size

    @property
    def dimensions(self) -> str:
        """Number of items, for tables."""
        return str(self.num_items)

    def two_stage(self) -> TwoStage:
        """Return the problem in arrays: y and r of Arslan and Detienne one after the other, costs minimised."""
        return self._two_stage

    @functools.cached_property
    def _two_stage(self) -> TwoStage:
        n = self.num_items
        unit, none = np.eye(n), np.zeros((n, n))
        return TwoStage(
            x=Columns.binary(n),
            y=Columns.binary(2 * n),
            uncertainty=Budget(n, self.budget),
            cost_x=self.outsourcing - self.profits,
            cost_y=np.concatenate([-self.outsourcing, np.zeros(n)]),
            cost_uy=np.hstack([np.diag(self.degradations), -np.diag(self.degradations)]),
            rows_x=np.vstack([np.zeros((1, n)), none, -unit]),
            rows_y=np.vstack(
                [
                    np.concatenate([self.weights, self.repair_weights])[None],
                    np.hstack([-unit, unit]),
                    np.hstack([unit, none]),
                ]
            ),
            limits=np.concatenate([[self.capacity], np.zeros(2 * n)]),
            maximise=True,
            name=self.name,
        )


def toy_knapsack() -> RobustKnapsack:
    """Return four items of which two fit."""
    values: dict[str, Any] = {
        "profits": [10, 9, 8, 4],
        "degradations": [6, 3, 1, 1],
        "weights": [4, 4, 4, 3],
        "repair_weights": [2, 2, 1, 1],
        "outsourcing": [13, 12, 11, 6],
    }
    return RobustKnapsack(**values, capacity=9, budget=1.0, name="toy-robust")
