"""A relaxation as a bipartite graph with features, for learned decisions inside branch and bound."""

import numpy as np
from numpy.typing import NDArray

from copt.instances.mip_relaxation import BASIS, KINDS, Relaxation
from copt.problems.base import FloatArray

__all__ = ["ROW_FEATURES", "VARIABLE_FEATURES", "normed_coefficients", "row_features", "variable_features"]

VARIABLE_FEATURES = (
    *(f"is_{kind.lower()}" for kind in KINDS),
    "objective",
    "has_lower",
    "has_upper",
    "at_lower",
    "at_upper",
    "value",
    "fraction",
    "reduced_cost",
    *(f"basis_{status}" for status in BASIS),
    "incumbent_value",
    "average_value",
    "age",
)
ROW_FEATURES = (
    "has_lower",
    "has_upper",
    "nonzeros",
    "objective_cosine",
    "bias",
    "norm",
    "at_lower",
    "at_upper",
    "dual_value",
    "age",
    *(f"basis_{status}" for status in BASIS),
)

CLOSE = 1e-9  # SCIP's epsilon
YOUNG = 5.0  # added to the number of relaxations that ages are divided by, as Ecole does


def variable_features(relaxation: Relaxation) -> FloatArray:
    """Return ``VARIABLE_FEATURES`` of every column, shape (columns, 19); Gasse et al. (2019).

    Objective coefficients and reduced costs are in units of the norm of the objective, ages in numbers of relaxations;
    values of points are 0 before the first point.
    """
    lp, scale = relaxation, _size(relaxation.objective)
    nothing = np.zeros(lp.value.size)
    floor = np.floor(lp.value + CLOSE)
    return np.column_stack(
        [
            *(lp.kind == kind for kind in KINDS.values()),
            lp.objective / scale,
            np.isfinite(lp.lower),
            np.isfinite(lp.upper),
            _close(lp, lp.value, lp.lower),
            _close(lp, lp.value, lp.upper),
            lp.value,
            np.maximum(0.0, lp.value - floor),
            lp.reduced / scale,
            *(lp.basis == status for status in BASIS.values()),
            nothing if lp.incumbent is None else lp.incumbent,
            nothing if lp.average is None else lp.average,
            lp.age / (lp.solved + YOUNG),
        ]
    ).astype(np.float64)


def row_features(relaxation: Relaxation) -> FloatArray:
    """Return ``ROW_FEATURES`` of every row, shape (rows, 14); Gasse et al. (2019).

    The bias is the upper limit, or the lower one where that is infinite, over the norm of the row; dual values are in
    units of the norm of the objective over that of the row, nonzeros a share of the columns.
    """
    lp, rows, count = relaxation, relaxation.rows, relaxation.starts.size - 1
    norm = row_norms(lp)
    scale = _size(lp.objective)
    inner = np.bincount(rows, lp.coefficients * lp.objective[lp.columns], count)
    limit = np.where(np.isfinite(lp.row_upper), lp.row_upper, lp.row_lower)
    return np.column_stack(
        [
            np.isfinite(lp.row_lower),
            np.isfinite(lp.row_upper),
            np.diff(lp.starts) / max(1, lp.value.size),
            inner / (norm * scale),
            np.where(np.isfinite(limit), limit, 0.0) / norm,
            norm,
            _close(lp, lp.activity, lp.row_lower),
            _close(lp, lp.activity, lp.row_upper),
            lp.dual * norm / scale,
            lp.row_age / (lp.solved + YOUNG),
            *(lp.row_basis == status for status in BASIS.values()),
        ]
    ).astype(np.float64)


def normed_coefficients(relaxation: Relaxation) -> FloatArray:
    """Return the coefficients over the norms of their rows, shape (nonzeros,)."""
    normed: FloatArray = relaxation.coefficients / row_norms(relaxation)[relaxation.rows]
    return normed


def row_norms(relaxation: Relaxation) -> FloatArray:
    """Return the Euclidean norms of the rows, 1 for empty ones, shape (rows,)."""
    squares = np.bincount(relaxation.rows, relaxation.coefficients**2, relaxation.starts.size - 1)
    return np.where(squares > 0, np.sqrt(squares), 1.0)


def _close(relaxation: Relaxation, values: FloatArray, limits: FloatArray) -> NDArray[np.bool_]:
    """Return which values of the solution are at their limits; none is before there is a solution."""
    return (np.abs(values - limits) <= CLOSE) & (relaxation.solved > 0)


def _size(vector: FloatArray) -> float:
    return float(np.linalg.norm(vector)) or 1.0
