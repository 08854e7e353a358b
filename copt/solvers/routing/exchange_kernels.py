"""Compiled local search of routes: exchanges that bring two near customers together.

For a customer and each of its nearest ones, the best of these is made: tails of two routes are exchanged (2-opt*),
with one of them turned round or not; a stretch of one route is turned round (2-opt); a string of up to three
customers moves (or-opt, relocate); two customers swap. An exchange is looked at only where the new leg is shorter
than the one it takes the place of (Toth and Vigo 2003; Lin and Kernighan 1973).
"""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import inlined, kernel
from copt.solvers.routing.cost_kernels import Int32, cost
from copt.solvers.routing.route_kernels import Fleet, Plan, detach, insert, leg, number, rewrite
from copt.solvers.routing.zone_kernels import STRING, Zone, keep, pop, push

__all__ = ["Exchange", "best_exchange", "make", "settle"]

NO_LIMIT = 2**62  # of demand
TINY = 1e-6  # a smaller gain is rounding
TAILS, TURNED_TAILS, TURN, STRING_MOVE, SWAP = range(5)


class Exchange(NamedTuple):
    """An exchange that makes customers ``i`` and ``j`` neighbours.

    ``ahead`` tells whether the leg behind ``i`` is given up, not the one before it. A string from ``i`` to ``end``
    comes to stand ``after`` ``j`` or before it; in a swap ``end`` is the other customer.
    """

    gain: float
    kind: int
    i: int
    j: int
    ahead: bool
    end: int
    after: bool


@inlined
def wide(node: int) -> int:
    """Return ``node`` in 64 bits, the type in which all exchanges name nodes."""
    return int(np.int64(node))


@inlined
def tails_gain(plan: Plan, fleet: Fleet, i: int, j: int, apart: float, ahead: bool, floor: float) -> float:
    """Return the gain of exchanging the tails of two routes so that ``j`` comes behind ``i``, or before it.

    Like all gains below it is at most ``floor`` if it cannot be more, or if a route would be too full.
    """
    one, two = (i, j) if ahead else (j, i)
    given = fleet.out[one] + fleet.into[two] - apart
    if given <= floor:
        return floor
    r, t = fleet.route[one], fleet.route[two]
    before, load = fleet.carried[two] - plan.demand[two], fleet.carried[one]
    if load + fleet.load[t] - before > plan.capacity or before + fleet.load[r] - load > plan.capacity:
        return floor
    gain: float = given - leg(plan, fleet.prev[two], fleet.next[one])
    return gain


@inlined
def turned_tails_gain(plan: Plan, fleet: Fleet, i: int, j: int, apart: float, ahead: bool, floor: float) -> float:
    """Return the gain if the heads of two routes up to ``i`` and ``j`` meet, or the tails from there, turned round."""
    given = (fleet.out[i] + fleet.out[j] if ahead else fleet.into[i] + fleet.into[j]) - apart
    r, t = fleet.route[i], fleet.route[j]
    one, two = fleet.carried[i], fleet.carried[j]
    if not ahead:
        one -= plan.demand[i]
        two -= plan.demand[j]
    if one + two > plan.capacity or fleet.load[r] - one + fleet.load[t] - two > plan.capacity:
        return floor
    a, b = (fleet.next[i], fleet.next[j]) if ahead else (fleet.prev[i], fleet.prev[j])
    # On open routes the way to the depot is free: a turned head has it at the other end, and so has a turned tail.
    first, last = fleet.first[t], fleet.last[r]
    if ahead or b != plan.depot:
        given += plan.leave[first] - plan.enter[first]
    if not ahead or a != plan.depot:
        given += plan.enter[last] - plan.leave[last]
    return given - leg(plan, a, b) if given > floor else floor


@inlined
def turn_gain(plan: Plan, fleet: Fleet, i: int, j: int, apart: float, ahead: bool, floor: float) -> float:
    """Return the gain of turning the stretch between ``i`` and ``j`` on one route."""
    given = (fleet.out[i] + fleet.out[j] if ahead else fleet.into[i] + fleet.into[j]) - apart
    a, b = (fleet.next[i], fleet.next[j]) if ahead else (fleet.prev[i], fleet.prev[j])
    if given <= floor or a == j or b == i:
        return floor
    gain: float = given - (leg(plan, a, b) if fleet.place[i] < fleet.place[j] else leg(plan, b, a))
    return gain


