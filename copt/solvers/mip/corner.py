"""A first point within milliseconds: from the corner that suits all rows, variables go where their costs want them.

There is such a corner where rows limit each variable in one direction only, as in packing and covering.
"""

import time

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, activities, settled
from copt.solvers.mip.columns import by_columns

__all__ = ["decisiveness", "from_corner"]

TINY = 1e-9  # coefficients below it say nothing
CLOSE = 1e-9  # of a whole step
BUDGET = 0.15  # seconds after which variables stay where they are
EVERY = 64  # variables between two looks at the clock


def decisiveness(instance: MIP) -> FloatArray:
    """Return the size of each variable's cost by the mean of what its rows' variables cost for as much.

    Returns:
        Shape (variables,); infinity where no row's variable costs anything else.
    """
    lengths, columns, size = np.diff(instance.starts), instance.columns, np.abs(instance.coefficients)
    rows, costs = np.repeat(np.arange(lengths.size), lengths), np.abs(instance.costs)
    asked = np.bincount(rows, costs[columns] / np.maximum(size, TINY), lengths.size) / np.maximum(1, lengths)
    usual = np.bincount(columns, size * asked[rows], costs.size)
    beyond = np.where(costs > 0.0, np.inf, 0.0)
    return np.where(usual > 0.0, costs / np.where(usual > 0.0, usual, 1.0), beyond)


def from_corner(instance: MIP) -> Point | None:
    """Return a feasible point, None if some variable is limited in both directions or the corner is not feasible."""
    rows = np.repeat(np.arange(instance.num_rows), np.diff(instance.starts))
    above, below = np.isfinite(instance.row_upper)[rows], np.isfinite(instance.row_lower)[rows]
    positive, n = instance.coefficients > 0, instance.num_variables
    rise = np.bincount(instance.columns, np.where(positive, above, below), n) > 0  # what may break a row
    fall = np.bincount(instance.columns, np.where(positive, below, above), n) > 0
    costs = instance.sign * instance.costs
    if instance.beyond or (rise & fall).any():
        return None
    low = rise | (~fall & (costs >= 0))
    values = np.where(low, instance.lower, instance.upper)
    if not np.isfinite(values).all():
        return None
    activity = activities(instance, values)
    slack = np.minimum(instance.row_upper - activity, activity - instance.row_lower)
    if slack.min(initial=0.0) < 0.0:
        return None
    return settled(instance, _improved(instance, values, slack, np.where(low, -costs, costs)))


def _improved(instance: MIP, values: FloatArray, slack: FloatArray, gains: FloatArray) -> FloatArray:
    """Return ``values`` with variables moved away from the corner; every move costs slack in the variable's rows.

    Args:
        instance: The program.
        values: The corner, shape (variables,).
        slack: What each row can still bear, shape (rows,); used up.
        gains: What a unit of each variable's move saves, shape (variables,).
    """
    values = values.copy()
    first, rows, factors = by_columns(instance)
    sizes = np.abs(factors)
    low, width = values == instance.lower, instance.upper - instance.lower
    wishes = np.flatnonzero((gains > 0.0) & (width > 0.0))
    until = time.perf_counter() + BUDGET
    for place, j in enumerate(wishes[np.argsort(-decisiveness(instance)[wishes], kind="stable")].tolist()):
        if place % EVERY == 0 and time.perf_counter() > until:
            break
        mine, size = rows[first[j] : first[j + 1]], sizes[first[j] : first[j + 1]]
        step = min(width[j], (slack[mine] / size).min(initial=np.inf))
        if instance.integer[j]:
            step = np.floor(step + CLOSE)
        if 0.0 < step < np.inf:
            values[j] += step if low[j] else -step
            slack[mine] -= step * size
    return values
