"""Where annealing looks: ages and features against lists, rules, draws in proportion, and what a policy chooses."""

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_cases import STEADY, random_routing, some_routes

import copt
from copt.instances.routing_generators import x_routing
from copt.problems.routing import FloatArray, Routes, Routing, costs, objective
from copt.solvers.routing.anneal import Annealer
from copt.solvers.routing.focus import (
    FLOOR,
    Focus,
    by_gain,
    by_recency,
    drawn,
    focus_for,
    network,
)
from copt.solvers.routing.legs import (
    DECAY,
    FEATURES,
    Memory,
    View,
    ends_of,
    leg_features,
    node_features,
    ranks,
    smooth,
)
from copt.solvers.routing.plan import neighbours, plan_of
from copt.solvers.routing.route_kernels import Fleet, Plan, empty_fleet, load_routes

RNG = np.random.default_rng(0)


def load(plan: Plan, fleet: Fleet, lists: list[list[int]]) -> None:
    routes = Routes.from_lists(lists)
    load_routes(plan, fleet, routes.nodes.astype(np.int32), routes.offsets)


def remembered(instance: Routing, lists: list[list[int]]) -> tuple[Plan, Fleet, Memory]:
    plan = plan_of(instance, neighbours(instance, 20))
    fleet = empty_fleet(instance.num_nodes, len(lists) + 3)
    load(plan, fleet, lists)
    return plan, fleet, Memory(instance, plan, fleet)


def view_of(instance: Routing, seed: int, progress: float = 0.5) -> View:
    _, _, memory = remembered(instance, some_routes(instance, np.random.default_rng(seed)).to_lists())
    return memory.look(progress)


def toy_policy(**card: Any) -> Any:
    """What is gained is the length."""
    weights: dict[str, FloatArray] = {"centre": np.zeros(len(FEATURES)), "scale": np.ones(len(FEATURES))}
    into = np.zeros((2, len(FEATURES)))
    into[1, FEATURES.index("length")] = 1.0
    weights |= {"gain_in": into, "gain_in_bias": np.array([0.5, 0.0])}
    weights |= {"gain_out": np.array([1.0, 2.0]), "gain_out_bias": np.array([-0.25])}
    facts = {"role": "focus", **card}
    arrays = {name: value.astype(np.float32) for name, value in weights.items()}
    return SimpleNamespace(name="toy", family="routing", card=facts, weights=arrays)


def test_ages_go_back_to_when_a_leg_came_whichever_way_its_route_runs() -> None:
    instance = random_routing(6, 0)
    plan, fleet, memory = remembered(instance, [[1, 2, 3], [4, 5, 6]])
    assert memory.look(0.0).churn.tolist() == [0.0] * 7
    load(plan, fleet, [[3, 2, 1], [4, 6, 5]])
    memory.look(0.2)
    load(plan, fleet, [[3, 2, 1, 4], [6, 5]])
    view = memory.look(0.5)
    assert view.age[2].tolist() == [1.0, 1.0]  # 3-2-1 was there from the beginning, turned round
    assert view.age[5] == pytest.approx([1.0, 0.6])  # 5-6 from the beginning, 5-depot since 0.2
    assert view.age[4] == pytest.approx([0.0, 1.0])  # 1-4 is new; to the depot 4 has always had a leg
    assert view.churn[1:] == pytest.approx([1 / 3, 0.0, 0.0, 2 / 3, 1 / 3, 2 / 3])


def test_changes_of_the_best_routes_are_remembered_and_fade() -> None:
    instance = random_routing(6, 0)
    _, _, memory = remembered(instance, [[1, 2, 3], [4, 5, 6]])
    follower = np.zeros(7, dtype=np.int32)
    follower[[3, 2, 4, 6]] = [2, 1, 6, 5]
    memory.improve(follower)  # 3-2-1 is the same; 4-6-5 is not
    view = memory.look(0.5)
    assert view.recent.tolist() == [0.0, 0.0, 0.0, 0.0, DECAY, DECAY, DECAY]
    assert memory.look(0.6).recent[4] == pytest.approx(DECAY**2)
    assert [sorted(view.best[c].tolist()) for c in (2, 4, 6)] == [[1, 3], [0, 6], [4, 5]]


