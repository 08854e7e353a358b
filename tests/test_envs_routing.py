from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from routing_cases import STEADY, all_solutions, best_routes, best_tour, make, problems, random_routing, random_tour

from copt.envs import Appending, Constant, Legs, Objective, PartialRoutes, RoutingEnv, Scale
from copt.errors import CoptError
from copt.problems.routing import Routes, Routing, check, objective, toy

ID = "copt/Routing-v0"
TIGHT = make(  # 5 + 3 and 4 + 2 + 2 fill two routes; a route that begins with 2 + 3 is a dead end
    coordinates=[[k, 0] for k in range(6)],
    depot=0,
    demand=[0, 2, 5, 3, 4, 2],
    capacity=8,
    max_routes=2,
)


def play(env: RoutingEnv, nodes: list[int]) -> tuple[list[float], dict[str, Any]]:
    """Choose the nodes one after the other; return the rewards and the last info."""
    env.reset()
    rewards = []
    for node in nodes:
        _, reward, done, truncated, info = env.step(node)
        rewards.append(reward)
        assert not truncated
    assert done
    return rewards, info


def episode(env: RoutingEnv, seed: int, options: dict[str, Any] | None = None) -> tuple[list[float], dict[str, Any]]:
    """Choose random legal nodes; return the rewards and the last info."""
    _, info = env.reset(seed=seed, options=options)
    rng = np.random.default_rng(seed)
    rewards, done = [], False
    while not done:
        action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        _, reward, done, _, info = env.step(action)
        rewards.append(float(reward))
    return rewards, info


def test_the_optimal_order_of_the_toy_costs_36() -> None:
    env = gymnasium.make(ID, instance=toy())
    _, info = env.reset()
    assert info["action_mask"].tolist() == [0, 1, 1, 1, 1, 1, 1]
    rewards, masks = [], []
    for action in (1, 3, 2, 0, 4, 6, 5):
        _, reward, done, truncated, info = env.step(np.int64(action))
        rewards.append(20 * float(reward))  # the scale is 20
        masks.append("".join(map(str, info["action_mask"])))
        assert not truncated
    assert done
    assert rewards == pytest.approx([-4, -5, -4, -5, -4, -5, -9])  # the last one also goes home
    assert masks == ["1011111", "1010111", "1000000", "0000111", "1000011", "1000010", "0000000"]
    assert info["objective"] == 36
    assert info["solution"].to_lists() == [[1, 3, 2], [4, 6, 5]]
    assert info["dead_end"] is False


@pytest.mark.parametrize("fields", [{}, {"open_routes": True}, {"capacity": None, "max_routes": 2}])
def test_the_best_of_all_routes_that_can_be_built_is_the_optimum(fields: dict[str, Any]) -> None:
    instance = random_routing(4, 3, **fields)
    env, costs = RoutingEnv(instance), []
    for routes in all_solutions(instance):
        parts = [[0, *route] for route in routes.to_lists()]
        _, info = play(env, [node for part in parts for node in part][1:])
        costs.append(info["objective"])
    assert min(costs) == best_routes(instance)


def test_the_best_of_all_tours_is_the_optimum() -> None:
    tour = make(matrix=np.random.default_rng(0).integers(1, 50, (5, 5)))
    env = RoutingEnv(tour)
    assert min(play(env, r.nodes.tolist())[1]["objective"] for r in all_solutions(tour)) == best_tour(tour)


@settings(STEADY, max_examples=150)
@given(problems(), st.integers(0, 2**16))
def test_any_problem_can_be_played(instance: Routing, seed: int) -> None:
    rewards, info = episode(RoutingEnv(instance), seed)
    total = -sum(rewards) * Legs(instance).scale
    assert not info["action_mask"].any()
    if info["dead_end"]:
        assert instance.capacity is not None and instance.max_routes is not None
        assert 0 < info["unvisited"] < instance.customers.size
        assert total >= 2 * Legs(instance).dearest * info["unvisited"] - 1e-9
        assert "objective" not in info
    else:
        assert check(instance, info["solution"]) == []
        assert info["objective"] == objective(instance, info["solution"]) == pytest.approx(total)


def test_a_dead_end_ends_the_episode_and_costs() -> None:
    rewards, info = play(RoutingEnv(TIGHT), [5, 3])
    assert (info["dead_end"], info["unvisited"]) == (True, 3)
    assert {"objective", "solution"} & set(info) == set()
    scale = 5 * 1  # each customer has a neighbour at distance 1
    assert [r * scale for r in rewards] == pytest.approx([-5, -2 - 3 * 2 * 5])
    env = RoutingEnv(TIGHT, reward=-Objective() / Scale())
    assert play(env, [5, 3])[0] == pytest.approx([0, -37 / scale])
    with pytest.raises(CoptError, match=r"the episode is over; call reset\(\)"):
        env.step(1)
    assert play(env, [2, 3, 0, 1, 4, 5])[1]["dead_end"] is False


def test_what_cannot_be_served_is_refused_at_once() -> None:
    bulky = make(coordinates=[[0, 0]] * 4, depot=0, demand=[0, 2, 2, 2], capacity=3, max_routes=2, name="bulky")
    text = "the demands of bulky do not fit max_routes = 2 of capacity 3; raise one of them"
    with pytest.raises(CoptError, match=text):
        RoutingEnv(bulky)
    env = RoutingEnv(toy())
    env.reset()
    env.step(1)
    with pytest.raises(CoptError, match=text):
        env.reset(options={"instance": bulky})
    assert env.state.routes == [[1]]