@inlined
def swap_gain(plan: Plan, fleet: Fleet, i: int, x: int, given: float, after: bool, floor: float) -> float:
    """Return the gain of a swap of ``i`` and ``x`` beyond ``given``, that of the leg that brings ``i`` near.

    ``after`` tells whether ``x`` stands behind that neighbour. The gain is ``floor`` where it cannot be more.
    """
    p, s = wide(fleet.prev[i]), wide(fleet.next[i])
    if x == plan.depot or x in (i, p, s):
        return floor
    given += fleet.into[i] + fleet.out[i] + (fleet.out[x] if after else fleet.into[x])
    if given <= floor:
        return floor
    r, t, more = fleet.route[i], fleet.route[x], plan.demand[i] - plan.demand[x]
    if r != t and (fleet.load[t] + more > plan.capacity or fleet.load[r] - more > plan.capacity):
        return floor
    given -= leg(plan, p, x) + leg(plan, x, s)
    return given - (leg(plan, i, fleet.next[x]) if after else leg(plan, fleet.prev[x], i))


@kernel
def list_strings(plan: Plan, fleet: Fleet, zone: Zone, i: int) -> None:
    """Write the strings that end in ``i``: their other ends, the gain of taking them out, and their loads.

    Row 0 holds those that give up the leg behind ``i`` and go back from there, row 1 the others.
    """
    for row in range(2):
        load, end = 0, i
        for size in range(STRING):
            load += plan.demand[end]
            outer = fleet.prev[end] if row == 0 else fleet.next[end]
            if row == 0:
                freed = fleet.out[i] + fleet.into[end] - leg(plan, outer, fleet.next[i])
            else:
                freed = fleet.into[i] + fleet.out[end] - leg(plan, fleet.prev[i], outer)
            zone.ends[row, size], zone.freed[row, size], zone.carry[row, size] = end, freed, load
            if outer == plan.depot:
                for further in range(size + 1, STRING):
                    zone.ends[row, further] = -1
                break
            end = outer


@kernel
def best_exchange(plan: Plan, fleet: Fleet, zone: Zone, width: int, i: int) -> Exchange:
    """Return the exchange with the largest gain that brings ``i`` beside one of its first ``width`` candidates."""
    gain, kind, other, forward, last, behind = TINY, -1, i, False, wide(i), False
    longest, listed = max(fleet.into[i], fleet.out[i]), False
    r = fleet.route[i]
    for k in range(width):
        there = plan.beside_cost[i, k]
        if there >= longest and plan.turn:
            break
        j = wide(plan.beside[i, k])
        t = fleet.route[j]
        if t < 0 or fleet.zone[t] != zone.name:
            continue
        back = there if plan.turn else cost(plan.costs, j, i)
        if not listed:
            list_strings(plan, fleet, zone, i)
            listed = True
        before, after = wide(fleet.prev[j]), wide(fleet.next[j])
        room = NO_LIMIT if t == r else plan.capacity - fleet.load[t]
        for row in range(2):
            ahead = row == 0
            if (fleet.out[i] if ahead else fleet.into[i]) <= min(there, back):
                continue
            if t != r:
                value = tails_gain(plan, fleet, i, j, there if ahead else back, ahead, gain)
                if value > gain:
                    gain, kind, other, forward = value, TAILS, j, ahead
                if plan.turn:
                    value = turned_tails_gain(plan, fleet, i, j, there, ahead, gain)
                    if value > gain:
                        gain, kind, other, forward = value, TURNED_TAILS, j, ahead
            elif plan.turn:
                value = turn_gain(plan, fleet, i, j, there, ahead, gain)
                if value > gain:
                    gain, kind, other, forward = value, TURN, j, ahead
            for size in range(STRING):
                end = zone.ends[row, size]
                if end < 0 or end == j or zone.carry[row, size] > room:
                    break
                free = zone.freed[row, size]
                if before != i and before != end and (plan.turn or ahead or size == 0):
                    given = free + fleet.into[j] - there
                    if given > gain:
                        value = given - leg(plan, before, end)
                        if value > gain:
                            gain, kind, other, forward, last, behind = value, STRING_MOVE, j, ahead, end, False
                if after != i and after != end and (plan.turn or not ahead or size == 0):
                    given = free + fleet.out[j] - back
                    if given > gain:
                        value = given - leg(plan, end, after)
                        if value > gain:
                            gain, kind, other, forward, last, behind = value, STRING_MOVE, j, ahead, end, True
        value = swap_gain(plan, fleet, i, after, fleet.out[j] - back, True, gain)
        if value > gain:
            gain, kind, other, last, behind = value, SWAP, j, after, True
        value = swap_gain(plan, fleet, i, before, fleet.into[j] - there, False, gain)
        if value > gain:
            gain, kind, other, last, behind = value, SWAP, j, before, False
    return Exchange(gain, kind, i, other, forward, last, behind)


@kernel
def read_route(plan: Plan, fleet: Fleet, r: int, nodes: Int32, filled: int, begin: int, end: int, back: bool) -> int:
    """Write the customers in places ``begin`` to ``end`` of route ``r`` behind ``filled`` others; return the sum.

    With ``back`` they come in reverse.
    """
    c, place = fleet.first[r], 0
    while c != plan.depot and place < end:
        if place >= begin:
            nodes[filled + (end - 1 - place if back else place - begin)] = c
        place += 1
        c = fleet.next[c]
    return filled + max(0, end - begin)


