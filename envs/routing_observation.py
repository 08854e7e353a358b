"""What an agent sees of routes that are being built, as arrays of fixed size."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from copt.envs.actions import Mask, bits
from copt.envs.routing_state import PartialRoutes

__all__ = ["NodeFeatures", "RoutingObservation"]

MIDDLE = np.array([0.5, 0.5])


class RoutingObservation(Protocol):
    """A view of the state. A value without state of its own.

    The arrays have room for ``slots`` nodes; an instance with fewer leaves the last rows empty.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space of observations with room for ``slots`` nodes."""

    def __call__(self, state: PartialRoutes, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the observation of ``state``, in which the nodes with a 1 in ``mask`` are legal."""


@dataclass(frozen=True)
class NodeFeatures:
    """A few numbers for each node, and for the route.

    ``nodes`` has shape (slots, 8). Its columns: place as seen from the position, the longer side of the box of all
    nodes being 1 (two columns, zeros without coordinates); cost of the leg to it, and of the leg from it to the end of
    the route, in units of the dearest leg; demand in units of the capacity, or of the largest demand; whether it is to
    be visited; whether the vehicle stands there; whether it is the depot. Before the first node of a tour the position
    is the middle of a unit box, and legs are 0.

    ``route`` has shape (3,): room left on the route, in units of the capacity; share of the routes that may still
    begin; share of the customers that are visited. The first two are 1 if there is no limit. ``action_mask`` has shape
    (slots,). The capacity is that of ``Legs``, which counts only what demands can add up to.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space."""
        low = np.zeros((slots, 8), np.float32)
        low[:, :2] = -1.0
        nodes = spaces.Box(low, np.ones_like(low), dtype=np.float32)
        route = spaces.Box(0.0, 1.0, (3,), np.float32)
        return spaces.Dict({"nodes": nodes, "route": route, "action_mask": bits(slots)})

    def __call__(self, state: PartialRoutes, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the features of every node."""
        legs, instance = state.legs, state.legs.instance
        size, here = instance.num_nodes, state.position
        nodes = np.zeros((mask.size, 8), np.float32)
        nodes[:size, :2] = legs.places - (MIDDLE if here is None else legs.places[here])
        # The leg from a node to itself may cost anything in a matrix.
        nodes[:size, 2] = np.minimum(1.0, state.outward / legs.dearest)
        nodes[:size, 3] = np.minimum(1.0, state.homeward / legs.dearest)
        nodes[:size, 4] = legs.demands / (legs.capacity or max(1, int(legs.demands.max())))
        nodes[:size, 5] = state.open
        if here is not None:
            nodes[here, 2] = 0.0
            nodes[here, 6] = 1.0
        if instance.depot is not None:
            nodes[instance.depot, 3] = 0.0
            nodes[instance.depot, 7] = 1.0
        room = 1.0 if state.room is None else state.room / (legs.capacity or 1)
        begin = 1.0 if state.spare is None else state.spare / (instance.max_routes or 1)
        visited = 1.0 - state.remaining / instance.customers.size
        return {"nodes": nodes, "route": np.array([room, begin, visited], np.float32), "action_mask": mask.copy()}
