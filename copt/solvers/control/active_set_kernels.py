"""Compiled minimisation of convex functions that are quadratic plus piecewise linear, by active sets.

The function is constant + gradient @ x + x @ hessian @ x / 2 plus, for each row r, a bend: v = rows[r] @ (x, 1) costs
``low[r] * v`` below zero and ``high[r] * v`` above. Bends say all that a region of a plan needs: |v| is (-1, 1), a
penalty on v > 0 is (0, weight), and v <= 0 itself is (0, infinity). Points where many bends meet are found as vertices
are by the simplex method (Bartels, Conn and Sinclair 1978): steps go down in the null space of the bends that are
held, past other bends for as long as that goes down.
"""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import fused
from copt.solvers.control.rollout_kernels import Float64, Int64

__all__ = ["HELD", "Bends", "minimise", "value", "weigh"]

HELD = 0  # side of a row whose value is held at zero; else it is -1 or 1
FLAT, PARALLEL, OPTIMAL = 1e-10, 1e-11, 1e-7  # relative: no slope left, no change of a value, no multiplier to blame
DEPENDENT = 1e-9  # share of a row that no row held already accounts for
BROKEN = 1e-7  # by which rounding may break a constraint, of its scale


class Bends(NamedTuple):
    """The function, the point, and room for the search."""

    constant: Float64  # (1,)
    gradient: Float64  # (variables,)
    hessian: Float64  # (variables, variables); (0, 0) if there is none
    rows: Float64  # (rows, variables + 1)
    norms: Float64  # (rows,) sum of the magnitudes of all entries but the last
    low: Float64  # (rows,)
    high: Float64  # (rows,) infinite for constraints
    live: Int64  # (rows,) rows that are part of the function
    point: Float64  # (variables,)
    values: Float64  # (rows,)
    sides: Int64  # (rows,)
    slope: Float64  # (variables,) of the function without the rows that are held
    held: Int64  # (variables,) rows that are held
    number: Int64  # (2,) of rows that are held, and of those that are live
    basis: Float64  # (variables, variables) orthonormal: the first ones span the rows that are held
    factor: Float64  # (variables, variables) upper triangular: the rows that are held in that basis, as columns
    step: Float64  # (variables,)
    changes: Float64  # (rows,) of the values along the step
    weights: Float64  # (variables,) multipliers of the rows that are held
    reduced: Float64  # (variables, variables) the Hessian in the null space, then its Cholesky factor


@fused
def dot(left: Float64, right: Float64, size: int) -> float:
    """Return the product of the first entries of two vectors."""
    total = 0.0
    for i in range(size):
        total += left[i] * right[i]
    return total


@fused
def add(scale: float, source: Float64, target: Float64) -> None:
    """Add a multiple of a vector to one that may be shorter."""
    for i in range(target.size):
        target[i] += scale * source[i]


@fused
def value(bends: Bends) -> float:
    """Return the function at the point; infinite if a constraint is broken by more than rounding."""
    size = bends.point.size
    total: float = bends.constant[0] + dot(bends.gradient, bends.point, size)
    for i in range(bends.hessian.shape[0]):
        total += 0.5 * bends.point[i] * dot(bends.hessian[i], bends.point, size)
    for place in range(bends.number[1]):
        r = bends.live[place]
        v = dot(bends.rows[r], bends.point, size) + bends.rows[r, size]
        if v < 0.0:
            total += bends.low[r] * v
        elif bends.high[r] < np.inf:
            total += bends.high[r] * v
        elif v > BROKEN * (1.0 + abs(bends.rows[r, size])):
            return np.inf
    return total


@fused
def hold(bends: Bends, row: int) -> bool:
    """Hold a row at zero; return whether it is independent of those that are held already."""
    size, k = bends.point.size, bends.number[0]
    if k == size:
        return False
    column, norm = bends.weights, 0.0
    for i in range(size):
        column[i] = dot(bends.basis[i], bends.rows[row], size)
    for i in range(k, size):
        norm += column[i] ** 2
    norm = np.sqrt(norm)
    if norm <= DEPENDENT * bends.norms[row]:
        return False
    for i in range(k):
        bends.factor[i, k] = column[i]
    # Reflect the null space so that its first vector is along what the row adds (Householder).
    sign = 1.0 if column[k] >= 0.0 else -1.0
    bends.factor[k, k] = -sign * norm
    column[k] += sign * norm
    scale = 1.0 / (norm * abs(column[k]))
    mirror = bends.step
    mirror[:] = 0.0
    for i in range(k, size):
        add(column[i], bends.basis[i], mirror)
    for i in range(k, size):
        add(-scale * column[i], mirror, bends.basis[i])
    bends.held[k] = row
    bends.number[0] = k + 1
    bends.sides[row] = HELD
    return True


