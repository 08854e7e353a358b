"""What earlier solves tell of a program with the same rows and variables: their points, and what its rows cost."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.problems.mip import MIP

__all__ = ["Habits", "Kin", "shape_of"]

POINTS, PRICES = 10, 5  # kept of one shape
MOST = 100_000  # rows and variables of a shape that is remembered


class Kin:
    """Points and prices of programs of one shape, the newest last, and what branching cost in them.

    Args:
        rows: Number of rows.
        variables: Number of variables.
    """

    def __init__(self, rows: int, variables: int) -> None:
        self._rows, self._variables = rows, variables
        self.points: list[FloatArray] = []
        self.duals: list[FloatArray] = []
        self.pseudocosts: FloatArray = np.full((2, variables), np.nan)

    @classmethod
    def from_json(cls, row: Any) -> "Kin":
        """Return what ``as_json`` has told.

        Raises:
            ValueError: If it is something else; other errors of plain values as well.
        """
        kin = cls(int(row["rows"]), int(row["variables"]))
        for places, values in row["points"]:
            point = np.zeros(kin._variables)
            point[np.array(places, dtype=np.int64)] = np.array(values, dtype=np.float64)
            kin.points.append(point)
        for costs, (places, values) in zip(kin.pseudocosts, row["pseudocosts"], strict=True):
            costs[np.array(places, dtype=np.int64)] = np.array(values, dtype=np.float64)
        kin.duals = [np.array(prices, dtype=np.float64) for prices in row["duals"]]
        if any(prices.shape != (kin._rows,) for prices in kin.duals):
            raise ValueError("prices of other rows")
        return kin

    def add(self, values: FloatArray | None, duals: FloatArray | None, pseudocosts: FloatArray | None) -> None:
        """Keep the best point, the prices and the costs of branching of a solve, so far as there are any."""
        if values is not None and not any(np.array_equal(values, known) for known in self.points):
            self.points = [*self.points, values][-POINTS:]
        if duals is not None:
            self.duals = [*self.duals, duals][-PRICES:]
        if pseudocosts is not None:
            old = np.where(np.isnan(self.pseudocosts), pseudocosts, self.pseudocosts)
            self.pseudocosts = np.where(np.isnan(pseudocosts), old, 0.5 * (old + pseudocosts))

    def prices(self) -> list[FloatArray]:
        """Return prices to make bounds of; their mean does better than most of them, since bounds are concave in it."""
        return [*self.duals, np.mean(self.duals, axis=0)] if self.duals else []

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "rows": self._rows,
            "variables": self._variables,
            "points": [_sparse(point, point != 0.0) for point in self.points],
            "duals": [[float(f"{price:.7g}") for price in prices.tolist()] for prices in self.duals],
            "pseudocosts": [_sparse(costs, np.isfinite(costs)) for costs in self.pseudocosts],
        }


def _sparse(values: FloatArray, told: NDArray[np.bool_]) -> list[list[float]]:
    places = np.flatnonzero(told)
    return [places.tolist(), values[places].tolist()]


class Habits(NamedTuple):
    """Guesses what the best points of earlier programs of the same shape had.

    Args:
        points: Shape (points, variables).
    """

    points: FloatArray

    def probabilities(self, instance: MIP, _relaxed: Any) -> FloatArray:
        """Return how often each variable was above its lower bound, NaN where that is no question."""
        asked = instance.integer & np.isfinite(instance.lower)
        lower = np.where(asked, instance.lower, 0.0)
        return np.where(asked, (self.points > lower + 0.5).mean(axis=0), np.nan)


def shape_of(instance: MIP) -> str | None:
    """Return a name for the rows and variables of ``instance``, whatever its numbers; None if it is not remembered."""
    if instance.beyond or instance.num_rows + instance.num_variables > MOST:
        return None
    total = hashlib.sha256()
    for array in (instance.starts, instance.columns, instance.integer):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]
