from dataclasses import replace

import numpy as np
import pytest

from copt.envs import ControlEnv, PushT, transitions
from copt.envs.control_canvas import outward
from copt.envs.control_obstacles import apart, keep_out, regular, stopped
from copt.envs.control_pushing import KEYPOINTS, PARTS, POINTS, keypoints, pose
from copt.envs.control_table import RADIUS, SIDES
from copt.errors import CoptError
from copt.problems.base import FloatArray


def start(place: list[float], angle: float, pusher: list[float]) -> FloatArray:
    return np.append(keypoints(place, angle).ravel(), pusher)


def pushed(state: FloatArray, *moves: tuple[float, float]) -> FloatArray:
    """Return the state after some moves."""
    env = ControlEnv(PushT())
    env.reset(seed=0, options={"start": state})
    for move in moves:
        state = env.step(np.array(move))[0]
    return state


def test_the_block_turns_around_its_centre_of_mass() -> None:
    areas, middles = [], []
    for corners in PARTS:
        areas.append(np.prod(np.ptp(corners, axis=0)))
        middles.append(corners.mean(axis=0))
    np.testing.assert_allclose(np.average(middles, axis=0, weights=areas), 0.0, atol=1e-15)


def test_pose_and_keypoints_are_inverse() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        place, angle = rng.uniform(-2, 2, 2), rng.uniform(-np.pi, np.pi)
        found = pose(keypoints(place, angle))
        np.testing.assert_allclose(found[0], place, atol=1e-12)
        assert found[1] == pytest.approx(angle, abs=1e-12)
    np.testing.assert_allclose(keypoints([1.0, 2.0], np.pi / 2)[3], [1.0 - KEYPOINTS[3, 1], 2.0], atol=1e-12)


def test_a_push_through_the_centre_of_mass_shifts_the_block() -> None:
    # the pusher below the stem comes up by 0.5, of which 0.2 are free
    low = PARTS[1][:, 1].min()
    state = pushed(start([0.0, 0.0], 0.0, [0.0, low - RADIUS - 0.2]), (0.0, 0.3), (0.0, 0.2))
    np.testing.assert_allclose(pose(state[:8].reshape(4, 2))[0], [0.0, 0.3], atol=2e-3)  # contacts give a little
    np.testing.assert_allclose(state[8:], [0.0, low - RADIUS + 0.3], atol=1e-12)


def test_a_push_at_the_bar_turns_the_block() -> None:
    top = PARTS[0][:, 1].max()
    state = pushed(start([0.0, 0.0], 0.0, [0.45, top + RADIUS]), (0.0, -0.2))
    _, angle = pose(state[:8].reshape(4, 2))
    assert -0.5 < angle < -0.1  # clockwise


def test_the_block_rests_when_it_is_not_touched() -> None:
    before = start([0.5, -0.2], 1.0, [-2.0, 0.0])
    state = pushed(before, (0.3, 0.0), (0.0, 0.3))
    np.testing.assert_allclose(state[:8], before[:8], atol=1e-12)
    touched = pushed(start([0.0, 0.0], 0.0, [0.0, -1.1]), (0.0, 0.3), (0.0, 0.3))
    after = pushed(start([0.0, 0.0], 0.0, [0.0, -1.1]), (0.0, 0.3), (0.0, 0.3), (0.0, 0.0), (0.0, -0.3))
    np.testing.assert_allclose(after[:8], touched[:8], atol=2e-3)


def test_the_state_is_all_there_is_to_know() -> None:
    states, actions = transitions(PushT(), 4, 10, seed=2)
    again = np.array(
        [[pushed(x, tuple(u)) for x, u in zip(*pair, strict=False)] for pair in zip(states, actions, strict=True)]
    )
    error = np.abs(again - states[:, 1:])
    assert error.max() < 0.01  # contacts remember their forces; a move is 0.3


def test_the_pusher_stays_on_the_table() -> None:
    state = pushed(start([0.0, 0.0], 0.0, [3.0, 1.6]), (0.3, 0.3), (0.3, 0.3))
    np.testing.assert_allclose(state[8:], SIDES - RADIUS, atol=1e-12)


def test_a_third_of_the_transitions_or_more_move_the_block() -> None:
    states, _ = transitions(PushT(), 30, 20, seed=0)
    moved = np.abs(np.diff(states[..., :8], axis=1)).max(axis=2) > 1e-3
    assert 1 / 3 < moved.mean() < 0.8


def test_the_cost_is_the_mean_distance_of_the_keypoints_and_a_little_of_the_pusher_s() -> None:
    task = PushT()
    goal = start([0.0, 0.0], 0.0, [0.0, 0.0])
    state = start([0.3, -0.2], 0.0, [1.0, 0.0])
    scene = task.scene(np.random.default_rng(0), state, goal)
    middle = state[:8].reshape(4, 2).mean(axis=0)
    own = goal[8:] - goal[:8].reshape(4, 2).mean(axis=0)
    expected = 0.3 + 0.2 + 0.05 * np.abs(np.array([1.0, 0.0]) - middle - own).sum() + 0.02 * 0.4
    assert scene.charge(state, np.array([0.3, -0.1])) == pytest.approx(expected, rel=1e-12)
    assert task.reached(start([0.07, 0.07], 0.0, [3.0, 0.0]), goal)
    assert not task.reached(start([0.08, 0.07], 0.0, [3.0, 0.0]), goal)


