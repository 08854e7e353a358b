"""Adapters of samplers that plan, ours alone: each compiled, tuned, on as many threads as workers."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from copt.bench.answer import Answer
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, Plan, objective, toy

if TYPE_CHECKING:
    from copt.solvers.control.samplers import Found

__all__ = ["best_plan", "prepare_copt", "prepare_kernels", "run_sampler"]


def best_plan(
    problem: ControlProblem, method: str, end: float, workers: int, seed: int, means: Sequence[FloatArray] = ()
) -> "Found":
    """Return the best plan of one search a worker, each with its own seed.

    Args:
        problem: The problem.
        method: Name of the sampler in ``copt.solvers.control.samplers``, which runs with its tuned settings.
        end: When to return, by ``time.perf_counter``.
        workers: Number of searches.
        seed: Seed of all of them.
        means: Plans to begin with; see ``copt.solvers.control.samplers.plan``.
    """
    from copt.solvers.control import samplers
    from copt.solvers.control.flat import flatten

    flat, settings = flatten(problem), getattr(samplers, method)()
    middle = np.broadcast_to((problem.u_lower + problem.u_upper) / 2, (problem.horizon, problem.num_actions))
    begin = list(means) or [middle]

    def search(own: int) -> "Found":
        left = end - time.perf_counter()
        found = samplers.plan(flat, settings, seconds=left, means=begin, seed=own)
        return found[0] if found else samplers.Found(np.inf, np.inf, begin[0])  # no time at all

    if workers == 1:
        return search(seed)
    with ThreadPoolExecutor(workers) as pool:
        return min(pool.map(search, range(seed * workers, (seed + 1) * workers)), key=lambda plan: plan.rank)


def run_sampler(instance: ControlProblem, *, seconds: float, workers: int, seed: int, method: str) -> Answer:
    """Run a sampler; see ``best_plan``."""
    plan = Plan(best_plan(instance, method, time.perf_counter() + seconds, workers, seed).actions)
    return Answer(plan, objective(instance, plan))


def prepare_kernels() -> None:
    """Load the kernels of all samplers."""
    from copt.solvers.control import warm

    warm()


def prepare_copt() -> None:
    """Load the kernels, and import what else copt plans with."""
    import copt

    prepare_kernels()
    copt.solve(toy(), seconds=1.0)
