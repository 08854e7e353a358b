"""Compiled simplex method for the game between plans and a budget of degradations.

The program, whose duals of the item rows are the scenario u, is: minimise the cost of a mix of plans plus the budget
times lambda plus the sum of nu over w, lambda, nu >= 0, where the shares w sum to 1 and, for each item i,

    lambda + nu_i - slack_i - sum of w_k s_ki = epsilon_i

with s_ki the most that plan k loses at item i. The tiny epsilon keep the vertices apart. Columns are numbered nu,
slack, lambda, plans.
"""

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel
from copt.solvers.robust.knapsack_kernels import Bytes, Floats, Ints

__all__ = ["Int32", "direction", "factorise", "pivot", "reoptimise"]

Int32 = NDArray[np.int32]

TINY = 1e-9  # pivots below it are none


@kernel
def direction(column: int, losses: Floats, plans: Bytes, inverse: Floats, d: Floats) -> None:
    """Set ``d`` to the inverse of the basis times a column."""
    n = losses.size
    if column < n:
        for r in range(n + 1):
            d[r] = inverse[r, column]
    elif column < 2 * n:
        for r in range(n + 1):
            d[r] = -inverse[r, column - n]
    elif column == 2 * n:
        for r in range(n + 1):
            total = 0.0
            for i in range(n):
                total += inverse[r, i]
            d[r] = total
    else:
        k = column - 2 * n - 1
        for r in range(n + 1):
            total = inverse[r, n]
            for i in range(n):
                if plans[k, i] == 1:
                    total -= losses[i] * inverse[r, i]
            d[r] = total


@kernel
def pivot(row: int, d: Floats, inverse: Floats, primal: Floats) -> None:
    """Let the column with direction ``d`` enter the basis in ``row``."""
    size = primal.size
    scale = 1.0 / d[row]
    for c in range(size):
        inverse[row, c] *= scale
    primal[row] *= scale
    for r in range(size):
        if r != row and d[r] != 0.0:
            factor = d[r]
            for c in range(size):
                inverse[r, c] -= factor * inverse[row, c]
            primal[r] -= factor * primal[row]


@kernel
def factorise(
    losses: Floats,
    plans: Bytes,
    epsilon: Floats,
    basis: Int32,
    wanted: Int32,
    inverse: Floats,
    primal: Floats,
    d: Floats,
) -> bool:
    """Build the inverse of the basis ``wanted`` and its vertex; ``basis`` becomes its order. Return success.

    Args:
        losses: Most that each item can lose, shape (items,).
        plans: Choices of all plans, shape (plans, items).
        epsilon: Right-hand sides of the items.
        basis: Becomes the columns in the order of the rows, shape (items + 1,).
        wanted: The columns.
        inverse: Becomes the inverse.
        primal: Becomes the values of the basic variables.
        d: Room, shape (items + 1,).
    """
    n = losses.size
    for r in range(n + 1):
        basis[r] = -1
        primal[r] = epsilon[r] if r < n else 1.0
        for c in range(n + 1):
            inverse[r, c] = 0.0
        inverse[r, r] = 1.0
    for k in range(n + 1):
        column = wanted[k]
        if column < 2 * n:
            row = column % n
            if basis[row] >= 0:
                return False
            basis[row] = column
            if column >= n:
                inverse[row, row] = -1.0
                primal[row] = -primal[row]
    for k in range(n + 1):
        column = wanted[k]
        if column < 2 * n:
            continue
        direction(column, losses, plans, inverse, d)
        row, largest = -1, 1e-7
        for r in range(n + 1):
            if basis[r] < 0 and abs(d[r]) > largest:
                row, largest = r, abs(d[r])
        if row < 0:
            return False
        basis[row] = column
        pivot(row, d, inverse, primal)
    for r in range(n + 1):
        if primal[r] < -1e-7:
            return False
        primal[r] = max(primal[r], 0.0)
    return True


