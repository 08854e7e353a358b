"""Control in closed loop as a Gymnasium environment: a system is driven step by step to where it should be."""

from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces

from copt.envs.control_task import ControlTask, Scene, Simulation, problem_of
from copt.envs.episode import begun, check_render_mode, demand_going_on, reset_options
from copt.envs.reward import ObjectiveIncrease, Reward, Step
from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.control import TOLERANCE, ControlProblem
from copt.problems.dynamics import Dynamics

__all__ = ["ControlEnv", "ControlObservation", "StateAndGoal", "StateOnly"]

BEYOND = 1e3  # absolute value that no state comes near before its episode ends


class ControlObservation(Protocol):
    """What the agent sees of a task."""

    def space(self, states: int) -> spaces.Space[Any]:
        """Return the space of what is seen of so many states."""

    def __call__(self, state: FloatArray, scene: Scene) -> FloatArray:
        """Return what is seen."""


@dataclass(frozen=True)
class StateOnly:
    """The state, which is all that a planner needs: it has the goal from its problem."""

    def space(self, states: int) -> spaces.Space[Any]:
        """Return the space of states."""
        return spaces.Box(-BEYOND, BEYOND, (states,), np.float64)

    def __call__(self, state: FloatArray, scene: Scene) -> FloatArray:
        """Return the state."""
        return state.copy()


@dataclass(frozen=True)
class StateAndGoal:
    """State and goal, for agents that learn to act for any goal."""

    def space(self, states: int) -> spaces.Space[Any]:
        """Return the space of states and goals."""
        return spaces.Box(-BEYOND, BEYOND, (2 * states,), np.float64)

    def __call__(self, state: FloatArray, scene: Scene) -> FloatArray:
        """Return the state, and the goal behind it."""
        return np.concatenate([state, scene.goal])


STATE_ONLY = StateOnly()
MINUS_COST = -1.0 * ObjectiveIncrease()


class ControlEnv(gymnasium.Env[FloatArray, FloatArray]):
    """Drives a system to a goal: task x observation x reward.

    An action is a vector within the bounds of ``action_space``; others are cut to them. An episode is terminated when
    the goal is reached or the system is lost, and truncated after ``steps`` actions. ``info`` holds ``success``, the
    ``cost`` of the step, and ``violation``: by how much the state exceeds its limits, or how deep it is in an obstacle.

    ``problem(dynamics, horizon)`` is what a planner solves, from the present state with the episode's goal.

    ``reset(options={"start": ..., "goal": ...})`` plays one episode from another state, or to another one.

    Args:
        task: The system, and what is asked of it.
        observation: What the agent sees.
        reward: What it is paid; by default minus the cost of each step.

    Other Args:
        steps: Actions of an episode; by default the task's own number.
        render_mode: ``rgb_array``, a picture, or ``ansi``, a line of text.

    Raises:
        CoptError: If ``steps`` is below 1.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 20}  # noqa: RUF012

    def __init__(
        self,
        task: ControlTask,
        *,
        observation: ControlObservation = STATE_ONLY,
        reward: Reward = MINUS_COST,
        steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        if steps is not None and steps < 1:
            raise CoptError(f"steps = {steps}; give at least 1")
        self.render_mode = render_mode
        self.task = task
        self._observation, self._reward = observation, reward
        self._steps = task.steps if steps is None else steps
        self._scene: Scene | None = None
        bounds: spaces.Space[Any] = spaces.Box(-task.reach, task.reach, dtype=np.float64)
        self.action_space = bounds
        self.observation_space = observation.space(task.limits.size)

    @property
    def scene(self) -> Scene:
        """Start, cost and obstacles of the episode. Read only."""
        return begun(self._scene)

    @property
    def state(self) -> FloatArray:
        """The present state, shape (states,). Read only."""
        self.scene  # noqa: B018 - says if there is no episode
        return self._state

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode; ``options={"start": ..., "goal": ...}`` says from where to where."""
        super().reset(seed=seed)
        given = reset_options(options, "start", "goal")
        ends = {name: self._checked(name, values) for name, values in given.items()}
        self._scene = self.task.scene(self.np_random, **ends)
        self._simulation: Simulation = self.task.simulate(self._scene)
        self._state, self._taken, self._total, self._over = self._scene.start, 0, 0.0, False
        return self._observation(self._state, self._scene), self._info(0.0)

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Apply an action.

        Raises:
            CoptError: If it is not a vector of finite numbers, or the episode is over.
        """
        scene = self.scene
        demand_going_on(self._over)
        taken = np.asarray(action, dtype=np.float64)
        if taken.shape != self.task.reach.shape or not np.isfinite(taken).all():
            raise CoptError(f"an action is {self.task.reach.size} finite numbers, got {action!r}")
        taken = np.clip(taken, -self.task.reach, self.task.reach)
        self._state = self._simulation.step(taken)
        self._taken += 1
        cost = scene.charge(self._state, taken)
        info = self._info(cost)
        terminated = info["success"] or bool((np.abs(self._state) > self.task.fatal).any())
        truncated = not terminated and self._taken >= self._steps
        self._over = terminated or truncated
        before, self._total = self._total, self._total + cost
        pay = self._reward(Step(before, self._total, 1.0, self._over))
        return self._observation(self._state, scene), float(pay), terminated, truncated, info

    def problem(self, dynamics: Dynamics, horizon: int, start: FloatArray | None = None) -> ControlProblem:
        """Return the problem of planning from the present state.

        Args:
            dynamics: A model of the system.
            horizon: Number of steps to plan.
            start: Another state to plan from, shape (states,).
        """
        state = self._state if start is None else start
        return problem_of(self.task, self.scene, state, dynamics, horizon)

    def render(self) -> Any:
        """Return a picture or a line of text, or None without a render mode."""
        if self.render_mode is None:
            return None
        scene = self.scene
        if self.render_mode == "ansi":
            state = " ".join(f"{value:.3f}" for value in self._state)
            return f"{self.task.name}, step {self._taken}: {state}, cost so far {self._total:.4g}"
        canvas = self.task.canvas()
        self.task.draw(canvas, self._state, scene)
        return canvas.frame()

    def _info(self, cost: float) -> dict[str, Any]:
        scene, task = self.scene, self.task
        deep = [float(region.depth(self._state[None])[0]) for region in scene.keep_out]
        beyond = np.append(np.abs(self._state) - task.limits, deep)
        sizes = np.append(task.limits, [np.abs(region.limits).max() for region in scene.keep_out])
        broken = beyond > TOLERANCE * np.maximum(1.0, sizes)  # as ``copt.problems.control.check`` has it
        return {
            "success": task.reached(self._state, scene.goal),
            "cost": cost,
            "violation": float(beyond[broken].max(initial=0.0)),
        }

    def _checked(self, name: str, values: Any) -> FloatArray:
        vector, states = np.array(values, dtype=np.float64), self.task.limits.size
        if vector.shape != (states,) or not np.isfinite(vector).all():
            raise CoptError(f"the reset option {name!r} is {states} finite numbers, got shape {vector.shape}")
        return vector
