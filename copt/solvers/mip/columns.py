"""The matrix of a program column by column; instances have it row by row."""

from typing import NamedTuple

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP

__all__ = ["Columns", "by_columns"]


class Columns(NamedTuple):
    """The nonzeros of each variable.

    Args:
        first: Where they begin, shape (variables + 1,).
        rows: Their rows, ascending, shape (nonzeros,).
        factors: Their coefficients, shape (nonzeros,).
    """

    first: IntArray
    rows: IntArray
    factors: FloatArray


def by_columns(instance: MIP) -> Columns:
    """Return the matrix of a program column by column."""
    order = np.argsort(instance.columns, kind="stable")
    of_row = np.repeat(np.arange(instance.num_rows), np.diff(instance.starts))
    counts = np.bincount(instance.columns, minlength=instance.num_variables)
    return Columns(np.concatenate([[0], np.cumsum(counts)]), of_row[order], instance.coefficients[order])
