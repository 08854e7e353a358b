"""Plain routes to begin an improvement with."""

import numpy as np

from copt.envs.routing_dynamics import Appending
from copt.envs.routing_legs import Legs
from copt.envs.routing_state import PartialRoutes
from copt.errors import CoptError
from copt.problems.routing import Routes, Routing

__all__ = ["nearest_start"]


def nearest_start(instance: Routing) -> Routes:
    """Return routes that always go on to the nearest customer that fits, and home if there is none.

    If that leaves customers over, routes are packed by falling demand, each customer on the first that it fits on.

    Raises:
        CoptError: If that takes more routes than allowed, too.
    """
    state, rules = PartialRoutes(Legs(instance)), Appending()
    while (legal := rules.legal(state)).any():
        away = np.where(legal, state.outward, np.inf)
        if instance.depot is not None and np.count_nonzero(legal) > legal[instance.depot]:
            away[instance.depot] = np.inf
        rules.take(state, int(away.argmin()))
    return state.solution() if not state.remaining else _packed(instance)


def _packed(instance: Routing) -> Routes:
    customers, demands = instance.customers, instance.demands
    capacity, most = instance.capacity, instance.max_routes
    assert capacity is not None and most is not None  # else every customer has found a route
    routes: list[list[int]] = [[] for _ in range(most)]
    loads = np.zeros(most, dtype=np.int64)
    for node in customers[np.argsort(-demands[customers], kind="stable")].tolist():
        fits = loads + demands[node] <= capacity
        if not fits.any():
            raise CoptError(f"{instance.name}: no start was found with max_routes = {most}; pass one as start=")
        loads[fits.argmax()] += demands[node]
        routes[fits.argmax()].append(node)
    return Routes.from_lists([route for route in routes if route])