@fused
def release(bends: Bends, place: int, side: int) -> None:
    """Let go of the row held at ``place``, to one side; the factor becomes triangular again by rotations (Givens)."""
    size, k, row = bends.point.size, bends.number[0] - 1, bends.held[place]
    for j in range(place, k):
        bends.held[j] = bends.held[j + 1]
        for i in range(j + 2):
            bends.factor[i, j] = bends.factor[i, j + 1]
    for j in range(place, k):
        a, b = bends.factor[j, j], bends.factor[j + 1, j]
        length = np.hypot(a, b)
        c, s = a / length, b / length
        for i in range(j, k):
            upper, lower = bends.factor[j, i], bends.factor[j + 1, i]
            bends.factor[j, i], bends.factor[j + 1, i] = c * upper + s * lower, c * lower - s * upper
        for i in range(size):
            upper, lower = bends.basis[j, i], bends.basis[j + 1, i]
            bends.basis[j, i], bends.basis[j + 1, i] = c * upper + s * lower, c * lower - s * upper
    bends.number[0] = k
    bends.sides[row] = side
    add(bends.low[row] if side < 0 else bends.high[row], bends.rows[row], bends.slope)


@fused
def begin(bends: Bends) -> None:
    """Set values, sides and slope from the point, with the rows held that ``held`` names, where independent."""
    size, kept = bends.point.size, bends.number[0]
    for i in range(size):
        bends.slope[i] = bends.gradient[i]
        for j in range(size):
            bends.basis[i, j] = 1.0 if i == j else 0.0
    for i in range(bends.hessian.shape[0]):
        bends.slope[i] += dot(bends.hessian[i], bends.point, size)
    for place in range(bends.number[1]):
        r = bends.live[place]
        bends.values[r] = dot(bends.rows[r], bends.point, size) + bends.rows[r, size]
        bends.sides[r] = 1 if bends.values[r] > 0.0 and bends.high[r] < np.inf else -1
    bends.number[0] = 0
    for place in range(kept):
        hold(bends, bends.held[place])
    for place in range(bends.number[1]):
        r = bends.live[place]
        if bends.sides[r] != HELD and (bends.low[r] if bends.sides[r] < 0 else bends.high[r]) != 0.0:
            add(bends.low[r] if bends.sides[r] < 0 else bends.high[r], bends.rows[r], bends.slope)


@fused
def steepest(bends: Bends) -> float:
    """Write the step down the slope in the null space; return the slope along it, which is not positive."""
    size = bends.point.size
    bends.step[:] = 0.0
    down = 0.0
    for i in range(bends.number[0], size):
        along = dot(bends.basis[i], bends.slope, size)
        down -= along * along
        add(-along, bends.basis[i], bends.step)
    return down


@fused
def newton(bends: Bends) -> float:
    """Write the step to the least of the quadratic in the null space; return the slope along it."""
    size, k = bends.point.size, bends.number[0]
    free, reduced, right = size - k, bends.reduced, bends.weights
    largest = 0.0
    for i in range(free):
        for j in range(size):
            bends.step[j] = dot(bends.hessian[j], bends.basis[k + i], size)
        for j in range(i + 1):
            reduced[i, j] = dot(bends.basis[k + j], bends.step, size)
        largest = max(largest, reduced[i, i])
        right[i] = -dot(bends.basis[k + i], bends.slope, size)
    for i in range(free):
        reduced[i, i] += 1e-9 * largest + 1e-300  # directions without curvature go as far as bends let them
        for j in range(i + 1):
            left = reduced[i, j] - dot(reduced[i], reduced[j], j)
            reduced[i, j] = np.sqrt(max(left, 1e-14 * reduced[i, i])) if i == j else left / reduced[j, j]
        right[i] = (right[i] - dot(reduced[i], right, i)) / reduced[i, i]
    for i in range(free - 1, -1, -1):
        for j in range(i + 1, free):
            right[i] -= reduced[j, i] * right[j]
        right[i] /= reduced[i, i]
    bends.step[:] = 0.0
    for i in range(free):
        add(right[i], bends.basis[k + i], bends.step)
    return dot(bends.slope, bends.step, size)