@kernel
def cost_of(column: int, n: int, budget: float, costs: Floats) -> float:
    """Return the cost of a column."""
    if column < n:
        return 1.0
    if column < 2 * n:
        return 0.0
    return budget if column == 2 * n else costs[column - 2 * n - 1]


@kernel
def price_all(n: int, budget: float, costs: Floats, basis: Int32, inverse: Floats, dual: Floats) -> None:
    """Set ``dual`` to the multipliers of the rows."""
    for c in range(n + 1):
        dual[c] = 0.0
    for r in range(n + 1):
        cost = cost_of(basis[r], n, budget, costs)
        if cost != 0.0:
            for c in range(n + 1):
                dual[c] += cost * inverse[r, c]


@kernel
def entering(
    budget: float, losses: Floats, plans: Bytes, costs: Floats, active: Ints, size: int, dual: Floats, scale: float
) -> int:
    """Return the column that improves most, -1 if none does."""
    n = losses.size
    found, most, total = -1, 1e-9 * scale, 0.0
    for i in range(n):
        total += dual[i]
        if (dual[i] - 1.0) * scale > most:
            found, most = i, (dual[i] - 1.0) * scale
        if -dual[i] * scale > most:
            found, most = n + i, -dual[i] * scale
    if (total - budget) * scale > most:
        found, most = 2 * n, (total - budget) * scale
    for a in range(size):
        k = active[a]
        gain = dual[n] - costs[k]
        for i in range(n):
            if plans[k, i] == 1:
                gain -= losses[i] * dual[i]
        if gain > most:
            found, most = 2 * n + 1 + k, gain
    return found


@kernel
def leaving(primal: Floats, d: Floats) -> int:
    """Return the row whose variable reaches 0 first along ``d``, that of the largest pivot among equals; -1 if none."""
    row, ratio, largest = -1, np.inf, 0.0
    for r in range(primal.size):
        if d[r] > TINY:
            value = primal[r] / d[r]
            if value < ratio - 1e-12 or (value <= ratio + 1e-12 and d[r] > largest):
                row, ratio, largest = r, min(value, ratio), d[r]
    return row


@kernel
def reoptimise(
    budget: float,
    losses: Floats,
    plans: Bytes,
    costs: Floats,
    active: Ints,
    size: int,
    basis: Int32,
    inverse: Floats,
    primal: Floats,
    dual: Floats,
    d: Floats,
    scale: float,
    limit: int,
) -> int:
    """Run the primal simplex method from a feasible basis over the plans ``active``; return the number of pivots.

    Args:
        budget: How many items may lose.
        losses: Most that each item can lose, shape (items,).
        plans: Choices of all plans, shape (plans, items).
        costs: Costs of all plans when nothing is lost, shape (plans,).
        active: Plans that may enter.
        size: Number of them.
        basis: The basis, shape (items + 1,).
        inverse: Its inverse.
        primal: Its vertex.
        dual: Becomes the multipliers: the scenario, then the value.
        d: Room, shape (items + 1,).
        scale: A loss of middling size, to compare plans with the other columns.
        limit: Most pivots.
    """
    n = losses.size
    price_all(n, budget, costs, basis, inverse, dual)
    for step in range(limit):
        column = entering(budget, losses, plans, costs, active, size, dual, scale)
        if column < 0:
            if step == 0:
                return 0
            price_all(n, budget, costs, basis, inverse, dual)
            column = entering(budget, losses, plans, costs, active, size, dual, scale)
            if column < 0:
                return step
        direction(column, losses, plans, inverse, d)
        row = leaving(primal, d)
        if row < 0:
            return limit
        reduced = cost_of(column, n, budget, costs)
        for r in range(n + 1):
            reduced -= d[r] * cost_of(basis[r], n, budget, costs)
        pivot(row, d, inverse, primal)
        for r in range(n + 1):
            primal[r] = max(primal[r], 0.0)
        for c in range(n + 1):
            dual[c] += reduced * inverse[row, c]
        basis[row] = column
    return limit
