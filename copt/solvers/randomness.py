"""The state of the compiled random generator."""

import numpy as np

from copt.solvers.random_kernels import UInt64

__all__ = ["random_state"]


def random_state(*seed: int) -> UInt64:
    """Return the state that ``seed`` stands for, shape (1,)."""
    return np.random.SeedSequence(seed).generate_state(1, np.uint64) | np.uint64(1)