@pytest.mark.parametrize("fields", [{}, {"open_routes": True}, {"metric": "exact"}])
def test_features_of_legs_by_hand(fields: dict[str, Any]) -> None:
    points = np.random.default_rng(2).uniform(0.0, 100.0, (31, 2))
    instance = random_routing(30, 2, capacity=25, coordinates=points, **fields)
    lists = some_routes(instance, np.random.default_rng(2)).to_lists()
    _, _, memory = remembered(instance, lists)
    view = memory.look(0.5)
    rows = dict(zip(zip(*(end.tolist() for end in ends_of(view)), strict=True), leg_features(view), strict=True))
    assert sorted(rows) == sorted((a, b) for route in lists for a, b in itertools.pairwise(route))
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = {c: sorted(set(range(1, 31)) - {c}, key=lambda other, c=c: apart[c, other]) for c in range(1, 31)}  # type: ignore[misc]
    depot = costs(instance, np.zeros(30, dtype=np.int64), np.arange(1, 31))
    for route in lists:
        now = objective(instance, Routes.from_lists([route]))
        for k, (one, two) in enumerate(itertools.pairwise(route)):
            found = dict(zip(FEATURES, rows[one, two], strict=True))
            unit = float(np.mean([costs(instance, c, other) for c in (one, two) for other in near[c][:8]]))
            places = [min(21, 1 + near[a].index(b)) for a, b in ((one, two), (two, one))]
            assert np.exp([found["rank_low"], found["rank_high"]]) == pytest.approx(sorted(places))
            legs = [float(costs(instance, 0, one)) if k == 0 else float(costs(instance, route[k - 1], one))]
            last = k == len(route) - 2
            legs.append(view.plan.enter[two] if last else float(costs(instance, two, route[k + 2])))
            beside = np.expm1([found["beside_low"], found["beside_high"]])
            assert beside == pytest.approx(sorted(leg / unit for leg in legs))
            company = [other in route for c in (one, two) for other in near[c][:8]]
            assert found["company"] == pytest.approx(np.mean(company))
            assert found["length"] == pytest.approx(np.log1p(costs(instance, one, two) / unit))
            detours = [
                now - objective(instance, Routes.from_lists([[c for c in route if c != end]])) for end in (one, two)
            ]
            assert np.expm1(found["detour_low"]) == pytest.approx(max(0.0, min(detours)) / unit, rel=1e-6, abs=1e-9)
            assert np.expm1(found["detour_high"]) == pytest.approx(max(0.0, max(detours)) / unit, rel=1e-6, abs=1e-9)
            assert found["depot_beside"] == (k == 0) + last
            assert found["slack"] == pytest.approx(1.0 - instance.demands[route].sum() / 25)
            assert found["log_route_size"] == pytest.approx(np.log(len(route)))
            assert found["depot_apart"] == pytest.approx(
                np.log1p(0.5 * (depot[one - 1] + depot[two - 1]) / depot.mean())
            )
            assert (found["progress"], found["age"], found["churn"], found["in_best"]) == (0.5, 1.0, 0.0, 1.0)


