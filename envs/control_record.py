"""Episodes in closed loop as data, with pictures that ``copt.plot.save_film`` makes films of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from copt.envs.control import ControlEnv
from copt.envs.pixels import Frame
from copt.problems.base import FloatArray

__all__ = ["Controller", "Recording", "record"]

Controller = Callable[[ControlEnv], FloatArray]
"""Returns the action for the present state of an environment, which also knows the goal and the problem to plan for."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What happened in an episode.

    Args:
        states: Shape (steps + 1, states).
        actions: Shape (steps, actions).
        costs: Of each step, shape (steps,).
        violation: Greatest amount by which a limit was broken.
        success: Whether the goal was reached.
        frames: Pictures of the states, if the environment draws them.
    """

    states: FloatArray
    actions: FloatArray
    costs: FloatArray
    violation: float
    success: bool
    frames: tuple[Frame, ...]


def record(
    env: ControlEnv, controller: Controller, *, seed: int | None = None, options: dict[str, Any] | None = None
) -> Recording:
    """Play an episode to its end.

    Args:
        env: The environment; one with ``render_mode="rgb_array"`` is filmed.
        controller: Chooses the actions.
        seed: Seed of the episode.
        options: Options of the reset, such as start and goal.
    """
    filmed = env.render_mode == "rgb_array"
    _, info = env.reset(seed=seed, options=options)
    states, frames = [env.state], [env.render()] if filmed else []
    actions: list[FloatArray] = []
    costs: list[float] = []
    violation, over = 0.0, False
    while not over:
        action = np.asarray(controller(env), dtype=np.float64)
        _, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        states.append(env.state)
        actions.append(action)
        costs.append(info["cost"])
        violation = max(violation, info["violation"])
        if filmed:
            frames.append(env.render())
    return Recording(
        np.array(states), np.array(actions), np.array(costs), violation, bool(info["success"]), tuple(frames)
    )
