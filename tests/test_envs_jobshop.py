import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_cases import STEADY, Key, chains_of, encodings, project, random_shop, shops

from copt.envs import (
    Active,
    Constant,
    Dispatching,
    Dynamics,
    JobFeatures,
    JobShopEnv,
    Objective,
    Observation,
    PaperTokens,
    Reward,
    Scale,
    State,
)
from copt.errors import CoptError
from copt.problems import encoding as encodings_of
from copt.problems import jobshop
from copt.problems.encoding import Encoding, Intervals
from copt.problems.jobshop import JobShop, Schedule, toy

ID = "copt/JobShop-v0"
ONE_MACHINE = JobShop.from_jobs([[(0, 3)], [(0, 2)], [(0, 4)], [(0, 1)]], name="one machine")
PAPER = {"dynamics": Dispatching(), "observation": PaperTokens(), "reward": Constant(0.0)}

FT06 = JobShop.from_jobs(
    [
        [(2, 1), (0, 3), (1, 6), (3, 7), (5, 3), (4, 6)],
        [(1, 8), (2, 5), (4, 10), (5, 10), (0, 10), (3, 4)],
        [(2, 5), (3, 4), (5, 8), (0, 9), (1, 1), (4, 7)],
        [(1, 5), (0, 5), (2, 5), (3, 3), (4, 8), (5, 9)],
        [(2, 9), (1, 3), (4, 5), (5, 4), (0, 3), (3, 1)],
        [(1, 3), (3, 3), (5, 9), (0, 10), (4, 4), (2, 1)],
    ],
    name="ft06",
)


def episode(env: JobShopEnv, seed: int, options: dict[str, Any] | None = None) -> tuple[list[float], dict[str, Any]]:
    """Play random legal actions; return the rewards and the last info."""
    _, info = env.reset(seed=seed, options=options)
    rng = np.random.default_rng(seed)
    rewards, done = [], False
    while not done:
        action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        _, reward, done, _, info = env.step(action)
        rewards.append(float(reward))
    return rewards, info


