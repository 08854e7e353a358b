"""Compiled routes: linked lists of customers that worker threads change in place, each in a zone of its own."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import inlined, kernel
from copt.solvers.routing.cost_kernels import Costs, Float64, Int32, cost

__all__ = ["Fleet", "Int64", "Plan", "detach", "insert", "leg", "number", "rewrite"]

Int64 = NDArray[np.int64]


class Plan(NamedTuple):
    """A routing problem with a depot, as the kernels see it."""

    costs: Costs
    depot: int
    capacity: int
    demand: Int64  # (nodes,)
    near: Int32  # (nodes, neighbours) other customers, nearest first
    near_cost: Float64  # (nodes, neighbours) cost to each of them
    beside: Int32  # (nodes, candidates) near customers that moves bring beside each one; the near ones themselves
    beside_cost: Float64  # (nodes, candidates) cost to each of them
    leave: Float64  # (nodes,) cost from the depot; 0 for the depot
    enter: Float64  # (nodes,) cost to the depot; zeros if routes are open
    turn: bool  # whether the way back between customers costs the same, so that stretches may be turned round


class Fleet(NamedTuple):
    """The routes; a route without customers has the depot as first and last."""

    next: Int32  # (nodes,) customer behind, or the depot
    prev: Int32  # (nodes,) customer before, or the depot
    route: Int32  # (nodes,) route of each customer, -1 while it has none
    into: Float64  # (nodes,) cost of the leg to each customer
    out: Float64  # (nodes,) cost of the leg from each customer
    place: Int32  # (nodes,) number of customers before it on its route; out of date while customers come and go
    carried: Int64  # (nodes,) demand from the first on the route up to and with the customer; likewise
    first: Int32  # (routes,)
    last: Int32  # (routes,)
    size: Int32  # (routes,) number of customers
    load: Int64  # (routes,)
    zone: Int32  # (routes,) the worker that may change it


def empty_fleet(nodes: int, routes: int) -> Fleet:
    """Return a fleet of ``routes`` routes to be filled by ``load_routes``."""
    following, previous, route, place = (np.full(nodes, -1, dtype=np.int32) for _ in range(4))
    first, last, size, zone = (np.zeros(routes, dtype=np.int32) for _ in range(4))
    carried, load = np.zeros(nodes, dtype=np.int64), np.zeros(routes, dtype=np.int64)
    legs = np.zeros(nodes), np.zeros(nodes)
    return Fleet(following, previous, route, *legs, place, carried, first, last, size, load, zone)


@inlined
def leg(plan: Plan, i: int, j: int) -> float:
    """Return the cost from ``i`` to ``j``, one of which may be the depot."""
    leaving: float = plan.leave[j]
    entering: float = plan.enter[i]
    if i == plan.depot:
        return leaving
    if j == plan.depot:
        return entering
    return cost(plan.costs, i, j)


@kernel
def detach(plan: Plan, fleet: Fleet, c: int) -> float:
    """Take customer ``c`` out of its route; return the cost saved."""
    r, p, q = fleet.route[c], fleet.prev[c], fleet.next[c]
    joined = leg(plan, p, q)
    if p == plan.depot:
        fleet.first[r] = q
    else:
        fleet.next[p], fleet.out[p] = q, joined
    if q == plan.depot:
        fleet.last[r] = p
    else:
        fleet.prev[q], fleet.into[q] = p, joined
    fleet.route[c] = -1
    fleet.size[r] -= 1
    fleet.load[r] -= plan.demand[c]
    saved: float = fleet.into[c] + fleet.out[c] - joined
    return saved


@kernel
def insert(plan: Plan, fleet: Fleet, c: int, p: int, r: int) -> None:
    """Put customer ``c`` into route ``r`` behind ``p``, which is the depot or on that route."""
    q = fleet.first[r] if p == plan.depot else fleet.next[p]
    into, out = leg(plan, p, c), leg(plan, c, q)
    if p == plan.depot:
        fleet.first[r] = c
    else:
        fleet.next[p], fleet.out[p] = c, into
    if q == plan.depot:
        fleet.last[r] = c
    else:
        fleet.prev[q], fleet.into[q] = c, out
    fleet.prev[c], fleet.next[c], fleet.route[c] = p, q, r
    fleet.into[c], fleet.out[c] = into, out
    fleet.size[r] += 1
    fleet.load[r] += plan.demand[c]


@kernel
def number(plan: Plan, fleet: Fleet, r: int) -> None:
    """Bring the places and carried demands of route ``r`` up to date."""
    c, place, carried = fleet.first[r], 0, 0
    while c != plan.depot:
        carried += plan.demand[c]
        fleet.place[c], fleet.carried[c] = place, carried
        place += 1
        c = fleet.next[c]


@kernel
def rewrite(plan: Plan, fleet: Fleet, r: int, nodes: Int32, begin: int, end: int) -> None:
    """Let route ``r`` visit ``nodes[begin:end]``, wherever these have been before."""
    p, carried = plan.depot, 0
    fleet.first[r] = plan.depot
    for k in range(begin, end):
        c = nodes[k]
        into = leg(plan, p, c)
        if p == plan.depot:
            fleet.first[r] = c
        else:
            fleet.next[p], fleet.out[p] = c, into
        carried += plan.demand[c]
        fleet.prev[c], fleet.into[c], fleet.route[c] = p, into, r
        fleet.place[c], fleet.carried[c] = k - begin, carried
        p = c
    if p != plan.depot:
        fleet.next[p], fleet.out[p] = plan.depot, plan.enter[p]
    fleet.last[r], fleet.size[r], fleet.load[r] = p, end - begin, carried


@kernel
def load_routes(plan: Plan, fleet: Fleet, nodes: Int32, offsets: Int64) -> None:
    """Fill an empty fleet with the routes ``nodes[offsets[r]:offsets[r + 1]]``; further routes stay empty."""
    fleet.route[:] = -1
    for r in range(fleet.first.size):
        used = r < offsets.size - 1
        rewrite(plan, fleet, r, nodes, offsets[r] if used else 0, offsets[r + 1] if used else 0)


@kernel
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
