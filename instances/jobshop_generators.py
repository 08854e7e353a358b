"""Random shops: uniform, two-set, flow, open, flexible and re-entrant. One seed gives one instance."""

from collections.abc import Callable

import numpy as np

from copt.errors import CoptError
from copt.problems.base import IntArray
from copt.problems.jobshop import JobShop

__all__ = [
    "GENERATORS",
    "flexible_shop",
    "flow_shop",
    "open_shop",
    "reentrant_shop",
    "two_set_shop",
    "uniform_shop",
]

MAX_MODES = 100_000_000


def _checked(jobs: int, machines: int, per_job: int, seed: int, low: int, high: int) -> np.random.Generator:
    """Return the random generator of ``seed`` after a look at the sizes."""
    for field, value in (("jobs", jobs), ("machines", machines), ("operations", per_job)):
        if value < 1:
            raise CoptError(f"{field} must be at least 1, got {value}")
    if jobs * per_job > MAX_MODES:
        raise CoptError(f"jobs = {jobs} with {per_job} operations each is over {MAX_MODES} operations; choose fewer")
    if seed < 0:
        raise CoptError(f"seed must be at least 0, got {seed}")
    if not 0 <= low <= high < 2**31:
        raise CoptError(f"durations need 0 <= low <= high < 2147483648, got low = {low} and high = {high}")
    return np.random.default_rng(seed)


def _orders(rng: np.random.Generator, jobs: int, first: int, end: int) -> IntArray:
    """Return a random order of machines ``first`` to ``end - 1`` for each job, shape (jobs, end - first)."""
    return rng.permuted(np.tile(np.arange(first, end), (jobs, 1)), axis=1)


def uniform_shop(*, jobs: int, machines: int, seed: int = 0, low: int = 1, high: int = 99) -> JobShop:
    """Return a job shop in which each job visits all machines in a random order.

    Args:
        jobs: Number of jobs.
        machines: Number of machines.
        seed: Seed of every random choice.
        low: Shortest duration.
        high: Longest duration; all from low to high are equally likely.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked(jobs, machines, machines, seed, low, high)
    durations = rng.integers(low, high, (jobs, machines), endpoint=True)
    name = f"uniform-{jobs}x{machines}-{seed}"
    return JobShop.from_arrays(_orders(rng, jobs, 0, machines), durations, num_machines=machines, name=name)


def two_set_shop(*, jobs: int, machines: int, seed: int = 0, low: int = 1, high: int = 200) -> JobShop:
    """Return a job shop in which each job visits the first half of the machines before the second half.

    That is the routing of dmu41 to dmu80 (Demirkol, Mehta and Uzsoy 1998), whose durations are 1 to 200.

    Args:
        jobs: Number of jobs.
        machines: Number of machines; the first set is the machines below ``machines // 2``.
        seed: Seed of every random choice.
        low: Shortest duration.
        high: Longest duration.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked(jobs, machines, machines, seed, low, high)
    durations = rng.integers(low, high, (jobs, machines), endpoint=True)
    half = machines // 2
    orders = np.hstack([_orders(rng, jobs, 0, half), _orders(rng, jobs, half, machines)])
    name = f"two-set-{jobs}x{machines}-{seed}"
    return JobShop.from_arrays(orders, durations, num_machines=machines, name=name)


def flow_shop(*, jobs: int, machines: int, seed: int = 0, low: int = 1, high: int = 99) -> JobShop:
    """Return a flow shop: each job visits the machines in the order 0, 1, 2 and so on.

    Args:
        jobs: Number of jobs.
        machines: Number of machines.
        seed: Seed of every random choice.
        low: Shortest duration.
        high: Longest duration.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked(jobs, machines, machines, seed, low, high)
    durations = rng.integers(low, high, (jobs, machines), endpoint=True)
    orders = np.tile(np.arange(machines), (jobs, 1))
    return JobShop.from_arrays(orders, durations, num_machines=machines, name=f"flow-{jobs}x{machines}-{seed}")


def open_shop(*, jobs: int, machines: int, seed: int = 0, low: int = 1, high: int = 99) -> JobShop:
    """Return an open shop: each job visits every machine once, in whatever order.

    Args:
        jobs: Number of jobs.
        machines: Number of machines.
        seed: Seed of every random choice.
        low: Shortest duration.
        high: Longest duration.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked(jobs, machines, machines, seed, low, high)
    durations = rng.integers(low, high, (jobs, machines), endpoint=True)
    orders = np.tile(np.arange(machines), (jobs, 1))
    name = f"open-{jobs}x{machines}-{seed}"
    return JobShop.from_arrays(orders, durations, num_machines=machines, name=name, ordered=False)


def flexible_shop(
    *,
    jobs: int,
    machines: int,
    seed: int = 0,
    operations: int | None = None,
    alternatives: int = 3,
    low: int = 1,
    high: int = 99,
) -> JobShop:
    """Return a flexible job shop in the manner of Brandimarte (1993).

    Each operation can run on 1 to ``alternatives`` random machines, each with a duration of its own.

    Args:
        jobs: Number of jobs.
        machines: Number of machines.
        seed: Seed of every random choice.
        operations: Number of operations of each job; by default as many as machines.
        alternatives: Largest number of machines of an operation.
        low: Shortest duration.
        high: Longest duration.

    Raises:
        CoptError: If an argument is out of range.
    """
    per_job = machines if operations is None else operations
    rng = _checked(jobs, machines, per_job, seed, low, high)
    if not 1 <= alternatives <= machines:
        raise CoptError(f"alternatives must be 1 to {machines}, the number of machines, got {alternatives}")
    counts = rng.integers(1, alternatives, jobs * per_job, endpoint=True)
    chosen = [rng.choice(machines, size=count, replace=False) for count in counts]
    return JobShop(
        machines=np.concatenate(chosen),
        durations=rng.integers(low, high, int(counts.sum()), endpoint=True),
        mode_offsets=np.concatenate([[0], np.cumsum(counts)]),
        job_offsets=np.arange(jobs + 1) * per_job,
        num_machines=machines,
        name=f"flexible-{jobs}x{machines}-{seed}",
    )


def reentrant_shop(
    *, jobs: int, machines: int, seed: int = 0, operations: int | None = None, low: int = 1, high: int = 99
) -> JobShop:
    """Return a re-entrant shop: jobs return to machines, but never at once to the one they leave.

    Args:
        jobs: Number of jobs.
        machines: Number of machines, at least 2.
        seed: Seed of every random choice.
        operations: Number of operations of each job; by default twice as many as machines.
        low: Shortest duration.
        high: Longest duration.

    Raises:
        CoptError: If an argument is out of range.
    """
    per_job = 2 * machines if operations is None else operations
    rng = _checked(jobs, machines, per_job, seed, low, high)
    if machines < 2:
        raise CoptError(f"machines must be at least 2 in a re-entrant shop, got {machines}")
    steps = rng.integers(1, machines, (jobs, per_job))  # to a different machine
    orders = np.cumsum(steps, axis=1) % machines
    durations = rng.integers(low, high, (jobs, per_job), endpoint=True)
    return JobShop.from_arrays(orders, durations, num_machines=machines, name=f"reentrant-{jobs}x{machines}-{seed}")


GENERATORS: dict[str, Callable[..., JobShop]] = {
    "uniform": uniform_shop,
    "two-set": two_set_shop,
    "flow": flow_shop,
    "open": open_shop,
    "flexible": flexible_shop,
    "reentrant": reentrant_shop,
}
