"""Cuts, rounds and the search of UDC against slow accounts; solutions against the checker."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_cases import as_matrix, random_routing, random_tour
from udc_cases import CASES, ROUTES, TOUR, policy_of, random_sequence

from copt.errors import CoptError
from copt.events import Silent
from copt.instances.routing import GENERATORS
from copt.monitor import Monitor
from copt.problems.routing import Routes, Routing, check, objective
from copt.result import StopReason
from copt.solvers.routing.udc import Conqueror, even_bounds, heat_order, udc_search
from copt.solvers.routing.udc_gaps import ROUNDS, compare, greedy_start
from copt.solvers.routing.udc_paths import (
    Parts,
    by_angle,
    cut,
    frames_of,
    mirrored,
    part_costs,
    routes_of,
    sequence_of,
)
from copt.stop import Stop


@pytest.mark.parametrize("instance", CASES, ids=["tour", "routes", "no capacity"])
def test_sequences_are_routes(instance: Routing) -> None:
    sequence = random_sequence(instance, 1)
    routes = routes_of(sequence)
    back = sequence_of(instance, routes)
    assert objective(instance, routes_of(sequence.rolled(29))) == objective(instance, routes)
    assert np.array_equal(back.via, sequence.via)
    assert np.array_equal(back.nodes, sequence.nodes)


def test_routes_are_sorted_by_the_angle_of_their_centres() -> None:
    instance = random_routing(40, 6)
    sequence = random_sequence(instance, 2)
    turned = by_angle(instance, sequence)
    before, after = routes_of(sequence).to_lists(), routes_of(turned).to_lists()
    assert sorted(before) == sorted(after)
    points = instance.coordinates
    assert points is not None
    centres = [(points[route] - points[0]).mean(axis=0) for route in after]
    assert np.all(np.diff([np.arctan2(y, x) for x, y in centres]) >= 0)


@given(st.integers(0, 500), st.integers(1, 40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_cut_routes_share_what_they_may_still_take(seed: int, part: int, shift: int) -> None:
    instance = random_routing(40, seed)
    sequence = random_sequence(instance, seed).rolled(shift)
    bounds = even_bounds(40, part)
    parts = cut(instance, sequence, bounds)
    demand, capacity = instance.demands, 12
    owner = [int(sequence.via[: k + 1].sum()) or int(sequence.via.sum()) for k in range(40)]
    pieces: list[tuple[int, int, int]] = []  # part, route, load
    edges: list[list[int]] = []  # first and last piece of each part
    for p, (begin, end) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        edges.append([len(pieces)])
        for k in range(begin, end):
            if k == begin or sequence.via[k]:
                pieces.append((p, owner[k], 0))
            pieces[-1] = (p, owner[k], pieces[-1][2] + int(demand[sequence.nodes[k]]))
        edges[-1].append(len(pieces) - 1)
    most = []
    for _, route, load in pieces:
        mine = [piece[2] for piece in pieces if piece[1] == route]
        most.append(load + (capacity - sum(mine)) // len(mine))
    for p, (first, last) in enumerate(edges):
        whole = pieces[first][2] if first == last else most[first] + most[last] - capacity
        assert parts.limits[p].tolist() == [most[first], most[last], whole]
        assert parts.nodes[p, : parts.size[p]].tolist() == sequence.nodes[bounds[p] : bounds[p + 1]].tolist()


@pytest.mark.parametrize("instance", CASES, ids=["tour", "routes", "no capacity"])
def test_costs_of_parts_and_links_make_the_objective(instance: Routing) -> None:
    sequence, bounds = random_sequence(instance, 3), even_bounds(70, 20)
    parts = cut(instance, sequence, bounds)
    links = np.append(bounds[1:-1], 70)
    ends = Parts(
        np.stack([sequence.nodes[links - 1], sequence.nodes[links % 70]], axis=1),
        np.stack([sequence.via[links - 1], sequence.via[links % 70]], axis=1),
        np.full(links.size, 2, dtype=np.int32),
        np.zeros((links.size, 3), dtype=np.int64),
    )
    total = part_costs(instance, parts).sum() + part_costs(instance, ends).sum()
    assert total == objective(instance, routes_of(sequence))


def test_mirrored_parts_cost_the_same_and_mirror_back() -> None:
    instance = random_routing(53, 8)
    parts = cut(instance, random_sequence(instance, 4), even_bounds(53, 12))
    assert len(set(parts.size.tolist())) > 1
    back = mirrored(parts)
    assert np.array_equal(part_costs(instance, parts), part_costs(instance, back))
    for p, size in enumerate(parts.size.tolist()):
        assert back.nodes[p, :size].tolist() == parts.nodes[p, :size][::-1].tolist()
        assert back.via[p, 1:size].tolist() == parts.via[p, 1:size][::-1].tolist()
        assert back.limits[p].tolist() == parts.limits[p, [1, 0, 2]].tolist()
        assert mirrored(back).nodes[p, :size].tolist() == parts.nodes[p, :size].tolist()


@pytest.mark.parametrize("instance", CASES[:2], ids=["tour", "routes"])
def test_paths_are_seen_in_a_unit_box(instance: Routing) -> None:
    assert instance.coordinates is not None
    parts = cut(instance, random_sequence(instance, 5), even_bounds(70, 20))
    moved = Routing(**{**vars(instance), "coordinates": 3.0 * instance.coordinates[:, ::-1] + 17.0})
    frames, again = frames_of(instance, parts), frames_of(moved, parts)
    np.testing.assert_allclose(frames.apart, again.apart, atol=1e-5)
    np.testing.assert_allclose(frames.home, again.home, atol=1e-5)
    spans = np.ptp(frames.x[:, :, :2], axis=1)
    assert spans.max() <= 1.0
    if instance.depot is None:
        np.testing.assert_allclose(spans[:, 0], 1.0)
        np.testing.assert_allclose(frames.x, again.x, atol=1e-5)
    assert frames.x[:, 0, 2:4].tolist() == [[1.0, 0.0]] * 4
    assert [frames.x[p, size - 1, 2:4].tolist() for p, size in enumerate(parts.size)] == [[0.0, 1.0]] * 4


@pytest.mark.parametrize("instance", CASES, ids=["tour", "routes", "no capacity"])
@pytest.mark.parametrize("shift", [0, 5])
def test_rounds_keep_solutions_and_never_lengthen_them(instance: Routing, shift: int) -> None:
    conqueror = Conqueror(instance, policy_of(instance))
    routes = routes_of(random_sequence(instance, 6))
    lengths = [objective(instance, routes)]
    for _ in range(4):
        routes = conqueror.routes(routes, shift)
        assert check(instance, routes) == []
        lengths.append(objective(instance, routes))
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < lengths[0]


def test_a_zone_keeps_its_customers_and_a_path_its_ends() -> None:
    instance = random_routing(60, 9)
    lists = routes_of(random_sequence(instance, 7)).to_lists()[:6]
    zone = Routes.from_lists(lists)
    better = Conqueror(instance, ROUTES).routes(zone)
    assert sorted(better.nodes) == sorted(zone.nodes)
    assert objective(instance, better) <= objective(instance, zone)
    tour = random_tour(80, 3)
    path = np.random.default_rng(1).permutation(80)[:40]
    found = Conqueror(tour, TOUR).path(path)
    assert (found[0], found[-1]) == (path[0], path[-1])
    assert sorted(found) == sorted(path)
    whole = Routing(coordinates=tour.coordinates, metric="euc_2d", depot=int(path[0]), open_routes=True)
    lengths = [objective(whole, Routes(order[1:], np.array([0, 39]))) for order in (found, path)]
    assert lengths[0] < lengths[1]
    with pytest.raises(CoptError, match=r"has a depot; pass whole routes to Conqueror.routes"):
        Conqueror(instance, ROUTES).path(path)


def searched(instance: Routing, moves: int, seed: int = 0) -> Monitor:
    monitor = Monitor(Stop(moves=moves), Silent())
    udc_search(instance, monitor, policy_of(instance), seed)
    return monitor


@pytest.mark.parametrize("instance", CASES, ids=["tour", "routes", "no capacity"])
def test_search_improves_its_start_and_depends_on_the_seed_alone(instance: Routing) -> None:
    start, long, again = searched(instance, 0), searched(instance, 12), searched(instance, 12)
    assert len(start.trace().incumbents) == 1
    assert start.best is not None
    assert long.best is not None
    assert long.best < start.best
    assert check(instance, long.solution) == []
    assert long.best == again.best == objective(instance, long.solution)
    assert long.trace().incumbents[0][1] == start.best


def test_search_ends_when_the_monitor_says_so() -> None:
    monitor = Monitor(Stop(seconds=1e9, target=1e12), Silent())
    udc_search(CASES[0], monitor, TOUR, 0)
    assert monitor.reason() is StopReason.TARGET
    assert len(monitor.trace().incumbents) == 1


def test_a_round_that_is_cut_short_leaves_the_rest_as_it_is() -> None:
    instance = random_tour(70, 3)
    before = sequence_of(instance, Routes.from_lists([list(range(70))]))
    kept = Conqueror(instance, TOUR, lambda: True).sequence(before, 7)
    assert np.array_equal(kept.nodes, before.nodes)
    whole = Conqueror(instance, TOUR).sequence(before, 7)
    assert objective(instance, routes_of(whole)) < objective(instance, routes_of(kept))


def test_the_number_of_routes_is_kept() -> None:
    instance = random_routing(40, 10)
    least = -(-int(instance.demands.sum()) // 12)
    limited = Routing(**{**vars(instance), "max_routes": least + 3})
    monitor = searched(limited, 15)
    assert check(limited, monitor.solution) == []
    tight = Routing(**{**vars(instance), "max_routes": least})
    with pytest.raises(CoptError, match=rf"the heat map found no {least} routes for .*; pass policy=None or a start"):
        searched(tight, 1)


def test_what_does_not_apply_is_named() -> None:
    with pytest.raises(CoptError, match="has a matrix; UDC needs coordinates and closed routes, pass policy=None"):
        heat_order(as_matrix(random_tour(9, 1)), TOUR, np.random.default_rng(0))
    with pytest.raises(CoptError, match="has open routes"):
        Conqueror(random_routing(9, 1, open_routes=True), ROUTES)
    with pytest.raises(CoptError, match="'random' is no UDC policy for tsp; take routing-udc-tsp-v1 or train one with"):
        Conqueror(random_tour(9, 1), ROUTES)


def test_heat_orders_are_permutations_that_the_generator_decides() -> None:
    instance = random_routing(70, 11)
    orders = [heat_order(instance, ROUTES, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert all(sorted(order) == instance.customers.tolist() for order in orders)
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])


def test_comparison_names_every_arm() -> None:
    instances = [GENERATORS["neural-tsp"](nodes=40, seed=seed) for seed in range(2)]
    table = compare({"one": TOUR}, instances)
    assert table["greedy_start"] == round(float(np.mean([objective(i, greedy_start(i)) for i in instances])), 3)
    arms = table["one"]
    assert isinstance(arms, dict)
    assert list(arms) == [*(f"x{rounds}" for rounds in ROUNDS), "greedy_start_x50"]
    assert arms["x0"] >= arms["x2"] >= arms["x10"] >= arms["x50"]
    assert arms["greedy_start_x50"] <= float(str(table["greedy_start"]))
