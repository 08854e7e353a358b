import numpy as np
import pytest

from copt.envs import ControlEnv, FreeFlyer, control_flyer
from copt.envs.control_flyer import RADIUS, SIDES
from copt.errors import CoptError
from copt.problems.base import FloatArray


def flown(start: list[float], *actions: tuple[float, float]) -> tuple[FloatArray, dict[str, object]]:
    """Return the state and the info after some accelerations on an empty table."""
    env = ControlEnv(FreeFlyer(obstacles=0))
    env.reset(seed=0, options={"start": start, "goal": [1.0, 0.0, 0.0, 0.0]})
    for action in actions:
        state, *_, info = env.step(np.array(action))
    return state, info


def test_a_flight_by_hand() -> None:
    # steps of 0.2 s: 0.5 * 0.04 of an acceleration, 0.2 of the velocity before
    state, _ = flown([0.0, 0.1, 0.5, 0.0], (1.0, -0.5), (0.0, 0.0))
    np.testing.assert_allclose(state, [0.12 + 0.14, 0.09 - 0.02, 0.7, -0.1], atol=1e-15)


def test_the_table_ends_a_radius_before_its_edge() -> None:
    edge = SIDES[0] - RADIUS
    state, info = flown([edge - 0.1, 0.0, 0.5, 0.0], (1.0, 0.0))
    np.testing.assert_allclose(state[0], edge + 0.02, atol=1e-15)
    assert info["violation"] == pytest.approx(0.02)


def test_limits_may_be_missed_by_their_tolerance_only() -> None:
    edge = SIDES[0] - RADIUS  # above 1, so that the tolerance is 1e-6 of it
    for beyond, broken in ((1.2e-6, False), (1.8e-6, True)):
        _, info = flown([edge + beyond, 0.0, 0.0, 0.0], (0.0, 0.0))
        assert info["violation"] == pytest.approx(beyond if broken else 0.0, abs=1e-12)


def test_a_flyer_is_told_how_far_it_is_beyond_its_limits_and_in_obstacles() -> None:
    env = ControlEnv(FreeFlyer())
    env.reset(seed=0)
    inside = 0
    for _ in range(18):
        state, *_, info = env.step(np.array([0.5, -0.03]))
        expected = [0.0, *(np.abs(state) - env.task.limits)]
        for corners in env.scene.obstacles:
            sides = np.diff(corners[:3], axis=0)  # a square: how far from its middle is the flyer along both?
            length = np.hypot(*sides.T)
            away = np.abs(sides @ (state[:2] - corners.mean(axis=0)) / length)
            expected.append(float((length / 2 + RADIUS - away).min()))
        inside += expected.index(max(expected)) > 4
        assert info["violation"] == pytest.approx(max(expected), abs=1e-12)
    assert inside > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_way_leads_from_start_to_goal(seed: int) -> None:
    env = ControlEnv(FreeFlyer())
    env.reset(seed=seed)
    scene = env.scene
    assert len(scene.obstacles) == len(scene.keep_out) == 12
    for state in (scene.start, scene.goal):
        assert all(region.depth(state[None])[0] < -0.04 for region in scene.keep_out)
        assert (np.abs(state) <= env.task.limits).all()
    # the slow twin: a search in depth over a grid of the same spacing
    free = {
        (i, j)
        for i in range(-31, 32)
        for j in range(-17, 18)
        if all(region.depth(np.array([[0.05 * i, 0.05 * j, 0.0, 0.0]]))[0] <= 0.0 for region in scene.keep_out)
    }
    begin, end = (tuple(np.rint(state[:2] / 0.05).astype(int).tolist()) for state in (scene.start, scene.goal))
    reached, going = {begin}, [begin]
    while going:
        i, j = going.pop()
        for near in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
            if near in free and near not in reached:
                reached.add(near)
                going.append(near)
    assert end in reached


def test_what_leaves_no_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CoptError, match=r"obstacles = 17; give from 0 to 16"):
        FreeFlyer(obstacles=17)
    monkeypatch.setattr(control_flyer, "TRIES", 1)  # of tables, and of obstacles
    with pytest.raises(CoptError, match="found no way between start and goal past 12 obstacles; move one of them"):
        ControlEnv(FreeFlyer()).reset(seed=0)
