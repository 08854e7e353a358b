"""Compiled search for a feasible point: repair one violated row after the other, rows that stay violated weighing more.

A weighted local search in the manner of Feasibility Jump (Luteberget and Sartor 2023): a move gives one variable the
value at which some violated row is satisfied, or as nearly as its bounds allow; of the variables of the row that
which lowers the weighted violation of all rows most is moved.
"""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.mip.dive_kernels import FEASIBLE, Floats, Ints, Rows
from copt.solvers.random_kernels import UInt64, draw

__all__ = ["Jump", "jump", "start_jump"]

SAMPLE = 30  # variables of a row that are looked at


class Jump(NamedTuple):
    """What changes; all is memory of the caller's."""

    values: Floats  # (variables,)
    lower: Floats  # (variables,)
    upper: Floats  # (variables,)
    activity: Floats  # (rows,)
    weights: Floats  # (rows,)
    unit: Floats  # (rows,): weight of a row at first, and what it gains
    broken: Ints  # (rows,): the violated rows
    place: Ints  # (rows,): where each is among them, -1 if it is not
    counts: Ints  # (1,): number of violated rows
    age: Ints  # (variables,): move at which each was moved last


@kernel
def violation(rows: Rows, i: int, activity: float) -> float:
    """Return by how much row ``i`` is missed at an activity."""
    low, high = rows.row_lower[i], rows.row_upper[i]
    if activity > high + FEASIBLE * max(1.0, abs(high)):
        return activity - high
    if activity < low - FEASIBLE * max(1.0, abs(low)):
        return low - activity
    return 0.0


@kernel
def note(rows: Rows, room: Jump, i: int) -> None:
    """Put row ``i`` among the violated ones, or take it out."""
    missed, place = violation(rows, i, room.activity[i]) > 0.0, room.place[i]
    if missed and place < 0:
        room.broken[room.counts[0]] = i
        room.place[i] = room.counts[0]
        room.counts[0] += 1
    elif not missed and place >= 0:
        room.counts[0] -= 1
        last = room.broken[room.counts[0]]
        room.broken[place] = last
        room.place[last] = place
        room.place[i] = -1


@kernel
def start_jump(rows: Rows, room: Jump) -> None:
    """Set activities and violated rows from the values."""
    room.counts[0] = 0
    for i in range(rows.starts.size - 1):
        room.place[i] = -1
        room.activity[i] = 0.0
        for k in range(rows.starts[i], rows.starts[i + 1]):
            room.activity[i] += rows.coefficients[k] * room.values[rows.columns[k]]
        note(rows, room, i)


@kernel
def wanted(rows: Rows, room: Jump, i: int, k: int) -> float:
    """Return the value at which the variable of nonzero ``k`` satisfies row ``i`` best."""
    j, a = rows.columns[k], rows.coefficients[k]
    limit = rows.row_upper[i] if room.activity[i] > rows.row_upper[i] else rows.row_lower[i]
    value = room.values[j] + (limit - room.activity[i]) / a
    if rows.integer[j] == 1:
        over = (room.activity[i] > rows.row_upper[i]) == (a > 0)  # it must go down
        value = np.floor(value + FEASIBLE) if over else np.ceil(value - FEASIBLE)
    return min(max(value, room.lower[j]), room.upper[j])


@kernel
def change(rows: Rows, room: Jump, j: int, value: float) -> float:
    """Return by how much the weighted violation grows if variable ``j`` takes a value."""
    step, total = value - room.values[j], 0.0
    for k in range(rows.first[j], rows.first[j + 1]):
        i = rows.rows_of[k]
        before = violation(rows, i, room.activity[i])
        after = violation(rows, i, room.activity[i] + rows.factors[k] * step)
        total += room.weights[i] * (after - before)
    return total


@kernel
def move(rows: Rows, room: Jump, j: int, value: float) -> None:
    """Give variable ``j`` a value."""
    step = value - room.values[j]
    room.values[j] = value
    for k in range(rows.first[j], rows.first[j + 1]):
        i = rows.rows_of[k]
        room.activity[i] += rows.factors[k] * step
        note(rows, room, i)


@kernel
def jump(rows: Rows, room: Jump, random: UInt64, moves: int) -> int:
    """Search for a point that satisfies all rows; return the number of rows that it still misses.

    Args:
        rows: The program.
        room: Values to start from, which become the point, and memory.
        random: State of the random numbers.
        moves: Most moves.
    """
    for step in range(moves):
        if room.counts[0] == 0:
            break
        i = room.broken[np.int64(draw(random, room.counts[0]))]
        first, length = rows.starts[i], rows.starts[i + 1] - rows.starts[i]
        best, best_value, least = -1, 0.0, np.inf
        offset = np.int64(draw(random, max(1, length)))
        for s in range(min(SAMPLE, length)):
            k = first + (offset + s) % length
            j = rows.columns[k]
            value = wanted(rows, room, i, k)
            if value == room.values[j]:
                continue
            growth = change(rows, room, j, value)
            if growth < least or (growth == least and room.age[j] < room.age[best]):
                best, best_value, least = j, value, growth
        if least >= 0.0:
            room.weights[i] += room.unit[i]
            if best < 0 or draw(random, 4) > 0:
                continue
        room.age[best] = step
        move(rows, room, best, best_value)
    return room.counts[0]
