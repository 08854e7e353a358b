"""What an agent sees of an incumbent, as arrays of fixed size."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from copt.envs.actions import Mask, bits
from copt.envs.routing_incumbent import Incumbent

__all__ = ["ImproveObservation", "IncumbentFeatures"]


class ImproveObservation(Protocol):
    """A view of the incumbent. A value without state of its own.

    The arrays have room for ``slots`` nodes; an instance with fewer leaves the last rows empty.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space of observations with room for ``slots`` nodes."""

    def __call__(self, state: Incumbent, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the observation of ``state``, in which the nodes with a 1 in ``mask`` are customers."""


@dataclass(frozen=True)
class IncumbentFeatures:
    """A few numbers for each customer, and for the episode. Costs are in units of the start's cost a customer.

    ``nodes`` has shape (slots, 10); the depot has only a place. Its columns: place in the box of all nodes, whose
    longer side is 1 (two columns, zeros without coordinates); cost of the leg to the customer, and of the leg from it;
    how much cheaper its route would be without it; demand, and room left on its route, in units of the capacity (0 and
    1 if there is none); share of the customers on its route; steps since it was last in a zone, in units of the
    episode, 1 if never; by how much that step lowered the cost.

    ``progress`` has shape (2,): share of the steps that are left, and cost in units of the start's. ``action_mask`` has
    shape (slots,). The capacity is that of ``Legs``, which counts only what demands can add up to.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space. No leg of an incumbent costs more than the start."""
        low, high = np.zeros((slots, 10), np.float32), np.ones((slots, 10), np.float32)
        high[:, [2, 3, 4, 9]] = slots
        low[:, 4] = -slots
        nodes = spaces.Box(low, high, dtype=np.float32)
        progress = spaces.Box(0.0, 1.0, (2,), np.float32)
        return spaces.Dict({"nodes": nodes, "progress": progress, "action_mask": bits(slots)})

    def __call__(self, state: Incumbent, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the features of every customer."""
        legs, horizon, slots = state.legs, state.horizon, mask.size
        size, customers, owner = legs.instance.num_nodes, legs.to_visit > 0, state.owner
        unit = state.scale / np.count_nonzero(customers)
        nodes = np.zeros((slots, 10), np.float32)
        nodes[:size, :2] = legs.places
        nodes[:size, 2] = state.leg_before / unit
        nodes[:size, 3] = state.leg_after / unit
        nodes[:size, 4] = state.saving / unit
        if legs.capacity is not None:
            load = np.bincount(owner[customers], legs.demands[customers])
            nodes[:size, 5] = legs.demands / legs.capacity
            nodes[:size, 6] = 1.0 - load[owner] / legs.capacity
        else:
            nodes[:size, 6] = 1.0
        nodes[:size, 7] = np.bincount(owner[customers])[owner] / np.count_nonzero(customers)
        nodes[:size, 8] = np.where(state.tried < 0, 1.0, (state.taken - state.tried) / horizon)
        nodes[:size, 9] = state.gain / unit
        nodes[:size, 2:] *= customers[:, None]
        # In a matrix without the triangle inequality a leg that is not used may cost more than all that are.
        np.clip(nodes[:, 4], -slots, slots, out=nodes[:, 4])
        progress = np.array([1.0 - state.taken / horizon, state.cost / state.scale], np.float32)
        return {"nodes": nodes, "progress": progress, "action_mask": mask.copy()}