def test_around_puts_the_pusher_where_the_block_must_go() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        scene = PushT(around=True).scene(rng)
        place, target = pose(scene.start[:8].reshape(4, 2))[0], pose(scene.goal[:8].reshape(4, 2))[0]
        assert (scene.start[8:] - place) @ (target - place) > 0.0


def test_obstacles_keep_the_whole_block_and_the_pusher_out() -> None:
    scene = PushT(obstacles=3).scene(np.random.default_rng(1))
    assert (len(scene.obstacles), len(scene.keep_out)) == (3, 24)
    states = scene.start + np.random.default_rng(2).uniform(-1.5, 1.5, (500, 10))
    left, right, fork, foot, pusher = np.moveaxis(states.reshape(-1, 5, 2), 1, 0)
    spots = [left, fork + (left - fork) / 3, fork + (right - fork) / 3, right]
    spots += [fork + (foot - fork) / 3, foot + (fork - foot) / 3, foot, pusher]
    for k, region in enumerate(scene.keep_out):
        distance = RADIUS + 0.15 if k % 8 == 7 else 0.15 * np.sqrt(2.0)
        inside = np.array([deep(scene.obstacles[k // 8], spot, distance) for spot in spots[k % 8]])
        np.testing.assert_array_equal(region.depth(states) > 0.0, inside)


def test_discs_that_keep_off_cover_the_block() -> None:
    rng = np.random.default_rng(4)
    shares = rng.random((200, 2))
    for _ in range(5):
        place, angle = rng.uniform(-1, 1, 2), rng.uniform(-np.pi, np.pi)
        state, (c, s) = start(place.tolist(), angle, [3.0, 0.0]), (np.cos(angle), np.sin(angle))
        middles = np.array([spot @ state for spot, _ in POINTS[:-1]])
        for part in PARTS:
            own = part[0] + shares[:, :1] * (part[1] - part[0]) + shares[:, 1:] * (part[3] - part[0])
            spots = place + own @ np.array([[c, s], [-s, c]])
            away = np.hypot(*np.moveaxis(spots[:, None] - middles, 2, 0)).min(axis=1)
            assert away.max() <= POINTS[0][1] + 1e-9


@pytest.mark.parametrize("corners", [4, 6])
def test_no_move_between_two_places_outside_cuts_a_corner(corners: int) -> None:
    rng, reach = np.random.default_rng(corners), PushT().reach
    obstacle = regular([0.0, 0.0], 0.15, corners, 0.3)
    region = keep_out(obstacle, [(np.eye(2), POINTS[-1][1])])[0]
    rows, limits = outward(obstacle)
    tried = 0
    for begin in rng.uniform(-0.8, 0.8, (4000, 2)):
        move = reach * rng.choice([-1.0, 1.0], 2) * rng.uniform(0.5, 1.0, 2)
        if (region.depth(np.array([begin, begin + move])) <= 0.0).all():
            tried += 1
            assert stopped(begin.tolist(), move.tolist(), [(rows, limits + RADIUS)]) == pytest.approx(move.tolist())
    assert tried > 1000


@pytest.mark.parametrize("obstacles", [1, 2, 3])
def test_nothing_touches_obstacles_at_start_and_goal(obstacles: int) -> None:
    rng = np.random.default_rng(obstacles)
    shares = np.linspace(0.0, 1.0, 9)
    grid = np.stack(np.meshgrid(shares, shares), axis=-1).reshape(-1, 2)
    for _ in range(5):
        scene = PushT(obstacles=obstacles).scene(rng)
        assert len(scene.obstacles) == obstacles
        for region in scene.keep_out:
            assert region.depth(np.array([scene.start]))[0] < 0.0
        for region in (region for k, region in enumerate(scene.keep_out) if k % 8 < 7):
            assert region.depth(np.array([scene.goal]))[0] < 0.0
        for state in (scene.start, scene.goal):
            place, angle = pose(state[:8].reshape(4, 2))
            for part in PARTS:  # points all over the block
                own = part[0] + grid[:, :1] * (part[1] - part[0]) + grid[:, 1:] * (part[3] - part[0])
                c, s = np.cos(angle), np.sin(angle)
                spots = place + own @ np.array([[c, s], [-s, c]])
                assert not any(deep(corners, spot, 0.0) for corners in scene.obstacles for spot in spots)


def test_an_obstacle_is_in_the_way() -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        scene = PushT(obstacles=2).scene(rng)
        here, there = pose(scene.start[:8].reshape(4, 2)), pose(scene.goal[:8].reshape(4, 2))
        assert 1.2 <= np.hypot(*(there[0] - here[0])) <= 2.2
        assert abs(np.angle(np.exp(1j * (there[1] - here[1])))) <= 1.0
        shares = np.linspace(0.0, 1.0, 50)[:, None]
        straight = scene.start + shares * (scene.goal - scene.start)
        assert max(region.depth(straight).max() for region in scene.keep_out) > 0.0


def test_obstacles_need_room() -> None:
    with pytest.raises(CoptError, match="obstacles = 20; give from 0 to 8"):
        PushT(obstacles=20)
    rng = np.random.default_rng(0)
    assert len(PushT(obstacles=8).scene(rng).obstacles) == 8
    here = start([0.0, 0.0], 0.0, [0.0, 1.0])
    with pytest.raises(CoptError, match="found no room for 1 obstacles between start and goal; move one of them"):
        PushT(obstacles=1).scene(rng, here, here)


def test_a_block_beside_the_table_has_a_goal_on_it() -> None:
    goal = PushT().scene(np.random.default_rng(0), start([9.0, 9.0], 0.0, [0.0, 0.0])).goal
    assert (np.abs(goal) <= PushT().limits).all()


def deep(corners: FloatArray, point: FloatArray, distance: float) -> bool:
    """Return whether a point lies within a distance of each face's line, or behind it, face by face."""
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = (b - a) / np.hypot(*(b - a))
        left = along[0] * (point - a)[1] - along[1] * (point - a)[0]
        if left <= -distance:
            return False
    return True


def test_the_pusher_stops_at_an_obstacle() -> None:
    box = outward(regular([0.0, 0.0], np.sqrt(2.0), 4))  # from -1 to 1
    assert stopped([-3.0, 0.0], [4.0, 0.0], [box]) == pytest.approx((2.0, 0.0))
    assert stopped([-3.0, 2.0], [4.0, 0.0], [box]) == (4.0, 0.0)
    assert stopped([-3.0, 0.0], [1.0, 0.0], [box]) == (1.0, 0.0)
    assert stopped([-1.0, 0.0], [-1.0, 0.5], [box]) == (-1.0, 0.5)
    assert stopped([-1.0, 0.0], [0.0, 0.5], [box]) == (0.0, 0.5)
    assert stopped([-1.0, 0.0], [0.1, 0.5], [box]) == (0.0, 0.0)
    rng = np.random.default_rng(0)
    for _ in range(200):  # against small steps
        here, by = rng.uniform(-3, 3, 2), rng.uniform(-4, 4, 2)
        if np.abs(here).max() <= 1.0:
            continue
        shares = np.linspace(0.0, 1.0, 4001)
        inside = (np.abs(here + shares[:, None] * by) < 1.0).all(axis=1)
        share = shares[inside.argmax()] if inside.any() else 1.0
        np.testing.assert_allclose(stopped(here.tolist(), by.tolist(), [box]), share * by, atol=2e-3)


def test_polygons_are_apart_by_the_lines_of_their_faces() -> None:
    box = regular([0.0, 0.0], np.sqrt(2.0), 4)  # from -1 to 1
    assert apart(box, np.array([[1.3, 0.0]]), 0.25)
    assert not apart(box, np.array([[1.2, 0.0]]), 0.25)
    assert apart(np.array([[0.0, 3.0]]), box, 1.9)
    assert apart(box, box + np.array([2.3, 0.5]), 0.25)
    assert not apart(box, box + np.array([2.2, 0.5]), 0.25)
    corner = regular([0.0, 0.0], 0.5, 4, np.pi / 4) + 1.6  # its face looks at the box's corner
    assert apart(corner, box, 0.4)
    assert not apart(corner, box, 0.5)


def test_the_pusher_gives_way_to_a_block_that_an_obstacle_holds() -> None:
    task = PushT(obstacles=1)
    low, top = PARTS[1][:, 1].min(), PARTS[0][:, 1].max()
    held = start([0.0, 0.0], 0.0, [0.0, low - RADIUS - 0.1])
    wall = np.array([[-1.0, top], [1.0, top], [1.0, top + 0.4], [-1.0, top + 0.4]])
    scene = task.scene(np.random.default_rng(0), held)
    simulation = task.simulate(replace(scene, obstacles=(wall,)))
    for _ in range(5):
        state = simulation.step(np.array([0.0, 0.3]))
        np.testing.assert_allclose(pose(state[:8].reshape(4, 2))[0], [0.0, 0.0], atol=0.03)
        assert state[9] < low - RADIUS + 0.04
    state = simulation.step(np.array([0.3, 0.0]))
    assert state[8] > 0.2  # it can slide along


def test_a_pusher_that_just_touches_pushes() -> None:
    low = PARTS[1][:, 1].min()
    for gap in (-1e-9, 0.0, 1e-9):
        state = pushed(start([0.0, 0.0], 0.0, [0.0, low - RADIUS - gap]), (0.0, 0.3))
        np.testing.assert_allclose(pose(state[:8].reshape(4, 2))[0], [0.0, 0.3], atol=2e-3)
