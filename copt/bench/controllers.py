"""Controllers in closed loop: each plans anew from every state, and only its planning is on the clock."""

import time
from typing import Protocol

import numpy as np

from copt.bench.answer import Answer
from copt.bench.episodes import Drive, Episode
from copt.bench.peers_control import best_plan, prepare_copt, prepare_kernels
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, Plan, check

__all__ = ["prepare_loop", "run_loop"]


class Controller(Protocol):
    """Plans for one state of an episode after the other."""

    def plan(self, problem: ControlProblem) -> FloatArray:
        """Return actions over the horizon, shape (horizon, actions), of which the first one is taken."""


class _Copt:
    """``copt.control.MPC`` with its defaults."""

    def __init__(self, problem: ControlProblem, seconds: float, seed: int) -> None:
        from copt.control import MPC

        self._mpc = MPC(
            problem.dynamics,
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
    """One of the samplers alone, from its last plan moved on by a step."""

    def __init__(self, method: str, seconds: float, workers: int, seed: int) -> None:
        self._method, self._seconds, self._workers = method, seconds, workers
        self._seed = 1_000_000 * seed
        self._means: list[FloatArray] = []

    def plan(self, problem: ControlProblem) -> FloatArray:
        began = time.perf_counter()
        self._seed += 1
        found = best_plan(problem, self._method, began + self._seconds, self._workers, self._seed, self._means)
        actions = found.actions
        self._means = [np.vstack([actions[1:], actions[-1:]])]
        return actions


def run_loop(
    instance: Episode, *, seconds: float, workers: int, seed: int, method: str | None = None, dense: bool = False
) -> Answer:
    """Drive an episode to its end.

    Args:
        instance: The episode.
        seconds: Time limit of each step.
        workers: Cores that a step may use.
        seed: Seed of the controller.

    Other Args:
        method: Name of a sampler in ``copt.solvers.control.samplers``; all of copt if None.
        dense: Whether to plan with the dense model.
    """
    env, network = instance.begin(), instance.network(dense)
    problem = env.problem(network, instance.horizon)
    controller: Controller = (
        _Copt(problem, seconds, seed) if method is None else _Sampler(method, seconds, workers, seed)
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


def prepare_loop(method: str | None = None) -> None:
    """Import what the controller and the episode need, and load kernels."""
    import copt.control
    import copt.envs  # noqa: F401

    if method is None:
        prepare_copt()
    else:
        prepare_kernels()
