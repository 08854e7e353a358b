import numpy as np
import pytest

from copt.envs import ControlEnv, ControlTask, Rope, Sorting, transitions
from copt.envs.control_table import SIDES
from copt.errors import CoptError
from copt.problems.base import FloatArray


def after(task: ControlTask, start: list[float], *strokes: list[float]) -> FloatArray:
    env = ControlEnv(task)
    env.reset(seed=0, options={"start": start, "goal": np.full(len(start), 1.5)})
    for stroke in strokes:
        state = env.step(np.array(stroke))[0]
    return state


def test_a_stroke_takes_a_disc_along() -> None:
    # the pusher, of radius 0.1, meets the disc, of radius 0.16, after 0.24 of 0.8
    state = after(Sorting(discs=1), [0.0, 0.0], [-0.5, 0.0, 0.8, 0.0])
    np.testing.assert_allclose(state, [0.56, 0.0], atol=3e-3)


def test_a_disc_pushes_the_next_one() -> None:
    state = after(Sorting(discs=2), [0.0, 0.0, 0.5, 0.0], [-0.26, 0.0, 0.5, 0.0])
    np.testing.assert_allclose(state, [0.5, 0.0, 0.82, 0.0], atol=6e-3)


def test_a_stroke_elsewhere_changes_nothing() -> None:
    start = [0.0, 0.0, 1.0, 1.0]
    state = after(Sorting(discs=2), start, [-2.0, -1.0, 1.0, 0.0], [0.4, 0.4, 0.0, 0.0])
    np.testing.assert_array_equal(state, start)


def test_the_pusher_shoves_aside_what_it_is_put_on() -> None:
    state = after(Sorting(discs=1), [0.0, 0.0], [-0.1, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(state, [0.16, 0.0], atol=5e-3)


def test_a_lifted_pusher_does_not_come_back_through_things() -> None:
    one = after(Sorting(discs=1), [0.0, 0.0], [-0.5, 0.0, 0.8, 0.0])
    two = after(Sorting(discs=1), [0.0, 0.0], [-0.5, 0.0, 0.8, 0.0], [-2.0, 0.0, 0.5, 0.0])
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("discs", [1, 4, 7, 12])
def test_goals_of_a_colour_are_on_its_side_and_do_not_touch(discs: int) -> None:
    task = Sorting(discs=discs)
    rng = np.random.default_rng(discs)
    for _ in range(5):
        scene = task.scene(rng)
        for places in (scene.start, scene.goal):
            points = places.reshape(-1, 2)
            assert (np.abs(places) <= task.limits).all()
            gaps = [np.hypot(*(a - b)) for k, a in enumerate(points) for b in points[:k]]
            assert min(gaps, default=1.0) > 0.32
        goals = scene.goal.reshape(-1, 2)
        assert (goals[::2, 0] < -1.5).all()
        assert (goals[1::2, 0] > 1.5).all()


def test_discs_go_to_the_nearest_places() -> None:
    task = Sorting(discs=4)
    goal = task.scene(np.random.default_rng(0), np.array([0.0, 1.0, 0.0, -1.0, 0.0, -0.5, 0.0, 0.5])).goal
    np.testing.assert_allclose(goal, [-2.2, 0.275, 2.2, -0.275, -2.2, -0.275, 2.2, 0.275])


def test_cost_and_success_of_sorting() -> None:
    task = Sorting(discs=2)
    scene = task.scene(np.random.default_rng(0), np.array([0.0, 0.0, 1.0, 0.0]), np.array([-2.0, 0.0, 2.0, 0.5]))
    assert scene.charge(scene.start, np.array([9.0, 9.0, 0.5, -0.5])) == pytest.approx((2.0 + 1.5) / 2 + 0.01)
    assert task.reached(np.array([-1.9, 0.1, 2.0, 0.35]), scene.goal)
    assert not task.reached(np.array([-1.9, 0.1, 2.0, 0.25]), scene.goal)


@pytest.mark.parametrize("seed", range(3))
def test_a_rope_keeps_its_length(seed: int) -> None:
    states, _ = transitions(Rope(), 4, 10, seed=seed)
    links = np.hypot(*np.moveaxis(np.diff(states.reshape(4, 11, 10, 2), axis=2), 3, 0))
    np.testing.assert_allclose(links[:, 0], 0.2, atol=1e-12)
    np.testing.assert_allclose(links, 0.2, atol=0.04)  # joints give way a little under a stroke


def test_a_rope_follows_its_end() -> None:
    start = np.column_stack([0.2 * np.arange(10) - 0.9, np.zeros(10)]).ravel()
    state = after(Rope(), start.tolist(), [-1.0, 0.0, 0.5, 0.0]).reshape(10, 2)
    assert state[0, 0] > -0.6
    pulled = after(Rope(), start.tolist(), [-0.9, -0.3, 0.0, 1.0]).reshape(10, 2)
    assert pulled[0, 1] > 0.25
    np.testing.assert_allclose(np.hypot(*np.diff(pulled, axis=0).T), 0.2, atol=0.02)


def test_success_of_a_rope() -> None:
    task = Rope()
    goal = task.anywhere(np.random.default_rng(0))
    assert task.reached(goal + np.tile([0.0, 0.11], 10), goal)
    assert not task.reached(goal + np.tile([0.0, 0.13], 10), goal)


@pytest.mark.parametrize("task", [Sorting(), Rope()], ids=["sorting", "rope"])
def test_random_strokes_stay_on_the_table_and_move_things(task: ControlTask) -> None:
    states, _ = transitions(task, 10, 10, seed=0)
    assert (np.abs(states).reshape(-1, 2) < SIDES + 0.2).all()
    assert (np.abs(np.diff(states, axis=1)).max(axis=2) > 1e-3).mean() > 1 / 3


def test_sizes_have_limits() -> None:
    with pytest.raises(CoptError, match="discs = 13; give from 1 to 12"):
        Sorting(discs=13)
    with pytest.raises(CoptError, match="beads = 1; give from 2 to 20"):
        Rope(beads=1)
