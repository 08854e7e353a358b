"""Compiled simplex method for the game between plans and the scenarios of a box.

Plan k earns ``gains[k] + slopes[k] @ v`` in scenario v. The best mix against the worst scenario solves: maximise the
gains of a mix of plans plus ``lower`` a less ``upper`` b over w, a, b >= 0, where the shares w sum to 1 and, for each
entry j of the scenario,

    sum of w_k slopes_kj - a_j + b_j = epsilon_j

whose multipliers are the worst scenario, signs turned. The tiny epsilon keep the vertices apart. Columns are numbered
a, b, plans.
"""

from typing import NamedTuple

from copt.solvers.compiled import kernel
from copt.solvers.robust.game_kernels import Int32, leaving, pivot
from copt.solvers.robust.knapsack_kernels import Floats, Ints

__all__ = ["BoxGame", "begin", "earned", "improve"]

PIVOTS = 400  # at most, each time


class BoxGame(NamedTuple):
    """Plans, the box, and the memory of the linear program."""

    gains: Floats  # (most plans,): at v = 0
    slopes: Floats  # (most plans, entries)
    lower: Floats  # (entries,)
    upper: Floats  # (entries,)
    epsilon: Floats  # (entries,)
    active: Ints  # (most plans,): the plans that may enter
    basis: Int32  # (entries + 1,)
    inverse: Floats  # (entries + 1, entries + 1): the transpose of the inverse of the basis
    primal: Floats  # (entries + 1,)
    dual: Floats  # (entries + 1,)
    direction: Floats  # (entries + 1,)
    outer: Floats  # (entries,): the worst scenario of the mix


@kernel
def begin(game: BoxGame, k: int) -> None:
    """Let plan ``k`` alone be the mix."""
    m = game.lower.size
    for r in range(m + 1):
        for c in range(m + 1):
            game.inverse[r, c] = 0.0
    game.inverse[m, m] = 1.0
    game.primal[m] = 1.0
    game.basis[m] = 2 * m + k
    for j in range(m):
        rest = game.slopes[k, j] - game.epsilon[j]
        sign = 1.0 if rest >= 0.0 else -1.0
        game.basis[j] = j if rest >= 0.0 else m + j
        game.inverse[j, j] = -sign
        game.inverse[m, j] = sign * game.slopes[k, j]
        game.primal[j] = sign * rest


@kernel
def gain_of(game: BoxGame, column: int) -> float:
    """Return what a column adds to the objective."""
    m = game.lower.size
    gain: float = 0.0
    if column < m:
        gain = game.lower[column]
    elif column < 2 * m:
        gain = -game.upper[column - m]
    else:
        gain = game.gains[column - 2 * m]
    return gain


@kernel
def price_all(game: BoxGame) -> None:
    """Set ``dual`` to the multipliers of the rows."""
    m = game.lower.size
    for c in range(m + 1):
        game.dual[c] = 0.0
    for r in range(m + 1):
        gain = gain_of(game, game.basis[r])
        for c in range(m + 1):
            game.dual[c] += gain * game.inverse[c, r]


@kernel
def entering(game: BoxGame, size: int, tiny: float) -> int:
    """Return the column that improves most, by more than ``tiny``; -1 if none does."""
    m = game.lower.size
    found, most = -1, tiny
    for j in range(m):
        if game.lower[j] + game.dual[j] > most:
            found, most = j, game.lower[j] + game.dual[j]
        if -game.upper[j] - game.dual[j] > most:
            found, most = m + j, -game.upper[j] - game.dual[j]
    for a in range(size):
        k = game.active[a]
        gain = game.gains[k] - game.dual[m]
        for j in range(m):
            gain -= game.slopes[k, j] * game.dual[j]
        if gain > most:
            found, most = 2 * m + k, gain
    return found


@kernel
def direct(game: BoxGame, column: int) -> None:
    """Set ``direction`` to the inverse of the basis times a column."""
    m = game.lower.size
    for r in range(m + 1):
        if column < m:
            game.direction[r] = -game.inverse[column, r]
        elif column < 2 * m:
            game.direction[r] = game.inverse[column - m, r]
        else:
            total = game.inverse[m, r]
            for j in range(m):
                total += game.inverse[j, r] * game.slopes[column - 2 * m, j]
            game.direction[r] = total


@kernel
def improve(game: BoxGame, size: int, tiny: float) -> float:
    """Solve the program over the first ``size`` active plans from the basis at hand; return its value.

    ``outer`` becomes the worst scenario of the mix, which ``basis`` and ``primal`` hold.

    Args:
        game: The game.
        size: Number of plans that may enter.
        tiny: An improvement that is none.
    """
    m = game.lower.size
    price_all(game)
    for _ in range(PIVOTS):
        column = entering(game, size, tiny)
        if column < 0:
            break
        direct(game, column)
        row = leaving(m + 1, game.primal, game.direction)
        if row < 0:
            break
        pivot(row, m + 1, game.direction, game.inverse, game.primal)
        for r in range(m + 1):
            game.primal[r] = max(game.primal[r], 0.0)
        game.basis[row] = column
        price_all(game)
    for j in range(m):
        game.outer[j] = min(game.upper[j], max(game.lower[j], -game.dual[j]))
    value: float = game.dual[m]
    return value


@kernel
def earned(game: BoxGame, k: int, v: Floats) -> float:
    """Return what plan ``k`` earns in scenario ``v``."""
    gain: float = game.gains[k]
    for j in range(v.size):
        gain += game.slopes[k, j] * v[j]
    return gain
