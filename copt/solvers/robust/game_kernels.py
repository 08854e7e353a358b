"""Compiled simplex method for the game between plans and a budget of degradations, its price in an interval.

The program is: minimise the cost of a mix of plans plus the budget times lambda plus the sum of nu over w, nu >= 0 and
0 <= lambda <= width, where the shares w sum to 1 and, for each item i,

    rise row:  lambda + nu_i - above_i - sum of w_k rise_ki = epsilon_i
    rest row:  nu_i - over_i - sum of w_k rest_ki = epsilon_n+i

with above, over >= 0; rise_ki and rest_ki depend on what plan k does with item i. The tiny epsilon keep the vertices
apart. The duals of the rise and rest rows are a scenario u and v. Rows are numbered: rise rows, sum of shares, width,
rest rows; columns: nu, above, over, lambda, the slack of the width, plans. Without bound on lambda and without rest
rows the program is ``plain``: the last n + 1 rows are left away.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel
from copt.solvers.robust.knapsack_kernels import Bytes, Floats, Ints

__all__ = [
    "Int32",
    "Program",
    "Vertex",
    "factorise",
    "first_basis",
    "leaving",
    "num_rows",
    "pivot",
    "reoptimise",
    "tabulate",
]

Int32 = NDArray[np.int32]

TINY = 1e-9  # pivots below it are none
DEPENDENT = 1e-7  # pivots below it make no basis


class Program(NamedTuple):
    """The linear program; what depends on choices has shape (items, 4): left alone, produced, repaired too, idle."""

    budget: float
    constant: float  # cost whatever is done
    width: float
    plain: bool
    cost: Floats
    rise: Floats
    rest: Floats
    plans: Bytes  # choices of all plans, shape (plans, items)
    costs: Floats  # of all plans, shape (plans,)


class Vertex(NamedTuple):
    """A vertex and room to work in; at most 2 * items + 2 rows."""

    epsilon: Floats  # (rows,)
    basis: Int32  # (rows,): columns in the order of the rows
    inverse: Floats  # (rows, rows): the transpose of the inverse of the basis
    primal: Floats  # (rows,): values of the basic variables
    dual: Floats  # (rows,): multipliers of the rows
    column: Floats  # (rows,)
    direction: Floats  # (rows,)
    worth: Floats  # (items, 4): cost of each choice in the scenario of the duals


@kernel
def num_rows(program: Program) -> int:
    """Return the number of rows."""
    n: int = program.cost.shape[0]
    return n + 1 if program.plain else 2 * n + 2


@kernel
def first_basis(program: Program, epsilon: Floats, wanted: Int32) -> None:
    """Set ``wanted`` to the basis of plan 0 alone."""
    n = program.cost.shape[0]
    wanted[:] = -1
    wanted[n] = 3 * n + 2
    if not program.plain:
        wanted[n + 1] = 3 * n + 1
    for i in range(n):
        choice = program.plans[0, i]
        rise = program.rise[i, choice] + epsilon[i]
        if program.plain:
            wanted[i] = i if rise >= 0.0 else n + i
            continue
        # nu meets the greater of the two needs, if any; the other row is slack.
        rest = program.rest[i, choice] + epsilon[n + 2 + i]
        wanted[i] = i if max(rise, rest) >= 0.0 else n + i
        wanted[n + 2 + i] = n + i if rest > rise and rest >= 0.0 else 2 * n + i


@kernel
def cost_of(column: int, program: Program) -> float:
    """Return the cost of a column."""
    n = program.cost.shape[0]
    if column >= 3 * n + 2:
        cost: float = program.costs[column - 3 * n - 2]
        return cost
    if column < n:
        return 1.0
    return program.budget if column == 3 * n else 0.0


@kernel
def direction(column: int, program: Program, vertex: Vertex) -> None:
    """Set ``vertex.direction`` to the inverse of the basis times a column."""
    n, rows = program.cost.shape[0], num_rows(program)
    entries, d = vertex.column, vertex.direction
    for r in range(rows):
        entries[r] = 0.0
    if column < n:
        entries[column] = 1.0
        if not program.plain:
            entries[n + 2 + column] = 1.0
    elif column < 3 * n:
        entries[column - n if column < 2 * n else column - n + 2] = -1.0
    elif column == 3 * n:
        for r in range(n):
            entries[r] = 1.0
        if not program.plain:
            entries[n + 1] = 1.0
    elif column == 3 * n + 1:
        entries[n + 1] = 1.0
    else:
        choice = program.plans[column - 3 * n - 2]
        entries[n] = 1.0
        for i in range(n):
            entries[i] = -program.rise[i, choice[i]]
            if not program.plain:
                entries[n + 2 + i] = -program.rest[i, choice[i]]
    for r in range(rows):
        d[r] = 0.0
    for c in range(rows):
        entry = entries[c]
        if entry != 0.0:
            for r in range(rows):
                d[r] += entry * vertex.inverse[c, r]


@kernel
def pivot(row: int, rows: int, d: Floats, inverse: Floats, primal: Floats) -> None:
    """Let the column with direction ``d`` enter the basis in ``row``; ``inverse`` is the transpose of its inverse."""
    scale = 1.0 / d[row]
    for c in range(rows):
        factor = inverse[c, row] * scale
        if factor != 0.0:
            for r in range(rows):
                inverse[c, r] -= factor * d[r]
            inverse[c, row] = factor
    value = primal[row] * scale
    for r in range(rows):
        primal[r] -= value * d[r]
    primal[row] = value


@kernel
def factorise(program: Program, wanted: Int32, vertex: Vertex) -> bool:
    """Build the inverse of the basis ``wanted`` and its vertex. Return success.

    Args:
        program: The program.
        wanted: The columns in any order, -1 where there is no row.
        vertex: Becomes the vertex.
    """
    n, rows = program.cost.shape[0], num_rows(program)
    basis, inverse, primal, d = vertex.basis, vertex.inverse, vertex.primal, vertex.direction
    basis[:] = -1
    for r in range(rows):
        primal[r] = vertex.epsilon[r]
        for c in range(rows):
            inverse[r, c] = 0.0
        inverse[r, r] = 1.0
    primal[n] += 1.0
    if not program.plain:
        primal[n + 1] += program.width
    for turn in range(2):  # the sparse columns first
        for k in range(rows):
            if wanted[k] < 0:
                return False
            if (wanted[k] < 3 * n) != (turn == 0):
                continue
            direction(wanted[k], program, vertex)
            row, largest = -1, DEPENDENT
            for r in range(rows):
                if basis[r] < 0 and abs(d[r]) > largest:
                    row, largest = r, abs(d[r])
            if row < 0:
                return False
            basis[row] = wanted[k]
            pivot(row, rows, d, inverse, primal)
    for r in range(rows):
        if primal[r] < -1e-7:
            return False
        primal[r] = max(primal[r], 0.0)
    return True


@kernel
def tabulate(program: Program, multipliers: Floats, worth: Floats) -> None:
    """Set ``worth`` to what each choice costs in the scenario that is part of the ``multipliers`` of all rows."""
    n = worth.shape[0]
    for i in range(n):
        u, v = multipliers[i], multipliers[n + 2 + i]
        for s in range(4):
            worth[i, s] = program.cost[i, s] + u * program.rise[i, s] + v * program.rest[i, s]


@kernel
def price_all(program: Program, vertex: Vertex) -> None:
    """Set ``vertex.dual`` to the multipliers of the rows."""
    rows, costs = num_rows(program), vertex.column
    for r in range(rows):
        costs[r] = cost_of(vertex.basis[r], program)
    vertex.dual[:] = 0.0
    for c in range(rows):
        for r in range(rows):
            vertex.dual[c] += costs[r] * vertex.inverse[c, r]


@kernel
def entering(program: Program, vertex: Vertex, active: Ints, size: int, scale: float) -> int:
    """Return the column that improves most, -1 if none does."""
    n, dual = program.cost.shape[0], vertex.dual
    found, most, total = -1, 1e-9 * scale, 0.0
    for i in range(n):
        u, v = dual[i], dual[n + 2 + i]
        total += u
        if (u + v - 1.0) * scale > most:
            found, most = i, (u + v - 1.0) * scale
        if -u * scale > most:
            found, most = n + i, -u * scale
        if -v * scale > most:
            found, most = 2 * n + i, -v * scale
    total += dual[n + 1]
    if dual[n + 1] * scale > most:
        found, most = 3 * n + 1, dual[n + 1] * scale
    if (total - program.budget) * scale > most:
        found, most = 3 * n, (total - program.budget) * scale
    tabulate(program, dual, vertex.worth)
    for a in range(size):
        k = active[a]
        gain = float(dual[n])
        choice = program.plans[k]
        for i in range(n):
            gain -= float(vertex.worth[i, choice[i]])
        if gain > most:
            found, most = 3 * n + 2 + k, gain
    return found


@kernel
def leaving(rows: int, primal: Floats, d: Floats) -> int:
    """Return the row whose variable reaches 0 first along ``d``, that of the largest pivot among equals; -1 if none."""
    row, ratio, largest = -1, np.inf, 0.0
    for r in range(rows):
        if d[r] > TINY:
            value = primal[r] / d[r]
            if value < ratio - 1e-12 or (value <= ratio + 1e-12 and d[r] > largest):
                row, ratio, largest = r, min(value, ratio), d[r]
    return row


@kernel
def reoptimise(program: Program, vertex: Vertex, active: Ints, size: int, scale: float, limit: int) -> int:
    """Run the primal simplex method from a feasible basis over the plans ``active``; return the number of pivots.

    Args:
        program: The program.
        vertex: The vertex to start from; becomes the best one.
        active: Plans that may enter.
        size: Number of them.
        scale: A loss of middling size, to compare plans with the other columns.
        limit: Most pivots.
    """
    rows = num_rows(program)
    price_all(program, vertex)
    for step in range(limit):
        column = entering(program, vertex, active, size, scale)
        if column < 0:
            if step == 0:
                return 0
            price_all(program, vertex)
            column = entering(program, vertex, active, size, scale)
            if column < 0:
                return step
        direction(column, program, vertex)
        row = leaving(rows, vertex.primal, vertex.direction)
        if row < 0:
            return limit
        reduced = cost_of(column, program)
        for r in range(rows):
            reduced -= vertex.direction[r] * cost_of(vertex.basis[r], program)
        pivot(row, rows, vertex.direction, vertex.inverse, vertex.primal)
        for r in range(rows):
            vertex.primal[r] = max(vertex.primal[r], 0.0)
        for c in range(rows):
            vertex.dual[c] += reduced * vertex.inverse[c, row]
        vertex.basis[row] = column
    return limit
