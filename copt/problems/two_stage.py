"""The form of all two-stage robust problems: decide x, then see the scenario u, then decide y.

Minimise over x the largest, over u in a set, of the least, over y, cost

    constant + cost_x @ x + cost_y @ y + u @ (cost_u + cost_ux @ x + cost_uy @ y)

subject to rows that must hold for every u with its own y:

    rows_x @ x + rows_y @ y + rows_u @ u + bilinear terms u_k x_j and u_k y_j <= limits

Every problem of the family, whatever its own type, has this form as ``two_stage()``; checking is done on it alone.
"""

import functools
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from copt.errors import InvalidInstanceError
from copt.problems.base import IntArray, Violation
from copt.problems.uncertainty import FloatArray, UncertaintySet, table, vector

__all__ = ["TOLERANCE", "Columns", "Products", "TwoStage"]

TOLERANCE = 1e-6  # relative, by which rows may be missed: what solvers of mixed-integer programs allow themselves


@dataclass(frozen=True, eq=False)
class Columns:
    """Variables of one stage.

    Args:
        lower: Smallest values, shape (variables,); may be -inf.
        upper: Largest values; may be inf.
        integer: Whether each must be whole.
    """

    lower: FloatArray
    upper: FloatArray
    integer: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for name, kind in (("lower", np.float64), ("upper", np.float64), ("integer", np.bool_)):
            array = np.array(getattr(self, name), dtype=kind)
            if array.shape != self.lower.shape or array.ndim != 1:
                raise InvalidInstanceError(f"{name} must have shape ({len(self.lower)},), got {array.shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        wrong = np.flatnonzero(~(self.lower <= self.upper))
        if wrong.size:
            j = wrong[0]
            raise InvalidInstanceError(f"variable {j} has lower = {self.lower[j]} above upper = {self.upper[j]}")

    @classmethod
    def binary(cls, count: int) -> "Columns":
        """Return ``count`` binary variables."""
        return cls(np.zeros(count), np.ones(count), np.ones(count, dtype=np.bool_))

    @property
    def size(self) -> int:
        """Number of variables."""
        return self.lower.size

    def violations(self, stage: str, values: FloatArray) -> list[Violation]:
        """Return what is wrong with ``values``, shape (..., variables)."""
        slack = TOLERANCE * np.maximum(1.0, np.abs(values))
        found = []
        for what, bad in (
            ("is not finite", ~np.isfinite(values)),
            ("is below its bound", values < self.lower - slack),
            ("is above its bound", values > self.upper + slack),
            ("is not whole", self.integer & (np.abs(values - np.round(values)) > TOLERANCE)),
        ):
            if bad.any():
                place = tuple(int(k) for k in np.argwhere(bad)[0])
                found.append(Violation(stage, f"variable {place[-1]} = {values[place]:.10g} {what}"))
        return found


@dataclass(frozen=True, eq=False)
class Products:
    """Terms ``coefficient * u[entry] * variable`` of rows.

    Args:
        rows: Row of each term.
        entries: Entry of the uncertain vector.
        variables: Index of the variable.
        coefficients: Its factor.
    """

    rows: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    entries: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    variables: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    coefficients: FloatArray = field(default_factory=lambda: np.zeros(0))

    @property
    def size(self) -> int:
        """Number of terms."""
        return len(self.rows)

    def at(self, scenario: FloatArray, count: int, variables: int) -> FloatArray:
        """Return the terms at ``scenario`` as a matrix, shape (count, variables)."""
        matrix = np.zeros((count, variables))
        np.add.at(matrix, (self.rows, self.variables), self.coefficients * scenario[self.entries])
        return matrix

    def of(self, values: FloatArray, count: int, size: int) -> FloatArray:
        """Return the factors of the uncertain entries at ``values`` of the variables, shape (count, size)."""
        matrix: FloatArray = self.of_plans(values[None], count, size)[0]
        return matrix

    def of_plans(self, plans: FloatArray, count: int, size: int) -> FloatArray:
        """Return the same for many ``plans`` at once, shape (plans, count, size)."""
        places, own = np.unique(self.rows * size + self.entries, return_inverse=True)
        matrix, flat = np.zeros((plans.shape[1], len(places))), np.zeros((len(plans), count * size))
        np.add.at(matrix, (self.variables, own), self.coefficients)
        flat[:, places] = plans @ matrix
        return flat.reshape(len(plans), count, size)


@dataclass(frozen=True, eq=False, kw_only=True)
class TwoStage:
    """A two-stage robust problem in arrays; see the module for what they mean.

    With n variables x, m variables y, k uncertain entries and r rows; costs of a problem that maximises are turned
    round already, ``maximise`` only says how values are shown.

    Raises:
        InvalidInstanceError: If shapes do not fit or a number is not finite.
    """

    family: ClassVar[str] = "robust"

    x: Columns
    y: Columns
    uncertainty: UncertaintySet
    cost_x: FloatArray  # (n,)
    cost_y: FloatArray  # (m,)
    rows_x: FloatArray  # (r, n)
    rows_y: FloatArray  # (r, m)
    limits: FloatArray  # (r,)
    cost_u: FloatArray | None = None  # (k,)
    cost_ux: FloatArray | None = None  # (k, n)
    cost_uy: FloatArray | None = None  # (k, m)
    rows_u: FloatArray | None = None  # (r, k)
    products_x: Products = field(default_factory=Products)
    products_y: Products = field(default_factory=Products)
    constant: float = 0.0
    maximise: bool = False
    name: str = "unnamed"

    def __post_init__(self) -> None:
        n, m, k = self.x.size, self.y.size, self.uncertainty.size
        r = len(self.limits)
        for name, shape in (
            ("cost_x", (n,)),
            ("cost_y", (m,)),
            ("limits", (r,)),
            ("rows_x", (r, n)),
            ("rows_y", (r, m)),
            ("cost_u", (k,)),
            ("cost_ux", (k, n)),
            ("cost_uy", (k, m)),
            ("rows_u", (r, k)),
        ):
            values = np.zeros(shape) if getattr(self, name) is None else getattr(self, name)
            checked = vector(name, values, shape[0]) if len(shape) == 1 else table(name, values, shape[1])
            if checked.shape != shape:
                raise InvalidInstanceError(f"{name} must have shape {shape}, got {checked.shape}")
            object.__setattr__(self, name, checked)

    @property
    def sign(self) -> int:
        """1 if the problem minimises, -1 if it maximises."""
        return -1 if self.maximise else 1

    @property
    def dimensions(self) -> str:
        """Numbers of variables x, y and uncertain entries, for tables."""
        return f"{self.x.size}x{self.y.size}x{self.uncertainty.size}"

    def two_stage(self) -> "TwoStage":
        """Return this problem itself."""
        return self

    @property
    def certain_rows(self) -> bool:
        """Whether no row depends on the scenario, so that only costs are uncertain."""
        assert self.rows_u is not None
        return self.products_x.size == 0 and self.products_y.size == 0 and not self.rows_u.any()

    @functools.cached_property
    def first_rows(self) -> NDArray[np.bool_]:
        """Whether each row speaks of x alone, shape (r,)."""
        assert self.rows_u is not None
        alone: NDArray[np.bool_] = ~(np.any(self.rows_y, axis=1) | np.any(self.rows_u, axis=1))
        alone[self.products_x.rows] = False
        alone[self.products_y.rows] = False
        return alone

    def cost(self, x: FloatArray, y: FloatArray, scenario: FloatArray) -> float:
        """Return the cost of decisions in a scenario."""
        constant, slope = self.cost_terms(x, y)
        return constant + float(slope @ scenario)

    def cost_terms(self, x: FloatArray, y: FloatArray) -> tuple[float, FloatArray]:
        """Return the cost as an affine function of the scenario: constant and slope, shape (k,)."""
        constants, slopes = self.cost_terms_of_plans(x, y[None])
        return float(constants[0]), slopes[0]

    def cost_terms_of_plans(self, x: FloatArray, plans: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the same for many ``plans``: constants (plans,) and slopes (plans, k)."""
        assert self.cost_u is not None and self.cost_ux is not None and self.cost_uy is not None
        constants = self.constant + self.cost_x @ x + plans @ self.cost_y
        return constants, self.cost_u + self.cost_ux @ x + plans @ self.cost_uy.T

    def row_terms(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the rows as affine functions of the scenario: constants (r,) and slopes (r, k); feasible if <= 0."""
        constants, slopes = self.row_terms_of_plans(x, y[None])
        return constants[0], slopes[0]

    def row_terms_of_plans(self, x: FloatArray, plans: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the same for many ``plans``: constants (plans, r) and slopes (plans, r, k)."""
        assert self.rows_u is not None
        r, k = self.limits.size, self.uncertainty.size
        constants = plans @ self.rows_y.T + (self.rows_x @ x - self.limits)
        return constants, self.rows_u + self.products_x.of(x, r, k) + self.products_y.of_plans(plans, r, k)
