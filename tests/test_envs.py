"""One set of tests for every environment that is registered."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import copt.envs
from copt.errors import CoptError
from copt.problems import jobshop, mip, robust, routing

FAMILIES: dict[str, Any] = {
    "copt/JobShop-v0": jobshop,
    "copt/Robust-v0": robust,
    "copt/Routing-v0": routing,
    "copt/RoutingImprove-v0": routing,
    "copt/Branching-v0": mip,
    "copt/Diving-v0": mip,
    "copt/Configure-v0": mip,
}

environments = pytest.mark.parametrize("name", FAMILIES)


def episode(env: Any, seed: int, options: dict[str, Any] | None = None) -> tuple[list[float], dict[str, Any]]:
    """Take random legal actions; return the rewards and the last info."""
    _, info = env.reset(seed=seed, options=options)
    rng = np.random.default_rng(seed)
    rewards, over = [], False
    while not over:
        action = rng.choice(np.flatnonzero(info["action_mask"]))
        _, reward, terminated, truncated, info = env.step(action)
        rewards.append(float(reward))
        over = terminated or truncated
    return rewards, info


def test_all_environments_are_here() -> None:
    control = {f"copt/{word}-v0" for word in copt.envs.CONTROL}
    assert {name for name in gymnasium.registry if name.startswith("copt/")} == set(FAMILIES) | control


@environments
@pytest.mark.parametrize("toy", [False, True])
def test_gymnasium_s_checker_passes(name: str, toy: bool) -> None:
    options = {"instance": FAMILIES[name].toy()} if toy else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(name, **options).unwrapped)


@environments
def test_an_episode_ends_with_a_solution_that_passes_its_check(name: str) -> None:
    family, env = FAMILIES[name], gymnasium.make(name)
    toy = family.toy()
    _, info = episode(env, 0, {"instance": toy})
    assert family.check(toy, info["solution"]) == []
    assert family.objective(toy, info["solution"]) == info["objective"]


@environments
def test_a_seed_fixes_the_episode(name: str) -> None:
    first, second = gymnasium.make(name), gymnasium.make(name)
    assert episode(first, 3)[0] == episode(second, 3)[0]
    assert episode(first, 4)[0] != episode(second, 3)[0]


@environments
def test_many_run_side_by_side_on_instances_of_their_own(name: str) -> None:
    envs = gymnasium.make_vec(name, num_envs=3, vectorization_mode="sync")
    seen, info = envs.reset(seed=1)
    alone = [gymnasium.make(name).reset(seed=1 + k) for k in range(3)]
    for k, (own_seen, own_info) in enumerate(alone):
        np.testing.assert_array_equal(info["action_mask"][k], own_info["action_mask"])
        for key, value in own_seen.items():
            np.testing.assert_array_equal(seen[key][k], value)
    assert any(not np.array_equal(value, alone[1][0][key]) for key, value in alone[0][0].items())


@environments
def test_misuse_is_refused_alike(name: str) -> None:
    env = gymnasium.make(name, disable_env_checker=True).unwrapped
    with pytest.raises(CoptError, match=r"there is no episode yet; call reset\(\)"):
        env.step(0)
    with pytest.raises(CoptError, match="unknown reset option 'shape'; the known ones are: instance"):
        env.reset(options={"shape": 3})
    episode(env, 0)
    with pytest.raises(CoptError, match=r"the episode is over; call reset\(\)"):
        env.step(0)
    with pytest.raises(CoptError, match=r"instance must be a \w+.*, got int"):
        gymnasium.make(name, instance=3)


@environments
@pytest.mark.parametrize("mode", ["rgb_array", "ansi"])
def test_every_environment_is_drawn(name: str, mode: str) -> None:
    env = gymnasium.make(name, render_mode=mode)
    env.reset(seed=0)
    picture: Any = env.render()
    if mode == "ansi":
        assert isinstance(picture, str) and len(picture) > 0
    else:
        assert picture.shape == (360, 640, 3)
        assert (picture < 255).any()
