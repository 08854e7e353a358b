"""Compiled shop floor: which operations wait where, which machine decides next, and among which operations.

The scheme is that of Giffler and Thompson (1960). The machine of the operation that could complete first decides
next; its conflict set holds the waiting operations that could start before that completion. ``delta`` shrinks the
set towards non-delay schedules (Bierwirth and Mattfeld 1999): 1 gives active, 0 non-delay ones. A decision costs
O(waiting operations of one machine + log machines).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel

Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]

EMPTY = np.int64(2**62)


class Dispatch(NamedTuple):
    """A shop with one machine an operation, as the dispatcher sees it."""

    duration: Int32  # (n,)
    machine: Int32  # (n,)
    job: Int32  # (n,)
    after: Int32  # (n,) operations of the job behind this one
    tail: Int32  # (n,) work of the job behind this operation, delivery time included
    first: Int32  # (busy jobs,) first operation of each job that has one
    release: Int32  # (busy jobs,) earliest start of that operation
    offset: Int32  # (machines + 1,) where the waiting operations of each machine are kept
    load: NDArray[np.int64]  # (machines,) total duration
    unit: float  # one over the mean duration


class Floor(NamedTuple):
    """State of the shop floor and scratch space; one per thread, reusable."""

    free: NDArray[np.int64]  # (machines,) when the machine completes its last dispatched operation
    left: NDArray[np.int64]  # (machines,) work not yet dispatched
    queued: NDArray[np.int64]  # (machines,) work that waits
    coming: NDArray[np.int64]  # (machines,) work right behind operations that wait elsewhere
    in_queue: Int32  # (machines,) operations that wait
    waiting: Int32  # (n,) operations that wait, by machine
    arrival: Int32  # (n,) when each of them arrived
    key: NDArray[np.int64]  # (leaves,) earliest completion on each machine
    tree: Int32  # (2 * leaves,) tournament over ``key``; entry 1 is the winner
    total: NDArray[np.int64]  # (4,) lower bound on the makespan, work not yet dispatched, work of the shop, idle time
    place: Int32  # (widest,) places in ``waiting`` of the conflict set
    reach: NDArray[np.int64]  # (widest,) scratch
    feature: Float32  # (widest, FEATURES)
    hidden: Float32  # (widest, HIDDEN)
    pool: Float32  # (2, HIDDEN)
    score: Float32  # (widest,)
    random: NDArray[np.uint64]  # (1,) state of the random generator


@kernel
def play(floor: Floor, m: int) -> None:
    """Update the tournament after a change of ``key[m]``; the lower machine wins ties."""
    key, tree = floor.key, floor.tree
    node = (m + key.size) >> 1
    while node:
        a, b = tree[2 * node], tree[2 * node + 1]
        tree[node] = a if key[a] <= key[b] else b
        node >>= 1


@kernel
def enter(shop: Dispatch, floor: Floor, o: int, arrival: int) -> None:
    """Let operation ``o`` wait at its machine from time ``arrival`` on."""
    m = shop.machine[o]
    place = shop.offset[m] + floor.in_queue[m]
    floor.waiting[place] = o
    floor.arrival[place] = arrival
    floor.in_queue[m] += 1
    floor.queued[m] += shop.duration[o]
    if shop.after[o]:
        floor.coming[shop.machine[o + 1]] += shop.duration[o + 1]
    completion = max(floor.free[m], np.int64(arrival)) + shop.duration[o]
    if completion < floor.key[m]:
        floor.key[m] = completion
        play(floor, m)


@kernel
def reset(shop: Dispatch, floor: Floor) -> None:
    """Empty the shop floor and let the first operation of each job wait."""
    leaves = floor.key.size
    floor.key[:] = EMPTY
    for m in range(leaves):
        floor.tree[leaves + m] = m
    for node in range(leaves - 1, 0, -1):
        floor.tree[node] = floor.tree[2 * node]
    floor.free[:] = 0
    floor.queued[:] = 0
    floor.coming[:] = 0
    floor.in_queue[:] = 0
    bound = np.int64(0)
    work = np.int64(0)
    for m in range(shop.load.size):
        floor.left[m] = shop.load[m]
        bound = max(bound, shop.load[m])
        work += shop.load[m]
    for j in range(shop.first.size):
        o = shop.first[j]
        bound = max(bound, np.int64(shop.release[j]) + shop.duration[o] + shop.tail[o])
        enter(shop, floor, o, shop.release[j])
    work = max(work, np.int64(1))  # a divisor of features
    floor.total[0], floor.total[1], floor.total[2], floor.total[3] = bound, work, work, 0


@kernel
def conflict_set(shop: Dispatch, floor: Floor, m: int, delta: float) -> int:
    """Write the places of the operations that may go next on machine ``m``; return their number."""
    low, free = shop.offset[m], floor.free[m]
    high = low + floor.in_queue[m]
    soonest = EMPTY
    for k in range(low, high):
        soonest = min(soonest, max(free, np.int64(floor.arrival[k])))
    limit = soonest + delta * (floor.key[m] - soonest)
    size = 0
    for k in range(low, high):
        start = max(free, np.int64(floor.arrival[k]))
        if start < limit or start == soonest:
            floor.place[size] = k
            size += 1
    return size


@kernel
def dispatch(shop: Dispatch, floor: Floor, m: int, k: int) -> int:
    """Fix the operation at place ``k`` next on machine ``m``; return its start."""
    low = shop.offset[m]
    o = floor.waiting[k]
    start = max(floor.free[m], np.int64(floor.arrival[k]))
    end = start + shop.duration[o]
    last = low + floor.in_queue[m] - 1
    floor.waiting[k], floor.arrival[k] = floor.waiting[last], floor.arrival[last]
    floor.in_queue[m] -= 1
    floor.queued[m] -= shop.duration[o]
    floor.left[m] -= shop.duration[o]
    floor.total[3] += start - floor.free[m]
    floor.free[m] = end
    bound = max(floor.total[0], end + shop.tail[o], end + floor.left[m])
    key = EMPTY
    for i in range(low, last):
        w = floor.waiting[i]
        completion = max(end, np.int64(floor.arrival[i])) + shop.duration[w]
        key = min(key, completion)
        bound = max(bound, completion + shop.tail[w])
    floor.key[m] = key
    play(floor, m)
    floor.total[0] = bound
    floor.total[1] -= shop.duration[o]
    if shop.after[o]:
        floor.coming[shop.machine[o + 1]] -= shop.duration[o + 1]
        enter(shop, floor, o + 1, end)
    return int(start)
