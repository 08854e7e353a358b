"""Backward linear relaxation of piecewise-linear networks (CROWN, Zhang et al. 2018), one unit at a time.

A network is ``net``: the number of inputs, the first row of each layer and the end of the last, and for all rows,
which are hidden units and then outputs, where their entries begin and end, columns and weights of these, biases and
kinds. Columns are inputs and then hidden units. ``ends`` are the least and the greatest value of each column. ``lines``
has a row for each of: least and greatest pre-activation, magnitudes that meet in it, rise and height at zero of the
line above the unit, rise of the line below it.
"""

from typing import Any

from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU
from copt.solvers.compiled import kernel

__all__ = ["DONE", "EMPTY", "OVERFLOW", "crown"]

DONE, EMPTY, OVERFLOW = 0, 1, 2
LARGEST = 1e150  # so that no sum of products overflows
TINY = 2.3e-308  # for underflow


@kernel
def crown(net: Any, ends: Any, lines: FloatArray, limits: FloatArray, slack: float, rate: float, work: Any) -> int:
    """Bound all rows, and draw the lines of all units.

    Args:
        net: The network.
        ends: Least and greatest values; those of the inputs are given, the others written.
        lines: Written.
        limits: What pre-activations must keep to, shape (2, rows).
        slack: By how much of their scale limits may be missed.
        rate: How many roundings each magnitude may have met, as a share of it.
        work: Room for a number for each column.

    Returns:
        ``DONE``, ``EMPTY`` if no input keeps within the limits, or ``OVERFLOW``.
    """
    starts, bias = net[1], net[5]
    for k in range(starts.size - 1):
        for r in range(starts[k], starts[k + 1]):
            lines[2, r] = abs(bias[r]) + TINY / rate + magnitude(net, ends, r)
            least = -greatest(net, ends, lines, k, r, -1.0, rate, work)
            most = greatest(net, ends, lines, k, r, 1.0, rate, work)
            if not (abs(least) < LARGEST and abs(most) < LARGEST):
                return OVERFLOW
            floor, ceiling = limits[0, r], limits[1, r]
            if least > ceiling + slack * max(1.0, abs(ceiling)) or most < floor - slack * max(1.0, abs(floor)):
                return EMPTY
            least, most = max(least, floor), min(most, ceiling)
            lines[0, r], lines[1, r] = min(least, most), max(least, most)
        if k < starts.size - 2:
            for r in range(starts[k], starts[k + 1]):
                draw(net, ends, lines, r)
    return DONE


@kernel
def magnitude(net: Any, ends: Any, r: int) -> float:
    """Return the sum of the magnitudes of a row's products."""
    total = 0.0
    for e in range(net[2][r], net[2][r + 1]):
        j = net[3][e]
        total += abs(net[4][e]) * max(abs(ends[0, j]), abs(ends[1, j]))
    return total


@kernel
def draw(net: Any, ends: Any, lines: FloatArray, r: int) -> None:
    """Write the lines and the values of a hidden unit, by its bounds."""
    low, high, kind, column = lines[0, r], lines[1, r], net[6][r], net[0] + r
    rise = chord = slope = 0.0
    if kind == IDENTITY or (kind == RELU and low >= 0.0):
        rise = slope = 1.0
        ends[0, column], ends[1, column] = low, high
    elif kind == RELU and high > 0.0:
        rise = high / (high - low)
        chord = -rise * low
        slope = 1.0 if high >= -low else 0.0
        ends[0, column], ends[1, column] = 0.0, high
    else:
        ends[0, column] = ends[1, column] = 0.0
    lines[3, r], lines[4, r], lines[5, r] = rise, chord, slope


@kernel
def greatest(net: Any, ends: Any, lines: FloatArray, k: int, r: int, sign: float, rate: float, work: Any) -> float:
    """Return the least bound on ``sign`` times row ``r`` of layer ``k`` that substituting layers before it gives."""
    inputs, starts, begins, columns, weights, bias = net[0], net[1], net[2], net[3], net[4], net[5]
    width = inputs + starts[k]
    work[:width] = 0.0
    constant = sign * bias[r]
    margin = abs(constant)
    for e in range(begins[r], begins[r + 1]):
        work[columns[e]] += sign * weights[e]
    best = concrete(ends, work, width, constant, margin, rate)
    for j in range(k - 1, -1, -1):
        changed = False
        for i in range(starts[j + 1] - 1, starts[j] - 1, -1):
            c = work[inputs + i]
            if c == 0.0:
                continue
            changed = True
            margin += abs(c) * lines[2, i]
            into = c * (lines[3, i] if c > 0.0 else lines[5, i])
            if c > 0.0:
                constant += c * lines[4, i]
            if into != 0.0:
                constant += into * bias[i]
                for e in range(begins[i], begins[i + 1]):
                    work[columns[e]] += into * weights[e]
        if changed:
            value = concrete(ends, work, inputs + starts[j], constant, margin, rate)
            if value < best:
                best = value
    return best


@kernel
def concrete(ends: Any, work: Any, width: int, constant: float, margin: float, rate: float) -> float:
    """Return the greatest value over the ranges of the first ``width`` columns, rounding included."""
    value, beyond = constant, margin
    for j in range(width):
        c = work[j]
        if c != 0.0:
            low, high = ends[0, j], ends[1, j]
            value += c * (high if c > 0.0 else low)
            beyond += abs(c) * max(abs(low), abs(high))
    return value + rate * beyond
