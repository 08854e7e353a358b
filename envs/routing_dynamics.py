"""Which node may be visited next, and what a visit does."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from copt.envs.routing_state import PartialRoutes

__all__ = ["Appending", "RoutingDynamics"]


class RoutingDynamics(Protocol):
    """The rules of the game. A value without state of its own; all that changes is in ``PartialRoutes``."""

    def legal(self, state: PartialRoutes) -> NDArray[np.bool_]:
        """Return which nodes may be chosen, shape (nodes,): none if all are visited, or at a dead end."""

    def take(self, state: PartialRoutes, node: int) -> None:
        """Do what choosing ``node`` means."""


@dataclass(frozen=True)
class Appending:
    """Visits are appended to the last route; choosing the depot ends it.

    A customer is legal if it is to be visited and fits on the route, the depot if the route has a customer and
    another one may begin. Where both the capacity and the number of routes are limited, a choice is illegal if
    afterwards the demand left would exceed the room left, where room that no single customer fits into does not count,
    or more customers of over half the capacity, no two of which share a route, were left than routes. These conditions
    are necessary, not sufficient (whether demands fit is bin packing): every feasible solution can be built, but a dead
    end may still come up, in which no node is legal though customers are left. There is none if the capacity or the
    number of routes is not limited, nor if all demands are equal.
    """

    def legal(self, state: PartialRoutes) -> NDArray[np.bool_]:
        """Return which nodes may be chosen."""
        depot, room, spare = state.legs.instance.depot, state.room, state.spare
        legal = state.open.copy()
        if room is not None:
            legal &= state.legs.demands <= room
        if depot is not None:
            legal[depot] = bool(state.routes[-1]) and state.remaining > 0 and (spare is None or spare > 0)
            if room is not None and spare is not None:
                _look_ahead(state, legal, depot, room, spare)
        return legal

    def take(self, state: PartialRoutes, node: int) -> None:
        """Visit ``node``, or return to the depot."""
        if node == state.legs.instance.depot:
            state.home()
        else:
            state.visit(node)


def _look_ahead(state: PartialRoutes, legal: NDArray[np.bool_], depot: int, room: int, spare: int) -> None:
    """Take out of ``legal`` what leaves too little room."""
    capacity, demands = room + state.load, state.legs.demands
    if not state.remaining:
        return
    bulky = state.open & (2 * demands > capacity)
    count = int(np.count_nonzero(bulky))
    legal[depot] &= state.demand <= capacity * spare and count <= spare
    # Customers use as much room as they take away from the demand, but the last one on the route wastes what is left.
    smallest, second = np.partition(np.append(demands[state.open], room + 1), [0, 1])[:2]
    last = demands + np.where(demands > smallest, smallest, second) > room
    last[depot] = False
    legal &= ~last | (state.demand - demands <= capacity * spare)
    if count > spare:  # one of them must come on this route, and whatever is visited before must leave it the room
        legal &= bulky | (demands <= room - demands[bulky].min())
    if count > spare + 1 or state.demand > room + capacity * spare:
        legal[:] = False
