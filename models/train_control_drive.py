"""Motion under plans that are made with a network as it is: what it tells wrongly there counts most.

Plans look for what is cheap by the network, and so for its errors; random motion seldom leads there.
"""

from itertools import count

import numpy as np

from copt.envs import ControlTask
from copt.envs.control_task import Explorer, Scene, problem_of
from copt.problems.base import FloatArray
from copt.problems.control import shifted
from copt.problems.dynamics import Dynamics
from copt.solvers.control.flat import flatten
from copt.solvers.control.samplers import GradientDescent, plan

__all__ = ["driven"]

HORIZON, STEPS = 10, 30  # steps of a plan, and of the descents to it
NOISE = 0.1  # standard deviation of what is added to actions, as a share of the greatest


def driven(task: ControlTask, dynamics: Dynamics) -> Explorer:
    """Return what takes the first step of a new plan each time, with some noise.

    Plans are the best of one round of descents from the last plan and from random ones: no clock has a say, so the same
    seeds lead to the same motion.

    Args:
        task: The system.
        dynamics: What plans are made with.
    """
    search, ahead = GradientDescent(steps=STEPS), np.zeros((HORIZON, task.reach.size))

    def choose(scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        problem = problem_of(task, scene, state, dynamics, HORIZON)
        means = [shifted(ahead) if last.any() else np.zeros_like(ahead)]
        seed, ticks = int(rng.integers(2**31)), count().__next__
        found = plan(flatten(problem), search, seconds=STEPS + 1, means=means, seed=seed, clock=ticks)
        ahead[:] = found[0].actions
        noisy: FloatArray = ahead[0] + NOISE * task.reach * rng.standard_normal(task.reach.size)
        return np.minimum(np.maximum(noisy, -task.reach), task.reach)

    return choose
