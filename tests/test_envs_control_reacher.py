import numpy as np
import pytest

from copt.envs import ControlEnv, Reacher
from copt.envs.control_reacher import angles, posture
from copt.problems.base import FloatArray

FREE = Reacher(damping=0.0)


def moved(task: Reacher, start: FloatArray, torque: list[float], steps: int) -> FloatArray:
    simulation = task.simulate(task.scene(np.random.default_rng(0), start))
    for _ in range(steps):
        start = simulation.step(np.array(torque))
    return start


def energy(state: FloatArray) -> float:
    """Return the kinetic energy of both rods, from speeds of their middles and their spins."""
    shoulder, bend = angles(state)
    first, both = state[4], state[4] + state[5]
    lower = 0.5 * first * np.array([-np.sin(shoulder), np.cos(shoulder)])
    upper = 2.0 * lower + 0.5 * both * np.array([-np.sin(shoulder + bend), np.cos(shoulder + bend)])
    return float(0.5 * (lower @ lower + upper @ upper + (first**2 + both**2) / 12.0))


def momentum(state: FloatArray) -> float:
    """Return the angular momentum of both rods around the shoulder."""
    shoulder, bend = angles(state)
    first, both = state[4], state[4] + state[5]
    lower = 0.5 * state[:2]
    upper = 0.5 * (state[:2] + state[2:4])
    fast = first * np.array([-np.sin(shoulder), np.cos(shoulder)])
    end = fast + 0.5 * both * np.array([-np.sin(shoulder + bend), np.cos(shoulder + bend)])
    turned = lower[0] * 0.5 * fast[1] - lower[1] * 0.5 * fast[0] + upper[0] * end[1] - upper[1] * end[0]
    return float(turned + (first + both) / 12.0)


def test_energy_and_angular_momentum_stay_without_damping_and_torque() -> None:
    start = posture(0.3, 1.2, 1.0, -2.0)
    end = moved(FREE, start, [0.0, 0.0], 30)
    assert energy(end) == pytest.approx(energy(start), rel=1e-4)  # the method loses little
    assert momentum(end) == pytest.approx(momentum(start), rel=1e-4)
    assert abs(angles(end)[1] - 1.2) > 0.1


def test_a_torque_at_the_shoulder_is_the_change_of_angular_momentum() -> None:
    start = posture(-1.0, 0.7, 0.5, 0.5)
    end = moved(FREE, start, [0.8, -0.3], 10)
    assert momentum(end) - momentum(start) == pytest.approx(0.8 * 1.0, rel=1e-5)


def test_damping_takes_energy() -> None:
    start = posture(0.3, 1.2, 1.0, -2.0)
    assert energy(moved(Reacher(), start, [0.0, 0.0], 10)) < 0.7 * energy(start)


def test_a_stretched_arm_by_hand() -> None:
    # one rod of length 2 and mass 2 turns around its end with inertia 8/3: hold the elbow with the torque that needs
    state = moved(FREE, posture(0.0, 0.0), [0.8, 0.8 * (1 / 3 + 0.5) / (8 / 3)], 1)
    np.testing.assert_allclose(state[4:], [0.1 * 0.8 / (8 / 3), 0.0], atol=1e-12)
    assert angles(state)[0] == pytest.approx(0.5 * 0.3 * 0.01, rel=1e-9)


def test_angles_and_posture_are_inverse() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        pair = rng.uniform(-np.pi, np.pi, 2)
        np.testing.assert_allclose(angles(posture(*pair)), pair, atol=1e-12)
    np.testing.assert_allclose(posture(np.pi / 2, -np.pi / 2), [0, 1, 1, 1, 0, 0], atol=1e-15)


def test_goals_can_be_reached() -> None:
    task = Reacher()
    rng = np.random.default_rng(0)
    for _ in range(20):
        goal = task.scene(rng).goal
        assert 0.3 < np.hypot(*goal[2:4]) < 2.0
    assert task.reached(posture(0.0, 0.1), posture(0.1, -0.1))
    assert not task.reached(posture(0.0, 0.1, 0.5, 0.0), posture(0.1, -0.1))
    env = ControlEnv(task)
    env.reset(options={"start": posture(0.0, 0.0, 20.0, 0.0)})
    assert env.step(np.zeros(2))[2]
