"""How kernels are compiled.

Every kernel works on arrays that its Python caller owns, so it needs no reference counts of its own. numba would
count every array of every tuple that is handed from kernel to kernel, with atomic operations that cost ten times as
much as the search itself. Without them a kernel cannot allocate: room comes with the arguments.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

__all__ = ["fused", "inlined", "kernel"]

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
LOOSE = {"contract", "nsz", "reassoc"}  # what a fused kernel may do to sums; infinities and NaN stay what they are

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile ``function`` on first use, to be called from Python or from other kernels."""
    compiled: Function = njit(**OPTIONS)(function)
    return compiled


def inlined(function: Function) -> Function:
    """Compile ``function`` as part of each kernel that calls it."""
    compiled: Function = njit(inline="always", **OPTIONS)(function)
    return compiled


def fused(function: Function) -> Function:
    """Compile ``function`` as ``kernel`` does, for vector units: sums may be reordered, and products fused into them.

    Its results may differ in the last bits from one machine to another.
    """
    compiled: Function = njit(fastmath=LOOSE, **OPTIONS)(function)
    return compiled
