"""Episodes of control in closed loop: what a controller did, and what came of it, by the simulator alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from copt.errors import InvalidSolutionError
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.problems.dynamics import Dynamics

if TYPE_CHECKING:
    from copt.envs import ControlEnv

__all__ = ["MODELS", "Course", "Drive", "Episode", "replay"]

MODELS: dict[str, tuple[str | None, str | None]] = {
    "CartPoleWalls": ("control-cartpole-walls-v1", None),
    "FreeFlyer": (None, None),
    "PushT": ("control-pusht-v1", "control-pusht-dense-v1"),
    "PushTAround": ("control-pusht-v1", "control-pusht-dense-v1"),
    "PushTObstacles": ("control-pusht-v1", "control-pusht-dense-v1"),
}
"""Task -> the policies that are the sparse and the dense model of its dynamics; None for the equations themselves."""


@dataclass(frozen=True)
class Episode:
    """One episode of a task.

    Args:
        task: Word of the task, as in ``MODELS`` and ``copt.envs.CONTROL``.
        horizon: Steps that controllers look ahead.
        seed: Seed of the episode.
        name: Name in tables.
    """

    family: ClassVar[str] = "control-loop"

    task: str
    horizon: int
    seed: int
    name: str

    @property
    def dimensions(self) -> str:
        """States, actions and steps of a plan, for tables."""
        from copt.envs import CONTROL

        task = CONTROL[self.task]
        return f"{task.limits.size}x{task.reach.size}x{self.horizon}"

    def begin(self) -> "ControlEnv":
        """Return the environment at the start of the episode."""
        from copt.envs import CONTROL, ControlEnv

        env = ControlEnv(CONTROL[self.task])
        env.reset(seed=self.seed)
        return env

    def network(self, dense: bool) -> Dynamics:
        """Return the model that a controller plans with."""
        from copt.envs import CONTROL, CartPoleWalls, FreeFlyer
        from copt.read import read_dynamics

        name, task = MODELS[self.task][dense], CONTROL[self.task]
        if name is not None:
            return read_dynamics(name)
        assert isinstance(task, CartPoleWalls | FreeFlyer)  # whose equations are networks
        return task.exact

    def problem(self) -> ControlProblem:
        """Return the problem of planning at the start with the sparse model."""
        return self.begin().problem(self.network(dense=False), self.horizon)


@dataclass(frozen=True, eq=False)
class Drive:
    """What a controller did in an episode.

    Args:
        actions: Shape (steps, actions).
        seconds: How long each step took, shape (steps,).
        broken: Whether the plan of each step broke limits on its own model, shape (steps,).
    """

    actions: FloatArray
    seconds: FloatArray
    broken: FloatArray


@dataclass(frozen=True)
class Course:
    """What came of an episode.

    Args:
        success: Whether the goal was reached.
        cost: Sum over all steps. An episode that is lost early pays for its last state until the end.
        final_cost: Cost of the last state.
        violations: Number of steps after which the system was beyond a limit.
        deepest: By how much at most.
    """

    success: bool
    cost: float
    final_cost: float
    violations: int
    deepest: float


def replay(episode: Episode, actions: FloatArray) -> Course:
    """Return what comes of an episode under given actions.

    Raises:
        InvalidSolutionError: If they are not finite, have another shape, or do not end with the episode.
    """
    env = episode.begin()
    taken = np.asarray(actions, dtype=np.float64)
    if taken.ndim != 2 or taken.shape[1:] != env.task.reach.shape or not np.isfinite(taken).all():
        raise InvalidSolutionError(f"actions must be finite numbers of shape (steps, {env.task.reach.size})")
    costs: list[float] = []
    beyond: list[float] = []
    over = success = False
    for action in taken:
        if over:
            raise InvalidSolutionError(f"the episode is over after {len(costs)} steps, not {len(taken)}")
        _, _, terminated, truncated, info = env.step(action)
        over, success = terminated or truncated, bool(info["success"])
        costs.append(float(info["cost"]))
        beyond.append(float(info["violation"]))
    if not over:
        raise InvalidSolutionError(f"the episode goes on after {len(taken)} steps")
    final = env.scene.charge(env.state, np.zeros(env.task.reach.size))
    missing = 0 if success else env.task.steps - len(costs)
    return Course(
        success, sum(costs) + missing * final, final, sum(depth > 0.0 for depth in beyond), max(beyond, default=0.0)
    )
