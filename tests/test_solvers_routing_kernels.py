"""Costs, neighbours, linked routes and savings against slow accounts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_cases import as_matrix, one_of_each_metric, random_routing, random_tour

from copt.problems.routing import Routes, Routing, costs, objective
from copt.solvers.routing.cost_kernels import cost
from copt.solvers.routing.plan import NO_LIMIT, costs_of, nearest_among, neighbours, plan_of, quadrant_neighbours
from copt.solvers.routing.route_kernels import (
    Fleet,
    Plan,
    collect,
    detach,
    empty_fleet,
    insert,
    leg,
    load_routes,
    number,
    rewrite,
)
from copt.solvers.routing.savings import savings_routes
from copt.solvers.routing.savings_kernels import merge


def fleet_of(plan: Plan, nodes: int, routes: int) -> Fleet:
    """An empty fleet."""
    fleet = empty_fleet(nodes, routes)
    load_routes(plan, fleet, np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int64))
    return fleet


def lists_of(plan: Plan, fleet: Fleet) -> list[list[int]]:
    """The routes, each forwards; the way back must give the same."""
    result = []
    for first, last in zip(fleet.first.tolist(), fleet.last.tolist(), strict=True):
        route, node = [], first
        while node != plan.depot:
            route.append(node)
            node = int(fleet.next[node])
        back, node = [], last
        while node != plan.depot:
            back.append(node)
            node = int(fleet.prev[node])
        assert back == route[::-1]
        result.append(route)
    return result


@pytest.mark.parametrize("instance", one_of_each_metric(40), ids=lambda instance: instance.name)
def test_compiled_costs_are_those_of_the_problem(instance: Routing) -> None:
    kernel = costs_of(instance)
    i, j = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    expected = costs(instance, i, j)
    found = np.array([[cost(kernel, a, b) for b in range(40)] for a in range(40)])
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("instance", one_of_each_metric(40), ids=lambda instance: instance.name)
def test_neighbours_are_the_nearest(instance: Routing) -> None:
    near = neighbours(instance, 6)
    assert near.shape == (40, 6)
    if instance.coordinates is None:
        assert instance.matrix is not None
        apart = np.minimum(instance.matrix, instance.matrix.T).copy()
    else:
        apart = np.linalg.norm(instance.coordinates[:, None] - instance.coordinates[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    for node in range(40):
        assert node not in near[node]
        assert len(set(near[node].tolist())) == 6
        assert np.allclose(np.sort(apart[node])[:6], apart[node][near[node]], rtol=1e-12)


def test_neighbours_of_nodes_that_share_a_place() -> None:
    points = np.zeros((12, 2))
    near = neighbours(Routing(coordinates=points, depot=3), 5)
    for node in range(12):
        assert len(set(near[node].tolist())) == 5
        assert node not in near[node]
        assert 3 not in near[node]


def test_few_customers_have_few_neighbours() -> None:
    assert neighbours(random_routing(3, 1), 10).shape == (4, 2)
    assert neighbours(random_routing(1, 1), 10).tolist() == [[1], [1]]
    among = nearest_among(random_tour(9, 1), np.array([2, 5, 7]), 8)
    assert [sorted(row) for row in among.tolist()] == [[5, 7], [2, 7], [2, 5]]


@pytest.mark.parametrize("open_routes", [False, True])
def test_legs_know_the_depot(open_routes: bool) -> None:
    instance = random_routing(6, 2, open_routes=open_routes)
    plan = plan_of(instance, neighbours(instance, 3))
    for c in range(1, 7):
        assert leg(plan, 0, c) == objective(Routing(**{**vars(instance), "open_routes": True}), _alone(instance, c))
        assert leg(plan, 0, c) + leg(plan, c, 0) == objective(instance, _alone(instance, c))
    assert leg(plan, 0, 0) == 0.0


def _alone(instance: Routing, c: int) -> Routes:
    return Routes.from_lists([[c]])


@given(st.integers(0, 10_000), st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_linked_routes_follow_lists(seed: int, choices: list[int]) -> None:
    instance = random_routing(9, seed)
    plan = plan_of(instance, neighbours(instance, 4))
    fleet, lists = fleet_of(plan, 10, 4), [[], [], [], []]  # type: tuple[Fleet, list[list[int]]]
    total = 0.0
    for choice in choices:
        c = 1 + choice % 9
        if fleet.route[c] < 0:
            r = choice // 9 % 4
            place = choice // 36 % (len(lists[r]) + 1)
            behind = lists[r][place - 1] if place else 0
            before = _value(instance, lists)
            insert(plan, fleet, c, behind, r)
            lists[r].insert(place, c)
            total += _value(instance, lists) - before
        else:
            before = _value(instance, lists)
            saved = detach(plan, fleet, c)
            lists = [[x for x in route if x != c] for route in lists]
            assert saved == pytest.approx(before - _value(instance, lists), abs=1e-9)
        assert lists_of(plan, fleet) == lists
        assert fleet.size.tolist() == [len(route) for route in lists]
        assert fleet.load.tolist() == [sum(instance.demands[route].tolist()) for route in lists]
        assert [int(fleet.route[x]) for route in lists for x in route] == [
            r for r, route in enumerate(lists) for _ in route
        ]
        check_legs(plan, fleet, lists)


def check_legs(plan: Plan, fleet: Fleet, lists: list[list[int]]) -> None:
    for route in lists:
        stops = [0, *route, 0]
        for before, c, behind in zip(stops, route, stops[2:], strict=False):
            assert fleet.into[c] == leg(plan, before, c)
            assert fleet.out[c] == leg(plan, c, behind)


@given(st.integers(0, 10_000), st.permutations(range(1, 10)), st.integers(0, 9), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_rewritten_and_numbered_routes_know_places_and_demands(
    seed: int, order: list[int], one: int, other: int
) -> None:
    instance = random_routing(9, seed, open_routes=bool(seed % 2))
    plan = plan_of(instance, neighbours(instance, 4))
    fleet, cuts = fleet_of(plan, 10, 3), [0, *sorted((one, other)), 9]
    lists = [order[a:b] for a, b in itertools.pairwise(cuts)]
    for r, (a, b) in enumerate(itertools.pairwise(cuts)):
        rewrite(plan, fleet, r, np.array(order, dtype=np.int32), a, b)
    for _ in range(2):
        assert lists_of(plan, fleet) == lists
        check_legs(plan, fleet, lists)
        for r, route in enumerate(lists):
            assert fleet.load[r] == sum(instance.demands[route].tolist())
            for place, c in enumerate(route):
                assert fleet.route[c] == r
                assert fleet.place[c] == place
                assert fleet.carried[c] == sum(instance.demands[route[: place + 1]].tolist())
        fleet.place[:], fleet.carried[:] = -1, -1
        for r in range(3):
            number(plan, fleet, r)


def _value(instance: Routing, lists: list[list[int]]) -> float:
    return objective(instance, Routes.from_lists([route for route in lists if route]))


def test_loaded_routes_are_collected() -> None:
    instance = random_routing(7, 3)
    plan = plan_of(instance, neighbours(instance, 4))
    fleet, routes = fleet_of(plan, 8, 5), Routes.from_lists([[3, 1], [2, 7, 4], [6, 5]])
    load_routes(plan, fleet, routes.nodes.astype(np.int32), routes.offsets)
    assert lists_of(plan, fleet) == [*routes.to_lists(), [], []]
    for c in (2, 7, 4):
        detach(plan, fleet, c)
    nodes, offsets = np.zeros(8, dtype=np.int64), np.zeros(6, dtype=np.int64)
    assert collect(plan, fleet.first, fleet.next, nodes, offsets) == 2
    assert Routes(nodes[:4], offsets[:3]).to_lists() == [[3, 1], [6, 5]]


def merged(pairs: list[tuple[int, int]], load: list[int], capacity: int, directed: bool) -> set[tuple[int, ...]]:
    """Clarke and Wright by lists; an undirected route is written from its smaller end."""
    routes = [[k] for k in range(len(load))]
    for i, j in pairs:
        a = next(r for r in routes if i in r)
        b = next(r for r in routes if j in r)
        if a is b or sum(load[k] for k in a + b) > capacity:
            continue
        if directed:
            if a[-1] != i or b[0] != j:
                continue
        else:
            if i not in (a[0], a[-1]) or j not in (b[0], b[-1]):
                continue
            a = a if a[-1] == i else a[::-1]
            b = b if b[0] == j else b[::-1]
        routes = [r for r in routes if i not in r and j not in r] + [a + b]
    return {tuple(r if directed or r[0] <= r[-1] else r[::-1]) for r in routes}


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] != p[1]), max_size=40),
    st.lists(st.integers(0, 4), min_size=8, max_size=8),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_merging_follows_lists(pairs: list[tuple[int, int]], load: list[int], directed: bool) -> None:
    link = np.full((8, 2), -1, dtype=np.int32)
    tail, head = (np.array([p[k] for p in pairs], dtype=np.int32) for k in (0, 1))
    merge(tail, head, np.array(load), 9, directed, np.arange(8, dtype=np.int32), link)
    routes = set()
    for begin in range(8):
        before, behind = link[begin].tolist()
        if (before if directed else behind) >= 0:
            continue
        route, node, came = [], begin, -1
        while node >= 0:
            route.append(node)
            one, two = link[node].tolist()
            node, came = (two if directed or one == came else one), node
        routes.add(tuple(route if directed or route[0] <= route[-1] else route[::-1]))
    assert routes == merged(pairs, load, 9, directed)


@pytest.mark.parametrize("fields", [{}, {"open_routes": True}, {"capacity": None}])
def test_savings_routes_are_feasible_and_better_than_single_ones(fields: dict[str, object]) -> None:
    from copt.problems.routing import check

    for seed in range(20):
        instance = random_routing(25, seed, **fields)
        plan = plan_of(instance, neighbours(instance, 24))
        routes = Routes.from_lists(savings_routes(instance, plan))
        assert check(instance, routes) == []
        assert objective(instance, routes) < objective(instance, Routes.from_lists([[c] for c in range(1, 26)]))
    assert plan.capacity == (NO_LIMIT if instance.capacity is None else 12)


def test_quadrant_neighbours_lead_out_of_a_row() -> None:
    row = [(k, 0.0) for k in range(-10, 11)]
    points = np.array([*row, (0, 30), (1, 31), (0, -30), (-1, -33)], dtype=np.float64)
    tour, center = Routing(coordinates=points), 10
    assert set(neighbours(tour, 8)[center].tolist()) <= set(range(21))
    near = quadrant_neighbours(tour, 8, 2, 0)[center].tolist()
    assert len(near) == len(set(near)) == 8
    assert {9, 11, 21, 22} & set(near) == {9, 11, 21, 22}
    apart = np.linalg.norm(points[near] - points[center], axis=1)
    assert (np.diff(apart) >= 0).all()
    assert np.array_equal(quadrant_neighbours(as_matrix(tour), 8, 1, 2), neighbours(as_matrix(tour), 16)[:, :8])


def test_neighbours_lead_from_cluster_to_cluster() -> None:
    # Four clusters of 60 at the corners of a wide square: no node has one of another cluster among its 48 nearest.
    rng = np.random.default_rng(0)
    corners = np.repeat([[0, 0], [1000, 0], [0, 1000], [1000, 1000]], 60, axis=0)
    points = corners + rng.normal(0, 10, (240, 2))
    tour, cluster = Routing(coordinates=points), np.arange(240) // 60
    near = quadrant_neighbours(tour, 16, 3, 0)
    assert (cluster[near] == cluster[:, None]).all()
    found = quadrant_neighbours(tour, 16, 3, 4)
    assert all(np.unique(row).size == 16 and node not in row for node, row in enumerate(found))
    apart = np.linalg.norm(points[found] - points[:, None], axis=2)
    assert (np.diff(apart, axis=1) >= 0).all()
    pairs = {(int(a), int(b)) for a, row in zip(cluster, cluster[found], strict=True) for b in row if a != b}
    assert pairs >= {(0, 1), (1, 0), (0, 2), (2, 0), (1, 3), (3, 1), (2, 3), (3, 2)}
    assert ((cluster[found] != cluster[:, None]).sum(axis=1) <= 4).all()


def test_nodes_on_one_line_have_no_triangles() -> None:
    tour = Routing(coordinates=np.stack([np.arange(100.0), np.zeros(100)], axis=1))
    found = quadrant_neighbours(tour, 8, 1, 2)
    assert np.array_equal(found, quadrant_neighbours(tour, 8, 1, 0))
