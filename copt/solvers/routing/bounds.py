"""Lower bounds that hold for every instance: cheap ones for any size, one-trees for tours of moderate size."""

import math

import numpy as np
from scipy.spatial import KDTree

from copt.problems.routing import MAX_MATRIX, FloatArray, Routing, costs
from copt.solvers.routing.plan import costs_of
from copt.solvers.routing.tree_kernels import Room, one_tree

__all__ = ["Ascent", "degree_bound", "rounded_up"]

FIRST_STEP, LAST_STEP = 2.0, 0.01  # of the ascent, as shares of the gap
MOMENTUM = 0.3  # share of the previous direction
OPTIMAL = 1e-6  # relative gap at which a value that is no whole number counts as proved


def rounded_up(instance: Routing, bound: float, best: float | None) -> float:
    """Return ``bound``, a lower bound, raised as far as the kind of costs allows.

    Whole costs have whole optima. Others are proved where the bound comes within a millionth of ``best``.
    """
    if instance.integral:
        return float(math.ceil(bound - 1e-6))
    return best if best is not None and bound >= (1.0 - OPTIMAL) * best else bound


def degree_bound(instance: Routing) -> float:
    """Return half the sum of the two cheapest legs at each node; routes also leave the depot often enough.

    One leg out of each node where costs are not symmetric; 0 if there are too many nodes to look at all legs.
    """
    customers = instance.customers
    legs = _cheapest_legs(instance)
    if legs is None or customers.size < 3:
        return 0.0
    if instance.depot is None:
        return float(legs[:, 0].sum() if not instance.symmetric else 0.5 * legs.sum())
    home = np.full(customers.size, instance.depot)
    if instance.open_routes or not instance.symmetric:
        # Every customer is entered once, from another one or from the depot.
        return float(np.minimum(legs[:, 0], costs(instance, home, customers)).sum())
    depot = costs(instance, home, customers)
    # A customer that is alone on its route has the same leg twice.
    cheapest = np.sort(np.stack([*legs.T, depot, depot], axis=1), axis=1)[:, :2].sum()
    return 0.5 * float(cheapest + np.sort(np.repeat(depot, 2))[: 2 * _fewest_routes(instance)].sum())


def _cheapest_legs(instance: Routing) -> FloatArray | None:
    """Return the costs of the two cheapest legs to each customer from others, shape (customers, 2)."""
    customers = instance.customers
    if customers.size < 3:
        return None
    if instance.coordinates is not None and instance.metric != "geo":  # costs grow with straight distances
        points = instance.coordinates[customers]
        _, near = KDTree(points).query(points, k=3)
        near[np.arange(customers.size)[:, None] == near] = -1  # a place may be shared, so it need not come first
        order = np.argsort(near < 0, axis=1, kind="stable")[:, :2]
        near = customers[np.take_along_axis(near, order, axis=1)]
        return np.sort(costs(instance, near, customers[:, None]), axis=1)
    if customers.size > MAX_MATRIX:
        return None
    legs = np.array(costs(instance, *np.meshgrid(customers, customers, indexing="ij")))
    np.fill_diagonal(legs, np.inf)
    return np.sort(np.partition(legs, 1, axis=0)[:2].T, axis=1)


def _fewest_routes(instance: Routing) -> int:
    if instance.capacity is None:
        return 1
    return max(1, -(-int(instance.demands.sum()) // int(instance.capacity)))


class Ascent:
    """Raises a one-tree bound step by step by moving prices on nodes that are not visited exactly twice.

    A one-tree is a spanning tree of all nodes but one, and two legs of that one. The tree is the cheapest of all,
    not only among near nodes, so that every step gives a valid bound; a step takes quadratic time.

    Args:
        instance: A symmetric problem without a depot, three nodes or more.
        upper: Cost of a known tour, which sets the step length.
        rounds: Steps that are planned.
    """

    def __init__(self, instance: Routing, upper: float, rounds: int) -> None:
        n = instance.num_nodes
        self.best = -math.inf
        self._costs, self._upper, self._rounds = costs_of(instance), upper, rounds
        self._price: FloatArray = np.zeros(n)
        self._last: FloatArray = np.zeros(n)
        self._degree = np.zeros(n, dtype=np.int64)
        self._room = Room(np.empty(n), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64))
        self._step = 0

    def step(self) -> float:
        """Make one step and return the best bound so far."""
        value = float(one_tree(self._costs, self._price, self._degree, self._room))
        self.best = max(self.best, value)
        direction = (1.0 - MOMENTUM) * (self._degree - 2) + MOMENTUM * self._last
        self._last = (self._degree - 2).astype(np.float64)
        norm = float(((self._degree - 2) ** 2).sum())
        if norm > 0.0:
            share = max(LAST_STEP, FIRST_STEP * (1.0 - self._step / self._rounds))
            self._price += share * max(1e-9, self._upper - value) / norm * direction
        self._step += 1
        return self.best
