"""Bounds of what enters units, by the relaxation of all plans that cost less than the best one known."""

import numpy as np

from copt.problems.base import FloatArray
from copt.solvers.compiled import kernel
from copt.solvers.control.relax_kernels import Program, Room
from copt.solvers.simplex_kernels import Tableau, bound, reoptimise, settle

__all__ = ["tighten"]


@kernel
def tighten(program: Program, tableau: Tableau, bounds: FloatArray, ends: FloatArray, limit: int, room: Room) -> int:
    """Minimise and maximise what enters each unit; what is found holds for the units that follow.

    Args:
        program: The relaxation.
        tableau: Where to begin; its objective is lost.
        bounds: Of all variables, shape (2, columns + rows); those of the units are tightened.
        ends: What enters the units stays between, shape (2, units); tightened.
        limit: Pivots at most.
        room: Room to work in.

    Returns:
        The number of pivots.
    """
    lines, done = tableau.head.size, 0
    for u in range(program.units.size):
        for side in range(2):
            if done >= limit or ends[0, u] >= 0.0 or ends[1, u] <= 0.0:
                continue
            aim(program, tableau, u, 1.0 - 2.0 * side, room.mark)
            settle(tableau, bounds)
            reoptimise(tableau, bounds, np.inf, limit - done, room.used)
            done += room.used[0]
            least = bound(program.rows, room.mark, 1.0, tableau, lines, bounds, room.prices)
            ends[side, u] = max(ends[0, u], least) if side == 0 else min(ends[1, u], -least)
            for k in range(2):  # when off it is short by what enters at least, when it passes it is what does at most
                v = program.pairs[u, k]
                most = (-ends[0, u] if k == 0 else ends[1, u]) / program.sizes[u, k]
                bounds[1, v] = max(0.0, min(bounds[1, v], most))
    room.mark[:] = 0.0
    return done


@kernel
def aim(program: Program, tableau: Tableau, unit: int, sign: float, goal: FloatArray) -> None:
    """Make what enters a unit, times ``sign``, the objective of a tableau; write it as a function of the columns."""
    columns, lines = tableau.tail.size, tableau.head.size
    tableau.table[lines, :] = 0.0
    goal[:] = 0.0
    for k in range(2):
        variable = program.pairs[unit, k]
        factor = sign * program.sizes[unit, k] * (2.0 * k - 1.0)
        for j in range(columns):
            if tableau.tail[j] == variable:
                tableau.table[lines, j] += factor
        for i in range(lines):
            if tableau.head[i] == variable:
                for j in range(columns + 1):
                    tableau.table[lines, j] += factor * tableau.table[i, j]
        if variable < columns:
            goal[variable] += factor
        else:
            for j in range(columns + 1):
                goal[j] += factor * program.rows[variable - columns, j]
