"""Compiled local search of tours: Lin-Kernighan moves, segment insertion, and local double bridges.

A tour is an array of nodes and the array of their places. Every change is a reversal of a stretch of places, which
undoes itself, so that taking back is running the list of reversals backwards. A worker changes the places from
``low`` to ``high`` only and keeps the nodes at both ends where they are; without wrapping round, what it does there
holds for the whole tour. Sources: Lin and Kernighan (1973); Johnson and McGeoch (1997) for neighbour lists and
don't-look bits; Martin, Otto and Felten (1991) for double bridges.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import inlined, kernel
from copt.solvers.random_kernels import UInt64, draw, uniform
from copt.solvers.routing.cost_kernels import Costs, Float64, Int32, cost
from copt.solvers.routing.route_kernels import Int64

__all__ = ["CHOICES", "Path", "kick", "mend"]

TINY = 1e-7  # a smaller gain is rounding
DEPTH = 8  # reversals of a chain
CHOICES = (5, 3)  # alternatives at the first two steps of a chain; one from there on
GAIN, KICKS = range(2)  # places in the account of a search


class Path(NamedTuple):
    """A stretch of the tour and what its worker remembers."""

    costs: Costs
    near: Int32  # (nodes, neighbours)
    tour: Int32  # (nodes,) shared by all workers
    place: Int32  # (nodes,) shared
    waiting: NDArray[np.uint8]  # (nodes,) shared: whether a node is queued
    low: int
    high: int
    reach: int  # longest stretch to be reversed
    queue: Int32  # (power of two,) ring of nodes to look at
    ends: Int64  # (2,) first entry of the ring, and number of entries
    log: Int64  # (reversals, 2)
    counts: Int64  # (1,) entries in ``log``
    random: UInt64  # (1,)
    account: Float64  # (2,) cost gained, kicks made
    values: Float64  # (CHOICES[0],) scratch
    threes: Int64  # (CHOICES[0],) scratch


@inlined
def push(path: Path, node: int) -> None:
    """Queue ``node`` unless it is."""
    if not path.waiting[node]:
        path.waiting[node] = 1
        mask = path.queue.size - 1
        path.queue[(path.ends[0] + path.ends[1]) & mask] = node
        path.ends[1] += 1


@kernel
def reverse(path: Path, i: int, j: int) -> None:
    """Reverse the places from ``i`` to ``j``."""
    tour, place = path.tour, path.place
    while i < j:
        a, b = tour[i], tour[j]
        tour[i], tour[j] = b, a
        place[b], place[a] = i, j
        i += 1
        j -= 1


@inlined
def flip(path: Path, i: int, j: int) -> None:
    """Reverse and log it."""
    reverse(path, i, j)
    path.log[path.counts[0], 0], path.log[path.counts[0], 1] = i, j
    path.counts[0] += 1


@kernel
def rewind(path: Path, count: int) -> None:
    """Take back all but the first ``count`` logged reversals."""
    for k in range(path.counts[0] - 1, count - 1, -1):
        reverse(path, path.log[k, 0], path.log[k, 1])
    path.counts[0] = count


@inlined
def stretch(path: Path, t1: int, t2: int, t3: int, ahead: bool) -> tuple[int, int, int]:
    """Return t4 and the places to reverse for the exchange of (t1, t2), (t4, t3) for (t2, t3), (t1, t4).

    ``ahead`` tells whether t2 follows t1. Where the path does not allow it, t4 is -1.
    """
    p1, p2, p3 = path.place[t1], path.place[t2], path.place[t3]
    if ahead:
        p4 = p3 - 1
        i, j = (p2, p4) if p3 > p2 else (p3, p1)
    else:
        p4 = p3 + 1
        i, j = (p4, p2) if p3 < p2 else (p1, p3)
    if p4 < path.low or p4 >= path.high or i <= path.low or j >= path.high - 1 or j - i >= path.reach or i > j:
        return -1, 0, 0
    return path.tour[p4], i, j


@kernel
def candidate(path: Path, t1: int, t2: int, ahead: bool, gain: float, rank: int) -> tuple[float, int, int, int, int]:
    """Return the exchange with the ``rank``-th largest gain before closing: that gain, t3, t4 and the places."""
    values, threes = path.values, path.threes
    kept = 0
    for k in range(path.near.shape[1]):
        t3 = path.near[t2, k]
        left = gain - cost(path.costs, t2, t3)
        if left <= TINY:
            break
        place = path.place[t3]
        if t3 == t1 or place < path.low or place >= path.high:
            continue
        t4, _, _ = stretch(path, t1, t2, t3, ahead)
        if t4 < 0 or t4 == t2:
            continue
        value = left + cost(path.costs, t3, t4)
        at = min(kept, rank)
        if at == kept or value > values[at]:
            while at > 0 and values[at - 1] < value:
                values[at], threes[at] = values[at - 1], threes[at - 1]
                at -= 1
            values[at], threes[at] = value, t3
            kept = min(kept + 1, rank + 1)
    if kept <= rank:
        return 0.0, -1, -1, 0, 0
    t4, i, j = stretch(path, t1, t2, threes[rank], ahead)
    return values[rank], threes[rank], t4, i, j


@kernel
def chain(path: Path, t1: int, ahead: bool, first: int, second: int) -> tuple[float, bool]:
    """Make a Lin-Kernighan chain from ``t1``; keep its best part; return the gain, and whether there was a chain."""
    t2 = path.tour[path.place[t1] + (1 if ahead else -1)]
    begun = path.counts[0]
    gain, best, kept = cost(path.costs, t1, t2), TINY, begun
    for step in range(DEPTH):
        rank = first if step == 0 else second if step == 1 else 0
        value, t3, t4, i, j = candidate(path, t1, t2, ahead, gain, rank)
        if t3 < 0:
            if step == 0 or (step == 1 and second > 0):
                rewind(path, begun)
                return 0.0, False
            break
        flip(path, i, j)
        ahead = path.place[t4] == path.place[t1] + 1
        gain, t2 = value, t4
        closed = gain - cost(path.costs, t4, t1)
        if closed > best:
            best, kept = closed, path.counts[0]
    rewind(path, kept)
    return (best if kept > begun else 0.0), True


@kernel
def queue_ends(path: Path, begun: int) -> None:
    """Queue the nodes at the ends of the reversals since ``begun``."""
    for k in range(begun, path.counts[0]):
        i, j = path.log[k, 0], path.log[k, 1]
        for p in (i - 1, i, j, j + 1):
            push(path, path.tour[p])


@kernel
def improve(path: Path, t1: int) -> float:
    """Make the first improving chain from ``t1``; return its gain."""
    for ahead in (True, False):
        p = path.place[t1]
        if not path.low <= p < path.high or (p + 1 >= path.high if ahead else p - 1 < path.low):
            continue
        for first in range(CHOICES[0]):
            for second in range(CHOICES[1]):
                begun = path.counts[0]
                gain, more = chain(path, t1, ahead, first, second)
                if gain > 0.0:
                    queue_ends(path, begun)
                    return gain
                if not more:
                    break
            if not more and second == 0:
                break
    return 0.0


@kernel
def shift(path: Path, i: int, j: int, k: int) -> None:
    """Exchange the stretches from ``i`` to ``j - 1`` and from ``j`` to ``k - 1``."""
    flip(path, i, k - 1)
    flip(path, i, i + k - j - 1)
    flip(path, i + k - j, k - 1)


@kernel
def settle(path: Path, steps: int) -> float:
    """Look at queued nodes until there are none or ``steps`` of them are done; return the gain."""
    mask, total = path.queue.size - 1, 0.0
    for _ in range(steps):
        if path.ends[1] == 0 or path.counts[0] + 3 * DEPTH > path.log.shape[0]:
            break
        node = path.queue[path.ends[0] & mask]
        path.ends[0] += 1
        path.ends[1] -= 1
        path.waiting[node] = 0
        gain = improve(path, node)
        if gain > 0.0:
            total += gain
            push(path, node)
    return total


@kernel
def mend(path: Path, steps: int) -> bool:
    """Make the path a local optimum; return whether it is one after ``steps`` looks at nodes."""
    while steps > 0 and path.ends[1] > 0:
        path.counts[0] = 0
        looks = min(steps, path.log.shape[0] // (4 * DEPTH))
        path.account[GAIN] += settle(path, looks)
        steps -= looks
    path.counts[0] = 0
    return int(path.ends[1]) == 0


@kernel
def kick(path: Path, kicks: int, widest: int, temperature: float) -> None:
    """Exchange two neighbouring stretches at random and mend what that opens, ``kicks`` times.

    Args:
        path: The path, a local optimum.
        kicks: Number of kicks.
        widest: Most places of a stretch.
        temperature: A result that costs ``x`` more is accepted with probability exp(-x / temperature).
    """
    room = path.high - path.low - 2
    widest = min(widest, room // 2)
    if widest < 1:
        path.account[KICKS] += kicks
        return
    for _ in range(kicks):
        path.account[KICKS] += 1.0
        path.counts[0] = 0
        one, other = 1 + draw(path.random, widest), 1 + draw(path.random, widest)
        i = path.low + 1 + draw(path.random, room - one - other + 1)
        j, k = i + one, i + one + other
        before, a, b = path.tour[i - 1], path.tour[i], path.tour[j - 1]
        c, d, after = path.tour[j], path.tour[k - 1], path.tour[k]
        gain = cost(path.costs, before, a) + cost(path.costs, b, c) + cost(path.costs, d, after)
        gain -= cost(path.costs, before, c) + cost(path.costs, d, a) + cost(path.costs, b, after)
        shift(path, i, j, k)
        for node in (before, a, b, c, d, after):
            push(path, node)
        gain += settle(path, 1 << 30)
        if gain >= 0.0 or -gain < -temperature * np.log(1.0 - uniform(path.random)):
            path.account[GAIN] += gain
        else:
            rewind(path, 0)
        while path.ends[1] > 0:
            path.waiting[path.queue[path.ends[0] & (path.queue.size - 1)]] = 0
            path.ends[0] += 1
            path.ends[1] -= 1
    path.counts[0] = 0
