"""What a program looks like in a few numbers that do not depend on the order of its rows and variables."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.problems.mip import MIP

__all__ = ["NAMES", "describe"]

NAMES = (
    "log rows",
    "log variables",
    "log nonzeros",
    "binary",
    "general integer",
    "equations",
    "packing",
    "covering",
    "unit coefficients",
    "mean row length",
    "spread of row lengths",
    "mean column length",
    "spread of column lengths",
    "rows with continuous variables",
    "costs that are zero",
    "costs below zero",
    "spread of costs",
    "spread of coefficients",
    "free or wide variables",
)


def describe(instance: MIP) -> FloatArray:
    """Return the numbers called ``NAMES``, shape (19,): logarithms of sizes, and shares from 0 to 1."""
    n, r, z = instance.num_variables, instance.num_rows, instance.columns.size
    lengths = np.diff(instance.starts)
    columns = np.bincount(instance.columns, minlength=n)
    size = np.abs(instance.coefficients)
    costs = instance.sign * instance.costs
    rows = np.repeat(np.arange(r), lengths)
    mixed = np.zeros(r, dtype=np.bool_)
    mixed[rows[~instance.integer[instance.columns]]] = True
    one_sided = np.isfinite(instance.row_upper) & ~np.isfinite(instance.row_lower)
    other_sided = np.isfinite(instance.row_lower) & ~np.isfinite(instance.row_upper)
    binary = instance.binary
    return np.array(
        [
            np.log10(1 + r),
            np.log10(1 + n),
            np.log10(1 + z),
            _share(binary),
            _share(instance.integer & ~binary),
            _share(instance.row_lower == instance.row_upper),
            _share(one_sided),
            _share(other_sided),
            _share(size == 1.0),
            np.log10(1 + _mean(lengths)),
            _spread(lengths),
            np.log10(1 + _mean(columns)),
            _spread(columns),
            _share(mixed),
            _share(costs == 0.0),
            _share(costs < 0.0),
            _spread(np.abs(costs[costs != 0.0])),
            _spread(size),
            _share(~np.isfinite(instance.upper - instance.lower)),
        ]
    )


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else 0.0


def _share(mask: NDArray[np.bool_]) -> float:
    return _mean(mask.astype(np.float64))


def _spread(values: NDArray[Any]) -> float:
    """Return the standard deviation over the mean, put into the range from 0 to 1."""
    mean = _mean(values)
    ratio = float(values.std()) / mean if mean > 0 else 0.0
    return ratio / (1.0 + ratio)
