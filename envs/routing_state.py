"""Routes that are being built: what dynamics move."""

import numpy as np

from copt.envs.routing_legs import Legs
from copt.problems.routing import FloatArray, Routes

__all__ = ["PartialRoutes"]


class PartialRoutes:
    """The visits so far, route by route, and where the vehicle stands.

    The last visit of all also pays for the way to the end of its route: nothing is left to decide.

    Args:
        legs: The problem.

    Attributes:
        routes: Customers of each route in order; the last one is being built.
        open: Which nodes are still to be visited, shape (nodes,).
        remaining: Number of those.
        demand: Sum of their demands.
        load: Demand on the last route.
        position: Where the vehicle stands; None before the first node of a tour.
        outward: Cost from there to each node, shape (nodes,); zeros if the position is None.
        homeward: Cost from each node to the end of the route, shape (nodes,); zeros if it ends where it is.
        cost: Cost of the legs so far.
    """

    __slots__ = ("cost", "demand", "homeward", "legs", "load", "open", "outward", "position", "remaining", "routes")

    def __init__(self, legs: Legs) -> None:
        instance = legs.instance
        self.legs = legs
        self.routes: list[list[int]] = [[]]
        self.open = legs.to_visit > 0
        self.remaining = int(instance.customers.size)
        self.demand = int(legs.demands.sum())
        self.load = 0
        self.cost = 0.0
        self.position = instance.depot
        none: FloatArray = np.zeros(instance.num_nodes)
        self.outward = none if instance.depot is None else legs.outward(instance.depot)
        self.homeward = none if instance.depot is None or instance.open_routes else legs.homeward(instance.depot)

    @property
    def room(self) -> int | None:
        """Demand that the last route may still take, or None for any."""
        capacity = self.legs.capacity
        return None if capacity is None else capacity - self.load

    @property
    def spare(self) -> int | None:
        """Routes that may still begin after the last one, or None for any number."""
        most = self.legs.instance.max_routes
        return None if most is None else int(most) - len(self.routes)

    @property
    def charge(self) -> float:
        """What the customers left cost if each went to the farthest place and back: the price of a dead end."""
        return 2.0 * self.legs.dearest * self.remaining

    def visit(self, node: int) -> None:
        """Go on to ``node``."""
        if self.position is None:
            self.homeward = self.legs.homeward(node)
        self.cost += float(self.outward[node])
        self.routes[-1].append(node)
        self.open[node] = False
        self.remaining -= 1
        load = int(self.legs.demands[node])
        self.load += load
        self.demand -= load
        if self.remaining:
            self.position, self.outward = node, self.legs.outward(node)
        else:
            self.cost += float(self.homeward[node])
            self.position = node

    def home(self) -> None:
        """End the route and begin another at the depot."""
        depot = self.legs.instance.depot
        assert depot is not None and self.position is not None
        self.cost += float(self.homeward[self.position])
        self.routes.append([])
        self.load = 0
        self.position, self.outward = depot, self.legs.outward(depot)

    def solution(self) -> Routes:
        """Return the routes that have a customer."""
        return Routes.from_lists([route for route in self.routes if route])
