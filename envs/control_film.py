"""Episodes in closed loop as data, and as films."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from copt.envs.control import ControlEnv
from copt.envs.pixels import Frame
from copt.errors import CoptError
from copt.problems.base import FloatArray

__all__ = ["Controller", "Recording", "record", "write_gif"]

PALETTE = 64  # colours of a film
HOLD = 1000  # milliseconds that its last frame stays

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


def write_gif(path: str | Path, frames: Sequence[Frame], *, fps: float = 12.0) -> None:
    """Write pictures as an animated GIF that starts again after a while.

    Args:
        path: Where to.
        frames: The pictures, all of one shape.
        fps: Pictures in a second.

    Raises:
        CoptError: If there is no picture, or the file cannot be written.
    """
    from PIL import Image

    if not frames:
        raise CoptError('there are no frames to write; make the environment with render_mode="rgb_array"')
    images = [Image.fromarray(frame) for frame in frames]
    common = Image.fromarray(np.vstack([frames[0], frames[len(frames) // 2], frames[-1]])).quantize(PALETTE)
    flat = [image.quantize(palette=common, dither=Image.Dither.NONE) for image in images]
    step = round(1000 / fps)
    try:
        flat[0].save(path, save_all=True, append_images=flat[1:], duration=[step] * (len(flat) - 1) + [HOLD], loop=0)
    except (OSError, ValueError) as error:
        raise CoptError(f"cannot write {path}: {error}") from None
