"""Kernels count no references: that made a move ten times cheaper, and nothing else would show if it came back."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from copt.solvers.compiled import inlined, kernel


class Pair(NamedTuple):
    """Two arrays that travel together."""

    one: NDArray[np.float64]
    two: NDArray[np.float64]


def first(pair: Pair, k: int) -> float:
    return float(pair.one[k] - pair.two[k])


def counted(decorator: Any, inner: Any) -> int:
    """References counted in a kernel that hands a pair of arrays to another one."""

    def outer(pair: Pair) -> float:
        total = 0.0
        for k in range(pair.one.size):
            total += inner(pair, k)
        return total

    compiled = decorator(outer)
    pair = Pair(np.arange(3.0), np.ones(3))
    assert compiled(pair) == 0.0
    return sum(code.count("NRT_incref") for code in compiled.inspect_llvm().values())


@pytest.mark.parametrize("decorator", [kernel, inlined])
def test_kernels_count_no_references(decorator: Any) -> None:
    assert counted(kernel, decorator(first)) == 0


def test_ordinary_compilation_would_count_them() -> None:
    assert counted(njit, njit(first)) > 0


def test_a_kernel_divides_as_numpy_does() -> None:
    @kernel
    def inverse(x: float) -> float:
        return 1.0 / x

    assert inverse(0.0) == np.inf
