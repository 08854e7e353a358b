"""Compiled regions of plans: all plans of the same phases, on which states and terms of the cost are affine."""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import fused
from copt.solvers.control.active_set_kernels import HELD, Bends, add, dot, minimise, value, weigh
from copt.solvers.control.rollout_kernels import LINF, QUADRATIC, Flat, Float64, Int64, accumulate

__all__ = ["ROUND", "Region", "classify", "settle", "urge"]

INSIDE = 1e-9  # by how much of its scale a limit is kept more strictly than it is checked, for rounding
ROUND = 8  # columns of a table come in such groups, for vector units


class Region(NamedTuple):
    """The phases, and how the model's table depends on the variables.

    Variables are the actions, step by step and scaled to be from -1 to 1; for the norm of the largest term, those of
    ``cover`` follow. The first column of a table is constant, then come the actions.

    The rows of the bends of a step are those of its ReLUs, limits, regions and terms; at the end come the bounds.
    """

    phases: Float64  # (horizon, ReLUs) 1 where a ReLU hands its value on, else 0
    faces: Int64  # (horizon, regions) row of the face that the state has to stay beyond
    tables: Float64  # (horizon, rows, columns)
    adjoints: Float64  # (rows, 1)
    urges: Float64  # (horizon, ReLUs) what ``urge`` finds
    limits: int  # where the bends of a step for limits begin; those for ReLUs come before
    regions: int
    terms: int
    stride: int  # bends of a step


@fused
def classify(flat: Flat, region: Region, tables: Float64) -> None:
    """Set phases and faces to those of a plan whose tables ``roll`` has left, shape (horizon, rows, 1)."""
    for t in range(flat.horizon):
        for i in range(region.phases.shape[1]):
            region.phases[t, i] = 1.0 if tables[t, flat.ends[0] + i, 0] > flat.floors[i] else 0.0
        for k in range(flat.regions.size - 1):
            least = flat.regions[k]
            for row in range(flat.regions[k], flat.regions[k + 1]):
                least = row if tables[t, row, 0] < tables[t, least, 0] else least
            region.faces[t, k] = least


@fused
def bend(bends: Bends, row: int, source: Float64, scale: float, low: float, high: float) -> None:
    """Set a row of the bends to a multiple of a row of a table."""
    target, norm = bends.rows[row], 0.0
    for i in range(1, min(source.size, target.size)):
        target[i - 1] = scale * source[i]
        norm += abs(target[i - 1])
    target[target.size - 1] = scale * source[0]
    bends.norms[row], bends.low[row], bends.high[row] = norm, low, high


