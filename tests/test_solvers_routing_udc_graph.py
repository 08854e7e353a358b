"""The graph of UDC and walks on it against slow accounts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_cases import random_routing, random_tour
from udc_cases import CASES, HIDDEN, PART, divider_of, policy_of

from copt.problems.routing import Routing, check
from copt.solvers.routing.nearest import tree_of
from copt.solvers.routing.nearest_kernels import DEPTH, nearest, take
from copt.solvers.routing.udc import Divider, heat_order, sequence_of_walk
from copt.solvers.routing.udc_graph import graph_of, heat_of
from copt.solvers.routing.udc_kernels import Walk
from copt.solvers.routing.udc_paths import routes_of


@given(st.integers(1, 60), st.integers(0, 5), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_nearest_is_the_nearest_that_is_left_and_fits(count: int, spread: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 2 + spread**3, (count, 4)).astype(np.float64)  # many share a place
    demand = rng.integers(1, 9, count)
    tree, taken, stack = tree_of(points), np.zeros(count, dtype=np.int32), np.empty(DEPTH, dtype=np.int32)
    for gone in rng.permutation(count).tolist():
        at, room = int(rng.integers(count)), int(rng.integers(10))
        able = np.flatnonzero((taken == 0) & (demand <= room))
        found = nearest(tree, at, taken, demand, room, stack)
        if able.size:
            apart = ((points - points[at]) ** 2).sum(axis=1)
            assert found in able
            assert apart[found] == apart[able].min()
        else:
            assert found == -1
        taken[gone] = 1
        take(tree, gone)
    assert not tree.left.any()


def test_edges_of_a_tour_lead_to_the_nearest() -> None:
    instance = random_tour(60, 4)
    graph = graph_of(instance, 7)
    points = instance.coordinates
    assert points is not None
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    rows = np.arange(60)[:, None]
    np.testing.assert_allclose(apart[rows, graph.near], np.sort(apart, axis=1)[:, :7])
    longer = np.ptp(points, axis=0).max()
    np.testing.assert_allclose(graph.edges[:, :, 0], np.sqrt(60) * apart[rows, graph.near] / longer, rtol=1e-5)
    assert np.array_equal(graph.edges[:, :, 0], graph.edges[:, :, 1])
    assert graph.nodes.shape == (60, 2)
    assert (graph.nodes.min(), graph.nodes.max()) == (0.0, 1.0)


def test_edges_of_routes_mix_distance_and_angle_and_end_at_the_depot() -> None:
    instance = random_routing(60, 5, depot=3, demand=np.where(np.arange(61) == 3, 0, 2))
    graph = graph_of(instance, 7)
    points = instance.coordinates
    assert points is not None
    away = points - points[3]
    radius = np.linalg.norm(away, axis=1)
    unit = away / np.maximum(radius, 1e-12)[:, None]
    longer = np.ptp(points, axis=0).max()
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) / longer
    mixed = np.hypot(apart, np.linalg.norm(unit[:, None] - unit[None], axis=2))
    np.fill_diagonal(mixed, np.inf)
    mixed[:, 3] = np.inf
    for c in instance.customers.tolist():
        assert graph.near[c, -1] == 3
        np.testing.assert_allclose(mixed[c, graph.near[c, :-1]], np.sort(mixed[c])[:6], rtol=1e-9)
    np.testing.assert_allclose(radius[graph.near[3]], np.sort(radius[instance.customers])[:7])
    assert graph.nodes[:, 0].tolist() == [0.0 if node == 3 else pytest.approx(2 / 12) for node in range(61)]


@pytest.mark.parametrize("instance", [random_tour(3, 1), random_routing(1, 1), random_routing(2, 1)], ids=str)
def test_small_problems_have_few_edges(instance: Routing) -> None:
    graph = graph_of(instance, 20)
    assert graph.near.shape[1] == min(instance.num_nodes - 1, instance.customers.size)
    assert sorted(heat_order(instance, policy_of(instance), np.random.default_rng(0))) == instance.customers.tolist()


def slow_walk(instance: Routing, divider: Divider, walk: Walk, vehicles: int) -> None:
    """Go along a walk and check each choice against what was open."""
    graph = divider.graph
    heat = heat_of(graph, instance.depot, policy_of(instance).weights)
    demand, capacity = instance.demands, instance.capacity or max(1, int(instance.demands.sum()))
    seen: list[int] = []
    load, routes, starts = 0, 1, []
    query = np.zeros(HIDDEN)
    for visit, node in enumerate(walk.sequence.tolist()):
        load = 0 if node == instance.depot else load + int(demand[node])
        seen += [] if node == instance.depot else [node]
        if visit == walk.sequence.size - 1:
            break
        if visit == 0 or (node != instance.depot and len(seen) % PART == (1 if instance.depot is None else 0)):
            starts.append(visit)
            query = heat.visited[seen].mean(axis=0) if seen else np.zeros(HIDDEN)
            query = query + heat.first[seen[0] if seen else node] + heat.last[node] + heat.depot
        rest = int(demand.sum() - demand[seen].sum())
        fits = [c for c in instance.customers.tolist() if c not in seen and load + demand[c] <= capacity]
        able = [j in fits or (j == instance.depot and rest <= (vehicles - routes) * capacity) for j in graph.near[node]]
        following, column = int(walk.sequence[visit + 1]), int(walk.column[visit])
        assert int(walk.segment[visit]) == len(starts) - 1
        assert walk.allowed[visit].tolist() == able
        if any(able):
            assert graph.near[node, column] == following
            score = np.where(able, heat.key[node] @ query, -np.inf)
            if instance.depot is None or visit >= 2:
                assert score[column] >= score.max() - 1e-4
        else:
            assert column == -1
            apart = ((graph.space - graph.space[node]) ** 2).sum(axis=1)
            assert apart[following] == min(apart[fits]) if fits else following == instance.depot
        routes += following == instance.depot
    assert sorted(seen) == instance.customers.tolist()
    assert walk.starts.tolist() == starts


@pytest.mark.parametrize("neighbours", [2, 6])
@pytest.mark.parametrize("instance", CASES, ids=["tour", "routes", "no capacity"])
def test_walks_follow_the_heat(instance: Routing, neighbours: int) -> None:
    divider = divider_of(instance, neighbours)
    vehicles = 1 if instance.capacity is None else -(-int(instance.demands.sum()) // instance.capacity)
    for seed in range(4):
        slow_walk(instance, divider, divider.walk(np.random.default_rng(seed)), vehicles + 1)


@pytest.mark.parametrize("instance", CASES, ids=["tour", "routes", "no capacity"])
def test_walks_are_solutions_and_differ_when_sampled(instance: Routing) -> None:
    divider, rng = divider_of(instance), np.random.default_rng(0)
    made = [sequence_of_walk(instance, divider.walk(rng, sample=True)) for _ in range(5)]
    assert all(check(instance, routes_of(sequence)) == [] for sequence in made)
    assert len({tuple(sequence.nodes.tolist()) for sequence in made}) == 5
    again = divider.walk(np.random.default_rng(7)).sequence
    assert np.array_equal(again, divider.walk(np.random.default_rng(7)).sequence)
