"""The compiled random generator."""

import numpy as np
import pytest

from copt.solvers.random_kernels import draw, uniform
from copt.solvers.randomness import random_state


@pytest.mark.parametrize("bound", [1, 2, 7, 1000])
def test_random_numbers_follow_xorshift64_star(bound: int) -> None:
    random = np.array([12345], dtype=np.uint64)
    x = 12345
    for _ in range(200):
        x ^= x >> 12
        x = (x ^ (x << 25)) % 2**64
        x ^= x >> 27
        assert draw(random, bound) == (x * 2685821657736338717 % 2**64 >> 33) % bound
        assert random[0] == x


def test_uniform_numbers_are_the_top_bits() -> None:
    random = np.array([12345], dtype=np.uint64)
    x = 12345
    for _ in range(200):
        x ^= x >> 12
        x = (x ^ (x << 25)) % 2**64
        x ^= x >> 27
        assert uniform(random) == (x * 2685821657736338717 % 2**64 >> 11) / 2**53


def test_states_differ_by_seed_and_are_never_zero() -> None:
    states = {int(random_state(*seed)[0]) for seed in ((0,), (1,), (1, 1), (1, 2))}
    assert len(states) == 4 and 0 not in states