@fused
def width(flat: Flat, region: Region, t: int) -> int:
    """Return how many columns of the table of step ``t`` may not be zero, in whole groups."""
    return int(min(-(-(1 + (t + 1) * flat.actions) // ROUND) * ROUND, region.tables.shape[2]))


@fused
def advance(flat: Flat, region: Region, bends: Bends, t: int) -> None:
    """Write the table of step ``t``, and the bends of its ReLUs."""
    inputs, relus, _, _, faces, terms, lasts = flat.ends
    table, columns = region.tables[t], width(flat, region, t)
    for s in range(flat.states):
        own = table[s]
        if t == 0:
            own[0] = flat.start[s]
        else:
            before = region.tables[t - 1, relus + s]
            for i in range(columns):
                own[i] = before[i]
    for a in range(flat.actions):
        table[flat.states + a, 1 + t * flat.actions + a] = (flat.u_upper[a] - flat.u_lower[a]) / 2.0
        table[flat.states + a, 0] = (flat.u_upper[a] + flat.u_lower[a]) / 2.0
    for row in range(inputs, lasts, 2):
        if (faces if t == flat.horizon - 1 else terms) <= row < (terms if t == flat.horizon - 1 else lasts):
            continue
        pair, one, two = (row - inputs) // 2, table[row, :columns], table[row + 1, :columns]
        one[:] = 0.0
        two[:] = 0.0
        one[0], two[0] = flat.constants[pair, 0], flat.constants[pair, 1]
        accumulate(flat.forward, pair, one, two, table)
        if row < relus:
            for k in range(row - inputs, row - inputs + 2):
                own, phase = table[inputs + k, :columns], region.phases[t, k]
                most = np.inf if flat.floors[k] == 0.0 else 0.0  # what hands on all values has no kink
                bend(bends, t * region.stride + k, own, 1.0 - 2.0 * phase, 0.0, most)
                for i in range(columns):
                    own[i] *= phase


@fused
def confine(flat: Flat, region: Region, bends: Bends, t: int) -> None:
    """Write the bends of limits and regions of step ``t``."""
    table, columns = region.tables[t], width(flat, region, t)
    last, at = bends.point.size, t * region.stride + region.limits
    for s in flat.limited:
        for side in range(2):
            sign, limit = 2.0 * side - 1.0, flat.x_upper[s] if side == 1 else flat.x_lower[s]
            finite = abs(limit) < np.inf
            bend(bends, at, table[flat.ends[1] + s, :columns], sign, 0.0, flat.penalty if finite else 0.0)
            bends.rows[at, last] += INSIDE * max(1.0, abs(limit)) - sign * limit if finite else 0.0
            at += 1
    for k in range(flat.regions.size - 1):
        row = table[region.faces[t, k], :columns]
        bend(bends, at, row, 1.0, 0.0, flat.penalty)
        bends.rows[at, last] += INSIDE * max(1.0, abs(row[0]))
        at += 1


@fused
def price(flat: Flat, region: Region, bends: Bends, t: int) -> None:
    """Write the bends of the terms of step ``t``, or add them to gradient and Hessian if they are squared."""
    table, columns = region.tables[t], width(flat, region, t)
    size, at = flat.horizon * flat.actions, t * region.stride + region.terms
    for own in range(2):
        begin, end = terms(flat, t, own)
        for row in range(begin, end):
            if flat.norm == QUADRATIC:
                bends.constant[0] += table[row, 0] ** 2
                for i in range(size):
                    scale = 2.0 * table[row, 1 + i]
                    if scale != 0.0:
                        bends.gradient[i] += scale * table[row, 0]
                        add(scale, table[row, 1 : 1 + size], bends.hessian[i])
            elif flat.norm == LINF:
                for side in range(2):
                    bend(bends, at, table[row, :columns], 2.0 * side - 1.0, 0.0, np.inf)
                    bends.rows[at, size + 2 * t + own] = -1.0
                    at += 1
            else:
                bend(bends, at, table[row, :columns], 1.0, -1.0, 1.0)
                at += 1


@fused
def terms(flat: Flat, t: int, own: int) -> tuple[int, int]:
    """Return where the terms of effort (0) or of states (1) of step ``t`` begin and end in the table."""
    if own == 0:
        return flat.ends[2], flat.ends[3]
    return (flat.ends[5], flat.ends[6]) if t == flat.horizon - 1 else (flat.ends[4], flat.ends[5])


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
            bends.rows[row, i], bends.rows[row, -1] = 2.0 * side - 1.0, -1.0 if i < size else 0.0
            bends.low[row], bends.high[row], bends.norms[row] = 0.0, np.inf, 1.0
    sift(flat, region, bends)


@fused
def sift(flat: Flat, region: Region, bends: Bends) -> None:
    """Find the rows that are live; those that no actions bring to zero are part of gradient and constant."""
    last, count = bends.point.size, 0
    for row in range(bends.low.size):
        offset, norm = bends.rows[row, last], bends.norms[row]
        covered = flat.norm == LINF and row % region.stride >= region.terms  # depends on more than actions
        if bends.low[row] == bends.high[row] or (norm == 0.0 and offset == 0.0):
            bends.sides[row] = -1
        elif covered or abs(offset) <= (1.0 + INSIDE) * norm + INSIDE or (offset > 0.0 and bends.high[row] == np.inf):
            bends.live[count] = row
            count += 1
        else:
            bends.sides[row] = 1 if offset > 0.0 else -1
            scale = bends.high[row] if offset > 0.0 else bends.low[row]
            if scale != 0.0:
                add(scale, bends.rows[row], bends.gradient)
                bends.constant[0] += scale * offset
    bends.number[1] = count


@fused
def cover(flat: Flat, region: Region, bends: Bends) -> None:
    """Set the variables of the norm of the largest term to what it is at the point."""
    size = flat.horizon * flat.actions
    bends.point[size:] = 0.0
    for t in range((bends.point.size - size) // 2):
        for row in range(t * region.stride + region.terms, (t + 1) * region.stride):
            for i in range(size + 2 * t, size + 2 * t + 2):
                if bends.rows[row, i] == -1.0:
                    size_now = dot(bends.rows[row], bends.point, size) + bends.rows[row, -1]
                    bends.point[i] = max(bends.point[i], size_now)


@fused
def settle(flat: Flat, region: Region, bends: Bends, begin: int, pivots: int) -> float:
    """Move to the best plan in a region whose steps before ``begin`` are as they were; return its cost plus penalty.

    Args:
        flat: The problem.
        region: The region.
        bends: The point is in the region; ``held`` names rows that are zero there.
        begin: A step.
        pivots: The most pivots to make.
    """
    linearise(flat, region, bends, begin)
    cover(flat, region, bends)
    minimise(bends, pivots)
    return value(bends)


@fused
def seed(flat: Flat, region: Region, bends: Bends, t: int, slopes: Float64) -> None:
    """Write what the function loses by a rise of each row of the table of step ``t``, its own ReLUs aside.

    Args:
        flat: The problem.
        region: The region.
        bends: The function, least at the point.
        t: The step.
        slopes: Of the value of each bend, shape (rows,).
    """
    adjoints, at = region.adjoints, t * region.stride + region.limits
    for s in flat.limited:
        adjoints[flat.ends[1] + s, 0] += slopes[at + 1] - slopes[at]
        at += 2
    for k in range(flat.regions.size - 1):
        adjoints[region.faces[t, k], 0] += slopes[at]
        at += 1
    for own in range(2):
        first, end = terms(flat, t, own)
        for row in range(first, end):
            if flat.norm == QUADRATIC:
                source = region.tables[t, row]
                adjoints[row, 0] = 2.0 * (source[0] + dot(source[1:], bends.point, bends.point.size))
            elif flat.norm == LINF:
                adjoints[row, 0] = slopes[at + 1] - slopes[at]
                at += 2
            else:
                adjoints[row, 0] = slopes[at]
                at += 1


@fused
def urge(flat: Flat, region: Region, bends: Bends) -> None:
    """Write by how much each ReLU that is held at its kink would rather change its phase.

    The plan is best in its region, so that the rows held balance the slope of the function with their multipliers. In
    the region beyond the kink all these rows change by multiples of the row of the kink itself; there they balance
    just if its multiplier is at most what the function loses by a rise of the ReLU's output, by all rows. So one pass
    back through the tables tells for all neighbours whether they hold better plans, as long as no more rows are zero
    than are held.
    """
    weigh(bends)
    slopes, adjoints = bends.changes, region.adjoints
    for row in range(bends.low.size):
        side = bends.sides[row]
        slopes[row] = bends.low[row] if side < 0 else (bends.high[row] if side > 0 else 0.0)
    for place in range(bends.number[0]):
        slopes[bends.held[place]] = bends.weights[place]
    adjoints[:, :] = 0.0
    inputs, relus, nexts = flat.ends[:3]
    for t in range(flat.horizon - 1, -1, -1):
        for row in range(flat.states, flat.rows):
            adjoints[row, 0] = 0.0
        for s in range(flat.states):
            adjoints[relus + s, 0] = adjoints[s, 0]
        seed(flat, region, bends, t, slopes)
        for row in range(nexts - 2, -2, -2):
            one, two = adjoints[row], adjoints[row + 1]
            if row < relus:
                one[0] = two[0] = 0.0
            accumulate(flat.backward, row // 2, one, two, adjoints)
            if inputs <= row < relus:
                for own in range(row, row + 2):
                    bound, phase = t * region.stride + own - inputs, region.phases[t, own - inputs]
                    held = bends.sides[bound] == HELD
                    region.urges[t, own - inputs] = slopes[bound] - adjoints[own, 0] if held else 0.0
                    adjoints[own, 0] = phase * adjoints[own, 0] + (1.0 - 2.0 * phase) * slopes[bound]
