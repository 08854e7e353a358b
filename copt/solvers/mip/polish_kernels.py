"""Compiled one-opt: move each variable as far as its cost wishes and the rows allow, the dearest first."""

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.mip.dive_kernels import Floats, Ints, Rows

__all__ = ["polish"]

CLOSE = 1e-9  # of a limit, that steps keep away from rounding


@kernel
def room_for(rows: Rows, values: Floats, activity: Floats, bounds: Floats, j: int, up: bool) -> float:
    """Return how far variable ``j`` can move up or down, 0 or more."""
    most = abs(bounds[j] - values[j])
    for k in range(rows.first[j], rows.first[j + 1]):
        i, a = rows.rows_of[k], rows.factors[k]
        limit = rows.row_upper[i] if (a > 0) == up else rows.row_lower[i]
        if np.isfinite(limit):
            slack = max(0.0, (limit - activity[i]) if (a > 0) == up else (activity[i] - limit))
            most = min(most, slack / abs(a))
    return most


@kernel
def polish(
    rows: Rows, costs: Floats, lower: Floats, upper: Floats, order: Ints, values: Floats, activity: Floats
) -> float:
    """Move variables one after the other; return by how much the cost fell.

    Args:
        rows: The program.
        costs: Costs, minimised, shape (variables,).
        lower: Bounds, shape (variables,).
        upper: Likewise.
        order: Variables to look at.
        values: A feasible point, which is improved.
        activity: Values of the rows there, which are kept up.
    """
    gained = 0.0
    for place in range(order.size):
        j = order[place]
        if costs[j] == 0.0:
            continue
        up = costs[j] < 0.0
        step = room_for(rows, values, activity, upper if up else lower, j, up)
        if rows.integer[j] == 1:
            step = np.floor(step + CLOSE)
        if not (step > CLOSE and np.isfinite(step)):
            continue
        signed = step if up else -step
        values[j] += signed
        gained -= costs[j] * signed
        for k in range(rows.first[j], rows.first[j + 1]):
            activity[rows.rows_of[k]] += rows.factors[k] * signed
    return gained
