"""Compiled dispatching: one schedule, decision by decision, under a priority rule or a trained network."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import fused, kernel
from copt.solvers.jobshop.floor_kernels import EMPTY, Dispatch, Float32, Floor, Int32, conflict_set, dispatch, reset
from copt.solvers.random_kernels import uniform

NETWORK, MWKR, MOR, SPT, FIFO, RANDOM = range(6)
FEATURES = 24
HIDDEN = 32
POLL = 1024  # decisions between two looks at the stop flag


class Scorer(NamedTuple):
    """Decoder of the network; ``static`` is the encoder's part of the first layer, one row an operation."""

    static: Float32  # (n, HIDDEN)
    dynamic: Float32  # (FEATURES, HIDDEN)
    own: Float32  # (HIDDEN, HIDDEN)
    context: Float32  # (HIDDEN, HIDDEN)
    bias: Float32  # (HIDDEN,)
    out: Float32  # (HIDDEN,)


@kernel
def soft(x: float, scale: float) -> float:
    """Squash ``x`` into (-1, 1), with half-way at ``scale``."""
    return x / (scale + abs(x))


@kernel
def sort_by_tail(shop: Dispatch, floor: Floor, size: int) -> None:
    """Sort the conflict set by falling tail (Shell's sort with the gaps of Ciura 2001)."""
    place, waiting, tail = floor.place, floor.waiting, shop.tail
    for gap in (301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, size):
            moved = place[i]
            value = tail[waiting[moved]]
            j = i
            while j >= gap and tail[waiting[place[j - gap]]] < value:
                place[j] = place[j - gap]
                j -= gap
            place[j] = moved


@kernel
def reach_of_others(shop: Dispatch, floor: Floor, size: int) -> None:
    """Write, for each operation of the sorted conflict set, how far the others reach once it has completed.

    The others run in the order of falling tails, which is best when all are there (Jackson 1955).
    """
    reach = floor.reach
    work, before = np.int64(0), np.int64(0)
    for i in range(size):
        o = floor.waiting[floor.place[i]]
        reach[i] = before
        work += shop.duration[o]
        before = max(before, work + shop.tail[o])
    behind = np.int64(0)
    for i in range(size - 1, -1, -1):
        o = floor.waiting[floor.place[i]]
        reach[i] = max(reach[i], behind - shop.duration[o])
        behind = max(behind, work + shop.tail[o])
        work -= shop.duration[o]


@kernel
def describe(shop: Dispatch, floor: Floor, m: int, size: int) -> None:
    """Write the features of the conflict set: times in mean durations, or relative to the lower bound."""
    unit, free, key, bound = shop.unit, floor.free, floor.key[m], floor.total[0]
    share = 1.0 / max(bound, np.int64(1))
    sort_by_tail(shop, floor, size)
    reach_of_others(shop, floor, size)
    longest, soonest = np.int64(0), EMPTY
    for i in range(size):
        k = floor.place[i]
        o = floor.waiting[k]
        longest = max(longest, np.int64(shop.duration[o]) + shop.tail[o])
        soonest = min(soonest, max(free[m], np.int64(floor.arrival[k])))
    pressure = bound - max(free[m], soonest) - floor.left[m]
    slackness = 1.0 - (floor.total[2] + floor.total[3]) * share / free.size
    for i in range(size):
        k = floor.place[i]
        o = floor.waiting[k]
        f = floor.feature[i]
        start = max(free[m], np.int64(floor.arrival[k]))
        duration, tail = np.int64(shop.duration[o]), np.int64(shop.tail[o])
        end = start + duration
        slack = bound - end - tail
        others = end + floor.reach[i] - bound
        f[0] = soft((start - soonest) * unit, 1.0)
        f[1] = soft((end - key) * unit, 1.0)
        f[2] = soft(duration * unit, 1.0)
        f[3] = soft(slack * unit, 4.0)
        f[4] = slack * share
        f[5] = soft(others * unit, 4.0)
        f[6] = others * share
        f[7] = soft((duration + tail - longest) * unit, 4.0)
        f[8] = soft(pressure * unit, 4.0)
        f[9] = pressure * share
        f[10] = soft(float(shop.after[o]), 4.0)
        f[11] = tail * share
        f[12] = soft(size - 2.0, 3.0)
        f[13] = soft((start - free[m]) * unit, 1.0)
        f[14] = floor.total[1] / floor.total[2]
        f[15] = soft(floor.queued[m] * unit, 4.0)
        f[16] = (floor.left[m] - floor.queued[m]) * share
        f[17] = soft(floor.coming[m] * unit, 4.0)
        f[18] = slackness
        f[19:] = np.float32(0.0)
        if shop.after[o]:
            target = shop.machine[o + 1]
            f[19] = soft((free[target] + floor.queued[target] - end) * unit, 2.0)
            f[20] = (bound - free[target] - floor.left[target]) * share
            f[21] = soft(float(floor.in_queue[target]), 2.0)
            f[22] = soft(floor.coming[target] * unit, 4.0)
        if shop.after[o] > 1:
            target, arrival = shop.machine[o + 2], end + shop.duration[o + 1]
            f[23] = soft((free[target] + floor.queued[target] - arrival) * unit, 2.0)


