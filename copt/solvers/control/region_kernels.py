"""Compiled regions of plans: all plans of the same phases, on which states and terms of the cost are affine."""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import fused
from copt.solvers.control.active_set_kernels import Bends
from copt.solvers.control.rollout_kernels import LINF, QUADRATIC, Flat, Float64, Int64, accumulate, copy

__all__ = ["Region", "classify", "cover", "linearise"]

INSIDE = 1e-9  # by how much of its scale a limit is kept more strictly than it is checked, for rounding


class Region(NamedTuple):
    """The phases, and how the model's table depends on the variables.

    Variables are the actions, step by step and scaled to be from -1 to 1; for the norm of the largest term, those of
    ``cover`` follow. The last column of a table is constant.

    The rows of the bends of a step are those of its ReLUs, limits, regions and terms; at the end come the bounds.
    """

    phases: Float64  # (horizon, ReLUs) 1 where a ReLU hands its value on, else 0
    faces: Int64  # (horizon, regions) row of the face that the state has to stay beyond
    tables: Float64  # (horizon, rows, variables + 1)
    limits: int  # where the bends of a step for limits begin; those for ReLUs come before
    regions: int
    terms: int
    stride: int  # bends of a step


@fused
def classify(flat: Flat, region: Region, tables: Float64) -> None:
    """Set phases and faces to those of a plan whose tables ``roll`` has left, shape (horizon, rows, 1)."""
    for t in range(flat.horizon):
        for i in range(region.phases.shape[1]):
            region.phases[t, i] = 1.0 if tables[t, flat.ends[0] + i, 0] > 0.0 else 0.0
        for k in range(flat.regions.size - 1):
            least = flat.regions[k]
            for row in range(flat.regions[k], flat.regions[k + 1]):
                least = row if tables[t, row, 0] < tables[t, least, 0] else least
            region.faces[t, k] = least


@fused
def bend(bends: Bends, row: int, source: Float64, scale: float, low: float, high: float) -> None:
    """Set a row of the bends to a multiple of a row of a table."""
    target = bends.rows[row]
    for i in range(target.size):
        target[i] = scale * source[i]
    bends.low[row], bends.high[row] = low, high


@fused
def advance(flat: Flat, region: Region, bends: Bends, t: int) -> None:
    """Write the table of step ``t``, and the bends of its ReLUs."""
    table, last = region.tables[t], region.tables.shape[2] - 1
    inputs, relus, _, _, faces, terms, lasts = flat.ends
    for s in range(flat.states):
        if t > 0:
            copy(region.tables[t - 1, relus + s], table[s])
        else:
            table[s, :] = 0.0
            table[s, last] = flat.start[s]
    for a in range(flat.actions):
        table[flat.states + a, :] = 0.0
        table[flat.states + a, t * flat.actions + a] = (flat.u_upper[a] - flat.u_lower[a]) / 2.0
        table[flat.states + a, last] = (flat.u_upper[a] + flat.u_lower[a]) / 2.0
    for row in range(inputs, lasts, 2):
        if (faces if t == flat.horizon - 1 else terms) <= row < (terms if t == flat.horizon - 1 else lasts):
            continue
        pair, one, two = (row - inputs) // 2, table[row], table[row + 1]
        one[:] = 0.0
        two[:] = 0.0
        one[last], two[last] = flat.constants[pair, 0], flat.constants[pair, 1]
        accumulate(flat.forward, pair, one, two, table)
        if row < relus:
            for own in range(row, row + 2):
                phase = region.phases[t, own - inputs]
                bend(bends, t * region.stride + own - inputs, table[own], 1.0 - 2.0 * phase, 0.0, np.inf)
                for i in range(last + 1):
                    table[own, i] *= phase


@fused
def confine(flat: Flat, region: Region, bends: Bends, t: int) -> None:
    """Write the bends of limits and regions of step ``t``."""
    table, last, at = region.tables[t], region.tables.shape[2] - 1, t * region.stride + region.limits
    for s in flat.limited:
        for side in range(2):
            sign, limit = 2.0 * side - 1.0, flat.x_upper[s] if side == 1 else flat.x_lower[s]
            finite = abs(limit) < np.inf
            bend(bends, at, table[flat.ends[1] + s], sign, 0.0, flat.penalty if finite else 0.0)
            bends.rows[at, last] += INSIDE * max(1.0, abs(limit)) - sign * limit if finite else 0.0
            at += 1
    for k in range(flat.regions.size - 1):
        row = table[region.faces[t, k]]
        bend(bends, at, row, 1.0, 0.0, flat.penalty)
        bends.rows[at, last] += INSIDE * max(1.0, abs(row[last]))
        at += 1


@fused
def price(flat: Flat, region: Region, bends: Bends, t: int) -> None:
    """Write the bends of the terms of step ``t``, or add them to gradient and Hessian if they are squared."""
    table, last, at = region.tables[t], region.tables.shape[2] - 1, t * region.stride + region.terms
    final = t == flat.horizon - 1
    for own in range(2):
        begin = (flat.ends[5] if final else flat.ends[4]) if own == 1 else flat.ends[2]
        end = (flat.ends[6] if final else flat.ends[5]) if own == 1 else flat.ends[3]
        for row in range(begin, end):
            if flat.norm == QUADRATIC:
                bends.constant[0] += table[row, last] ** 2
                for i in range(last):
                    scale = 2.0 * table[row, i]
                    if scale != 0.0:
                        bends.gradient[i] += scale * table[row, last]
                        for j in range(last):
                            bends.hessian[i, j] += scale * table[row, j]
            elif flat.norm == LINF:
                for side in range(2):
                    bend(bends, at, table[row], 2.0 * side - 1.0, 0.0, np.inf)
                    bends.rows[at, flat.horizon * flat.actions + 2 * t + own] = -1.0
                    at += 1
            else:
                bend(bends, at, table[row], 1.0, -1.0, 1.0)
                at += 1


@fused
def linearise(flat: Flat, region: Region, bends: Bends, begin: int) -> None:
    """Write the bends of a region whose phases and faces have not changed before step ``begin``."""
    size = flat.horizon * flat.actions
    bends.constant[0] = 0.0
    bends.gradient[:] = 0.0
    bends.gradient[size:] = 1.0
    bends.hessian[:, :] = 0.0
    for t in range(flat.horizon):
        if t >= begin:
            advance(flat, region, bends, t)
            confine(flat, region, bends, t)
        if t >= begin or flat.norm == QUADRATIC:
            price(flat, region, bends, t)
    for i in range(bends.point.size):
        for side in range(2 if i < size else 1):
            row = flat.horizon * region.stride + 2 * i + side
            bends.rows[row, :] = 0.0
            bends.rows[row, i], bends.rows[row, -1] = 2.0 * side - 1.0, -1.0 if i < size else 0.0
            bends.low[row], bends.high[row] = 0.0, np.inf


@fused
def cover(flat: Flat, region: Region, bends: Bends) -> None:
    """Set the variables of the norm of the largest term to what it is at the point."""
    size = flat.horizon * flat.actions
    bends.point[size:] = 0.0
    for row in range(flat.horizon * region.stride):
        for i in range(size + 2 * (row // region.stride), min(size + 2 * (row // region.stride) + 2, bends.point.size)):
            if bends.rows[row, i] == -1.0:
                value = bends.rows[row, -1]
                for j in range(size):
                    value += bends.rows[row, j] * bends.point[j]
                bends.point[i] = max(bends.point[i], value)
