"""Relaxations of nodes: what choices hold, and bounds that stand whatever rounding does."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.solvers.compiled import kernel
from copt.solvers.simplex_kernels import INFEASIBLE, Tableau, bound, reoptimise, settle

__all__ = ["Program", "Room", "choose", "relax", "spread"]

Int64 = NDArray[np.int64]


class Program(NamedTuple):
    """A linear relaxation and what can be chosen in it; see ``Relaxation``.

    The choice of a unit is 0 while open, 1 if it passes, 2 if it is off; that of a region is the number of the face,
    from 1, that the state is beyond and not beyond those before.
    """

    rows: FloatArray
    goal: FloatArray
    bounds: FloatArray
    pairs: Int64
    sizes: FloatArray
    units: Int64
    regions: Int64
    faces: Int64
    outputs: Int64
    inputs: Int64
    scale: FloatArray


class Room(NamedTuple):
    """Room to work in.

    Args:
        point: Values of all variables, shape (columns + rows,).
        prices: Shape (columns + 1,).
        mark: Zeros, shape (columns + 1,).
        used: Pivots, and the last row chosen, shape (2,).
    """

    point: FloatArray
    prices: FloatArray
    mark: FloatArray
    used: Int64


@kernel
def spread(tableau: Tableau, bounds: FloatArray, point: FloatArray) -> None:
    """Write the values of all variables."""
    for j in range(tableau.tail.size):
        point[tableau.tail[j]] = bounds[tableau.raised[j], tableau.tail[j]]
    for i in range(tableau.head.size):
        point[tableau.head[i]] = tableau.values[i]


@kernel
def choose(program: Program, bounds: FloatArray, index: int, choice: int) -> None:
    """Hold a unit or a region to a choice."""
    units = program.units.size
    if index < units:
        bounds[1, program.pairs[index, choice - 1]] = 0.0
        return
    last = program.regions[index - units] + choice - 1
    for f in range(program.regions[index - units], last):
        bounds[1, program.faces[f]] = 0.0
    bounds[0, program.faces[last]] = 0.0


@kernel
def relax(
    program: Program, tableau: Tableau, bounds: FloatArray, beyond: float, limit: int, room: Room
) -> tuple[int, float]:
    """Solve a relaxation; return its status and a bound, which is infinite if nothing is feasible for sure.

    Args:
        program: The program.
        tableau: Where to begin.
        bounds: Of all variables.
        beyond: Cost that is of no interest.
        limit: Pivots at most.
        room: Receives the number of pivots.
    """
    settle(tableau, bounds)
    status = reoptimise(tableau, bounds, beyond, limit, room.used)
    if status == INFEASIBLE and impossible(program, tableau, bounds, room):
        return status, np.inf
    return status, bound(program.rows, program.goal, 1.0, tableau, tableau.head.size, bounds, room.prices)


@kernel
def impossible(program: Program, tableau: Tableau, bounds: FloatArray, room: Room) -> bool:
    """Return whether the basic variable of the row chosen last, which no pivot helps, misses its bounds for sure."""
    columns, line = tableau.tail.size, room.used[1]
    v = tableau.head[line]
    below = tableau.values[line] < bounds[0, v]
    sign, edge = (-1.0, -bounds[0, v]) if below else (1.0, bounds[1, v])
    if v >= columns:
        return bool(bound(program.rows, program.rows[v - columns], sign, tableau, line, bounds, room.prices) > edge)
    room.mark[v] = 1.0
    least = bound(program.rows, room.mark, sign, tableau, line, bounds, room.prices)
    room.mark[v] = 0.0
    return bool(least > edge)