@fused
def add_product(x: Float32, matrix: Float32, y: Float32) -> None:
    """Add ``x @ matrix`` to ``y``; ``matrix`` has HIDDEN columns.

    Four rows at a time give the compiler enough to do between two stores: five times faster than row by row.
    """
    whole = x.size - x.size % 4
    for f in range(0, whole, 4):
        a, b, c, d = x[f], x[f + 1], x[f + 2], x[f + 3]
        for k in range(HIDDEN):
            y[k] += a * matrix[f, k] + b * matrix[f + 1, k] + c * matrix[f + 2, k] + d * matrix[f + 3, k]
    for f in range(whole, x.size):
        for k in range(HIDDEN):
            y[k] += x[f] * matrix[f, k]


@fused
def rate(net: Scorer, floor: Floor, size: int) -> None:
    """Write the network's scores of the conflict set."""
    pool, mixed = floor.pool[0], floor.pool[1]
    zero = np.float32(0.0)
    pool[:] = zero
    for i in range(size):
        hidden = floor.hidden[i]
        o = floor.waiting[floor.place[i]]
        for k in range(HIDDEN):
            hidden[k] = net.static[o, k]
        add_product(floor.feature[i], net.dynamic, hidden)
        for k in range(HIDDEN):
            hidden[k] = max(hidden[k], zero)
            pool[k] += hidden[k]
    scale = np.float32(1.0 / size)
    for k in range(HIDDEN):
        pool[k] *= scale
        mixed[k] = net.bias[k]
    add_product(pool, net.context, mixed)
    for i in range(size):
        for k in range(HIDDEN):
            pool[k] = mixed[k]
        add_product(floor.hidden[i], net.own, pool)
        score = zero
        for k in range(HIDDEN):
            score += max(pool[k], zero) * net.out[k]
        floor.score[i] = score


@kernel
def rank_by_rule(shop: Dispatch, floor: Floor, rule: int, size: int) -> None:
    """Write the scores of a priority rule, times in mean durations."""
    for i in range(size):
        k = floor.place[i]
        o = floor.waiting[k]
        score = 0.0
        if rule == MWKR:
            score = (shop.duration[o] + shop.tail[o]) * shop.unit
        elif rule == MOR:
            score = float(shop.after[o])
        elif rule == SPT:
            score = -shop.duration[o] * shop.unit
        elif rule == FIFO:
            score = -floor.arrival[k] * shop.unit
        floor.score[i] = score


