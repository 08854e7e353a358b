"""Adapters of samplers that plan, ours alone: each compiled, tuned, on as many threads as workers."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from copt.bench.answer import Answer
from copt.problems.control import ControlProblem, Plan, objective, toy

__all__ = ["prepare_copt", "prepare_sampler", "run_sampler"]


def run_sampler(instance: ControlProblem, *, seconds: float, workers: int, seed: int, method: str) -> Answer:
    """Run a sampler with its tuned settings, one search a worker, each with its own seed; the best plan counts.

    Args:
        instance: The problem.
        seconds: Its time limit.
        workers: Number of searches.
        seed: Seed of all of them.
        method: Name of the sampler in ``copt.solvers.control.samplers``.
    """
    began = time.perf_counter()
    from copt.solvers.control import samplers
    from copt.solvers.control.flat import flatten

    flat, settings = flatten(instance), getattr(samplers, method)()

    def search(own: int) -> Any:
        left = seconds - (time.perf_counter() - began)
        return samplers.plan(flat, settings, seconds=left, seed=own)

    if workers == 1:
        searches = [search(seed)]
    else:
        with ThreadPoolExecutor(workers) as pool:
            searches = list(pool.map(search, range(seed * workers, (seed + 1) * workers)))
    found = min((plans[0] for plans in searches if plans), key=lambda plan: plan.rank, default=None)
    if found is None:
        return Answer()
    plan = Plan(found.actions)
    return Answer(plan, objective(instance, plan))


def prepare_sampler(method: str) -> None:
    """Import the sampler and load its kernels."""
    import copt.solvers.control.samplers  # noqa: F401

    run_sampler(toy(), seconds=0.1, workers=1, seed=1, method=method)


def prepare_copt() -> None:
    """Import what copt plans with, and load its kernels."""
    import copt
    from copt.registry import FAMILIES

    warm = getattr(FAMILIES["control"].load("solver"), "warm", None)
    if warm is not None:
        warm()
    copt.solve(toy(), seconds=1.0)