@pytest.mark.parametrize(
    "options",
    [
        {},
        PAPER,
        {"instance": toy()},
        {"instance": toy(), "num_jobs": 5, "observation": PaperTokens(window=3)},
        {"instance": project()},
        # The checker draws an action, resets, and plays it: with Active all jobs must be legal after a reset.
        {"instance": ONE_MACHINE, "dynamics": Active()},
        {"instance": ONE_MACHINE, "dynamics": Active(), "observation": PaperTokens(), "reward": -Objective()},
    ],
    ids=["default", "paper", "toy", "spare", "project", "active", "active-tokens"],
)
def test_gymnasium_s_checker_passes(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Standardised starts have no limits.
        warnings.filterwarnings("ignore", message=".*observation space (minimum|maximum) value is -?infinity")
        check_env(gymnasium.make(ID, **options).unwrapped)


def test_the_toy_by_hand() -> None:
    env = gymnasium.make(ID, instance=toy())
    seen, info = env.reset()
    assert seen["nodes"].shape == (3, 5)
    assert info["action_mask"].tolist() == [1, 1, 1, 0]
    rewards, masks = [], []
    for action in (0, 2, 3, 1, 2, 0, 1, 0, 1):  # 3 waits
        _, reward, done, truncated, info = env.step(np.int64(action))
        rewards.append(reward)
        masks.append("".join(map(str, info["action_mask"])))
        assert not truncated
    assert done
    # The lower bound is 10. Waiting until 4 delays job 1, and so does giving machine 2 to job 2.
    assert rewards == pytest.approx([-1.0, 0, -0.1, 0, -0.1, 0, 0, 0, 0])
    assert masks == ["0011", "0101", "1110", "1011", "1001", "1100", "1100", "0100", "0000"]
    assert info["makespan"] == info["objective"] == 12
    assert isinstance(info["solution"], Schedule)
    assert info["solution"].start.tolist() == [0, 4, 8, 4, 7, 8, 0, 4]
    assert info["solution"].machine.tolist() == [0, 1, 2, 0, 2, 1, 1, 2]


@pytest.mark.parametrize("dynamics", [Dispatching(), Active()])
@pytest.mark.parametrize("observation", [JobFeatures(), PaperTokens()])
def test_rewards_add_up_to_the_makespan_in_lower_bounds(dynamics: Dynamics, observation: Observation) -> None:
    env = JobShopEnv(FT06, dynamics=dynamics, observation=observation)
    for seed in range(5):
        rewards, info = episode(env, seed)
        assert sum(rewards) == pytest.approx(-info["makespan"] / 47)
        assert jobshop.check(FT06, info["solution"]) == []
        assert jobshop.objective(FT06, info["solution"]) == info["makespan"]
        assert info["makespan"] >= 55


@pytest.mark.parametrize(
    ("reward", "total"),
    [
        (-Objective(), lambda makespan: -makespan),
        (Constant(-0.5), lambda _: -0.5 * FT06.num_operations),
        (-2.0 * Objective() / Scale(), lambda makespan: -2 * makespan / 47),
    ],
)
def test_the_reward_is_what_was_composed(reward: Reward, total: Callable[[int], float]) -> None:
    rewards, info = episode(JobShopEnv(FT06, reward=reward, dynamics=Active()), 0)
    assert sum(rewards) == pytest.approx(total(info["makespan"]))


def _by_rule(env: JobShopEnv, key: Key) -> tuple[list[float], dict[str, Any]]:
    _, info = env.reset()
    rewards, done = [], False
    while not done:
        jobs = np.flatnonzero(info["action_mask"][:-1]).tolist()
        _, reward, done, _, info = env.step(min(jobs, key=lambda job: (key(env.state, job), job)))
        rewards.append(reward)
    return rewards, info


def fifo(state: State, job: int) -> int:
    """The operation that has waited longest: its job's previous one ended first."""
    position = state.position[job]
    return state.end[state.chains.jobs[job][position - 1]] if position else 0


def spt(state: State, job: int) -> int:
    """The shortest operation."""
    return state.next_end[job] - state.next_start[job]


def mwkr(state: State, job: int) -> int:
    """The job with the most work left."""
    return -sum(state.chains.shortest[task] for task in state.chains.jobs[job][state.position[job] :])


@pytest.mark.parametrize(("rule", "makespan"), [(fifo, 65), (spt, 88), (mwkr, 61)])
def test_priority_rules_on_ft06(rule: Key, makespan: int) -> None:
    _, info = _by_rule(JobShopEnv(FT06), rule)
    assert info["makespan"] == makespan
    assert jobshop.check(FT06, info["solution"]) == []


@settings(STEADY, max_examples=50)
@given(
    st.one_of(shops(flexible=True), shops(ordered=False), shops(due=True), encodings()),
    st.sampled_from([Dispatching(), Active()]),
    st.integers(0, 2**16),
)
def test_any_problem_can_be_played(problem: JobShop | Encoding, dynamics: Dynamics, seed: int) -> None:
    env = JobShopEnv(problem, dynamics=dynamics)
    rewards, info = episode(env, seed)
    family: Any = jobshop if isinstance(problem, JobShop) else encodings_of
    assert family.check(problem, info["solution"]) == []
    assert family.objective(problem, info["solution"]) == info["objective"]
    assert sum(rewards) == pytest.approx(-info["objective"] / chains_of(problem).unit)
    assert not info["action_mask"].any()


def test_an_encoding_s_solution_is_intervals() -> None:
    _, info = episode(JobShopEnv(project()), 0)
    assert isinstance(info["solution"], Intervals)
    assert info["makespan"] == 8


def test_a_hundred_jobs_on_twenty_machines() -> None:
    shop = random_shop(100, 20, 0)
    _, info = _by_rule(JobShopEnv(shop), mwkr)
    assert jobshop.check(shop, info["solution"]) == []
    assert 1.0 <= info["makespan"] / chains_of(shop).lower_bound < 1.15


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_environments_run_side_by_side(mode: Any) -> None:
    envs = gymnasium.make_vec(ID, num_envs=3, vectorization_mode=mode)
    alone = [gymnasium.make(ID) for _ in range(3)]
    try:
        seen, info = envs.reset(seed=5)
        assert seen["nodes"].shape == (3, 6, 5)
        assert info["action_mask"].shape == (3, 7)
        for k, env in enumerate(alone):
            env.reset(seed=5 + k)
        done = np.zeros(3, dtype=bool)
        while not done.any():
            actions = np.array([np.flatnonzero(mask)[-1] for mask in info["action_mask"]])
            seen, rewards, done, _, info = envs.step(actions)
            for k, env in enumerate(alone):
                own_seen, own_reward, own_done, _, own_info = env.step(actions[k])
                np.testing.assert_array_equal(seen["nodes"][k], own_seen["nodes"])
                np.testing.assert_array_equal(info["action_mask"][k], own_info["action_mask"])
                assert (rewards[k], done[k]) == (own_reward, own_done)
                if own_done:
                    assert info["makespan"][k] == own_info["makespan"]
                    np.testing.assert_array_equal(info["solution"][k].start, own_info["solution"].start)
    finally:
        envs.close()


def test_a_seed_fixes_the_episodes_and_their_instances() -> None:
    first, second, other = JobShopEnv(), JobShopEnv(), JobShopEnv()
    assert episode(first, 1)[0] == episode(second, 1)[0]
    assert episode(other, 2)[0] != episode(first, 1)[0]
    follow_up = [env.reset()[0]["nodes"] for env in (first, second)]
    np.testing.assert_array_equal(*follow_up)
    assert not np.array_equal(first.reset()[0]["nodes"], follow_up[0])


def test_options_give_the_instance_of_one_episode() -> None:
    env = JobShopEnv(FT06)
    _, info = episode(env, 0, {"instance": toy()})
    assert info["solution"].start.size == 8
    _, info = episode(env, 0)
    assert info["solution"].start.size == 36


def test_a_generator_may_vary_the_size() -> None:
    env = JobShopEnv(generator=lambda seed: random_shop(1 + seed % 4, 2, seed), num_jobs=4)
    sizes = {episode(env, seed)[1]["solution"].start.size for seed in range(12)}
    assert sizes == {2, 4, 6, 8}
    assert env.action_space == gymnasium.spaces.Discrete(5)


def test_samples_are_legal_jobs() -> None:
    env = JobShopEnv(toy())
    env.reset()
    env.action_space.seed(0)
    for action in (0, 2):
        env.step(action)
    assert {int(env.action_space.sample()) for _ in range(30)} == {1}
    mask = np.array([0, 1, 0, 1], np.int8)
    assert {int(env.action_space.sample(mask)) for _ in range(30)} == {1, 3}


@pytest.mark.parametrize("action", [3, 4, -1])
def test_an_illegal_action_is_refused_with_the_legal_ones(action: int) -> None:
    env = JobShopEnv(toy())
    env.reset()
    with pytest.raises(CoptError, match=rf"action {action} is not legal; choose one of \[0, 1, 2\]"):
        env.step(action)
    env.step(0)
    with pytest.raises(CoptError, match=r"action 0 is not legal; choose one of \[2, 3\]"):
        env.step(0)
    assert env.state.position == [1, 0, 0]  # a refused action leaves the state alone


def test_misuse_is_refused() -> None:
    env = JobShopEnv(toy())
    with pytest.raises(CoptError, match=r"no episode yet; call reset\(\)"):
        env.step(0)
    episode(env, 0)
    with pytest.raises(CoptError, match=r"the episode is over; call reset\(\)"):
        env.step(0)
    with pytest.raises(CoptError, match="unknown reset option 'shop'; the known ones are: instance"):
        env.reset(options={"shop": FT06})
    with pytest.raises(CoptError, match="ft06 has 6 jobs, there is room for 3; pass num_jobs=6"):
        env.reset(options={"instance": FT06})
    with pytest.raises(CoptError, match="there is room for 2; pass num_jobs=3"):
        JobShopEnv(toy(), num_jobs=2)
    with pytest.raises(CoptError, match="instance must be a JobShop or an Encoding, got str"):
        JobShopEnv("ft06")  # type: ignore[arg-type]
    with pytest.raises(CoptError, match="unknown render_mode 'human'; choose rgb_array or ansi"):
        JobShopEnv(toy(), render_mode="human")
