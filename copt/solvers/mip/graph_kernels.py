"""Compiled products of sparse matrices, row by row, and the sorting that turns rows into columns."""

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import fused, kernel

__all__ = ["group", "multiply"]

Float32 = NDArray[np.float32]
Ints = NDArray[np.int64]


@fused
def multiply(starts: Ints, columns: Ints, values: Float32, x: Float32, y: Float32) -> None:
    """Set ``y``, shape (rows, features), to a matrix times ``x``, shape (columns, features)."""
    for i in range(starts.size - 1):
        for f in range(y.shape[1]):
            y[i, f] = 0.0
        for k in range(starts[i], starts[i + 1]):
            j, value = columns[k], values[k]
            for f in range(y.shape[1]):
                y[i, f] += value * x[j, f]


@kernel
def group(keys: Ints, ends: Ints, order: Ints) -> None:
    """Write the places of ``keys`` in the order of their keys, equal ones as they are.

    Args:
        keys: Whole numbers from 0.
        ends: Where the places of each key begin; where they end afterwards.
        order: The result, shape as ``keys``.
    """
    for k in range(keys.size):
        order[ends[keys[k]]] = k
        ends[keys[k]] += 1
