"""The robust knapsack as an environment: what steps pay, what is seen, what an episode can reach."""

import itertools
from typing import Any

import gymnasium
import numpy as np
import pytest
import robust_twins as twins

from copt.envs import ChosenItems, Constant, Objective, RobustEnv, Scale
from copt.errors import CoptError
from copt.problems.robust import check, objective
from copt.problems.robust_knapsack import RobustKnapsack, toy_knapsack

ID = "copt/Robust-v0"


def play(env: RobustEnv, actions: list[int]) -> tuple[list[float], dict[str, Any]]:
    """Take the actions one after the other; return the rewards and the last info."""
    env.reset()
    rewards = []
    for action in actions:
        _, reward, done, truncated, info = env.step(action)
        rewards.append(reward)
        assert not truncated
    assert done
    return rewards, info


def test_steps_pay_what_they_add_to_the_worst_case() -> None:
    instance = toy_knapsack()
    env = gymnasium.make(ID, instance=instance)
    _, info = env.reset()
    assert info["action_mask"].tolist() == [1, 1, 1, 1, 1]
    # No degradation: 10 + 9 and a quarter of 8 fit.
    scale = 21.0
    x, last, done = np.zeros(4), 0.0, False
    for action in (2, 1):
        x[action] = 1
        _, reward, done, _, info = env.step(action)
        value = -twins.worst_case(instance, x)
        assert scale * float(reward) == pytest.approx(value - last, abs=1e-6)
        last = value
    assert info["action_mask"].tolist() == [1, 0, 0, 1, 1]
    assert not done
    _, reward, done, _, info = env.step(np.int64(4))
    assert (done, float(reward)) == (True, 0.0)
    assert info["action_mask"].tolist() == [0, 0, 0, 0, 0]
    assert info["objective"] == pytest.approx(last, abs=1e-6)


@pytest.mark.parametrize("seed", [0, 2, 4, 6])
def test_the_best_episode_is_the_optimum(seed: int) -> None:
    instance = twins.random_knapsack(seed, most=5)
    n, env, found = instance.num_items, RobustEnv(instance), []
    for x in itertools.product((False, True), repeat=n):
        actions = [*np.flatnonzero(x).tolist(), n]
        rewards, info = play(env, actions[:n] if all(x) else actions)  # after the last item nothing is left to decide
        assert check(instance, info["solution"]) == []
        assert objective(instance, info["solution"]) == info["objective"]
        assert env.state.scale * sum(rewards) == pytest.approx(info["objective"], abs=1e-6)
        assert info["objective"] <= env.state.scale + 1e-6
        found.append(info["objective"])
    assert max(found) == pytest.approx(-twins.best_decisions(instance), abs=1e-5)


def test_the_order_of_items_changes_nothing() -> None:
    env, ends = RobustEnv(twins.random_knapsack(9)), []
    n = env.observation_space["items"].shape[0]  # type: ignore[index]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(n)[: n - 1].tolist()
        last = sorted(set(range(n)) - set(order))
        ends.append(play(env, [*order, *last])[1]["objective"])
    assert ends == pytest.approx([ends[0]] * 3, abs=1e-6)


def test_rewards_are_arithmetic() -> None:
    rewards, info = play(RobustEnv(toy_knapsack(), reward=Constant(1.0) - Objective() / Scale()), [0, 1, 4])
    assert rewards == pytest.approx([1.0, 1.0, 1.0 + info["objective"] / 21.0])


def test_observations_do_not_depend_on_units_or_room() -> None:
    instance = twins.random_knapsack(8)
    money = {name: 1000 * getattr(instance, name) for name in ("profits", "degradations", "outsourcing")}
    volume = {name: 7 * getattr(instance, name) for name in ("weights", "repair_weights", "capacity")}
    other = RobustKnapsack(**money, **volume, budget=instance.budget)
    n = instance.num_items
    first, second = RobustEnv(instance), RobustEnv(other, num_items=n + 3)
    for action in (None, 1, 0):
        seen, scaled = (env.reset()[0] if action is None else env.step(action)[0] for env in (first, second))
        np.testing.assert_allclose(seen["items"], scaled["items"][:n], atol=1e-5)
        np.testing.assert_allclose(seen["knapsack"], scaled["knapsack"], atol=1e-5)
        assert not scaled["items"][n:].any()
        assert scaled["action_mask"][n:].tolist() == [0, 0, 0, 1]
        assert second.observation_space.contains(scaled)


def test_observations_show_the_game() -> None:
    env = RobustEnv(toy_knapsack())
    env.reset()
    seen, *_ = env.step(0)  # alone it is produced and repaired: 4 + 2 <= 9
    assert np.delete(seen["items"][0], 6) == pytest.approx([10 / 13, 6 / 13, 1, 4 / 9, 6 / 9, 1, 1, 1])
    assert 0 <= seen["items"][:, 6].sum() <= 1 + 1e-6  # one item may degrade
    assert not seen["items"][1:, [5, 7, 8]].any()
    assert seen["knapsack"] == pytest.approx([10 / 21, 4 / 9, 1 / 4, 1 / 4])


def test_an_instance_of_another_size_needs_room() -> None:
    env = RobustEnv(toy_knapsack(), num_items=6)
    _, info = env.reset(options={"instance": twins.random_knapsack(0)})
    assert info["action_mask"].size == 7
    with pytest.raises(CoptError, match=r"toy-robust has 4 items, there is room for 3; pass num_items=4"):
        RobustEnv(toy_knapsack(), num_items=3)
    with pytest.raises(CoptError, match=r"action 0 is not legal; choose one of \[1, 2, 3, 6\]"):
        env.reset()
        env.step(0)
        env.step(0)


def test_problems_of_the_family_that_are_no_knapsacks_are_refused() -> None:
    from copt.instances.robust_generators import capital_budgeting

    with pytest.raises(CoptError, match="instance must be a RobustKnapsack, got CapitalBudgeting"):
        RobustEnv(capital_budgeting(projects=3))  # type: ignore[arg-type]


def test_pictures_show_what_is_chosen() -> None:
    drawn, written = (RobustEnv(toy_knapsack(), render_mode=mode) for mode in ("rgb_array", "ansi"))
    for env in (drawn, written):
        env.reset()
    before = drawn.render()
    for env in (drawn, written):
        env.step(2)
    after = drawn.render()
    changed = (before != after).any(axis=(0, 2))
    assert changed[320:480].any() and not changed[:320].any() and not changed[480:].any()  # the third of four bars
    assert written.render().splitlines()[-1] == "profit in the worst case 8"
    assert written.render().startswith("item 2: profit 8, loses ")
    assert RobustEnv(toy_knapsack()).render() is None


def test_the_scale_is_at_least_what_any_choice_earns() -> None:
    for seed in range(8):
        instance = twins.random_knapsack(seed, most=4)
        assert -twins.best_decisions(instance) <= ChosenItems(instance).scale + 1e-6
    assert ChosenItems(toy_knapsack()).scale == 21.0
