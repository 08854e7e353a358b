"""Taillard's instances ta01 to ta80, regenerated bit for bit from their published seeds.

E. Taillard, Benchmarks for basic scheduling problems, European Journal of Operational Research 64, 1993.
"""

import csv
import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from copt.problems.jobshop import JobShop

__all__ = ["generate", "named", "names"]

_MODULUS = 2**31 - 1


def _uniform(seed: int) -> Iterator[float]:
    """Yield the numbers in (0, 1) of the linear congruential generator of Bratley, Fox and Schrage (1983)."""
    state = seed
    while True:
        high, low = divmod(state, 127_773)
        state = 16_807 * low - 2_836 * high
        if state < 0:
            state += _MODULUS
        yield state / _MODULUS


def generate(jobs: int, machines: int, time_seed: int, machine_seed: int, name: str = "unnamed") -> JobShop:
    """Return Taillard's job shop: durations uniform in 1 to 99, each job in a random order on all machines.

    Args:
        jobs: Number of jobs.
        machines: Number of machines.
        time_seed: Seed of the durations, from 1 to 2147483646.
        machine_seed: Seed of the machine orders.
        name: Name of the instance.
    """
    times = _uniform(time_seed)
    durations = [[1 + int(next(times) * 99) for _ in range(machines)] for _ in range(jobs)]
    draws = _uniform(machine_seed)
    orders = np.tile(np.arange(machines), (jobs, 1))
    for order in orders:
        for i in range(machines):
            k = i + int(next(draws) * (machines - i))
            order[i], order[k] = order[k], order[i]
    return JobShop.from_arrays(orders, durations, num_machines=machines, name=name)


@functools.cache
def _sizes_and_seeds() -> dict[str, tuple[int, int, int, int]]:
    with (Path(__file__).with_name("data") / "taillard_seeds.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: (
                int(row["n_jobs"]),
                int(row["n_machines"]),
                int(row["time_seed"]),
                int(row["machine_seed"]),
            )
            for row in csv.DictReader(file)
        }


def names() -> list[str]:
    """Return ta01 to ta80."""
    return list(_sizes_and_seeds())


def named(name: str) -> JobShop:
    """Return the instance ``name``, one of ``names()``."""
    return generate(*_sizes_and_seeds()[name], name=name)
