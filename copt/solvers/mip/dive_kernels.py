"""Compiled fixing of variables one after the other, each followed by bound propagation through the rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import inlined, kernel

__all__ = ["Dive", "Rows", "dive", "start_activities"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

FEASIBLE = 1e-6  # relative, by which rows may be missed
NEAR = 1e-6  # of a whole number
WORTH = 1e-3  # by which a bound of a continuous variable must move, relative, to be propagated
HUGE = 1e15  # bounds beyond it are not propagated


class Rows(NamedTuple):
    """The program: rows, columns, limits."""

    starts: Ints  # (rows + 1,)
    columns: Ints  # (nonzeros,)
    coefficients: Floats  # (nonzeros,)
    first: Ints  # (variables + 1,): where the rows of each variable begin
    rows_of: Ints  # (nonzeros,)
    factors: Floats  # (nonzeros,): the same matrix, column by column
    row_lower: Floats  # (rows,)
    row_upper: Floats  # (rows,)
    integer: Bytes  # (variables,)


class Dive(NamedTuple):
    """What changes; all is memory of the caller's."""

    lower: Floats  # (variables,)
    upper: Floats  # (variables,)
    least: Floats  # (rows,): smallest activity by the finite bounds
    most: Floats  # (rows,)
    below: Ints  # (rows,): how many infinite bounds the smallest activity has
    above: Ints  # (rows,)
    span: Floats  # (rows,): at least what a change of one variable can do to the activities
    queue: Ints  # (rows,)
    queued: Bytes  # (rows,)
    trail: Ints  # (most changes,): the variables changed since the last fixing
    trail_lower: Floats  # (most changes,)
    trail_upper: Floats  # (most changes,)
    counts: Ints  # (3,): head and length of the queue, length of the trail


@kernel
def start_activities(rows: Rows, dive: Dive) -> None:
    """Set the activities from the bounds."""
    for i in range(rows.starts.size - 1):
        dive.least[i] = dive.most[i] = 0.0
        dive.below[i] = dive.above[i] = 0
        dive.span[i] = 0.0
        for k in range(rows.starts[i], rows.starts[i + 1]):
            j, a = rows.columns[k], rows.coefficients[k]
            low, high = (dive.lower[j], dive.upper[j]) if a > 0 else (dive.upper[j], dive.lower[j])
            if a != 0.0:
                dive.span[i] = max(dive.span[i], a * high - a * low)
            if np.isfinite(low):
                dive.least[i] += a * low
            else:
                dive.below[i] += 1
            if np.isfinite(high):
                dive.most[i] += a * high
            else:
                dive.above[i] += 1
    dive.counts[0] = dive.counts[1] = dive.counts[2] = 0


@inlined
def replace_term(sums: Floats, infinite: Ints, i: int, a: float, was: float, now: float) -> None:
    """Change the bound that row ``i`` has of one variable in an activity; infinite ones are counted."""
    if was != now:
        if np.isfinite(was):
            sums[i] -= a * was
        else:
            infinite[i] -= 1
        if np.isfinite(now):
            sums[i] += a * now
        else:
            infinite[i] += 1


@kernel
def shift(rows: Rows, dive: Dive, j: int, low: float, high: float, enqueue: bool) -> None:
    """Give variable ``j`` new bounds and update the activities of its rows."""
    old_low, old_high = dive.lower[j], dive.upper[j]
    dive.lower[j], dive.upper[j] = low, high
    number = dive.queue.size
    for k in range(rows.first[j], rows.first[j + 1]):
        i, a = rows.rows_of[k], rows.factors[k]
        was_least, now_least = (old_low, low) if a > 0 else (old_high, high)
        was_most, now_most = (old_high, high) if a > 0 else (old_low, low)
        replace_term(dive.least, dive.below, i, a, was_least, now_least)
        replace_term(dive.most, dive.above, i, a, was_most, now_most)
        if enqueue and dive.queued[i] == 0:
            dive.queue[(dive.counts[0] + dive.counts[1]) % number] = i
            dive.counts[1] += 1
            dive.queued[i] = 1


@kernel
def change(rows: Rows, dive: Dive, j: int, low: float, high: float) -> bool:
    """Give variable ``j`` new bounds for now; return False if there is no memory to take that back."""
    place = dive.counts[2]
    if place >= dive.trail.size:
        return False
    dive.trail[place], dive.trail_lower[place], dive.trail_upper[place] = j, dive.lower[j], dive.upper[j]
    dive.counts[2] = place + 1
    shift(rows, dive, j, low, high, True)
    return True


@kernel
def take_back(rows: Rows, dive: Dive) -> None:
    """Undo all changes on the trail and empty the queue."""
    number = dive.queue.size
    while dive.counts[1] > 0:
        dive.queued[dive.queue[dive.counts[0]]] = 0
        dive.counts[0] = (dive.counts[0] + 1) % number
        dive.counts[1] -= 1
    for place in range(dive.counts[2] - 1, -1, -1):
        shift(rows, dive, dive.trail[place], dive.trail_lower[place], dive.trail_upper[place], False)
    dive.counts[2] = 0


