"""What every family of problems shares."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError, InvalidInstanceError

__all__ = ["FloatArray", "IntArray", "Violation", "as_integers", "as_offsets", "first_where", "same"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Violation:
    """One constraint that a solution breaks.

    Args:
        constraint: Short name of the constraint, such as ``precedence``.
        message: What is wrong, with indices and values.
    """

    constraint: str
    message: str

    def __str__(self) -> str:
        return f"{self.constraint}: {self.message}"


def as_integers(
    field: str, values: Any, *, minimum: int | None = 0, error: type[CoptError] = InvalidInstanceError
) -> IntArray:
    """Return ``values`` as a read-only one-dimensional int64 array.

    Raises:
        CoptError: ``error``, if they are not whole numbers in one dimension, or one is below ``minimum``.
    """
    raw = np.asarray(values)
    if raw.ndim != 1:
        raise error(f"{field} must have one dimension, got shape {raw.shape}")
    if raw.size and raw.dtype.kind not in "iu":
        whole = raw.dtype.kind == "f" and bool(np.isfinite(raw).all() and (raw == np.floor(raw)).all())
        if not whole:
            raise error(f"{field} must hold whole numbers, got dtype {raw.dtype}; round or scale them")
    array = raw.astype(np.int64)
    if minimum is not None and array.size and array.min() < minimum:
        index = int(array.argmin())
        raise error(f"{field}[{index}] = {array[index]} is below {minimum}")
    array.setflags(write=False)
    return array


def as_offsets(field: str, values: Any, total: int, error: type[CoptError] = InvalidInstanceError) -> IntArray:
    """Return ``values`` as offsets 0 = o[0] <= o[1] <= ... = ``total`` into a flat array.

    Raises:
        CoptError: ``error``, if they do not start at 0, decrease, or do not end at ``total``.
    """
    offsets = as_integers(field, values, error=error)
    if offsets.size == 0 or offsets[0] != 0 or offsets[-1] != total or (np.diff(offsets) < 0).any():
        raise error(f"{field} must rise from 0 to {total}, got {offsets[:3]}...{offsets[-1:]}")
    return offsets


def first_where(mask: NDArray[np.bool_]) -> int | None:
    """Return the first index at which ``mask`` holds, or None."""
    return int(mask.argmax()) if mask.any() else None


def same(left: Any, right: Any) -> bool:
    """Return whether two instances or two solutions are equal field by field, arrays included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray):
        return np.array_equal(left, right)
    if dataclasses.is_dataclass(left):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left))
    return bool(left == right)
