import dataclasses
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_cases import STEADY, best_routes, make, problems, random_routing, random_tour, some_routes

import copt
from copt.envs import Constant, LocalSearch, NearCustomers, NearRoutes, RoutingImproveEnv, Zones, nearest_start
from copt.envs.routing_frame import route_frame
from copt.errors import CoptError
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing, check, objective, toy

ID = "copt/RoutingImprove-v0"
APART = Routes.from_lists([[1], [2], [3], [4, 5, 6]])  # costs 8 + 10 + 18 + 20


def episode(
    env: RoutingImproveEnv, seed: int, options: dict[str, Any] | None = None
) -> tuple[list[float], dict[str, Any]]:
    """Choose random customers; return the rewards and the last info."""
    _, info = env.reset(seed=seed, options=options)
    rng = np.random.default_rng(seed)
    rewards, over = [], False
    while not over:
        action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        _, reward, terminated, over, info = env.step(action)
        assert not terminated
        rewards.append(float(reward))
    return rewards, info


class Scripted:
    """Returns what it was given, and remembers what it was asked."""

    def __init__(self, *answers: Routes) -> None:
        self.answers = list(answers)
        self.zones: list[list[int]] = []
        self.seeds: list[int] = []

    def __call__(self, instance: Routing, routes: Routes, zone: IntArray, seed: int) -> Routes:
        self.zones.append(zone.tolist())
        self.seeds.append(seed)
        return self.answers.pop(0)


def test_the_toy_by_hand() -> None:
    better, worse = Routes.from_lists([[1, 3, 2], [4, 5, 6]]), Routes.from_lists([[1], [2, 3], [4, 6, 5]])
    conqueror = Scripted(better, worse, Routes.from_lists([[1, 3, 2], [4, 6, 5]]))
    env = gymnasium.make(ID, instance=toy(), conqueror=conqueror, start=lambda _: APART, steps=3, zones=NearRoutes(3))
    seen, info = env.reset(seed=0)
    assert seen["nodes"].shape == (7, 10)
    assert info["action_mask"].tolist() == [0, 1, 1, 1, 1, 1, 1]
    assert info["objective"] == 56
    outcomes = []
    for action in (2, 4, 6):
        _, reward, terminated, truncated, info = env.step(np.int64(action))
        outcomes.append((round(56 * float(reward), 9), info["objective"], terminated, truncated))
    assert outcomes == [(18, 38, False, False), (0, 38, False, False), (2, 36, False, True)]
    assert conqueror.zones == [[2, 1, 3], [4, 5, 6], [4, 5, 6]]
    assert len(set(conqueror.seeds)) == 3
    assert info["solution"].to_lists() == [[1, 3, 2], [4, 6, 5]]


@settings(STEADY, max_examples=60)
@given(problems(), st.sampled_from([NearRoutes(), NearRoutes(2), NearCustomers(3)]), st.integers(0, 2**16))
def test_any_problem_can_be_improved(instance: Routing, zones: Zones, seed: int) -> None:
    env = RoutingImproveEnv(instance, zones=zones, steps=4)
    start = some_routes(instance, np.random.default_rng(seed))
    rewards, info = episode(env, seed, {"start": start})
    first = objective(instance, start)
    assert len(rewards) == 4
    assert min(rewards) >= 0
    assert check(instance, info["solution"]) == []
    assert objective(instance, info["solution"]) == info["objective"]
    assert info["objective"] == pytest.approx(first - sum(rewards) * (first or 1), abs=1e-6)


def test_the_default_finds_the_optimum_of_a_few_customers() -> None:
    for seed in range(3):
        instance = random_routing(6, seed)
        _, info = episode(RoutingImproveEnv(instance), seed)
        assert info["objective"] == best_routes(instance)


def test_the_default_improves_large_tours_and_routes() -> None:
    for instance in (random_tour(300, 1), random_routing(300, 1, capacity=40)):
        start = objective(instance, nearest_start(instance))
        _, info = episode(RoutingImproveEnv(instance, zones=NearCustomers(), steps=40), 0)
        assert info["objective"] < 0.96 * start


def solve_again(instance: Routing, routes: Routes, zone: IntArray, seed: int) -> Routes:
    """Solve the whole routes of a zone again, as the environment's page shows."""
    assert instance.coordinates is not None and instance.demand is not None and instance.depot is not None
    nodes = np.append(instance.depot, zone)
    part = dataclasses.replace(
        instance, coordinates=instance.coordinates[nodes], depot=0, demand=instance.demand[nodes]
    )
    best = copt.solve(part, seconds=20, moves=300, seed=seed, workers=1, policy=None).solution
    kept = [route for route in routes.to_lists() if route[0] not in zone]
    return Routes.from_lists(kept + [nodes[route].tolist() for route in best.to_lists()])


def test_a_stronger_conqueror_can_be_handed_in() -> None:
    instance = toy()
    env = RoutingImproveEnv(instance, conqueror=solve_again, zones=NearRoutes(3), steps=2)
    env.reset(options={"start": Routes.from_lists([[1, 2, 3], [4, 5, 6]])})  # 20 each, 18 is the best
    costs = [env.step(customer)[4]["objective"] for customer in (2, 5)]
    assert costs == [38, 36]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Routes.from_lists([[1, 2, 3, 4], [5, 6]]), "route 0 carries 4, over 3"),
        (Routes.from_lists([[1, 2, 3], [5, 6]]), "node 4 is visited 0 times, not once"),
    ],
)
def test_an_infeasible_answer_is_refused(answer: Routes, text: str) -> None:
    env = RoutingImproveEnv(toy(), conqueror=Scripted(answer), start=lambda _: APART)
    env.reset()
    with pytest.raises(CoptError, match=f"what the conqueror returned for toy-routing is not feasible: .*{text}"):
        env.step(1)
    assert (env.state.cost, env.state.taken) == (56, 0)
    with pytest.raises(CoptError, match=f"the start for toy-routing is not feasible: .*{text}"):
        env.reset(options={"start": answer})