@fused
def weigh(bends: Bends) -> None:
    """Write the multipliers of the rows that are held: with them as slopes, the function is level."""
    size, k, weights = bends.point.size, bends.number[0], bends.weights
    for i in range(k - 1, -1, -1):
        total = -dot(bends.basis[i], bends.slope, size)
        for j in range(i + 1, k):
            total -= bends.factor[i, j] * weights[j]
        weights[i] = total / bends.factor[i, i]


@fused
def blame(bends: Bends) -> bool:
    """Release the held row whose multiplier is furthest outside its slopes; return whether there is one."""
    largest = 1e-300
    for i in range(bends.point.size):
        largest = max(largest, abs(bends.slope[i]))
    weigh(bends)
    worst, place, side = OPTIMAL * largest, -1, 0
    for i in range(bends.number[0]):
        row, weight = bends.held[i], bends.weights[i]
        if (bends.low[row] - weight) * bends.norms[row] > worst:
            worst, place, side = (bends.low[row] - weight) * bends.norms[row], i, -1
        if (weight - bends.high[row]) * bends.norms[row] > worst:
            worst, place, side = (weight - bends.high[row]) * bends.norms[row], i, 1
    if place >= 0:
        release(bends, place, side)
    return place >= 0


@fused
def next_bend(bends: Bends, after: float) -> tuple[int, float]:
    """Return the row, and where, whose value comes to zero first along the step, from ``after`` on; -1 if none."""
    found, where = -1, np.inf
    for place in range(bends.number[1]):
        r = bends.live[place]
        if bends.sides[r] * bends.changes[r] < 0.0:
            at = -bends.values[r] / bends.changes[r]
            at = at if at > after else after
            if at < where:
                found, where = r, at
    return found, where


@fused
def search(bends: Bends, down: float) -> bool:
    """Go along the step to where the function is least, hold the bend that is there; return whether it moved or held.

    Args:
        bends: The function.
        down: Slope along the step, negative.
    """
    size, curvature, here = bends.point.size, 0.0, 0.0
    length = np.sqrt(dot(bends.step, bends.step, size))
    for i in range(bends.hessian.shape[0]):
        curvature += bends.step[i] * dot(bends.hessian[i], bends.step, size)
    for place in range(bends.number[1]):
        r = bends.live[place]
        change = dot(bends.rows[r], bends.step, size) if bends.sides[r] != HELD else 0.0
        bends.changes[r] = change if abs(change) > PARALLEL * bends.norms[r] * length else 0.0
    row = -1
    while True:
        row, where = next_bend(bends, here)
        least = here - down / curvature if curvature > 0.0 else np.inf
        if least <= where:
            row, here = -1, least
            break
        if row < 0:
            return False  # without end: rounding, as there are bounds
        down, here = down + curvature * (where - here), where
        side, change = bends.sides[row], bends.changes[row]
        jump = (bends.high[row] - bends.low[row]) * abs(change)
        if down + jump >= 0.0:
            break
        down += jump
        bends.sides[row] = -side
        add(-side * (bends.high[row] - bends.low[row]), bends.rows[row], bends.slope)
    add(here, bends.step, bends.point)
    for i in range(bends.hessian.shape[0]):
        bends.slope[i] += here * dot(bends.hessian[i], bends.step, size)
    for place in range(bends.number[1]):
        bends.values[bends.live[place]] += here * bends.changes[bends.live[place]]
    if row >= 0:
        add(-bends.low[row] if bends.sides[row] < 0 else -bends.high[row], bends.rows[row], bends.slope)
        bends.values[row] = 0.0
        return hold(bends, row)
    return True


@fused
def minimise(bends: Bends, pivots: int) -> int:
    """Move the point to the least value of the function; return the number of pivots.

    Args:
        bends: The function; the point keeps all constraints. ``held`` and ``number`` name rows that are zero there.
        pivots: The most pivots to make; the function never rises, so that fewer are safe.
    """
    begin(bends)
    size = bends.point.size
    for pivot in range(pivots):
        down = steepest(bends)
        if -down <= FLAT * FLAT * dot(bends.slope, bends.slope, size) or bends.number[0] == size:
            if not blame(bends):
                return pivot
        elif not search(bends, newton(bends) if bends.hessian.shape[0] > 0 else down):
            return pivot
    return pivots
