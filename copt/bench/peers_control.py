"""Adapters of samplers that plan: ours alone, each compiled and tuned, on as many threads as workers."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np

from copt.bench.answer import Answer
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, Plan, objective, toy

if TYPE_CHECKING:
    from copt.solvers.control.samplers import Found

__all__ = ["Planner", "plan_sampled", "prepare_copt", "prepare_kernels", "run_planner"]


class Planner(Protocol):
    """A sampler with its settings, at the top level of a module or a partial of such."""

    def __call__(
        self, problem: ControlProblem, end: float, workers: int, seed: int, means: Sequence[FloatArray] = ()
    ) -> FloatArray:
        """Return the best plan that it finds, shape (horizon, actions).

        Args:
            problem: The problem.
            end: When to return, by ``time.perf_counter``.
            workers: Cores that it may use.
            seed: Of all random choices.
            means: Plans to begin with; the middle of the bounds if empty.
        """


def run_planner(instance: ControlProblem, *, seconds: float, workers: int, seed: int, planner: Planner) -> Answer:
    """Run a sampler once."""
    plan = Plan(planner(instance, time.perf_counter() + seconds, workers, seed))
    return Answer(plan, objective(instance, plan))


def plan_sampled(
    problem: ControlProblem,
    end: float,
    workers: int,
    seed: int,
    means: Sequence[FloatArray] = (),
    *,
    method: str,
) -> FloatArray:
    """Return the best plan of one search a worker, each with its own seed; see ``Planner``.

    ``method`` is the name of the sampler in ``copt.solvers.control.samplers``, which runs with its tuned settings.
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
        return search(seed).actions
    with ThreadPoolExecutor(workers) as pool:
        plans = pool.map(search, range(seed * workers, (seed + 1) * workers))
        return min(plans, key=lambda plan: plan.rank).actions


def prepare_kernels() -> None:
    """Load the kernels of all samplers."""
    from copt.solvers.control.samplers import warm

    warm()


def prepare_copt() -> None:
    """Load the kernels, and import what else copt plans with."""
    import copt
    from copt.solvers.control import warm

    warm()
    copt.solve(toy(), seconds=1.0)
