"""What earlier solves tell of a program with the same rows and variables: their points, and what its rows cost."""

import base64
import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.bandit import FIRST

__all__ = ["Habits", "Kin", "shape_of"]

POINTS, PRICES = 10, 5  # kept of one shape
AGREEMENT = 0.3  # of points, from 0, which is that of chance, to 1, from which on variables mean the same
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
        self._pseudocosts: FloatArray = np.full((2, variables), np.nan)

    @classmethod
    def from_json(cls, row: Any) -> "Kin":
        """Return what ``as_json`` has told.

        Raises:
            ValueError: If it is something else; other errors of plain values as well.
        """
        kin = cls(int(row["rows"]), int(row["variables"]))
        kin.points = [_dense(pair, kin._variables, 0.0) for pair in row["points"]]
        kin.duals = [_unpacked(text, "<f4").astype(np.float64) for text in row["duals"]]
        kin._pseudocosts = np.array([_dense(pair, kin._variables, np.nan) for pair in row["pseudocosts"]])
        if any(prices.shape != (kin._rows,) for prices in kin.duals) or len(kin._pseudocosts) != 2:
            raise ValueError("numbers of other rows and variables")
        return kin

    def add(self, values: FloatArray | None, duals: FloatArray | None, pseudocosts: FloatArray | None) -> None:
        """Keep the best point, the prices and the costs of branching of a solve, so far as there are any."""
        if values is not None and not any(np.array_equal(values, known) for known in self.points):
            self.points = [*self.points, values][-POINTS:]
        if duals is not None:
            self.duals = [*self.duals, duals][-PRICES:]
        if pseudocosts is not None:
            old = np.where(np.isnan(self._pseudocosts), pseudocosts, self._pseudocosts)
            self._pseudocosts = np.where(np.isnan(pseudocosts), old, 0.5 * (old + pseudocosts))

    @property
    def alike(self) -> bool:
        """Whether the points have the same variables at zero, more than chance does.

        Programs that are drawn anew may have the same rows and variables, but nothing of one tells of another's. This
        is Fleiss' kappa (1971) of the points, each the verdict of a judge.
        """
        count = len(self.points)
        if count < 2:
            return False
        shares = np.mean([point != 0.0 for point in self.points], axis=0)
        chance = float(shares.mean() * (1.0 - shares.mean()))
        return count / (count - 1) * float(np.mean(shares * (1.0 - shares))) <= (1.0 - AGREEMENT) * chance

    def prices(self) -> list[FloatArray]:
        """Return prices to make bounds of; their mean does better than most of them, since bounds are concave in it."""
        return [*self.duals, np.mean(self.duals, axis=0)] if self.duals else []

    def pseudocosts(self) -> FloatArray:
        """Return what a unit down and up has cost, NaN where that is not known, shape (2, variables)."""
        return self._pseudocosts if self.alike else np.full_like(self._pseudocosts, np.nan)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "rows": self._rows,
            "variables": self._variables,
            "points": [_sparse(point, point != 0.0) for point in self.points],
            "duals": [_packed(prices, "<f4") for prices in self.duals],
            "pseudocosts": [_sparse(costs, np.isfinite(costs)) for costs in self._pseudocosts],
        }


def _packed(array: NDArray[Any], kind: str) -> str:
    """Return an array as text, which is far shorter, and sooner written, than its numbers in decimals."""
    return base64.b64encode(array.astype(kind).tobytes()).decode("ascii")


def _unpacked(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind)


def _sparse(values: FloatArray, told: NDArray[np.bool_]) -> list[str]:
    places = np.flatnonzero(told)
    return [_packed(places, "<i4"), _packed(values[places], "<f8")]


def _dense(pair: list[str], size: int, rest: float) -> FloatArray:
    values = np.full(size, rest)
    values[_unpacked(pair[0], "<i4")] = _unpacked(pair[1], "<f8")
    return values


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

    def share(self, *, relaxed: bool) -> float:
        """Return the share to hold at first; see ``copt.solvers.mip.partner.Guide``."""
        return FIRST

    def idle(self) -> float:
        """Return the share to leave out of the relaxation: none; see ``copt.solvers.mip.partner.Guide``."""
        return 0.0


def shape_of(instance: MIP) -> str | None:
    """Return a name for the rows and variables of ``instance``, whatever its numbers; None if it is not remembered."""
    if instance.beyond or instance.num_rows + instance.num_variables > MOST:
        return None
    total = hashlib.sha256()
    for array in (instance.starts, instance.columns, instance.integer):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]
