import numpy as np
import pytest

from copt.envs import CartPoleWalls, ControlEnv
from copt.problems.base import FloatArray


def after(start: list[float], *forces: float) -> FloatArray:
    """Return the state after some forces."""
    env = ControlEnv(CartPoleWalls())
    env.reset(options={"start": start})
    for force in forces:
        state = env.step(np.array([force]))[0]
    return state


def test_a_step_by_hand() -> None:
    # x'' = 10 angle + force, angle'' = 20 angle + force; steps of 0.05 s, positions follow the new velocities
    np.testing.assert_allclose(after([0.0, 0.1, 0.0, 0.0], 0.0), [0.0025, 0.105, 0.05, 0.1], atol=1e-15)
    np.testing.assert_allclose(after([0.0, 0.0, 0.2, 0.0], 1.0), [0.0125, 0.0025, 0.25, 0.05], atol=1e-15)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_wall_pushes_the_tip_back(side: float) -> None:
    # the tip is 0.02 in the wall, whose force of 2 turns the pole; the cart does not feel it
    state = after([side * 0.3, side * -0.22, 0.0, 0.0], 0.0)
    np.testing.assert_allclose(state[3], side * 0.05 * (20 * -0.22 + 2.0), atol=1e-15)
    np.testing.assert_allclose(state[2], side * 0.05 * (10 * -0.22), atol=1e-15)


def test_a_pole_that_falls_ends_the_episode() -> None:
    env = ControlEnv(CartPoleWalls())
    env.reset(options={"start": [0.0, 0.3, 0.0, 3.0]})
    over, infos = False, []
    while not over:
        _, _, terminated, truncated, info = env.step(np.zeros(1))
        infos.append(info)
        over = terminated or truncated
    assert terminated
    assert not info["success"]
    assert info["violation"] == pytest.approx((np.abs(env.state) - env.task.limits).max())
    assert (np.abs(env.state) > env.task.fatal).any()
    assert infos[0]["violation"] == pytest.approx(0.3 + 0.05 * 3.3 - np.pi / 8)


def test_a_pole_at_rest_is_a_success() -> None:
    env = ControlEnv(CartPoleWalls())
    env.reset(options={"start": [0.04, 0.0, 0.0, 0.0]})
    _, reward, terminated, _, info = env.step(np.zeros(1))
    assert terminated
    assert info["success"]
    assert reward == pytest.approx(-0.04)
