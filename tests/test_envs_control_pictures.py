"""Plans as the environments of their tasks draw them."""

import dataclasses

import numpy as np

from copt.envs import ControlEnv, PushT
from copt.envs.control_pictures import pictures
from copt.instances.control_generators import cartpole
from copt.problems.relu import ReluNet


def test_plans_are_drawn_by_the_task_they_are_named_after() -> None:
    env = ControlEnv(PushT(obstacles=2), render_mode="rgb_array")
    env.reset(seed=1)
    model = ReluNet(12, (np.eye(10, 12),), (np.zeros(10),))
    problem = env.problem(model, horizon=3)
    drawn = pictures(problem, np.stack([env.state, env.state]))
    assert len(drawn) == 2
    for frame in drawn:
        assert np.abs(frame.astype(int) - env.render()).max() <= 1  # obstacles come back from regions, but for rounding
    named = dataclasses.replace(problem, name="pusht-obstacles-7")
    assert (pictures(named, env.state[None])[0] == drawn[0]).all()


def test_other_problems_have_no_pictures() -> None:
    problem = cartpole(seed=1)
    assert len(pictures(problem, problem.start[None])) == 1
    for name in ("cartpole-wallsx", "my-cartpole-walls", "unnamed", "pusht"):  # the last has other states
        assert pictures(dataclasses.replace(problem, name=name), problem.start[None]) == []
