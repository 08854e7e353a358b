"""Items of a robust knapsack that are being chosen."""

import numpy as np

from copt.envs.robust_worst_case import WorstCase
from copt.problems.robust_knapsack import RobustKnapsack

__all__ = ["ChosenItems"]


class ChosenItems:
    """The items chosen so far, and what they are worth for certain if no other follows.

    Args:
        instance: The problem.

    Attributes:
        x: Which items are chosen, shape (items,).
        evaluation: Their worst case, with its proof.
        scale: A bound on the profit: what fits best, cut items allowed, when nothing degrades (Dantzig 1957).
        over: Whether the choice has ended.
    """

    __slots__ = ("_worst_case", "evaluation", "instance", "over", "scale", "x")

    def __init__(self, instance: RobustKnapsack) -> None:
        self.instance = instance
        self.x = np.zeros(instance.num_items, dtype=np.bool_)
        self.scale = _scale(instance)
        self.over = False
        self._worst_case = WorstCase(instance)
        self.evaluation = self._worst_case(self.x)

    @property
    def cost(self) -> float:
        """What the items cost in every scenario at most: minus the profit."""
        return self.evaluation.cost

    def choose(self, item: int) -> None:
        """Choose one more item; after the last one the choice ends."""
        self.x[item] = True
        self.evaluation = self._worst_case(self.x.copy())
        self.over = bool(self.x.all())

    def stop(self) -> None:
        """Choose no more."""
        self.over = True


def _scale(instance: RobustKnapsack) -> float:
    """Return an upper bound on the profit, 1 if that is zero."""
    outsourced = np.maximum(0.0, instance.profits - instance.outsourcing)
    gains, left, total = instance.profits - outsourced, float(instance.capacity), float(outsourced.sum())
    for i in np.argsort(-gains / np.maximum(instance.weights, 1e-9), kind="stable"):
        weight = float(instance.weights[i])
        share = 1.0 if weight <= left else left / weight
        total += share * float(gains[i])
        left -= share * weight
    return total if total > 0 else 1.0
