from typing import Any

import gymnasium
import numpy as np
import pytest

from copt.envs import CartPole, ControlEnv


@pytest.mark.parametrize("seed", range(5))
def test_it_moves_like_gymnasium_s(seed: int) -> None:
    theirs: Any = gymnasium.make("CartPole-v1").unwrapped
    theirs.reset(seed=seed)
    rng = np.random.default_rng(seed)
    start = rng.uniform(-0.1, 0.1, 4)
    theirs.state = tuple(start)
    env = ControlEnv(CartPole())
    env.reset(options={"start": start})
    for _ in range(12):
        right = int(rng.integers(2))
        theirs.step(right)
        state, _, over, _, _ = env.step(np.array([10.0 if right else -10.0]))
        np.testing.assert_allclose(state, np.array(theirs.state), rtol=1e-12)
        if over:
            break


def test_a_pole_that_falls_ends_the_episode() -> None:
    env = ControlEnv(CartPole())
    env.reset(options={"start": [0.0, 0.0, 0.2, 2.0]})
    _, _, terminated, _, info = env.step(np.zeros(1))
    assert terminated
    assert not info["success"]
    assert info["violation"] == pytest.approx(0.24 - np.radians(12.0))


def test_the_goal_is_a_place_to_rest_at() -> None:
    task = CartPole()
    goal = np.array([1.0, 0.0, 0.0, 0.0])
    assert task.reached(np.array([1.04, 0.05, 0.01, -0.05]), goal)
    assert not task.reached(np.array([1.06, 0.0, 0.0, 0.0]), goal)
    assert not task.reached(np.array([1.0, 0.2, 0.0, 0.0]), goal)
