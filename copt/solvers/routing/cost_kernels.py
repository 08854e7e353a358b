"""Compiled costs between nodes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import inlined, kernel

__all__ = ["CEIL", "EXACT", "MATRIX", "NEAREST", "Costs", "Float32", "Float64", "Int32", "cost"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

MATRIX, EXACT, NEAREST, CEIL, ATT, GEO = range(6)


class Costs(NamedTuple):
    """What costs are computed from.

    ``x`` and ``y`` are coordinates, shape (nodes,); radians of latitude and longitude for GEO. ``matrix`` is
    (nodes, nodes) for MATRIX, else (1, 1).
    """

    x: Float64
    y: Float64
    matrix: Float64
    metric: int


@inlined
def cost(costs: Costs, i: int, j: int) -> float:
    """Return the cost from node ``i`` to node ``j``."""
    if costs.metric == MATRIX:
        given: float = costs.matrix[i, j]
        return given
    if costs.metric == GEO:
        return geographical(costs, i, j)
    dx, dy = costs.x[i] - costs.x[j], costs.y[i] - costs.y[j]
    squared = dx * dx + dy * dy
    length: float = np.sqrt(squared / 10.0 if costs.metric == ATT else squared)
    rounded: float = np.floor(length + 0.5)
    if costs.metric == EXACT:
        return length
    if costs.metric == NEAREST or rounded >= length:
        return rounded
    return rounded + 1.0  # CEIL and ATT round up what would be too short


@kernel
def geographical(costs: Costs, i: int, j: int) -> float:
    """Return TSPLIB's distance on a sphere."""
    if i == j:
        return 0.0
    q1 = np.cos(costs.y[i] - costs.y[j])
    q2 = np.cos(costs.x[i] - costs.x[j])
    q3 = np.cos(costs.x[i] + costs.x[j])
    angle = np.arccos(min(1.0, max(-1.0, 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3))))
    distance: float = np.floor(6378.388 * angle + 1.0)
    return distance
