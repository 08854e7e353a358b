"""What tasks of control are made of: a system that moves, where it starts, and what is asked of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from copt.envs.control_canvas import Canvas
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut
from copt.problems.control_cost import Cost
from copt.problems.dynamics import Dynamics

__all__ = ["ControlTask", "Explorer", "Scene", "Simulation", "Stepped", "problem_of", "ramble"]


@dataclass(frozen=True, eq=False)
class Scene:
    """One episode of a task: where it starts, what states and actions cost, and where no state may be.

    Args:
        start: Shape (states,).
        cost: Cost of each step; its goal is the task's.
        keep_out: Regions of states that obstacles make.
        obstacles: The obstacles themselves: corners of convex polygons, counter-clockwise, each of shape (corners, 2).
    """

    start: FloatArray
    cost: Cost
    keep_out: tuple[KeepOut, ...] = ()
    obstacles: tuple[FloatArray, ...] = ()

    @property
    def goal(self) -> FloatArray:
        """Where states should be, shape (states,)."""
        return self.cost.goal

    def charge(self, state: FloatArray, action: FloatArray) -> float:
        """Return what it costs that an action, shape (actions,), leads to a state, shape (states,).

        Only plans end somewhere: they may weigh their last state differently.
        """
        return float(replace(self.cost, terminal=None).of(state[None], action[None])[0])


class Simulation(Protocol):
    """A system in motion."""

    def step(self, action: FloatArray) -> FloatArray:
        """Return the state, shape (states,), after an action of shape (actions,)."""


class Stepped:
    """The motion of a system whose next state is a function.

    Args:
        advance: Returns the next state of a state and an action.
        state: Where it starts, shape (states,).
    """

    def __init__(self, advance: Callable[[FloatArray, FloatArray], FloatArray], state: FloatArray) -> None:
        self._advance, self._state = advance, state

    def step(self, action: FloatArray) -> FloatArray:
        """Return the state after an action."""
        self._state = self._advance(self._state, action)
        return self._state


Explorer = Callable[[Scene, FloatArray, FloatArray, np.random.Generator], FloatArray]
"""Returns an action for the scene, the state and the action before, which is zero at first."""


class ControlTask(Protocol):
    """A system and what is asked of it, as a value. Limits are those of absolute values."""

    @property
    def name(self) -> str:
        """The word of the task, as in names of models and benchmarks."""

    @property
    def steps(self) -> int:
        """Actions after which an episode is cut off."""

    @property
    def reach(self) -> FloatArray:
        """Greatest actions, shape (actions,)."""

    @property
    def limits(self) -> FloatArray:
        """Greatest states that plans may lead through, infinite for none, shape (states,)."""

    @property
    def fatal(self) -> FloatArray:
        """States beyond which the episode is lost, infinite for none, shape (states,)."""

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return a random episode, with start and goal as given if they are."""

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return a random state to learn about the system from, shape (states,)."""

    def simulate(self, scene: Scene) -> Simulation:
        """Return the system at the start of an episode."""

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether the task is done."""

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a random action that shows what there is to learn about the system: an ``Explorer``."""

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw state and goal."""

    def canvas(self) -> Canvas:
        """Return an empty picture of the right scale."""


def problem_of(task: ControlTask, scene: Scene, state: FloatArray, dynamics: Dynamics, horizon: int) -> ControlProblem:
    """Return the problem of planning from a state of an episode.

    Args:
        task: The task.
        scene: The episode.
        state: Where plans start, shape (states,).
        dynamics: A model of the system.
        horizon: Number of steps to plan.
    """
    return ControlProblem(
        dynamics=dynamics.at(state),
        start=state,
        horizon=horizon,
        cost=scene.cost,
        u_lower=-task.reach,
        u_upper=task.reach,
        x_lower=-task.limits,
        x_upper=task.limits,
        keep_out=scene.keep_out,
        name=task.name,
    )


def ramble(last: FloatArray, reach: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a random action that is like the last one, within its limits."""
    drawn = last if rng.random() < 0.7 else rng.uniform(-reach, reach)
    return np.clip(drawn + 0.1 * reach * rng.standard_normal(reach.size), -reach, reach)