class Nearest:
    """Only the nearest node that the usual rules allow: a player without choice."""

    def legal(self, state: PartialRoutes) -> NDArray[np.bool_]:
        usual = Appending().legal(state)
        legal = np.zeros_like(usual)
        if usual.any():
            legal[np.where(usual, state.outward, np.inf).argmin()] = True
        return legal

    def take(self, state: PartialRoutes, node: int) -> None:
        Appending().take(state, node)


def test_dynamics_and_rewards_can_be_exchanged() -> None:
    tour = make(coordinates=[[0, 0], [5, 0], [1, 0], [3, 0]])
    rewards, info = episode(RoutingEnv(tour, dynamics=Nearest(), reward=Constant(-0.5)), 0)
    assert rewards == [-0.5] * 4
    assert info["solution"].nodes.tolist() == [0, 2, 3, 1]


def test_environments_run_side_by_side() -> None:
    instances = [random_routing(5, seed) for seed in range(3)]
    envs = gymnasium.vector.SyncVectorEnv([lambda i=i: RoutingEnv(i, num_nodes=8) for i in instances])  # type: ignore[misc]
    alone = [RoutingEnv(i, num_nodes=8) for i in instances]
    seen, info = envs.reset(seed=5)
    assert seen["nodes"].shape == (3, 8, 8)
    for env in alone:
        env.reset()
    done = np.zeros(3, dtype=bool)
    while not done.any():
        actions = np.array([np.flatnonzero(mask)[-1] for mask in info["action_mask"]])
        seen, rewards, done, _, info = envs.step(actions)
        for k, env in enumerate(alone):
            own_seen, own_reward, own_done, _, own_info = env.step(actions[k])
            np.testing.assert_array_equal(seen["nodes"][k], own_seen["nodes"])
            assert (rewards[k], done[k]) == (own_reward, own_done)
            if own_done:
                assert info["objective"][k] == own_info["objective"]
                assert info["solution"][k].to_lists() == own_info["solution"].to_lists()


def test_a_seed_fixes_the_episodes_and_their_instances() -> None:
    first, second, other = RoutingEnv(), RoutingEnv(), RoutingEnv()
    assert first.action_space == gymnasium.spaces.Discrete(21)
    assert episode(first, 1)[0] == episode(second, 1)[0]
    assert episode(other, 2)[0] != episode(first, 1)[0]
    follow_up = [env.reset()[0]["nodes"] for env in (first, second)]
    np.testing.assert_array_equal(*follow_up)
    assert not np.array_equal(first.reset()[0]["nodes"], follow_up[0])


def test_options_give_the_instance_of_one_episode() -> None:
    env = RoutingEnv(random_tour(9, 0))
    _, info = episode(env, 0, {"instance": toy()})
    assert info["solution"].nodes.size == 6
    _, info = episode(env, 0)
    assert info["solution"].nodes.size == 9


def test_a_generator_may_vary_the_size_and_the_depot() -> None:
    def generator(seed: int) -> Routing:
        return random_tour(1 + seed % 3, seed) if seed % 2 else random_routing(1 + seed % 3, seed, depot=0)

    env = RoutingEnv(generator=generator, num_nodes=4)
    solutions = [episode(env, seed)[1]["solution"] for seed in range(20)]
    assert {s.nodes.size for s in solutions} == {1, 2, 3}


def test_samples_go_home_only_if_they_must() -> None:
    env = RoutingEnv(toy())
    env.reset()
    env.action_space.seed(0)
    env.step(1)
    assert {int(env.action_space.sample()) for _ in range(60)} == {2, 3, 4, 5, 6}
    env.step(2)
    env.step(3)
    assert env.action_space.sample() == 0


@pytest.mark.parametrize("action", [0, 7, -1])
def test_an_illegal_action_is_refused_with_the_legal_ones(action: int) -> None:
    env = RoutingEnv(toy())
    env.reset()
    with pytest.raises(CoptError, match=rf"action {action} is not legal; choose one of \[1, 2, 3, 4, 5, 6\]"):
        env.step(action)
    assert env.state.routes == [[]]  # a refused action leaves the state alone


def test_misuse_is_refused() -> None:
    env = RoutingEnv(toy())
    with pytest.raises(CoptError, match=r"no episode yet; call reset\(\)"):
        env.step(1)
    with pytest.raises(CoptError, match="unknown reset option 'start'; the known ones are: instance"):
        env.reset(options={"start": Routes.from_lists([])})
    with pytest.raises(CoptError, match="unnamed has 9 nodes, there is room for 7; pass num_nodes=9"):
        env.reset(options={"instance": random_tour(9, 0)})
    with pytest.raises(CoptError, match="there is room for 6; pass num_nodes=7"):
        RoutingEnv(toy(), num_nodes=6)
    with pytest.raises(CoptError, match="instance must be a Routing, got str"):
        RoutingEnv("toy")  # type: ignore[arg-type]
    with pytest.raises(CoptError, match="unknown render_mode 'human'; choose rgb_array or ansi"):
        RoutingEnv(toy(), render_mode="human")
