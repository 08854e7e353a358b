"""Random motion to learn dynamics from."""

import numpy as np

from copt.envs.control_task import ControlTask, Explorer
from copt.errors import CoptError
from copt.problems.base import FloatArray

__all__ = ["transitions"]


def transitions(
    task: ControlTask, episodes: int, steps: int, *, seed: int = 0, policy: Explorer | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the states that random actions lead through, shape (episodes, steps + 1, states), and the actions.

    Args:
        task: The system.
        episodes: How many random states to start from.
        steps: Actions of each.
        seed: Seed of states and actions.
        policy: Chooses the actions; the task's own ``explore`` if None.

    Returns:
        States, and actions of shape (episodes, steps, actions). Episodes go on when the task is done or lost.

    Raises:
        CoptError: If there is nothing to do.
    """
    if episodes < 1 or steps < 1:
        raise CoptError(f"episodes = {episodes} and steps = {steps} must be at least 1")
    rng, choose = np.random.default_rng(seed), task.explore if policy is None else policy
    states = np.empty((episodes, steps + 1, task.limits.size))
    actions = np.empty((episodes, steps, task.reach.size))
    for k in range(episodes):
        scene = task.scene(rng, task.anywhere(rng))
        simulation, action = task.simulate(scene), np.zeros(task.reach.size)
        states[k, 0] = scene.start
        for t in range(steps):
            action = choose(scene, states[k, t], action, rng)
            actions[k, t] = action
            states[k, t + 1] = simulation.step(action)
    return states, actions
