"""Compiled routes: linked lists of customers that worker threads change in place, each in a zone of its own."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from copt.solvers.routing.cost_kernels import Costs, Float64, Int32, cost

__all__ = ["Fleet", "Int64", "Plan", "detach", "insert", "leg", "leg_change"]

Int64 = NDArray[np.int64]


class Plan(NamedTuple):
    """A routing problem with a depot, as the kernels see it."""

    costs: Costs
    depot: int
    capacity: int
    demand: Int64  # (nodes,)
    near: Int32  # (nodes, neighbours) other customers, nearest first
    leave: Float64  # (nodes,) cost from the depot; 0 for the depot
    enter: Float64  # (nodes,) cost to the depot; zeros if routes are open


class Fleet(NamedTuple):
    """The routes; a route without customers has the depot as first and last."""

    next: Int32  # (nodes,) customer behind, or the depot
    prev: Int32  # (nodes,) customer before, or the depot
    route: Int32  # (nodes,) route of each customer, -1 while it has none
    first: Int32  # (routes,)
    last: Int32  # (routes,)
    size: Int32  # (routes,) number of customers
    load: Int64  # (routes,)
    zone: Int32  # (routes,) the worker that may change it


@njit(cache=True, nogil=True, inline="always")
def leg(plan: Plan, i: int, j: int) -> float:
    """Return the cost from ``i`` to ``j``, one of which may be the depot."""
    leaving: float = plan.leave[j]
    entering: float = plan.enter[i]
    if i == plan.depot:
        return leaving
    if j == plan.depot:
        return entering
    return cost(plan.costs, i, j)


@njit(cache=True, nogil=True, inline="always")
def leg_change(plan: Plan, p: int, c: int, q: int) -> float:
    """Return the extra cost of ``c`` between the neighbours ``p`` and ``q``."""
    return leg(plan, p, c) + leg(plan, c, q) - leg(plan, p, q)


@njit(cache=True, nogil=True)
def detach(plan: Plan, fleet: Fleet, c: int) -> float:
    """Take customer ``c`` out of its route; return the cost saved."""
    r, p, q = fleet.route[c], fleet.prev[c], fleet.next[c]
    if p == plan.depot:
        fleet.first[r] = q
    else:
        fleet.next[p] = q
    if q == plan.depot:
        fleet.last[r] = p
    else:
        fleet.prev[q] = p
    fleet.route[c] = -1
    fleet.size[r] -= 1
    fleet.load[r] -= plan.demand[c]
    return leg_change(plan, p, c, q)


@njit(cache=True, nogil=True)
def insert(plan: Plan, fleet: Fleet, c: int, p: int, r: int) -> None:
    """Put customer ``c`` into route ``r`` behind ``p``, which is the depot or on that route."""
    if p == plan.depot:
        q = fleet.first[r]
        fleet.first[r] = c
    else:
        q = fleet.next[p]
        fleet.next[p] = c
    if q == plan.depot:
        fleet.last[r] = c
    else:
        fleet.prev[q] = c
    fleet.prev[c], fleet.next[c], fleet.route[c] = p, q, r
    fleet.size[r] += 1
    fleet.load[r] += plan.demand[c]


@njit(cache=True, nogil=True)
def load_routes(plan: Plan, fleet: Fleet, nodes: Int32, offsets: Int64) -> None:
    """Fill an empty fleet with the routes ``nodes[offsets[r]:offsets[r + 1]]``; further routes stay empty."""
    fleet.route[:] = -1
    for r in range(fleet.first.size):
        fleet.first[r] = fleet.last[r] = plan.depot
        fleet.size[r] = fleet.load[r] = 0
    for r in range(offsets.size - 1):
        for k in range(offsets[r], offsets[r + 1]):
            insert(plan, fleet, nodes[k], fleet.last[r], r)


@njit(cache=True, nogil=True)
def collect(plan: Plan, first: Int32, follower: Int32, nodes: Int64, offsets: Int64) -> int:
    """Write the routes that are not empty into ``nodes`` and ``offsets``; return their number."""
    count, filled = 0, 0
    for r in range(first.size):
        c = first[r]
        if c == plan.depot:
            continue
        while c != plan.depot:
            nodes[filled] = c
            filled += 1
            c = follower[c]
        count += 1
        offsets[count] = filled
    return count