@kernel
def make_tails(plan: Plan, fleet: Fleet, zone: Zone, chosen: Exchange) -> None:
    """Exchange tails."""
    i, j = chosen.i, chosen.j
    r, t, turned = fleet.route[i], fleet.route[j], chosen.kind == TURNED_TAILS
    a = fleet.place[i] + (1 if chosen.ahead else 0)
    b = fleet.place[j] + (1 if chosen.ahead == turned else 0)
    m, n = fleet.size[r], fleet.size[t]
    one, two = zone.one, zone.two
    count = read_route(plan, fleet, r, one, 0, 0, a, False)
    if turned:
        count = read_route(plan, fleet, t, one, count, 0, b, True)
        other = read_route(plan, fleet, r, two, 0, a, m, True)
        other = read_route(plan, fleet, t, two, other, b, n, False)
    else:
        count = read_route(plan, fleet, t, one, count, b, n, False)
        other = read_route(plan, fleet, t, two, 0, 0, b, False)
        other = read_route(plan, fleet, r, two, other, a, m, False)
    rewrite(plan, fleet, r, one, 0, count)
    rewrite(plan, fleet, t, two, 0, other)


@kernel
def make_turn(plan: Plan, fleet: Fleet, zone: Zone, chosen: Exchange) -> None:
    """Turn a stretch round."""
    r, shift = fleet.route[chosen.i], 1 if chosen.ahead else 0
    low, high = fleet.place[chosen.i] + shift, fleet.place[chosen.j] + shift
    if low > high:
        low, high = high, low
    count = read_route(plan, fleet, r, zone.one, 0, 0, low, False)
    count = read_route(plan, fleet, r, zone.one, count, low, high, True)
    count = read_route(plan, fleet, r, zone.one, count, high, fleet.size[r], False)
    rewrite(plan, fleet, r, zone.one, 0, count)


@kernel
def make_string_move(plan: Plan, fleet: Fleet, zone: Zone, chosen: Exchange) -> None:
    """Move a string; it ends in ``i`` and goes away from the leg that ``i`` gives up."""
    c, count, string = chosen.i, 0, zone.one
    while True:
        following = fleet.prev[c] if chosen.ahead else fleet.next[c]
        string[count] = c
        count += 1
        if c == chosen.end:
            break
        c = following
    for k in range(count):
        detach(plan, fleet, string[k])
    t = fleet.route[chosen.j]
    behind = chosen.j if chosen.after else fleet.prev[chosen.j]
    for k in range(count):
        insert(plan, fleet, string[k], behind, t)
        if chosen.after:
            behind = string[k]


@kernel
def make_swap(plan: Plan, fleet: Fleet, chosen: Exchange) -> None:
    """Swap two customers."""
    i, j, x = chosen.i, chosen.j, chosen.end
    p, r, t = fleet.prev[i], fleet.route[i], fleet.route[j]
    detach(plan, fleet, i)
    detach(plan, fleet, x)
    insert(plan, fleet, x, p, r)
    insert(plan, fleet, i, j if chosen.after else fleet.prev[j], t)


@kernel
def make(plan: Plan, fleet: Fleet, zone: Zone, chosen: Exchange) -> None:
    """Make an exchange; log the routes it changes and queue the customers whose legs it changes."""
    r, t = fleet.route[chosen.i], fleet.route[chosen.j]
    keep(plan, fleet, zone, r)
    keep(plan, fleet, zone, t)
    for c in (chosen.i, chosen.j, chosen.end):
        push(plan, zone, c)
        push(plan, zone, fleet.prev[c])
        push(plan, zone, fleet.next[c])
    if chosen.kind == TAILS or chosen.kind == TURNED_TAILS:
        make_tails(plan, fleet, zone, chosen)
    elif chosen.kind == TURN:
        make_turn(plan, fleet, zone, chosen)
    else:
        if chosen.kind == STRING_MOVE:
            make_string_move(plan, fleet, zone, chosen)
        else:
            make_swap(plan, fleet, chosen)
        number(plan, fleet, r)
        if t != r:
            number(plan, fleet, t)


@kernel
def settle(plan: Plan, fleet: Fleet, zone: Zone, width: int) -> float:
    """Make exchanges that gain until no queued customer has one; return the sum of the gains.

    Places and carried demands of the routes must be up to date.
    """
    total = 0.0
    c = pop(zone)
    while c >= 0:
        chosen = best_exchange(plan, fleet, zone, width, c)
        if chosen.kind >= 0:
            make(plan, fleet, zone, chosen)
            total += chosen.gain
        c = pop(zone)
    return total