def test_what_is_no_solution_is_refused() -> None:
    env = RoutingImproveEnv(toy(), conqueror=lambda *_: None)  # type: ignore[arg-type]
    env.reset()
    with pytest.raises(CoptError, match="what the conqueror returned for toy-routing is a NoneType; return Routes"):
        env.step(1)


def test_the_reward_is_what_was_composed() -> None:
    assert episode(RoutingImproveEnv(toy(), reward=Constant(-0.5), steps=3), 0)[0] == [-0.5] * 3


def test_environments_run_side_by_side() -> None:
    instances = [random_routing(8, seed) for seed in range(3)]
    envs = gymnasium.vector.SyncVectorEnv([lambda i=i: RoutingImproveEnv(i, steps=3, num_nodes=12) for i in instances])  # type: ignore[misc]
    alone = [RoutingImproveEnv(i, steps=3, num_nodes=12) for i in instances]
    envs.reset(seed=5)
    for k, env in enumerate(alone):
        env.reset(seed=5 + k)
    for customers in ([1, 2, 3], [4, 5, 6], [7, 8, 1]):
        seen, rewards, _, truncated, info = envs.step(np.array(customers))
        for k, env in enumerate(alone):
            own_seen, own_reward, _, own_truncated, own_info = env.step(customers[k])
            np.testing.assert_array_equal(seen["nodes"][k], own_seen["nodes"])
            assert (rewards[k], truncated[k]) == (own_reward, own_truncated)
            assert info["objective"][k] == own_info["objective"]
    assert truncated.all()
    assert [check(i, routes) for i, routes in zip(instances, info["solution"], strict=True)] == [[], [], []]


def test_a_seed_fixes_the_episodes_and_their_instances() -> None:
    first, second, other = (RoutingImproveEnv(steps=5) for _ in range(3))
    assert episode(first, 1)[0] == episode(second, 1)[0]
    assert episode(other, 2)[0] != episode(first, 1)[0]
    follow_up = [env.reset()[0]["nodes"] for env in (first, second)]
    np.testing.assert_array_equal(*follow_up)


def test_options_give_the_instance_and_the_start_of_one_episode() -> None:
    env = RoutingImproveEnv(toy(), num_nodes=9, steps=1)
    _, info = env.reset(options={"start": APART})
    assert info["objective"] == 56
    tour = random_tour(9, 0)
    _, info = env.reset(options={"instance": tour})
    assert info["objective"] == objective(tour, nearest_start(tour))
    assert info["action_mask"].tolist() == [1] * 9
    line = make(coordinates=[[0, 0], [1, 0], [2, 0]])
    _, info = env.reset(options={"instance": line, "start": Routes.from_lists([[1, 0, 2]])})
    assert (info["objective"], info["action_mask"].sum()) == (4, 3)
    _, info = env.reset()
    assert info["objective"] == objective(toy(), nearest_start(toy()))


def test_the_zone_is_marked_on_the_map() -> None:
    env = RoutingImproveEnv(toy(), conqueror=LocalSearch(kicks=0), zones=NearRoutes(3), render_mode="rgb_array")
    env.reset()
    np.testing.assert_array_equal(env.render(), route_frame(env.state.legs, [[1, 2, 3], [4, 5, 6]]))
    env.step(5)
    routes = env.state.routes.to_lists()
    assert routes[1] in ([4, 6, 5], [5, 6, 4])
    np.testing.assert_array_equal(env.render(), route_frame(env.state.legs, routes, marked=[4, 5, 6]))
    env.reset()
    np.testing.assert_array_equal(env.render(), route_frame(env.state.legs, [[1, 2, 3], [4, 5, 6]]))
    told = RoutingImproveEnv(toy(), render_mode="ansi")
    told.reset()
    assert told.render() == "route 0: 1 2 3  [3 of 3]\nroute 1: 4 5 6  [3 of 3]\ncost 40"
    silent = RoutingImproveEnv(toy())
    silent.reset()
    assert silent.render() is None


def test_misuse_is_refused() -> None:
    env = RoutingImproveEnv(toy(), steps=1)
    env.reset()
    with pytest.raises(CoptError, match=r"action 0 is not legal; choose one of \[1, 2, 3, 4, 5, 6\]"):
        env.step(0)
    env.step(1)
    with pytest.raises(CoptError, match=r"the episode is over; call reset\(\)"):
        env.step(1)
    with pytest.raises(CoptError, match="unknown reset option 'routes'; the known ones are: instance, start"):
        env.reset(options={"routes": APART})
    with pytest.raises(CoptError, match="unnamed has 9 nodes, there is room for 7; pass num_nodes=9"):
        env.reset(options={"instance": random_tour(9, 0)})
    with pytest.raises(CoptError, match="steps must be at least 1, got 0"):
        RoutingImproveEnv(toy(), steps=0)
    with pytest.raises(CoptError, match="unknown render_mode 'human'; choose rgb_array or ansi"):
        RoutingImproveEnv(toy(), render_mode="human")
