"""The incumbent of an episode of improvement: its routes, the legs at each customer, and what has been tried."""

import numpy as np

from copt.envs.routing_legs import Legs
from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, costs, objective

__all__ = ["Incumbent"]


class Incumbent:
    """The best routes so far, and per node where it lies on them; the depot has zeros and -1.

    Args:
        legs: The problem.
        start: Feasible routes to begin with.
        horizon: Number of steps of the episode.

    Attributes:
        routes: The routes.
        cost: Their cost.
        start_cost: That of the start.
        taken: Number of steps so far.
        owner: Route of each node, shape (nodes,).
        place: Where in ``routes.nodes`` each node stands, shape (nodes,).
        leg_before: Cost of the leg to each node, shape (nodes,).
        leg_after: Cost of the leg from it, 0 at the end of an open route, shape (nodes,).
        saving: How much cheaper its route would be without it, shape (nodes,).
        tried: Step in which each node was last in a zone, -1 for never, shape (nodes,).
        gain: By how much that step lowered the cost, shape (nodes,).
    """

    __slots__ = (
        "cost",
        "gain",
        "horizon",
        "leg_after",
        "leg_before",
        "legs",
        "owner",
        "place",
        "routes",
        "saving",
        "start_cost",
        "taken",
        "tried",
    )

    routes: Routes
    cost: float
    owner: IntArray
    place: IntArray
    leg_before: FloatArray
    leg_after: FloatArray
    saving: FloatArray

    def __init__(self, legs: Legs, start: Routes, horizon: int) -> None:
        count = legs.instance.num_nodes
        self.legs = legs
        self.horizon = horizon
        self.taken = 0
        self.tried = np.full(count, -1)
        self.gain = np.zeros(count)
        self._put(start)
        self.start_cost = self.cost

    @property
    def scale(self) -> float:
        """The cost of the start, or 1 where it is 0."""
        return self.start_cost or 1.0

    def offer(self, routes: Routes, zone: IntArray) -> None:
        """Count a step on ``zone``, and keep its feasible ``routes`` if they are better."""
        before = self.cost
        # Sums of the same legs in another order are no improvement.
        if objective(self.legs.instance, routes) < before - 1e-12 * self.scale:
            self._put(routes)
        self.tried[zone] = self.taken
        self.gain[zone] = before - self.cost
        self.taken += 1

    def _put(self, routes: Routes) -> None:
        instance, nodes = self.legs.instance, routes.nodes
        self.routes, self.cost = routes, objective(instance, routes)
        sizes = np.diff(routes.offsets)
        first, last = routes.offsets[:-1], routes.offsets[1:] - 1
        before, after = np.roll(nodes, 1), np.roll(nodes, -1)
        if instance.depot is not None:
            before[first] = after[last] = instance.depot
        enter, leave, bridge = (
            np.array(costs(instance, *ends)) for ends in ((before, nodes), (nodes, after), (before, after))
        )
        bridge[before == after] = 0.0  # an empty route has no leg
        if instance.open_routes:
            leave[last] = bridge[last] = 0.0
        self.owner, self.place = np.full(instance.num_nodes, -1), np.full(instance.num_nodes, -1)
        self.owner[nodes] = np.repeat(np.arange(sizes.size), sizes)
        self.place[nodes] = np.arange(nodes.size)
        self.leg_before, self.leg_after, self.saving = (np.zeros(instance.num_nodes) for _ in range(3))
        self.leg_before[nodes], self.leg_after[nodes], self.saving[nodes] = enter, leave, enter + leave - bridge