def test_features_do_not_depend_on_the_unit_nor_on_which_way_a_route_runs() -> None:
    instance = replace(x_routing(customers=80, seed=3), metric="exact")
    assert instance.coordinates is not None
    lists = some_routes(instance, np.random.default_rng(1)).to_lists()
    _, _, memory = remembered(instance, lists)
    view = memory.look(0.5)
    expected = node_features(view, leg_features(view))
    large = replace(instance, coordinates=1000.0 * instance.coordinates)
    for other, routes in ((large, lists), (instance, [route[::-1] for route in lists])):
        _, _, memory = remembered(other, routes)
        seen = memory.look(0.5)
        np.testing.assert_allclose(node_features(seen, leg_features(seen)), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("fields", [{"coordinates": np.zeros((9, 2))}, {"demand": np.zeros(9, dtype=np.int64)}])
def test_features_are_finite_where_there_is_nothing_to_compare(fields: dict[str, Any]) -> None:
    view = view_of(random_routing(8, 1, **fields), 1)
    assert np.isfinite(leg_features(view)).all()


def test_ranks_count_neighbours_from_one() -> None:
    view = view_of(random_routing(40, 3), 3)
    near = view.plan.near
    far = next(c for c in range(1, 41) if c != 7 and c not in near[7])
    one, two = np.array([7, 7, 7]), np.array([near[7, 0], near[7, 12], far])
    assert ranks(view, one, two)[0].tolist() == [1.0, 13.0, 21.0]
    assert ranks(view, two, one)[1].tolist() == [1.0, 13.0, 21.0]


def test_means_are_taken_over_legs_and_over_neighbours() -> None:
    instance = random_routing(5, 0)
    _, _, memory = remembered(instance, [[1, 2, 3], [4], [5]])
    view = memory.look(0.5)
    rows = node_features(view, np.array([[2.0], [6.0]]))
    assert rows[:, 0].tolist() == [0.0, 2.0, 4.0, 6.0, 0.0, 0.0]
    values = np.array([50.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert smooth(view, values)[1:] == pytest.approx([3.0] * 5)  # everybody is near everybody


@given(st.integers(0, 10_000), st.integers(1, 60))
@STEADY
def test_draws_are_in_proportion(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    members, weights = rng.permutation(80)[:size], rng.random(80) + 0.01
    found = drawn(members, weights, rng)
    assert found.size == size
    expected = size * weights[members] / weights[members].sum()
    counts = np.array([np.count_nonzero(found == c) for c in members])
    assert (np.abs(counts - expected) < 1.0 + 1e-9).all()
    assert drawn(members, np.full(80, 3.0), rng).tolist() == members.tolist()
    assert drawn(members, None, rng) is members


def test_the_least_weight_is_a_share_of_the_mean() -> None:
    view = view_of(random_routing(4, 0), 0)
    values = np.array([99.0, -2.0, 0.0, 1.0, 7.0])
    focus = Focus(seeds=lambda view, rng: values, begin=0.5)
    assert focus.weights(view, RNG) == pytest.approx([99.0, 2 * FLOOR, 2 * FLOOR, 1.0, 7.0])
    assert replace(focus, seeds=lambda view, rng: -np.ones(5)).weights(view, RNG) == pytest.approx(np.ones(5))
    assert focus.weights(replace(view, progress=0.4), RNG) is None
    assert Focus().weights(view, RNG) is None


def test_recency_is_shared_with_neighbours() -> None:
    view, recent = view_of(random_routing(40, 6, capacity=25), 6), np.arange(41.0)
    assert by_recency(replace(view, recent=recent), RNG).tolist() == smooth(view, recent).tolist()


def test_networks_have_one_hidden_layer_and_do_not_follow_far_features() -> None:
    policy, rows = toy_policy(), np.zeros((4, len(FEATURES)))
    rows[:, FEATURES.index("length")] = [-1.0, 0.0, 1.5, 80.0]
    assert network(policy, "gain", rows) == pytest.approx([0.25, 0.25, 3.25, 10.25])


def test_the_learned_rule_is_the_network_on_features() -> None:
    view = view_of(random_routing(40, 6, capacity=25), 6)
    length = node_features(view, leg_features(view))[:, FEATURES.index("length")]
    assert by_gain(toy_policy())(view, RNG) == pytest.approx(0.25 + 2.0 * smooth(view, length), rel=1e-5)


def test_only_a_policy_of_this_role_is_used_and_only_with_a_capacity() -> None:
    instance = x_routing(customers=50, seed=1)
    assert focus_for(instance, toy_policy()) is not None
    assert focus_for(instance, None) is None
    assert focus_for(instance, toy_policy(role="schedule")) is None
    assert focus_for(random_routing(20, 1, capacity=None, demand=None), toy_policy()) is None


def test_the_search_looks_where_the_policy_says_the_same_way_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from copt.solvers.routing import search

    heard: list[Focus | None] = []

    class Listener(Annealer):
        def __init__(self, *args: Any) -> None:
            if args[0] is instance:  # warming, where it happens meanwhile, is heard too
                heard.append(args[7])
            super().__init__(*args)

    monkeypatch.setattr(search, "Annealer", Listener)
    instance = x_routing(customers=120, seed=1, route_size=30.0)
    results = [
        copt.solve(instance, moves=3000, workers=1, policy=policy) for policy in (toy_policy(), toy_policy(), None)
    ]
    assert results[0].objective == results[1].objective
    assert heard[0] is not None
    assert heard[2] is None


@pytest.mark.parametrize("focus", [Focus(seeds=by_recency, begin=0.0), None])
def test_focused_searches_gain(focus: Focus | None) -> None:
    from copt.events import Silent
    from copt.monitor import Monitor
    from copt.problems.routing import check
    from copt.solvers.routing.search import search_routes
    from copt.stop import Stop

    instance = random_routing(60, 4, capacity=30)
    monitor = Monitor(Stop(moves=3000), Silent())
    search_routes(instance, monitor, None, 2, 0, focus=focus)
    start = monitor.trace().incumbents[0][1]
    assert check(instance, monitor.solution) == []
    assert monitor.best is not None
    assert monitor.best < 0.99 * start