@kernel
def choose(floor: Floor, size: int, temperature: float) -> int:
    """Return the index of the best score (lowest operation among ties), or a sample of their softmax."""
    score = floor.score
    best = 0
    for i in range(1, size):
        tie = score[i] == score[best] and floor.waiting[floor.place[i]] < floor.waiting[floor.place[best]]
        if score[i] > score[best] or tie:
            best = i
    if temperature <= 0.0:
        return best
    top = score[best]
    total = 0.0
    for i in range(size):
        score[i] = np.exp((score[i] - top) / temperature)
        total += score[i]
    point = uniform(floor.random) * total
    for i in range(size):
        point -= score[i]
        if point < 0.0:
            return i
    return best


@kernel
def roll_out(
    shop: Dispatch,
    floor: Floor,
    net: Scorer,
    rule: int,
    temperature: float,
    delta: float,
    stop: Int32,
    start: Int32,
    sequence: Int32,
) -> int:
    """Build one schedule into ``start`` and ``sequence``; return its makespan, or -1 if ``stop`` was raised."""
    reset(shop, floor)
    for step in range(start.size):
        if step % POLL == 0 and stop[0] != 0:
            return -1
        m = floor.tree[1]
        size = conflict_set(shop, floor, m, delta)
        chosen = 0
        if size > 1:
            if rule == NETWORK:
                describe(shop, floor, m, size)
                rate(net, floor, size)
            else:
                rank_by_rule(shop, floor, rule, size)
            chosen = choose(floor, size, temperature)
        k = floor.place[chosen]
        o = floor.waiting[k]
        start[o] = dispatch(shop, floor, m, k)
        sequence[step] = o
    return int(floor.total[0])


@kernel
def mirror(shop: Dispatch, release: Int32, sequence: Int32, free: NDArray[np.int64], start: Int32) -> int:
    """Turn a dispatching sequence of the reversed shop into starts of ``shop``; return the makespan.

    Operation ``o`` of the reversed shop is operation ``n - 1 - o``; the reversed sequence is topological. ``release``
    holds one date an operation, which matters at the first of each job only.
    """
    n = sequence.size
    free[:] = 0
    makespan = np.int64(0)
    for i in range(n - 1, -1, -1):
        o = n - 1 - sequence[i]
        m = shop.machine[o]
        ready = np.int64(release[o])
        if o > 0 and shop.job[o - 1] == shop.job[o]:
            ready = max(ready, np.int64(start[o - 1]) + shop.duration[o - 1])
        begin = max(ready, free[m])
        start[o] = begin
        free[m] = begin + shop.duration[o]
        makespan = max(makespan, free[m])
    for i in range(n // 2):
        sequence[i], sequence[n - 1 - i] = n - 1 - sequence[n - 1 - i], n - 1 - sequence[i]
    if n % 2:
        sequence[n // 2] = n - 1 - sequence[n // 2]
    return int(makespan)


@kernel
def replay(shop: Dispatch, floor: Floor, expert: Int32, features: Float32, operations: Int32, decisions: Int32) -> int:
    """Follow the machine orders of the start times ``expert`` and write what the network sees and should choose.

    Each decision among two or more operations writes one row an operation, the expert's choice first: its features,
    the operation, and the number of the decision. Returns the number of rows.
    """
    reset(shop, floor)
    rows, taken = 0, 0
    for _ in range(expert.size):
        m = floor.tree[1]
        size = conflict_set(shop, floor, m, 1.0)
        if size > 1:
            describe(shop, floor, m, size)  # sorts the set
        chosen = 0
        for i in range(1, size):
            if expert[floor.waiting[floor.place[i]]] < expert[floor.waiting[floor.place[chosen]]]:
                chosen = i
        if size > 1:
            for i in range(size):
                row = rows + (0 if i == chosen else i if i > chosen else i + 1)
                for f in range(FEATURES):
                    features[row, f] = floor.feature[i, f]
                operations[row] = floor.waiting[floor.place[i]]
                decisions[row] = taken
            rows += size
            taken += 1
        dispatch(shop, floor, m, floor.place[chosen])
    return rows
