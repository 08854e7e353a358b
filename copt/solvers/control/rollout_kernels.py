"""Compiled rollouts of many plans side by side, and the gradients of what they cost.

Plans lie in lanes: every quantity of the model is a row of a table with one column a plan, so that each weight is
loaded once for all of them and the vector units are full.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import fused

__all__ = ["GROUP", "L1", "LINF", "QUADRATIC", "Flat", "Float64", "Int64", "Tape", "differentiate", "roll"]

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

GROUP = 4  # columns that are added to a pair of rows at once
L1, LINF, QUADRATIC = range(3)


class Tape(NamedTuple):
    """Sparse affine maps from rows of a table to later ones, which are written in pairs.

    Pair p adds the columns ``columns[begins[p] : begins[p + 1]]`` to its two rows; their number is a multiple of
    ``GROUP``. The weights of a group are those of the first row, then those of the second.
    """

    begins: Int64  # (pairs + 1,)
    columns: Int64  # (entries,)
    weights: Float64  # (2 * entries,)


class Flat(NamedTuple):
    """A control problem in arrays.

    Rows of the table are states and actions, hidden units, next states, terms of the cost of actions, faces, terms of
    the cost of states, and of the last state; each kind takes an even number of rows. The last row is room.
    """

    horizon: int
    states: int
    actions: int
    norm: int
    penalty: float  # what breaking limits by one costs while searching
    rows: int  # of the table
    ends: Int64  # (7,) row after each kind, in the order above; the first entry is for states and actions
    forward: Tape  # of all rows but states and actions
    constants: Float64  # (pairs of rows of the tape, 2)
    floors: Float64  # (rows of hidden units,) least value: 0 for ReLUs, none for those that hand on what they see
    backward: Tape  # of the adjoints of states, actions, hidden units and next states
    start: Float64  # (states,)
    u_lower: Float64  # (actions,)
    u_upper: Float64  # (actions,)
    x_lower: Float64  # (states,) widened by the tolerance
    x_upper: Float64  # (states,)
    limited: Int64  # states that have limits
    regions: Int64  # (regions + 1,) rows where their faces begin


@fused
def copy(source: Float64, target: Float64) -> None:
    """Copy a row, shape (lanes,)."""
    for i in range(source.size):
        target[i] = source[i]


@fused
def accumulate(tape: Tape, pair: int, one: Float64, two: Float64, table: Float64) -> None:
    """Add to two rows of a table, each of shape (lanes,), what the tape says."""
    for k in range(tape.begins[pair], tape.begins[pair + 1], 4):
        y0, y1 = table[tape.columns[k]], table[tape.columns[k + 1]]
        y2, y3 = table[tape.columns[k + 2]], table[tape.columns[k + 3]]
        w = 2 * k
        a0, a1, a2, a3 = tape.weights[w], tape.weights[w + 1], tape.weights[w + 2], tape.weights[w + 3]
        b0, b1, b2, b3 = tape.weights[w + 4], tape.weights[w + 5], tape.weights[w + 6], tape.weights[w + 7]
        for i in range(one.size):
            one[i] += a0 * y0[i] + a1 * y1[i] + a2 * y2[i] + a3 * y3[i]
            two[i] += b0 * y0[i] + b1 * y1[i] + b2 * y2[i] + b3 * y3[i]


@fused
def evaluate(flat: Flat, begin: int, end: int, table: Float64) -> None:
    """Write the rows from ``begin`` to ``end`` of the table, shape (rows, lanes)."""
    for row in range(begin, end, 2):
        pair = (row - flat.ends[0]) // 2
        one, two = table[row], table[row + 1]
        c, d = flat.constants[pair, 0], flat.constants[pair, 1]
        for i in range(one.size):
            one[i] = c
            two[i] = d
        accumulate(flat.forward, pair, one, two, table)
        if row < flat.ends[1]:
            low, least = flat.floors[row - flat.ends[0]], flat.floors[row - flat.ends[0] + 1]
            for i in range(one.size):
                one[i] = one[i] if one[i] > low else low
                two[i] = two[i] if two[i] > least else least


@fused
def charge(flat: Flat, begin: int, end: int, table: Float64, costs: Float64) -> None:
    """Add the norm of the terms in some rows to the costs, shape (lanes,)."""
    most = table[flat.rows - 1]
    if flat.norm == 1:
        most[:] = 0.0
    for row in range(begin, end):
        terms = table[row]
        if flat.norm == 0:
            for i in range(costs.size):
                costs[i] += abs(terms[i])
        elif flat.norm == 1:
            for i in range(costs.size):
                size = abs(terms[i])
                most[i] = size if size > most[i] else most[i]
        else:
            for i in range(costs.size):
                costs[i] += terms[i] * terms[i]
    if flat.norm == 1:
        for i in range(costs.size):
            costs[i] += most[i]


@fused
def deepest(table: Float64, begin: int, end: int, depth: Float64) -> None:
    """Write how deep states are in a region of some faces, shape (lanes,)."""
    copy(table[begin], depth)
    for row in range(begin + 1, end):
        inside = table[row]
        for i in range(depth.size):
            depth[i] = inside[i] if inside[i] < depth[i] else depth[i]


@fused
def measure(flat: Flat, table: Float64, violations: Float64) -> None:
    """Add by how much next states break limits and regions to the violations, shape (lanes,)."""
    for s in flat.limited:
        x, low, high = table[flat.ends[1] + s], flat.x_lower[s], flat.x_upper[s]
        for i in range(violations.size):
            violations[i] += (low - x[i] if x[i] < low else 0.0) + (x[i] - high if x[i] > high else 0.0)
    depth = table[flat.rows - 1]
    for region in range(flat.regions.size - 1):
        deepest(table, flat.regions[region], flat.regions[region + 1], depth)
        for i in range(violations.size):
            violations[i] += depth[i] if depth[i] > 0.0 else 0.0


@fused
def roll(flat: Flat, plans: Float64, tables: Float64, costs: Float64, violations: Float64) -> None:
    """Roll plans out.

    Args:
        flat: The problem.
        plans: Shape (horizon, actions, lanes).
        tables: Shape (1, rows, lanes), or (horizon, rows, lanes) to keep the tables of all steps.
        costs: Shape (lanes,); what each plan costs.
        violations: Shape (lanes,); by how much it breaks limits in total.
    """
    costs[:] = 0.0
    violations[:] = 0.0
    for s in range(flat.states):
        tables[0, s, :] = flat.start[s]
    inputs, relus, nexts, efforts, faces, terms, lasts = flat.ends
    for t in range(flat.horizon):
        table = tables[t % tables.shape[0]]
        for a in range(flat.actions):
            copy(plans[t, a], table[flat.states + a])
        evaluate(flat, inputs, faces, table)
        charge(flat, nexts, efforts, table, costs)
        measure(flat, table, violations)
        begin, end = (faces, terms) if t < flat.horizon - 1 else (terms, lasts)
        evaluate(flat, begin, end, table)
        charge(flat, begin, end, table, costs)
        follower = tables[(t + 1) % tables.shape[0]]
        for s in range(flat.states):
            copy(table[relus + s], follower[s])


@fused
def blame(flat: Flat, begin: int, end: int, table: Float64, adjoints: Float64) -> None:
    """Write the derivative of the norm of the terms in some rows, with respect to them."""
    for row in range(begin, end):
        terms, slope = table[row], adjoints[row]
        for i in range(terms.size):
            slope[i] = 2.0 * terms[i] if flat.norm == 2 else np.sign(terms[i])
    if flat.norm == 1:
        for i in range(table.shape[1]):
            most = begin
            for row in range(begin, end):
                if abs(table[row, i]) > abs(table[most, i]):
                    most = row
            for row in range(begin, end):
                if row != most:
                    adjoints[row, i] = 0.0


@fused
def repel(flat: Flat, table: Float64, adjoints: Float64) -> None:
    """Add the derivative of the penalty to the adjoints of next states and faces."""
    for s in flat.limited:
        x, low, high = table[flat.ends[1] + s], flat.x_lower[s], flat.x_upper[s]
        slope = adjoints[flat.ends[1] + s]
        for i in range(x.size):
            slope[i] += flat.penalty * ((1.0 if x[i] > high else 0.0) - (1.0 if x[i] < low else 0.0))
    depth = adjoints[flat.rows - 1]
    for region in range(flat.regions.size - 1):
        begin, end = flat.regions[region], flat.regions[region + 1]
        deepest(table, begin, end, depth)
        for row in range(begin, end):
            inside, slope = table[row], adjoints[row]
            for i in range(depth.size):
                slope[i] = flat.penalty if 0.0 < inside[i] <= depth[i] else 0.0


@fused
def differentiate(flat: Flat, tables: Float64, adjoints: Float64, slopes: Float64) -> None:
    """Write the derivative of cost plus penalty with respect to all actions; a subgradient where there is a kink.

    Args:
        flat: The problem.
        tables: As ``roll`` has left them, shape (horizon, rows, lanes).
        adjoints: Room, shape (rows, lanes).
        slopes: The derivatives, shape (horizon, actions, lanes).
    """
    adjoints[:, :] = 0.0
    inputs, relus, nexts, efforts, faces, terms, lasts = flat.ends
    for t in range(flat.horizon - 1, -1, -1):
        table = tables[t]
        if t == flat.horizon - 1:
            blame(flat, terms, lasts, table, adjoints)
        else:
            adjoints[terms:lasts, :] = 0.0
            blame(flat, faces, terms, table, adjoints)
        blame(flat, nexts, efforts, table, adjoints)
        for s in range(flat.states):  # what the next step wants of its state
            copy(adjoints[s], adjoints[relus + s])
        repel(flat, table, adjoints)
        for row in range(nexts - 2, -2, -2):
            one, two = adjoints[row], adjoints[row + 1]
            if row < relus:
                one[:] = 0.0
                two[:] = 0.0
            accumulate(flat.backward, row // 2, one, two, adjoints)
            if inputs <= row < relus:
                low, least = flat.floors[row - inputs], flat.floors[row - inputs + 1]
                for i in range(one.size):
                    one[i] = one[i] if table[row, i] > low else 0.0
                    two[i] = two[i] if table[row + 1, i] > least else 0.0
        for a in range(flat.actions):
            copy(adjoints[flat.states + a], slopes[t, a])
