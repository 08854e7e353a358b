"""Compiled memory of one worker: routes as they were before the current move, and the best ones so far."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import inlined, kernel
from copt.solvers.random_kernels import UInt64
from copt.solvers.routing.cost_kernels import Float64, Int32
from copt.solvers.routing.route_kernels import Fleet, Int64, Plan, rewrite

__all__ = [
    "BEST",
    "CURRENT",
    "LOGGED",
    "MOVES",
    "SPARE",
    "STRING",
    "Zone",
    "accept",
    "keep",
    "packed",
    "pop",
    "push",
    "queue_changed",
    "take_back",
]

STRING = 3  # most customers of a string that local search moves
CURRENT, BEST, MOVES = range(3)  # places in the account of a search
LOGGED, CHANGED, SPARE, HEAD, WAITING = range(5)  # places in the counts


class Zone(NamedTuple):
    """What one worker may change, and what it remembers."""

    name: int  # number of the zone in ``Fleet.zone``
    random: UInt64  # (1,)
    members: Int32  # (customers of the zone,)
    routes: Int32  # (routes of the zone,) the empty ones included
    gone: Int32  # (nodes,) removed customers
    key: Float64  # (nodes,) by which they are sorted
    kept: Int64  # (routes,) last move that kept the route as it was before
    log: Int32  # (nodes,) customers of the routes kept by this move
    log_route: Int32  # (routes,) which routes these are
    log_end: Int64  # (routes + 1,) where each ends in ``log``; the first entry is 0
    log_load: Int64  # (routes,) demand on each
    best_next: Int32  # (nodes,) shared: the best routes of all zones
    best_first: Int32  # (routes,) shared
    changed: Int32  # (routes,) routes that differ from the best ones
    marked: NDArray[np.uint8]  # (routes,) shared: whether a route is among those
    queue: Int32  # (power of two,) ring of customers that the local search looks at
    waiting: NDArray[np.uint8]  # (nodes,) shared: whether a customer is in it
    ends: Int64  # (2, STRING) other ends of the strings that end in the customer looked at, -1 for none
    freed: Float64  # (2, STRING) gains of taking them out
    carry: Int64  # (2, STRING) their demands
    one: Int32  # (nodes,) room for the customers of a route
    two: Int32  # (nodes,) and of another
    counts: Int64  # (5,) routes in the log, routes in ``changed``, where an empty route was found, ring: head, entries
    account: Float64  # (3,) current cost, best cost, moves


@inlined
def push(plan: Plan, zone: Zone, c: int) -> None:
    """Queue customer ``c`` unless it is; the depot never is."""
    if c != plan.depot and not zone.waiting[c]:
        zone.waiting[c] = 1
        counts = zone.counts
        zone.queue[(counts[HEAD] + counts[WAITING]) & (zone.queue.size - 1)] = c
        counts[WAITING] += 1


@inlined
def pop(zone: Zone) -> int:
    """Return the first queued customer, or -1."""
    counts = zone.counts
    if counts[WAITING] == 0:
        return -1
    c = zone.queue[counts[HEAD] & (zone.queue.size - 1)]
    counts[HEAD] += 1
    counts[WAITING] -= 1
    zone.waiting[c] = 0
    return int(c)


@kernel
def keep(plan: Plan, fleet: Fleet, zone: Zone, r: int) -> None:
    """Log route ``r`` as it is, unless this move already has; to be called before the route changes."""
    move = int(zone.account[MOVES])
    if zone.kept[r] == move:
        return
    zone.kept[r] = move
    entry = zone.counts[LOGGED]
    end = zone.log_end[entry]
    c = fleet.first[r]
    while c != plan.depot:
        zone.log[end] = c
        end += 1
        c = fleet.next[c]
    zone.log_route[entry], zone.log_load[entry] = r, fleet.load[r]
    zone.log_end[entry + 1] = end
    zone.counts[LOGGED] += 1


@kernel
def queue_changed(plan: Plan, fleet: Fleet, zone: Zone) -> None:
    """Queue the customers that have other neighbours than when their route was logged."""
    for entry in range(zone.counts[LOGGED]):
        p, end = plan.depot, zone.log_end[entry + 1]
        for k in range(zone.log_end[entry], end):
            c = zone.log[k]
            if fleet.prev[c] != p:
                push(plan, zone, c)
                push(plan, zone, p)
                push(plan, zone, fleet.prev[c])
            p = c
        if p != plan.depot and fleet.next[p] != plan.depot:
            push(plan, zone, p)
            push(plan, zone, fleet.next[p])


@kernel
def packed(fleet: Fleet, zone: Zone) -> float:
    """Return by how much this move has raised the sum of squared loads: full routes fuller, or others emptier."""
    change = 0.0
    for entry in range(zone.counts[LOGGED]):
        before, after = float(zone.log_load[entry]), float(fleet.load[zone.log_route[entry]])
        change += (after - before) * (after + before)
    return change


@kernel
def take_back(plan: Plan, fleet: Fleet, zone: Zone) -> None:
    """Make every logged route what it was."""
    for entry in range(zone.counts[LOGGED]):
        rewrite(plan, fleet, zone.log_route[entry], zone.log, zone.log_end[entry], zone.log_end[entry + 1])
    zone.counts[LOGGED] = 0


@kernel
def accept(plan: Plan, fleet: Fleet, zone: Zone, change: float) -> None:
    """Keep what this move did, which changed the cost by ``change``; remember the routes if they are the best."""
    account, counts = zone.account, zone.counts
    for entry in range(counts[LOGGED]):
        r = zone.log_route[entry]
        if not zone.marked[r]:
            zone.marked[r] = 1
            zone.changed[counts[CHANGED]] = r
            counts[CHANGED] += 1
    counts[LOGGED] = 0
    account[CURRENT] += change
    if account[CURRENT] >= account[BEST] - 1e-9:
        return
    account[BEST] = account[CURRENT]
    for k in range(counts[CHANGED]):
        r = zone.changed[k]
        zone.marked[r] = 0
        c = zone.best_first[r] = fleet.first[r]
        while c != plan.depot:
            zone.best_next[c] = fleet.next[c]
            c = fleet.next[c]
    counts[CHANGED] = 0