@kernel
def tighten(rows: Rows, dive: Dive, i: int) -> bool:
    """Tighten the bounds of the variables of row ``i``; return whether it can still be satisfied."""
    low, high = rows.row_lower[i], rows.row_upper[i]
    slack_high = FEASIBLE * max(1.0, abs(high)) if np.isfinite(high) else 0.0
    slack_low = FEASIBLE * max(1.0, abs(low)) if np.isfinite(low) else 0.0
    if dive.below[i] == 0 and dive.least[i] > high + slack_high:
        return False
    if dive.above[i] == 0 and dive.most[i] < low - slack_low:
        return False
    from_high = np.isfinite(high) and dive.below[i] <= 1 and (dive.above[i] > 0 or dive.most[i] > high)
    from_low = np.isfinite(low) and dive.above[i] <= 1 and (dive.below[i] > 0 or dive.least[i] < low)
    # Where no single variable can take the row beyond its limit, none is to be tightened.
    from_high = from_high and (dive.below[i] == 1 or dive.least[i] + dive.span[i] > high)
    from_low = from_low and (dive.above[i] == 1 or dive.most[i] - dive.span[i] < low)
    if not from_high and not from_low:
        return True
    for k in range(rows.starts[i], rows.starts[i + 1]):
        j, a = rows.columns[k], rows.coefficients[k]
        lower, upper = dive.lower[j], dive.upper[j]
        if lower == upper:
            continue
        new_lower, new_upper = lower, upper
        own_least, own_most = (lower, upper) if a > 0 else (upper, lower)
        if from_high and (dive.below[i] == 0 or not np.isfinite(own_least)):
            rest = dive.least[i] - (a * own_least if np.isfinite(own_least) else 0.0)
            limit = (high - rest) / a
            if a > 0:
                new_upper = min(new_upper, limit)
            else:
                new_lower = max(new_lower, limit)
        if from_low and (dive.above[i] == 0 or not np.isfinite(own_most)):
            rest = dive.most[i] - (a * own_most if np.isfinite(own_most) else 0.0)
            limit = (low - rest) / a
            if a > 0:
                new_lower = max(new_lower, limit)
            else:
                new_upper = min(new_upper, limit)
        if rows.integer[j] == 1:
            new_upper, new_lower = np.floor(new_upper + NEAR), np.ceil(new_lower - NEAR)
        if new_lower > new_upper:
            if new_lower > new_upper + FEASIBLE * max(1.0, abs(new_upper)):
                return False
            new_lower = new_upper
        size = min(abs(lower), abs(upper))
        step = 0.5 if rows.integer[j] == 1 else WORTH * (max(1.0, size) if np.isfinite(size) else 1.0)
        moved = new_upper < upper - step or new_lower > lower + step
        near = abs(new_upper) < HUGE or abs(new_lower) < HUGE
        if moved and near and not change(rows, dive, j, new_lower, new_upper):
            return False
    return True


@kernel
def propagate(rows: Rows, dive: Dive, patience: int) -> bool:
    """Tighten until nothing changes, at most ``patience`` rows; return whether all can still be satisfied."""
    number = dive.queue.size
    left = patience
    while dive.counts[1] > 0:
        i = dive.queue[dive.counts[0]]
        dive.counts[0] = (dive.counts[0] + 1) % number
        dive.counts[1] -= 1
        dive.queued[i] = 0
        left -= 1
        if left >= 0 and not tighten(rows, dive, i):
            return False
    return True


@kernel
def fix(rows: Rows, dive: Dive, j: int, value: float, patience: int) -> bool:
    """Fix variable ``j`` and propagate; return whether that went well, else nothing has changed."""
    dive.counts[2] = 0
    if change(rows, dive, j, value, value) and propagate(rows, dive, patience):
        return True
    take_back(rows, dive)
    return False


@kernel
def dive(rows: Rows, room: Dive, order: Ints, targets: Floats, conflicts: int, patience: int) -> int:
    """Fix the variables of ``order`` near their targets, each with propagation; return how many places were passed.

    A variable that its target's neighbours reject as well is left open.

    Args:
        rows: The program.
        room: Bounds and memory; ends with the bounds that are left.
        order: Integer variables to fix, the first first.
        targets: Values wished, shape (variables,).
        conflicts: Most variables that may be rejected before it ends.
        patience: Most rows to look at after each fixing.
    """
    start_activities(rows, room)
    for place in range(order.size):
        j = order[place]
        if room.lower[j] == room.upper[j]:
            continue
        value = min(max(np.floor(targets[j] + 0.5), room.lower[j]), room.upper[j])
        if fix(rows, room, j, value, patience):
            continue
        other = value + 1.0 if targets[j] > value or value == room.lower[j] else value - 1.0
        other = min(max(other, room.lower[j]), room.upper[j])
        if other != value and fix(rows, room, j, other, patience):
            continue
        conflicts -= 1
        if conflicts < 0:
            return place
    return order.size
