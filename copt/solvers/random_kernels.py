"""Compiled random numbers: xorshift64* (Vigna 2016), one state a thread."""

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import kernel

__all__ = ["UInt64", "draw", "uniform"]

UInt64 = NDArray[np.uint64]


@kernel
def advance(random: UInt64) -> np.uint64:
    """Advance the state, shape (1,), which must not be 0; return 64 random bits."""
    x: np.uint64 = random[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    random[0] = x
    return x * np.uint64(2685821657736338717)


@kernel
def draw(random: UInt64, bound: int) -> int:
    """Return a random integer in [0, bound)."""
    return int((advance(random) >> np.uint64(33)) % np.uint64(bound))


@kernel
def uniform(random: UInt64) -> float:
    """Return a random number in [0, 1)."""
    return float(advance(random) >> np.uint64(11)) * (1.0 / 9007199254740992.0)
