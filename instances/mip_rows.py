"""Programs put together from blocks of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from copt.errors import CoptError
from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP

__all__ = ["Block", "program", "randomness"]


@dataclass(frozen=True)
class Block:
    """Rows of one kind, their nonzeros in any order.

    Args:
        rows: Row of each nonzero, counted inside the block, shape (nonzeros,).
        columns: Its variable, shape (nonzeros,).
        coefficients: Its factor, shape (nonzeros,).
        lower: Smallest values of the rows, shape (rows,).
        upper: Largest values of the rows, shape (rows,).
    """

    rows: IntArray
    columns: IntArray
    coefficients: FloatArray
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def of(
        cls,
        rows: ArrayLike,
        columns: ArrayLike,
        coefficients: ArrayLike = 1.0,
        *,
        count: int,
        lower: ArrayLike = -np.inf,
        upper: ArrayLike = np.inf,
    ) -> "Block":
        """Return a block of ``count`` rows; single numbers are spread over nonzeros or rows."""
        spread = np.broadcast_arrays(rows, columns, coefficients)
        limits = [np.broadcast_to(np.asarray(limit, dtype=np.float64), (count,)) for limit in (lower, upper)]
        return cls(*(array.ravel() for array in spread), *limits)


def program(blocks: list[Block], **fields: Any) -> MIP:
    """Return the program with the rows of ``blocks`` one below the other; ``fields`` are the others of ``MIP``."""
    counts = [block.lower.size for block in blocks]
    firsts = np.cumsum([0, *counts])
    rows = np.concatenate([first + block.rows for first, block in zip(firsts, blocks, strict=False)])
    columns = np.concatenate([block.columns for block in blocks])
    order = np.lexsort((columns, rows))
    starts = np.zeros(firsts[-1] + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=firsts[-1]), out=starts[1:])
    return MIP(
        starts=starts,
        columns=columns[order],
        coefficients=np.concatenate([block.coefficients for block in blocks])[order],
        row_lower=np.concatenate([block.lower for block in blocks]),
        row_upper=np.concatenate([block.upper for block in blocks]),
        **fields,
    )


def randomness(seed: int, *, most: int, **counts: int) -> np.random.Generator:
    """Return the random generator of ``seed``.

    Raises:
        CoptError: If the seed is negative, or a count is not from 1 to ``most``.
    """
    if seed < 0:
        raise CoptError(f"seed must be at least 0, got {seed}")
    for name, count in counts.items():
        if not 1 <= count <= most:
            raise CoptError(f"{name} must be from 1 to {most}, got {count}")
    return np.random.default_rng(seed)
