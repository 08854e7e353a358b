"""Controllers in closed loop: each plans anew from every state, and only its planning is on the clock."""

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from copt.bench.answer import Answer
from copt.bench.episodes import Drive, Episode
from copt.bench.peers_control import Planner
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, Plan, check, shifted
from copt.problems.dynamics import Dynamics

__all__ = ["prepare_loop", "run_loop"]


class Controller(Protocol):
    """Plans for one state of an episode after the other."""

    def plan(self, problem: ControlProblem) -> FloatArray:
        """Return actions over the horizon, shape (horizon, actions), of which the first one is taken."""


class _Copt:
    """``copt.control.MPC`` with its defaults."""

    def __init__(self, network: Dynamics, problem: ControlProblem, seconds: float, seed: int) -> None:
        from copt.control import MPC

        self._mpc = MPC(
            network,
            problem.cost,
            horizon=problem.horizon,
            u_bounds=(problem.u_lower, problem.u_upper),
            x_bounds=(problem.x_lower, problem.x_upper),
            keep_out=problem.keep_out,
            seconds=seconds,
            seed=seed,
        )

    def plan(self, problem: ControlProblem) -> FloatArray:
        return self._mpc.command(problem.start)[1].plan


class _Sampler:
    """A sampler alone, from its last plan moved on by a step."""

    def __init__(self, planner: Planner, seconds: float, workers: int, seed: int) -> None:
        self._planner, self._seconds, self._workers = planner, seconds, workers
        self._seed = 10_000 * seed
        self._means: list[FloatArray] = []

    def plan(self, problem: ControlProblem) -> FloatArray:
        end = time.perf_counter() + self._seconds
        self._seed += 1
        plan = self._planner(problem, end, self._workers, self._seed, self._means)
        self._means = [shifted(plan)]
        return plan


def run_loop(
    instance: Episode, *, seconds: float, workers: int, seed: int, planner: Planner | None = None, dense: bool = False
) -> Answer:
    """Drive an episode to its end.

    Args:
        instance: The episode.
        seconds: Time limit of each step.
        workers: Cores that a step may use.
        seed: Seed of the controller.

    Other Args:
        planner: A sampler; all of copt if None.
        dense: Whether to plan with the dense model.
    """
    env, network = instance.begin(), instance.network(dense)
    problem = env.problem(network, instance.horizon)
    controller: Controller = (
        _Copt(network, problem, seconds, seed) if planner is None else _Sampler(planner, seconds, workers, seed)
    )
    actions, times, broken, over = [], [], [], False
    while not over:
        problem = env.problem(network, instance.horizon)
        began = time.perf_counter()
        plan = controller.plan(problem)
        times.append(time.perf_counter() - began)
        broken.append(bool(check(problem, Plan(plan))))
        actions.append(plan[0])
        _, _, terminated, truncated, _ = env.step(plan[0])
        over = terminated or truncated
    return Answer(Drive(np.array(actions), np.array(times), np.array(broken, dtype=np.float64)))


def prepare_loop(prepare: Callable[[], object]) -> None:
    """Import what every episode needs, and prepare the controller."""
    import copt.control
    import copt.envs  # noqa: F401

    prepare()
