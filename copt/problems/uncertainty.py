"""Sets that an uncertain vector may lie in: what its support function and its bounds are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from copt.errors import InvalidInstanceError
from copt.problems.base import FloatArray

__all__ = ["Box", "Budget", "Ellipsoid", "FloatArray", "Polyhedron", "Product", "Scenarios", "UncertaintySet"]

TOLERANCE = 1e-6  # by which a scenario may miss its set, as solvers miss their constraints


class UncertaintySet(Protocol):
    """A compact set that is not empty."""

    @property
    def size(self) -> int:
        """Entries of the uncertain vector."""

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the smallest and the largest value of each entry, shapes (size,)."""

    def worst(self, direction: FloatArray) -> FloatArray:
        """Return a member that maximises ``direction @ member``; the maximum is the support function."""

    def contains(self, scenario: FloatArray) -> bool:
        """Return whether ``scenario`` is a member, but for rounding."""

    def misses(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Return whether it is certain that no member lies in the box from ``lower`` to ``upper``."""

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return random members, shape (count, size); extreme ones often."""


def vector(field: str, values: Any, size: int | None = None, *, negative: bool = True) -> FloatArray:
    """Return ``values`` as a read-only vector of finite numbers.

    Raises:
        InvalidInstanceError: If they are not, are not ``size`` many, or one is negative and must not be.
    """
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1 or (size is not None and array.size != size):
        wanted = "one dimension" if size is None else f"shape ({size},)"
        raise InvalidInstanceError(f"{field} must have {wanted}, got shape {array.shape}")
    frozen(field, array)
    if not negative and (array < 0).any():
        raise InvalidInstanceError(f"{field}[{int(array.argmin())}] = {array.min()} is negative")
    return array


def table(field: str, values: Any, columns: int) -> FloatArray:
    """Return ``values`` as a read-only table of finite numbers with ``columns`` columns.

    Raises:
        InvalidInstanceError: If they are not.
    """
    array = np.array(values, dtype=np.float64)
    if array.size == 0 and array.ndim != 2:
        array = array.reshape(0, columns)
    if array.ndim != 2 or array.shape[1] != columns:
        raise InvalidInstanceError(f"{field} must have {columns} columns, got shape {array.shape}")
    return frozen(field, array)


def frozen(field: str, array: FloatArray) -> FloatArray:
    """Return ``array``, read-only from now on.

    Raises:
        InvalidInstanceError: If an entry is not finite.
    """
    if not np.isfinite(array).all():
        raise InvalidInstanceError(f"{field} must hold finite numbers, got {array[~np.isfinite(array)][0]}")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Box:
    """Each entry between its own bounds.

    Args:
        lower: Smallest values, shape (size,).
        upper: Largest values, shape (size,).
    """

    lower: FloatArray
    upper: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", vector("lower", self.lower))
        object.__setattr__(self, "upper", vector("upper", self.upper, self.lower.size))
        above = np.flatnonzero(self.lower > self.upper)
        if above.size:
            k = above[0]
            raise InvalidInstanceError(f"lower[{k}] = {self.lower[k]} exceeds upper[{k}] = {self.upper[k]}")

    @property
    def size(self) -> int:
        """Entries of the uncertain vector."""
        return self.lower.size

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the bounds."""
        return self.lower, self.upper

    def worst(self, direction: FloatArray) -> FloatArray:
        """Return the corner in ``direction``."""
        return np.where(direction > 0, self.upper, self.lower)

    def contains(self, scenario: FloatArray) -> bool:
        """Return whether ``scenario`` keeps the bounds."""
        slack = TOLERANCE * np.maximum(1.0, np.abs(scenario))
        return bool(((scenario >= self.lower - slack) & (scenario <= self.upper + slack)).all())

    def misses(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Return whether it is certain that no member lies in the box from ``lower`` to ``upper``."""
        return bool(((lower > self.upper + TOLERANCE) | (upper < self.lower - TOLERANCE)).any())

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return corners and, half of them, uniform points."""
        share = rng.random((count, self.size))
        share[::2] = np.round(share[::2])
        return self.lower + share * (self.upper - self.lower)


@dataclass(frozen=True)
class Budget:
    """Entries from 0 to 1 whose sum is at most ``budget`` (Bertsimas and Sim 2004).

    Args:
        size: Entries of the uncertain vector.
        budget: Largest sum; need not be whole.
    """

    size: int
    budget: float

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InvalidInstanceError(f"size must be at least 1, got {self.size}")
        if not 0 <= self.budget < np.inf:
            raise InvalidInstanceError(f"budget must be a number from 0 on, got {self.budget}")

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return zeros, and the largest value of one entry."""
        return np.zeros(self.size), np.full(self.size, min(1.0, self.budget))

    def worst(self, direction: FloatArray) -> FloatArray:
        """Return the member that spends the budget on the largest entries, the last one in part."""
        order = np.argsort(-direction, kind="stable")
        member = np.zeros(self.size)
        share = np.clip(self.budget - np.arange(self.size), 0.0, 1.0)
        member[order] = np.where(direction[order] > 0, share, 0.0)
        return member

    def contains(self, scenario: FloatArray) -> bool:
        """Return whether ``scenario`` keeps bounds and budget."""
        inside = (scenario >= -TOLERANCE) & (scenario <= 1 + TOLERANCE)
        return bool(inside.all()) and float(scenario.sum()) <= self.budget + TOLERANCE * max(1.0, self.budget)

    def misses(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Return whether it is certain that no member lies in the box from ``lower`` to ``upper``."""
        least = float(np.maximum(lower, 0.0).sum())
        return least > self.budget + TOLERANCE * max(1.0, self.budget) or Box(lower, upper).misses(*self.bounds())

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return extreme points."""
        return np.array([self.worst(rng.random(self.size)) for _ in range(count)]).reshape(count, self.size)


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """The points ``centre + shape @ z`` for vectors z of length at most 1.

    Args:
        centre: Shape (size,).
        shape: Matrix, shape (size, size), that can be inverted.
    """

    centre: FloatArray
    shape: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "centre", vector("centre", self.centre))
        object.__setattr__(self, "shape", table("shape", self.shape, self.size))
        if self.shape.shape[0] != self.size or np.linalg.matrix_rank(self.shape) < self.size:
            raise InvalidInstanceError(f"shape must be an invertible matrix of {self.size} rows and columns")

    @property
    def size(self) -> int:
        """Entries of the uncertain vector."""
        return self.centre.size

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the extent along each axis."""
        reach = np.linalg.norm(self.shape, axis=1)
        return self.centre - reach, self.centre + reach

    def worst(self, direction: FloatArray) -> FloatArray:
        """Return the boundary point in ``direction``."""
        inner = self.shape.T @ direction
        length = float(np.linalg.norm(inner))
        return self.centre + (self.shape @ inner / length if length > 0 else 0.0)

    def contains(self, scenario: FloatArray) -> bool:
        """Return whether ``scenario`` lies inside."""
        return float(np.linalg.norm(np.linalg.solve(self.shape, scenario - self.centre))) <= 1 + TOLERANCE

    def misses(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Return whether it is certain that no member lies in the box from ``lower`` to ``upper``."""
        inverse, middle = np.linalg.inv(self.shape), (lower + upper) / 2
        reach = float(np.linalg.norm(inverse, 2) * np.linalg.norm(upper - middle))
        return float(np.linalg.norm(inverse @ (middle - self.centre))) - reach > 1 + TOLERANCE

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return boundary points."""
        z = rng.normal(size=(count, self.size))
        found: FloatArray = self.centre + (z / np.linalg.norm(z, axis=1, keepdims=True)) @ self.shape.T
        return found


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Finitely many members.

    Args:
        members: Shape (scenarios, size).
    """

    members: FloatArray

    def __post_init__(self) -> None:
        array = np.array(self.members, dtype=np.float64)
        if array.ndim != 2 or array.shape[0] == 0:
            raise InvalidInstanceError(f"members must have a row for each scenario, got shape {array.shape}")
        object.__setattr__(self, "members", frozen("members", array))

    @property
    def size(self) -> int:
        """Entries of the uncertain vector."""
        return int(self.members.shape[1])

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the least and the largest value of each entry."""
        return self.members.min(axis=0), self.members.max(axis=0)

    def worst(self, direction: FloatArray) -> FloatArray:
        """Return the worst scenario."""
        found: FloatArray = self.members[int(np.argmax(self.members @ direction))]
        return found

    def contains(self, scenario: FloatArray) -> bool:
        """Return whether ``scenario`` is one of them."""
        scale = TOLERANCE * np.maximum(1.0, np.abs(scenario))
        return bool((np.abs(self.members - scenario) <= scale).all(axis=1).any())

    def misses(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Return whether it is certain that no member lies in the box from ``lower`` to ``upper``."""
        inside = (self.members >= lower - TOLERANCE) & (self.members <= upper + TOLERANCE)
        return not bool(inside.all(axis=1).any())

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return random ones."""
        found: FloatArray = self.members[rng.integers(len(self.members), size=count)]
        return found


@dataclass(frozen=True, eq=False)
class Polyhedron:
    """The points of a box with ``rows @ point <= limits``.

    Args:
        rows: Shape (rows, size).
        limits: Shape (rows,).
        box: Bounds of the entries.
    """

    rows: FloatArray
    limits: FloatArray
    box: Box

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", table("rows", self.rows, self.size))
        object.__setattr__(self, "limits", vector("limits", self.limits, self.rows.shape[0]))
        self.worst(np.zeros(self.size))

    @property
    def size(self) -> int:
        """Entries of the uncertain vector."""
        return self.box.size

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the bounds of the box; rows may keep some of them from being reached."""
        return self.box.bounds()

    def worst(self, direction: FloatArray) -> FloatArray:
        """Return an extreme point in ``direction``.

        Raises:
            InvalidInstanceError: If the set is empty.
        """
        from scipy.optimize import linprog

        sides = np.stack(self.box.bounds(), axis=1)
        found = linprog(-direction, A_ub=self.rows, b_ub=self.limits, bounds=sides, method="highs-ds")
        if found.x is None:
            raise InvalidInstanceError(f"the uncertainty set is empty: {found.message}")
        return np.asarray(found.x, dtype=np.float64)

    def contains(self, scenario: FloatArray) -> bool:
        """Return whether ``scenario`` keeps the rows and lies in the box."""
        slack = TOLERANCE * np.maximum(1.0, np.abs(self.limits))
        return self.box.contains(scenario) and bool((self.rows @ scenario <= self.limits + slack).all())

    def misses(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Return whether it is certain that no member lies in the box from ``lower`` to ``upper``."""
        low, high = np.maximum(lower, self.box.lower), np.minimum(upper, self.box.upper)
        if (low > high + TOLERANCE).any():
            return True
        least = np.where(self.rows > 0, self.rows * low, self.rows * high).sum(axis=1)
        return bool((least > self.limits + TOLERANCE * np.maximum(1.0, np.abs(self.limits))).any())

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return extreme points in random directions."""
        return np.array([self.worst(rng.normal(size=self.size)) for _ in range(count)]).reshape(count, self.size)


@dataclass(frozen=True)
class Product:
    """One vector after the other, each from its own set.

    Args:
        sets: At least one.
    """

    sets: tuple[UncertaintySet, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sets", tuple(self.sets))
        if not self.sets:
            raise InvalidInstanceError("a product needs at least one set")

    @property
    def size(self) -> int:
        """Entries of the uncertain vector."""
        return sum(part.size for part in self.sets)

    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Return the bounds of all."""
        lower, upper = zip(*(part.bounds() for part in self.sets), strict=True)
        return np.concatenate(lower), np.concatenate(upper)

    def worst(self, direction: FloatArray) -> FloatArray:
        """Return the worst member of each."""
        return np.concatenate([part.worst(piece) for part, piece in zip(self.sets, self._cut(direction), strict=True)])

    def contains(self, scenario: FloatArray) -> bool:
        """Return whether each part lies in its set."""
        return all(part.contains(piece) for part, piece in zip(self.sets, self._cut(scenario), strict=True))

    def misses(self, lower: FloatArray, upper: FloatArray) -> bool:
        """Return whether it is certain that no member lies in the box from ``lower`` to ``upper``."""
        pieces = zip(self.sets, self._cut(lower), self._cut(upper), strict=True)
        return any(part.misses(low, high) for part, low, high in pieces)

    def sample(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return independent samples of each."""
        return np.hstack([part.sample(rng, count) for part in self.sets])

    def _cut(self, values: FloatArray) -> Sequence[FloatArray]:
        return np.split(values, np.cumsum([part.size for part in self.sets])[:-1])
