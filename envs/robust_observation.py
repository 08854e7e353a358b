"""What an agent sees of a robust knapsack that is being filled, as arrays of fixed size."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from copt.envs.actions import Mask, bits
from copt.envs.robust_state import ChosenItems

__all__ = ["ItemFeatures", "RobustObservation"]


class RobustObservation(Protocol):
    """A view of the state. A value without state of its own.

    The arrays have room for ``slots`` items; an instance with fewer leaves the last rows empty.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space of observations with room for ``slots`` items."""

    def __call__(self, state: ChosenItems, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the observation of ``state``, in which the actions with a 1 in ``mask`` are legal."""


@dataclass(frozen=True)
class ItemFeatures:
    """A few numbers for each item, and for all of them.

    ``items`` has shape (slots, 9). Its columns: profit, largest loss and cost of outsourcing, in units of the largest
    of these numbers of all items; weight, and weight with repair, in units of the capacity, at most 1; whether it is
    chosen; how much of its loss the worst scenario takes; share of the plans against it that produce the item, and that
    also repair it.

    ``knapsack`` has shape (4,): certain profit so far in units of the scale, from -1 to 1; weight of the chosen items
    in units of the capacity, at most 1; share of the items that may degrade; share of the items that are chosen.
    ``action_mask`` has shape (slots + 1,). No number depends on units, or on the number of items.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space."""
        items = spaces.Box(0.0, 1.0, (slots, 9), np.float32)
        knapsack = spaces.Box(np.array([-1.0, 0.0, 0.0, 0.0], np.float32), np.ones(4, np.float32), dtype=np.float32)
        return spaces.Dict({"items": items, "knapsack": knapsack, "action_mask": bits(slots + 1)})

    def __call__(self, state: ChosenItems, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the features of every item."""
        problem, size, solution = state.instance, state.instance.num_items, state.evaluation.solution
        money = np.stack([problem.profits, problem.degradations, problem.outsourcing], axis=1)
        capacity = max(1, problem.capacity)
        heavy = problem.weights + problem.repair_weights
        items = np.zeros((mask.size - 1, 9), np.float32)
        items[:size, :3] = money / max(1e-9, float(money.max()))
        items[:size, 3] = np.minimum(1.0, problem.weights / capacity)
        items[:size, 4] = np.minimum(1.0, heavy / capacity)
        items[:size, 5] = state.x
        items[:size, 6] = solution.worst
        assert solution.weights is not None
        items[:size, 7:] = np.clip(solution.weights @ solution.plans, 0.0, 1.0).reshape(2, size).T
        knapsack = [
            np.clip(-state.cost / state.scale, -1.0, 1.0),
            min(1.0, float(problem.weights @ state.x) / capacity),
            min(1.0, problem.budget / size),
            state.x.mean(),
        ]
        return {"items": items, "knapsack": np.array(knapsack, np.float32), "action_mask": mask.copy()}
