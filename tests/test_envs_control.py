"""One set of tests for every environment of control."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from copt.envs import CONTROL, ControlEnv, ControlTask, StateAndGoal, transitions
from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.relu import ReluNet

tasks = pytest.mark.parametrize("task", CONTROL.values(), ids=CONTROL)
words = pytest.mark.parametrize("word", CONTROL)


def driven(env: ControlEnv, seed: int, steps: int = 15) -> tuple[list[FloatArray], list[float], dict[str, Any]]:
    """Explore; return the states, the rewards and the last info."""
    state, info = env.reset(seed=seed)
    rng, action = np.random.default_rng(seed), np.zeros(env.task.reach.size)
    states, rewards = [state], []
    for _ in range(steps):
        action = env.task.explore(env.scene, env.state, action, rng)
        state, reward, terminated, truncated, info = env.step(action)
        states.append(state)
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return states, rewards, info


@words
def test_gymnasium_s_checker_passes(word: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*symmetric and normalized space")  # actions have physical units
        check_env(gymnasium.make(f"copt/{word}-v0", render_mode="rgb_array").unwrapped)


@tasks
def test_a_seed_fixes_the_episode(task: ControlTask) -> None:
    one, two = driven(ControlEnv(task), 3), driven(ControlEnv(task), 3)
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1]
    assert not np.array_equal(driven(ControlEnv(task), 4)[0][0], one[0][0])


@tasks
def test_start_and_goal_can_be_given(task: ControlTask) -> None:
    env = ControlEnv(task)
    env.reset(seed=0)
    start, goal = env.state.copy(), env.scene.goal.copy()
    state, _ = env.reset(seed=1, options={"start": start})
    np.testing.assert_array_equal(state, start)
    goal = goal + 0.01
    state, _ = env.reset(seed=2, options={"start": start, "goal": goal})
    np.testing.assert_array_equal(state, start)
    np.testing.assert_array_equal(env.scene.goal, goal)
    assert task.reached(goal, goal)


@tasks
def test_rewards_are_what_the_cost_of_the_scene_says(task: ControlTask) -> None:
    env = ControlEnv(task)
    state, _ = env.reset(seed=0)
    scene, action = env.scene, 0.5 * task.reach
    state, reward, _, _, info = env.step(action)
    away, effort = scene.cost.state @ (state - scene.goal), 0.0
    if scene.cost.action is not None:
        effort = float(np.abs(scene.cost.action @ action).sum())
    assert reward == pytest.approx(-(np.abs(away).sum() + effort), rel=1e-12)
    assert info["cost"] == pytest.approx(-float(reward), rel=1e-12)


@tasks
def test_actions_are_cut_to_their_bounds(task: ControlTask) -> None:
    within, beyond = ControlEnv(task), ControlEnv(task)
    within.reset(seed=0)
    beyond.reset(seed=0)
    seen = within.step(task.reach)
    np.testing.assert_array_equal(beyond.step(7.0 * task.reach)[0], seen[0])
    with pytest.raises(CoptError, match=f"an action is {task.reach.size} finite numbers"):
        within.step(np.full(task.reach.size, np.nan))


@tasks
def test_an_episode_is_cut_off(task: ControlTask) -> None:
    env = ControlEnv(task, steps=2)
    env.reset(seed=0)
    assert env.step(0.0 * task.reach)[2:4] == (False, False)
    assert env.step(0.0 * task.reach)[2:4] == (False, True)
    with pytest.raises(CoptError, match=r"the episode is over; call reset\(\)"):
        env.step(0.0 * task.reach)


@tasks
def test_the_problem_has_goal_limits_and_obstacles_of_the_episode(task: ControlTask) -> None:
    env = ControlEnv(task)
    env.reset(seed=0)
    states, actions = task.limits.size, task.reach.size
    still = ReluNet.residual(
        np.eye(states, states + actions), np.zeros(states), np.zeros((states, 0)), np.zeros((0, states + actions)), []
    )
    problem = env.problem(still, 3)
    np.testing.assert_array_equal(problem.start, env.state)
    np.testing.assert_array_equal(problem.cost.goal, env.scene.goal)
    np.testing.assert_array_equal(problem.u_upper, task.reach)
    np.testing.assert_array_equal(problem.x_upper, task.limits)
    assert (problem.horizon, problem.name, problem.keep_out) == (3, task.name, env.scene.keep_out)
    np.testing.assert_array_equal(env.problem(still, 1, env.scene.goal).start, env.scene.goal)


@tasks
def test_pictures_show_the_state(task: ControlTask) -> None:
    env = ControlEnv(task, render_mode="rgb_array")
    env.reset(seed=0)
    first = env.render()
    driven(env, 0, 5)
    last = env.render()
    assert first.shape == last.shape == (360, 640, 3)
    assert first.dtype == np.uint8
    assert (first < 255).any(axis=2).mean() > 0.005  # a pusher alone is half a percent
    assert (first != last).any(axis=2).mean() > 0.002


@tasks
def test_transitions_are_those_of_the_environment(task: ControlTask) -> None:
    states, actions = transitions(task, 2, 5, seed=1)
    assert states.shape == (2, 6, task.limits.size)
    assert actions.shape == (2, 5, task.reach.size)
    assert (np.abs(actions) <= task.reach).all()
    rng = np.random.default_rng(1)
    scene = task.scene(rng, task.anywhere(rng))
    simulation = task.simulate(scene)
    np.testing.assert_array_equal(states[0, 0], scene.start)
    for t in range(5):
        np.testing.assert_array_equal(simulation.step(actions[0, t]), states[0, t + 1])


def test_another_policy_may_move_the_system() -> None:
    task = CONTROL["CartPoleWalls"]
    _, actions = transitions(task, 1, 3, policy=lambda scene, state, last, rng: last + 0.5)
    np.testing.assert_allclose(actions[0, :, 0], [0.5, 1.0, 1.5], atol=1e-15)
    with pytest.raises(CoptError, match="episodes = 0 and steps = 3 must be at least 1"):
        transitions(task, 0, 3)


def test_agents_may_see_the_goal() -> None:
    env = ControlEnv(CONTROL["PushT"], observation=StateAndGoal())
    seen, _ = env.reset(seed=0)
    np.testing.assert_array_equal(seen, np.concatenate([env.scene.start, env.scene.goal]))


def test_misuse_is_refused() -> None:
    env = ControlEnv(CONTROL["PushT"])
    with pytest.raises(CoptError, match=r"there is no episode yet; call reset\(\)"):
        env.step(np.zeros(2))
    with pytest.raises(CoptError, match="unknown reset option 'shape'; the known ones are: start, goal"):
        env.reset(options={"shape": 3})
    with pytest.raises(CoptError, match=r"the reset option 'goal' is 10 finite numbers, got shape \(2,\)"):
        env.reset(options={"goal": [0.0, 0.0]})
    with pytest.raises(CoptError, match="steps = 0; give at least 1"):
        ControlEnv(CONTROL["PushT"], steps=0)
