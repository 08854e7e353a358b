"""The zones of an incumbent, and who improves them: the dynamics of improvement, as two values."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from copt.envs.routing_incumbent import Incumbent
from copt.errors import CoptError
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing

__all__ = ["Conqueror", "NearCustomers", "NearRoutes", "Zones"]


class Conqueror(Protocol):
    """Anything that improves a zone. The environment checks what it returns, and keeps it only if it is better."""

    def __call__(self, instance: Routing, routes: Routes, zone: IntArray, seed: int) -> Routes:
        """Return a feasible solution of ``instance``: ``routes``, of which ``zone`` may be changed.

        Args:
            instance: The whole problem.
            routes: The incumbent.
            zone: Customers that may be visited elsewhere and in another order.
            seed: Seed of every random choice.
        """


class Zones(Protocol):
    """Which customers belong to a zone. A value without state of its own."""

    def __call__(self, state: Incumbent, customer: int) -> IntArray:
        """Return the zone around ``customer``."""


@dataclass(frozen=True)
class NearRoutes:
    """Whole routes: that of the customer, then those of its nearest customers, while they fit into ``size``.

    A route or tour that is longer by itself is no whole zone: then it is a stretch of it with the customer in the
    middle, on a route shifted to lie between its ends.

    Args:
        size: Most customers of a zone.
    """

    size: int = 50

    def __post_init__(self) -> None:
        _check_size(self.size)

    def __call__(self, state: Incumbent, customer: int) -> IntArray:
        """Return the customers of the zone."""
        nodes, offsets = state.routes.nodes, state.routes.offsets
        own = int(state.owner[customer])
        first, count = int(offsets[own]), int(offsets[own + 1] - offsets[own])
        if count > self.size:
            begin = int(state.place[customer]) - first - self.size // 2
            if state.legs.instance.depot is None:
                return nodes[(begin + np.arange(self.size)) % count]
            begin = first + min(max(0, begin), count - self.size)
            return nodes[begin : begin + self.size]
        owners = state.owner[_nearest(state, customer, self.size)]
        routes = owners[np.sort(np.unique(owners, return_index=True)[1])]  # by their nearest customer
        fitting = np.cumsum(np.diff(offsets)[routes]) <= self.size
        return np.concatenate([nodes[offsets[r] : offsets[r + 1]] for r in routes[fitting].tolist()])


@dataclass(frozen=True)
class NearCustomers:
    """The customer and its nearest others, whatever their routes.

    Such zones suit a conqueror that works on parts of routes, as ``LocalSearch`` does; one that solves whole routes
    again needs ``NearRoutes``.

    Args:
        size: Customers of a zone.
    """

    size: int = 50

    def __post_init__(self) -> None:
        _check_size(self.size)

    def __call__(self, state: Incumbent, customer: int) -> IntArray:
        """Return the customers of the zone."""
        return _nearest(state, customer, self.size)


def _check_size(size: int) -> None:
    if size < 1:
        raise CoptError(f"size must be at least 1, got {size}")


def _nearest(state: Incumbent, customer: int, count: int) -> IntArray:
    """Return ``customer`` and the others nearest to it, by the cheaper of the two directions, nearest first."""
    customers = state.legs.instance.customers
    away = np.minimum(state.legs.outward(customer), state.legs.homeward(customer))[customers]
    away[customers == customer] = -1.0  # nearer than others in its place
    return customers[np.argsort(away, kind="stable")[:count]]
