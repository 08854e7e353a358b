"""The dual simplex method with bounded variables, on dense tableaus that are small enough to stay in the cache.

Variables are columns and then rows: a row is an affine function of the columns, and all of them have finite bounds, so
that every basis is dual feasible once each nonbasic variable stands at the bound that its reduced cost asks for.
Bounds are a table of shape (2, columns + rows). Steps are long ones: variables pass from bound to bound on the way
(Maros 2003), and rows are priced by steepest edge (Forrest and Goldfarb 1992), whose weights a tableau has at hand.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.solvers.compiled import fused, inlined, kernel

__all__ = ["BEYOND", "INFEASIBLE", "LIMIT", "OPTIMAL", "Tableau", "bound", "copy", "reoptimise", "settle", "value_of"]

OPTIMAL, INFEASIBLE, BEYOND, LIMIT = 0, 1, 2, 3
FEASIBLE = 1e-9  # by which bounds may be missed
PIVOT = 1e-8  # least pivot
ROUNDING = 1.2e-16  # relative, of one operation
DUAL = 1e-10  # by which reduced costs may miss their sign, so that larger pivots can be chosen


class Tableau(NamedTuple):
    """Basic variables, and last the objective, as affine functions of nonbasic ones.

    Args:
        table: Shape (rows + 1, columns + 1); the last column holds constants.
        head: The variable that is basic in each row, shape (rows,).
        tail: The nonbasic variable of each column, shape (columns,).
        raised: 1 for each nonbasic variable at its upper bound, 0 at its lower one, shape (columns,).
        values: Of the basic variables, shape (rows,).
        norms: Sums of squares of the rows, shape (rows,).
        room: Shape (columns + 1,).
    """

    table: FloatArray
    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    raised: NDArray[np.int8]
    values: FloatArray
    norms: FloatArray
    room: FloatArray


@kernel
def copy(source: Tableau, target: Tableau) -> None:
    """Copy a tableau of the same shape."""
    for i in range(source.table.shape[0]):
        for j in range(source.table.shape[1]):
            target.table[i, j] = source.table[i, j]
    for i in range(source.head.size):
        target.head[i], target.values[i], target.norms[i] = source.head[i], source.values[i], source.norms[i]
    for j in range(source.tail.size):
        target.tail[j], target.raised[j] = source.tail[j], source.raised[j]


@fused
def settle(tableau: Tableau, bounds: FloatArray) -> None:
    """Move nonbasic variables to the bounds that their reduced costs ask for, and evaluate rows."""
    table, rows, columns = tableau.table, tableau.head.size, tableau.tail.size
    for j in range(columns):
        if table[rows, j] != 0.0:
            tableau.raised[j] = table[rows, j] < 0.0
    for i in range(rows):
        row, total, norm = table[i], table[i, columns], 0.0
        for j in range(columns):
            total += row[j] * bounds[tableau.raised[j], tableau.tail[j]]
            norm += row[j] * row[j]
        tableau.values[i], tableau.norms[i] = total, norm + row[columns] * row[columns]


@kernel
def value_of(tableau: Tableau, bounds: FloatArray) -> float:
    """Return the objective."""
    rows, columns = tableau.head.size, tableau.tail.size
    total = tableau.table[rows, columns]
    for j in range(columns):
        total += tableau.table[rows, j] * bounds[tableau.raised[j], tableau.tail[j]]
    return float(total)


@kernel
def reoptimise(tableau: Tableau, bounds: FloatArray, beyond: float, limit: int, used: Any) -> int:
    """Pivot from a settled tableau until bounds are kept.

    Args:
        tableau: The tableau.
        bounds: Of all variables.
        beyond: Value of the objective from which on it is of no interest.
        limit: Pivots at most.
        used: Receives the number of pivots, and the last row chosen, shape (2,).

    Returns:
        ``OPTIMAL``, ``INFEASIBLE`` if the row chosen cannot keep its bounds, ``BEYOND``, or ``LIMIT``.
    """
    for k in range(limit):
        used[0] = k
        row = price(tableau, bounds)
        used[1] = row
        if row < 0:
            return OPTIMAL
        column = ratio(tableau, bounds, row)
        if column < 0:
            return INFEASIBLE
        pivot(tableau, bounds, row, column)
        if value_of(tableau, bounds) >= beyond:
            return BEYOND
    used[0] = limit
    return LIMIT


@kernel
def price(tableau: Tableau, bounds: FloatArray) -> int:
    """Return the row that leaves: that which misses its bounds most for its length; -1 if none does."""
    chosen, best = -1, 0.0
    for i in range(tableau.head.size):
        k, x = tableau.head[i], tableau.values[i]
        miss = max(bounds[0, k] - x, x - bounds[1, k])
        if miss > FEASIBLE:
            score = miss * miss / (1.0 + tableau.norms[i])
            if score > best:
                chosen, best = i, score
    return chosen


@inlined
def advance(tableau: Tableau, bounds: FloatArray, row: int, j: int, sign: float) -> float:
    """Return how fast a row goes the way of ``sign`` as a nonbasic variable leaves its bound; 0 if it is fixed."""
    k = tableau.tail[j]
    fixed = bounds[1, k] <= bounds[0, k]
    return 0.0 if fixed else tableau.table[row, j] * (-sign if tableau.raised[j] else sign)


@kernel
def ratio(tableau: Tableau, bounds: FloatArray, row: int) -> int:
    """Return the column that enters, after moving those on the way to their other bounds; -1 if none can."""
    table, rows, columns = tableau.table, tableau.head.size, tableau.tail.size
    k, x = tableau.head[row], tableau.values[row]
    sign, slope = (1.0, bounds[0, k] - x) if x < bounds[0, k] else (-1.0, x - bounds[1, k])
    while True:
        least, chosen, best = np.inf, -1, 0.0
        for j in range(columns):
            step = advance(tableau, bounds, row, j, sign)
            if step > PIVOT:
                least = min(least, (abs(table[rows, j]) + DUAL) / step)
        for j in range(columns):
            step = advance(tableau, bounds, row, j, sign)
            if step > max(PIVOT, best) and abs(table[rows, j]) <= least * step:
                chosen, best = j, step
        if chosen < 0:
            return -1
        width = bounds[1, tableau.tail[chosen]] - bounds[0, tableau.tail[chosen]]
        slope -= best * width
        if slope <= FEASIBLE:
            return chosen
        move = -width if tableau.raised[chosen] else width
        tableau.raised[chosen] = 1 - tableau.raised[chosen]
        for i in range(rows):
            tableau.values[i] += table[i, chosen] * move


@fused
def pivot(tableau: Tableau, bounds: FloatArray, row: int, column: int) -> None:
    """Let the variable of ``column`` become basic in ``row``, whose variable goes to the bound that it misses."""
    table, rows, columns = tableau.table, tableau.head.size, tableau.tail.size
    k, new = tableau.head[row], tableau.tail[column]
    up = tableau.values[row] > bounds[1, k]
    inverse = 1.0 / table[row, column]
    move = ((bounds[1, k] if up else bounds[0, k]) - tableau.values[row]) * inverse
    entered = bounds[tableau.raised[column], new] + move
    own, source, norm = table[row], tableau.room, 0.0
    for j in range(columns + 1):  # a row of its own memory, so that the loops below can use vectors
        source[j] = own[j] * -inverse
    source[column] = inverse
    for j in range(columns + 1):
        own[j] = source[j]
        norm += source[j] * source[j]
    tableau.norms[row], tableau.values[row] = norm, entered
    for i in range(rows + 1):
        target = table[i]
        factor = target[column]
        if i == row or factor == 0.0:
            continue
        target[column], norm = 0.0, 0.0
        for j in range(columns + 1):
            entry = target[j] + factor * source[j]
            target[j] = entry
            norm += entry * entry
        if i < rows:
            tableau.norms[i] = norm
            tableau.values[i] += factor * move
    tableau.head[row], tableau.tail[column], tableau.raised[column] = new, k, up


@kernel
def bound(
    rows: FloatArray, goal: FloatArray, factor: float, tableau: Tableau, line: int, bounds: FloatArray, room: Any
) -> float:
    """Return what ``factor * goal`` is nowhere below: prices make a bound even where they are not exact.

    The prices are the coefficients of rows in one line of the tableau, times ``factor`` (Neumaier and Shcherbina 2004).
    What rounding can have done is taken off: each sum of n products is off by at most n roundings of their magnitudes.

    Args:
        rows: All rows as functions of the columns, constants last, shape (rows, columns + 1); coefficients of columns
            are from -1 to 1, and so are the bounds of columns.
        goal: The function to bound, likewise, shape (columns + 1,).
        factor: 1, or -1 to bound it from above.
        tableau: The tableau.
        line: Of which row; the last one is the objective.
        bounds: Of all variables.
        room: Shape (columns + 1,).
    """
    columns = tableau.tail.size
    size = 0.0
    for j in range(columns + 1):
        room[j] = factor * goal[j]
        size += abs(room[j])
    total = 0.0
    for j in range(columns):
        r = tableau.tail[j] - columns
        price = factor * tableau.table[line, j]
        if r >= 0 and price != 0.0:
            end = bounds[0 if price > 0.0 else 1, r + columns]
            total += price * end
            size += abs(price) * (columns + abs(rows[r, columns]) + abs(end))
            for i in range(columns + 1):
                room[i] -= price * rows[r, i]
    for j in range(columns):
        total += room[j] * bounds[0 if room[j] > 0.0 else 1, j]
    return float(total + room[columns] - ROUNDING * (2 * columns + 4) * size)
