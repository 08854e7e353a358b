"""Compiled ruin and recreate on the routes of one zone.

Slack induction by string removals (Christiaens and Vanden Berghe 2020): strings of neighbouring customers leave a few
adjacent routes, then greedy insertion with blinks puts them back. Insertion looks at the nearest customers only, so
that a move costs the same on any number of customers.
"""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import inlined, kernel
from copt.solvers.random_kernels import draw, uniform
from copt.solvers.routing.cost_kernels import cost
from copt.solvers.routing.route_kernels import Fleet, Plan, detach, insert
from copt.solvers.routing.zone_kernels import LOGGED, MOVES, SPARE, Zone, keep

__all__ = ["Ruin", "depot_place", "passing_end", "recreate", "ruin"]

BLINK = 0.01  # share of insertion places that are overlooked
PASSING = 0.1  # share of moves that also ruin a route whose leg to or from the depot passes by
TRIES = 40  # routes among which that one is sought
SPLIT = 0.5  # share of removals that spare one customer inside the string


class Ruin(NamedTuple):
    """How much to remove, and where to look for places."""

    mean: float  # customers removed on average
    longest: float  # longest string
    again: bool  # whether a route may lose several strings in one move
    width: int  # neighbours that insertion looks at


@kernel
def remove_string(
    plan: Plan, fleet: Fleet, zone: Zone, c: int, length: int, spared: int, count: int
) -> tuple[int, float]:
    """Remove ``length`` customers around ``c``, but for ``spared`` in a row; return the new count and the gain."""
    depot, total, gain = plan.depot, length + spared, 0.0
    start, steps = c, draw(zone.random, total)
    while steps > 0 and fleet.prev[start] != depot:
        start = fleet.prev[start]
        steps -= 1
    ahead, node = 0, start
    while ahead < total and node != depot:
        ahead += 1
        node = fleet.next[node]
    for _ in range(total - ahead):
        start = fleet.prev[start]
    skip = draw(zone.random, length + 1) if spared else total
    node = start
    for k in range(total):
        following = fleet.next[node]
        if k < skip or k >= skip + spared:
            gain += detach(plan, fleet, node)
            zone.gone[count] = node
            count += 1
        node = following
    return count, gain


@inlined
def depot_place(plan: Plan, fleet: Fleet, r: int, c: int) -> tuple[float, int, int]:
    """Return the extra cost of the cheaper place for ``c`` next to the depot on route ``r``, not an empty one.

    Also its predecessor and the customer that it would be next to.
    """
    first, last = fleet.first[r], fleet.last[r]
    leaving = plan.leave[c] + cost(plan.costs, c, first) - fleet.into[first]
    entering = cost(plan.costs, last, c) + plan.enter[c] - fleet.out[last]
    if entering < leaving:
        return entering, last, last
    return leaving, plan.depot, first


@kernel
def passing_end(plan: Plan, fleet: Fleet, zone: Zone, c: int) -> int:
    """Return an end of the route, of a few random ones, whose legs at the depot would take in ``c`` most cheaply.

    Or -1 if there is none. Where routes are long, customers near the depot belong to routes that pass by on their
    way, and are not near any customer of those.
    """
    best, found = np.inf, -1
    for _ in range(TRIES):
        r = zone.routes[draw(zone.random, zone.routes.size)]
        if fleet.size[r] == 0 or fleet.route[c] == r:
            continue
        extra, _, end = depot_place(plan, fleet, r, c)
        if extra < best:
            best, found = extra, end
    return found


@kernel
def ruin(plan: Plan, fleet: Fleet, zone: Zone, amount: Ruin) -> tuple[int, float]:
    """Remove strings from routes near a random customer; return how many customers left, and the cost saved.

    Sometimes the first string comes from the end of a route that passes by.
    """
    random, move = zone.random, int(zone.account[MOVES])
    strings = int(1.0 + uniform(random) * (4.0 * amount.mean / (1.0 + amount.longest) - 1.0))
    seed = zone.members[draw(random, zone.members.size)]
    end = passing_end(plan, fleet, zone, seed) if uniform(random) < PASSING else -1
    count, gain = 0, 0.0
    for k in range(-2 if end >= 0 else -1, plan.near.shape[1]):
        c = end if k == -2 else seed if k == -1 else plan.near[seed, k]
        r = fleet.route[c]
        if r < 0 or fleet.zone[r] != zone.name or (zone.kept[r] == move and not amount.again):
            continue
        keep(plan, fleet, zone, r)
        length = int(1.0 + uniform(random) * min(float(fleet.size[r]), amount.longest))
        spared = 1 if 1 < length < fleet.size[r] and uniform(random) < SPLIT else 0
        count, saved = remove_string(plan, fleet, zone, c, length, spared, count)
        gain += saved
        strings -= 1
        if strings <= 0:
            break
    return count, gain


