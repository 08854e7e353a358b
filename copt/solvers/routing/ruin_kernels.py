"""Compiled ruin and recreate under simulated annealing.

Slack induction by string removals (Christiaens and Vanden Berghe 2020): strings of neighbouring customers leave a few
adjacent routes, then greedy insertion with blinks puts them back. Insertion looks at the nearest customers only, so
that a move costs the same on any number of customers. A rejected move is taken back step by step.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from copt.solvers.random_kernels import UInt64, draw, uniform
from copt.solvers.routing.cost_kernels import Float64, Int32
from copt.solvers.routing.route_kernels import Fleet, Int64, Plan, detach, insert, leg_change

__all__ = ["Ruin", "Scratch", "anneal"]

BLINK = 0.01  # share of insertion places that are overlooked
SPLIT = 0.5  # share of removals that spare one customer inside the string
CURRENT, BEST, MOVES = range(3)  # places in the account of a search


class Ruin(NamedTuple):
    """How much to remove, and where to look for places."""

    mean: float  # customers removed on average
    longest: float  # longest string
    again: bool  # whether a route may lose several strings in one move
    width: int  # neighbours that insertion looks at


class Scratch(NamedTuple):
    """What one worker remembers; ``best_next`` and ``best_first`` hold the best routes of its zone so far."""

    random: UInt64  # (1,)
    members: Int32  # (customers of the zone,)
    routes: Int32  # (routes of the zone,) the empty ones included
    gone: Int32  # (nodes,) removed customers in the order of their removal
    behind: Int32  # (nodes,) what each of them stood behind
    source: Int32  # (nodes,) the route of each of them
    order: Int32  # (nodes,) the same customers in the order of their insertion
    key: Float64  # (nodes,)
    ruined: Int64  # (routes,) last move that removed customers from the route
    best_next: Int32  # (nodes,)
    best_first: Int32  # (routes,)
    changed: Int32  # (nodes + routes,) customers whose successor differs from the best; routes follow the nodes
    marked: NDArray[np.uint8]  # (nodes + routes,)
    counts: Int64  # (2,) entries in ``changed``; where an empty route was last found
    account: Float64  # (3,) current cost, best cost, moves


@njit(cache=True, nogil=True, inline="always")
def mark(scratch: Scratch, item: int) -> None:
    """Note that a customer or route may differ from the best."""
    if not scratch.marked[item]:
        scratch.marked[item] = 1
        scratch.changed[scratch.counts[0]] = item
        scratch.counts[0] += 1


@njit(cache=True, nogil=True, inline="always")
def mark_link(plan: Plan, scratch: Scratch, c: int, p: int, r: int) -> None:
    """Note that the link to ``c`` from ``p`` on route ``r`` changes."""
    mark(scratch, c)
    mark(scratch, plan.demand.size + r if p == plan.depot else p)


@njit(cache=True, nogil=True)
def remove(plan: Plan, fleet: Fleet, scratch: Scratch, c: int, count: int) -> float:
    """Remove ``c`` as the customer number ``count`` of this move; return the cost saved."""
    p, r = fleet.prev[c], fleet.route[c]
    scratch.gone[count], scratch.behind[count], scratch.source[count] = c, p, r
    mark_link(plan, scratch, c, p, r)
    return detach(plan, fleet, c)


@njit(cache=True, nogil=True)
def remove_string(
    plan: Plan, fleet: Fleet, scratch: Scratch, c: int, length: int, spared: int, count: int
) -> tuple[int, float]:
    """Remove ``length`` customers around ``c``, but for ``spared`` in a row; return the new count and the gain."""
    depot, total, gain = plan.depot, length + spared, 0.0
    start, steps = c, draw(scratch.random, total)
    while steps > 0 and fleet.prev[start] != depot:
        start = fleet.prev[start]
        steps -= 1
    ahead, node = 0, start
    while ahead < total and node != depot:
        ahead += 1
        node = fleet.next[node]
    for _ in range(total - ahead):
        start = fleet.prev[start]
    skip = draw(scratch.random, length + 1) if spared else total
    node = start
    for k in range(total):
        following = fleet.next[node]
        if k < skip or k >= skip + spared:
            gain += remove(plan, fleet, scratch, node, count)
            count += 1
        node = following
    return count, gain


@njit(cache=True, nogil=True)
def ruin(plan: Plan, fleet: Fleet, scratch: Scratch, zone: int, amount: Ruin) -> tuple[int, float]:
    """Remove strings from routes near a random customer; return how many customers left, and the cost saved."""
    random, stamp = scratch.random, int(scratch.account[MOVES])
    strings = int(1.0 + uniform(random) * (4.0 * amount.mean / (1.0 + amount.longest) - 1.0))
    seed = scratch.members[draw(random, scratch.members.size)]
    count, gain = 0, 0.0
    for k in range(-1, plan.near.shape[1]):
        c = seed if k < 0 else plan.near[seed, k]
        r = fleet.route[c]
        if r < 0 or fleet.zone[r] != zone or (scratch.ruined[r] == stamp and not amount.again):
            continue
        scratch.ruined[r] = stamp
        length = int(1.0 + uniform(random) * min(float(fleet.size[r]), amount.longest))
        spared = 1 if 1 < length < fleet.size[r] and uniform(random) < SPLIT else 0
        count, saved = remove_string(plan, fleet, scratch, c, length, spared, count)
        gain += saved
        strings -= 1
        if strings <= 0:
            break
    return count, gain


@njit(cache=True, nogil=True)
def sort_removed(plan: Plan, scratch: Scratch, count: int) -> None:
    """Write the removed customers into ``order``: at random, or by demand, or far or near ones first."""
    way = draw(scratch.random, 11)
    for k in range(count):
        c = scratch.gone[k]
        if way < 4:
            value = uniform(scratch.random)
        elif way < 8:
            value = -float(plan.demand[c])
        elif way < 10:
            value = -plan.leave[c]
        else:
            value = plan.leave[c]
        place = k
        while place > 0 and scratch.key[place - 1] > value:
            scratch.key[place], scratch.order[place] = scratch.key[place - 1], scratch.order[place - 1]
            place -= 1
        scratch.key[place], scratch.order[place] = value, c


@njit(cache=True, nogil=True)
def spare_route(fleet: Fleet, scratch: Scratch) -> int:
    """Return an empty route of the zone, or -1."""
    routes = scratch.routes
    for _ in range(routes.size):
        place = scratch.counts[1]
        if fleet.size[routes[place]] == 0:
            return int(routes[place])
        scratch.counts[1] = (place + 1) % routes.size
    return -1


@njit(cache=True, nogil=True)
def best_place(plan: Plan, fleet: Fleet, scratch: Scratch, zone: int, width: int, c: int) -> tuple[float, int, int]:
    """Return the extra cost, predecessor and route of the cheapest place for ``c`` beside its neighbours."""
    room = plan.capacity - plan.demand[c]
    best, behind, target = np.inf, -1, -1
    for k in range(width):
        j = plan.near[c, k]
        r = fleet.route[j]
        if r < 0 or fleet.zone[r] != zone or fleet.load[r] > room:
            continue
        if uniform(scratch.random) < BLINK:
            continue
        extra = leg_change(plan, j, c, fleet.next[j])
        if extra < best:
            best, behind, target = extra, j, r
        p = fleet.prev[j]
        extra = leg_change(plan, p, c, j)
        if extra < best:
            best, behind, target = extra, p, r
    extra = plan.leave[c] + plan.enter[c]
    if extra < best:
        r = spare_route(fleet, scratch)
        if r >= 0:
            best, behind, target = extra, plan.depot, r
    return best, behind, target


@njit(cache=True, nogil=True)
def take_back(plan: Plan, fleet: Fleet, scratch: Scratch, inserted: int, removed: int) -> None:
    """Undo the last ``inserted`` insertions and ``removed`` removals."""
    for k in range(inserted - 1, -1, -1):
        detach(plan, fleet, scratch.order[k])
    for k in range(removed - 1, -1, -1):
        insert(plan, fleet, scratch.gone[k], scratch.behind[k], scratch.source[k])


@njit(cache=True, nogil=True)
def recreate(plan: Plan, fleet: Fleet, scratch: Scratch, zone: int, amount: Ruin, count: int) -> tuple[int, float]:
    """Insert the removed customers one by one; return how many found a place, and the cost added."""
    added = 0.0
    for k in range(count):
        c = scratch.order[k]
        extra, behind, r = best_place(plan, fleet, scratch, zone, amount.width, c)
        if r < 0:
            return k, np.inf
        mark_link(plan, scratch, c, behind, r)
        insert(plan, fleet, c, behind, r)
        added += extra
    return count, added


@njit(cache=True, nogil=True)
def save_best(plan: Plan, fleet: Fleet, scratch: Scratch) -> None:
    """Copy what has changed since the best routes were saved."""
    nodes = plan.demand.size
    for k in range(scratch.counts[0]):
        item = scratch.changed[k]
        scratch.marked[item] = 0
        if item < nodes:
            scratch.best_next[item] = fleet.next[item]
        else:
            scratch.best_first[item - nodes] = fleet.first[item - nodes]
    scratch.counts[0] = 0
    scratch.account[BEST] = scratch.account[CURRENT]


@njit(cache=True, nogil=True)
def anneal(plan: Plan, fleet: Fleet, scratch: Scratch, zone: int, amount: Ruin, temperature: float, moves: int) -> None:
    """Make ``moves`` moves in a zone at one temperature.

    Args:
        plan: The problem.
        fleet: The routes; those of the zone change.
        scratch: What the worker remembers; its account is kept up to date.
        zone: The zone.
        amount: How much to remove.
        temperature: A move that costs ``x`` more is accepted with probability exp(-x / temperature).
        moves: Number of moves.
    """
    account = scratch.account
    for _ in range(moves):
        account[MOVES] += 1.0
        removed, gain = ruin(plan, fleet, scratch, zone, amount)
        sort_removed(plan, scratch, removed)
        inserted, added = recreate(plan, fleet, scratch, zone, amount, removed)
        if added - gain < -temperature * np.log(1.0 - uniform(scratch.random)):
            account[CURRENT] += added - gain
            if account[CURRENT] < account[BEST] - 1e-9:
                save_best(plan, fleet, scratch)
        else:
            take_back(plan, fleet, scratch, inserted, removed)