@kernel
def sort_removed(plan: Plan, zone: Zone, count: int) -> None:
    """Sort the removed customers: at random, or by demand, or far or near ones first."""
    way = draw(zone.random, 11)
    for k in range(count):
        c = zone.gone[k]
        if way < 4:
            value = uniform(zone.random)
        elif way < 8:
            value = -float(plan.demand[c])
        elif way < 10:
            value = -plan.leave[c]
        else:
            value = plan.leave[c]
        place = k
        while place > 0 and zone.key[place - 1] > value:
            zone.key[place], zone.gone[place] = zone.key[place - 1], zone.gone[place - 1]
            place -= 1
        zone.key[place], zone.gone[place] = value, c


@kernel
def spare_route(fleet: Fleet, zone: Zone) -> int:
    """Return an empty route of the zone, or -1."""
    routes = zone.routes
    for _ in range(routes.size):
        place = zone.counts[SPARE]
        if fleet.size[routes[place]] == 0:
            return int(routes[place])
        zone.counts[SPARE] = (place + 1) % routes.size
    return -1


@kernel
def best_place(plan: Plan, fleet: Fleet, zone: Zone, width: int, c: int) -> tuple[float, int, int]:
    """Return the extra cost, predecessor and route of the cheapest place for ``c``.

    Looked at are places beside its neighbours, next to the depot on routes of this move, and on an empty route.
    A leg between two of them is looked at from the nearer one; from there its other end is at least as far, so that
    legs shorter than twice that distance less the best extra cost need no look. Most are spared if neighbours come
    nearest first.
    """
    depot, room = plan.depot, plan.capacity - plan.demand[c]
    best, behind, target = np.inf, -1, -1
    for k in range(width):
        j = plan.beside[c, k]
        r = fleet.route[j]
        if r < 0 or fleet.zone[r] != zone.name or fleet.load[r] > room or uniform(zone.random) < BLINK:
            continue
        near = plan.beside_cost[c, k]
        there = near if plan.turn else cost(plan.costs, j, c)
        after = fleet.next[j]
        if after == depot:
            extra = there + plan.enter[c] - fleet.out[j]
        elif not plan.turn or 2.0 * near - fleet.out[j] < best:
            extra = there + cost(plan.costs, c, after) - fleet.out[j]
        else:
            extra = np.inf
        if extra < best:
            best, behind, target = extra, j, r
        before = fleet.prev[j]
        if before == depot:
            extra = plan.leave[c] + near - fleet.into[j]
        elif not plan.turn or 2.0 * near - fleet.into[j] < best:
            extra = cost(plan.costs, before, c) + near - fleet.into[j]
        else:
            extra = np.inf
        if extra < best:
            best, behind, target = extra, before, r
    for entry in range(zone.counts[LOGGED]):
        r = zone.log_route[entry]
        if fleet.size[r] > 0 and fleet.load[r] <= room:
            extra, before, _ = depot_place(plan, fleet, r, c)
            if extra < best:
                best, behind, target = extra, before, r
    extra = plan.leave[c] + plan.enter[c]
    if extra < best:
        r = spare_route(fleet, zone)
        if r >= 0:
            best, behind, target = extra, depot, r
    return best, behind, target


@kernel
def recreate(plan: Plan, fleet: Fleet, zone: Zone, amount: Ruin, count: int) -> float:
    """Insert the removed customers one by one; return the cost added, infinity if one finds no place."""
    sort_removed(plan, zone, count)
    added = 0.0
    for k in range(count):
        c = zone.gone[k]
        extra, behind, r = best_place(plan, fleet, zone, amount.width, c)
        if r < 0:
            return np.inf
        keep(plan, fleet, zone, r)
        insert(plan, fleet, c, behind, r)
        added += extra
    return added
