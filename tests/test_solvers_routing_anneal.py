"""Ruin and recreate: moves are taken back exactly, accounts are true, zones do not touch."""

import itertools
from typing import Any

import numpy as np
import pytest
from routing_cases import as_matrix, random_routing

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.routing import Routes, Routing, check, costs, objective
from copt.solvers.routing.anneal import Annealer, Schedule
from copt.solvers.routing.anneal_kernels import anneal
from copt.solvers.routing.division import DIVISIONS, Division, Layout, by_barycentre, by_kd, by_sequence, layout_of
from copt.solvers.routing.plan import neighbours, plan_of
from copt.solvers.routing.ruin_kernels import Ruin, depot_place, passing_end, recreate, ruin
from copt.solvers.routing.savings import savings_routes
from copt.solvers.routing.zone_kernels import BEST, CURRENT, MOVES, Zone, packed
from copt.stop import Stop

AMOUNT = Ruin(6.0, 5.0, False, 10)


def annealer_of(instance: Routing, seed: int = 0, **limits: Any) -> Annealer:
    return started(instance, savings_routes(instance, plan_of(instance, neighbours(instance, 20))), seed=seed, **limits)


def started(
    instance: Routing, lists: list[list[int]], schedule: Schedule | None = None, seed: int = 0, **limits: Any
) -> Annealer:
    plan = plan_of(instance, neighbours(instance, 20))
    monitor = Monitor(Stop(**limits), Silent())

    def report(routes: Routes) -> None:
        monitor.offer(objective(instance, routes), routes, "test")

    return Annealer(instance, plan, Routes.from_lists(lists), monitor, report, schedule or Schedule(), seed)


def current_routes(annealer: Annealer) -> Routes:
    """The routes as they stand, read link by link."""
    fleet, depot = annealer._fleet, annealer._plan.depot
    routes = []
    for first in fleet.first.tolist():
        route, node = [], first
        while node != depot:
            route.append(node)
            node = int(fleet.next[node])
        if route:
            routes.append(route)
    return Routes.from_lists(routes)


def run(
    annealer: Annealer, zone: Zone, temperature: float, moves: int, *, width: int = 6, patience: float = 50.0
) -> None:
    anneal(annealer._plan, annealer._fleet, zone, AMOUNT, width, patience, temperature, 0.0, moves)


CASES = [{}, {"open_routes": True}, {"metric": "exact"}, {"capacity": 40}, {"max_routes": 14}]


@pytest.mark.parametrize("fields", CASES)
def test_accounts_are_true_after_any_number_of_moves(fields: dict[str, Any]) -> None:
    instance = random_routing(40, 1, **fields)
    for temperature, moves, width in itertools.product((0.01, 3.0, 50.0), (1, 7, 400), (0, 6)):
        annealer = annealer_of(instance)
        before = objective(instance, current_routes(annealer))
        (zone,) = annealer.divide(1)
        run(annealer, zone, temperature, moves, width=width)
        now = current_routes(annealer)
        assert check(instance, now) == []
        assert objective(instance, now) - before == pytest.approx(zone.account[CURRENT], abs=1e-6)
        best = annealer.routes()
        assert check(instance, best) == []
        assert objective(instance, best) - before == pytest.approx(zone.account[BEST], abs=1e-6)
        assert zone.account[BEST] <= min(0.0, zone.account[CURRENT]) + 1e-9
        assert zone.account[MOVES] == moves


def test_costs_in_a_matrix_and_by_coordinates_go_the_same_way() -> None:
    instance = random_routing(30, 4)
    routes = []
    for same in (instance, as_matrix(instance)):
        annealer = annealer_of(same)
        (zone,) = annealer.divide(1)
        run(annealer, zone, 2.0, 300)
        routes.append(objective(instance, annealer.routes()))
    # Neighbours at equal distance may come in another order, so courses may part; both must gain.
    start = objective(instance, current_routes(annealer_of(instance)))
    assert max(routes) < start


def test_a_frozen_search_takes_every_worse_move_back() -> None:
    instance = random_routing(30, 2)
    annealer = annealer_of(instance)
    (zone,) = annealer.divide(1)
    last = objective(instance, current_routes(annealer))
    for _ in range(300):
        before = current_routes(annealer).to_lists()
        run(annealer, zone, 0.0, 1)
        value = objective(instance, current_routes(annealer))
        assert value <= last
        if value == last:
            assert sorted(current_routes(annealer).to_lists()) == sorted(before)
        last = value


# Sixty customers in the order of a random sequence stand for what a policy decodes.
EVERY_DIVISION = DIVISIONS | {"learned": by_sequence(np.random.default_rng(8).permutation(60) + 1)}


def random_layout(seed: int, routes: int = 20) -> Layout:
    """Sixty customers on routes of which some are empty."""
    rng = np.random.default_rng(seed)
    owner = np.concatenate([[-1], rng.integers(0, routes - 3, 60)]).astype(np.int32)
    sizes = np.bincount(owner[1:], minlength=routes).astype(np.int32)
    return Layout(rng.normal(size=(routes, 2)), sizes, owner)


@pytest.mark.parametrize("division", EVERY_DIVISION.values(), ids=EVERY_DIVISION)
def test_a_zone_leaves_the_others_alone(division: Division) -> None:
    instance = random_routing(60, 3)
    annealer = annealer_of(instance)
    annealer._schedule = Schedule(division=division)
    zones = annealer.divide(3)
    members = [set(zone.members.tolist()) for zone in zones]
    assert sorted(c for part in members for c in part) == list(range(1, 61))
    assert max(map(len, members)) <= 2 * min(map(len, members)) + 12
    before = current_routes(annealer).to_lists()
    run(annealer, zones[1], 20.0, 500)
    after = current_routes(annealer).to_lists()
    others = [route for route in before if not members[1] & set(route)]
    assert all(route in after for route in others)
    assert {c for route in after if route not in others for c in route} == members[1]
    assert sorted(after) != sorted(before)


def test_a_place_next_to_the_depot_is_the_cheaper_of_both_ends() -> None:
    annealer = annealer_of(random_routing(60, 3))
    plan, fleet, lists = annealer._plan, annealer._fleet, current_routes(annealer).to_lists()
    for c, (r, route) in itertools.product(range(1, 61), enumerate(lists)):
        if c in route:
            continue
        paths = [[0, c, route[0]], [route[-1], c, 0]]
        added = [
            float(costs(annealer._instance, np.array(p[:2]), np.array(p[1:])).sum())
            - float(costs(annealer._instance, np.array([p[0]]), np.array([p[2]]))[0])
            for p in paths
        ]
        extra, behind, end = depot_place(plan, fleet, r, c)
        assert extra == pytest.approx(min(added))
        assert (behind, end) == ((0, route[0]) if added[0] <= added[1] else (route[-1], route[-1]))


def test_the_end_that_passes_by_is_the_cheapest_of_those_looked_at() -> None:
    # Two routes: trying 40 times at random misses one with probability 2^-40.
    places = [[0, 0], [100, 0], [110, 0], [0, 100], [0, 110], [50, 1], [1, 50]]
    instance = Routing(
        coordinates=np.array(places, dtype=float), depot=0, demand=np.array([0, 1, 1, 1, 1, 1, 1]), capacity=3
    )
    annealer = started(instance, [[1, 2], [3, 4], [5, 6]], seconds=60.0)
    zone = annealer.divide(1)[0]
    assert passing_end(annealer._plan, annealer._fleet, zone, 5) in (1, 2)
    assert passing_end(annealer._plan, annealer._fleet, zone, 6) in (3, 4)


def test_packing_is_the_change_of_the_sum_of_squared_loads() -> None:
    annealer = annealer_of(random_routing(40, 5), seconds=60.0)
    plan, fleet, zone = annealer._plan, annealer._fleet, annealer.divide(1)[0]
    zone.account[MOVES] = 1  # the first move: routes are logged once in each
    before = (fleet.load**2).sum()
    removed, _ = ruin(plan, fleet, zone, AMOUNT)
    assert packed(fleet, zone) == (fleet.load**2).sum() - before < 0
    recreate(plan, fleet, zone, AMOUNT, removed)
    assert packed(fleet, zone) == (fleet.load**2).sum() - before


def test_squeezing_fills_full_routes_and_empties_others() -> None:
    # With a squeeze that outweighs all costs, no move lowers the sum of squared loads.
    annealer = annealer_of(random_routing(60, 4), seconds=60.0)
    plan, fleet, zone = annealer._plan, annealer._fleet, annealer.divide(1)[0]
    sums = [int((fleet.load**2).sum())]
    for _ in range(300):
        anneal(plan, fleet, zone, AMOUNT, 6, 50.0, 1e-9, 1e6, 1)
        sums.append(int((fleet.load**2).sum()))
    assert sums == sorted(sums)
    assert sums[-1] > sums[0]


def test_routes_are_squeezed_only_while_there_are_too_many() -> None:
    instance = Routing(
        coordinates=np.array([[0, 0], [0, 3], [4, 0], [0, 6]]), depot=0, demand=np.array([0, 2, 2, 2]), capacity=4
    )
    assert started(instance, [[1, 2], [3]])._pressure() == 0.0
    # Cost 26 over 3 customers and 3 routes; a route costs 26 / 3 at the depot.
    assert started(instance, [[1], [2], [3]])._pressure() == pytest.approx(0.5 * (26 / 3) / (26 / 6 * 1.5 * 16))
    assert started(instance, [[1], [2], [3]], Schedule(squeeze=0.0))._pressure() == 0.0


def test_reunited_zones_are_reported_when_better() -> None:
    instance = random_routing(80, 5)
    annealer = annealer_of(instance)
    monitor = annealer._monitor
    start = objective(instance, current_routes(annealer))
    for _ in range(5):
        zones = annealer.divide(2)
        for zone in zones:
            run(annealer, zone, 1.0, 300)
        annealer.reunite(zones)
        assert annealer._current == pytest.approx(objective(instance, current_routes(annealer)), abs=1e-6)
    assert monitor.best is not None
    assert monitor.best < start
    assert check(instance, monitor.solution) == []
    assert objective(instance, monitor.solution) == monitor.best


def test_temperature_falls_geometrically_with_the_moves() -> None:
    annealer = annealer_of(random_routing(20, 1), moves=100)
    hot = annealer._temperature()
    annealer._moves = 50
    middle = annealer._temperature()
    annealer._moves = 100
    cold = annealer._temperature()
    assert cold / hot == pytest.approx(Schedule().cold / Schedule().hot)
    assert middle == pytest.approx(np.sqrt(hot * cold))


def test_a_route_lies_at_the_mean_of_its_customers() -> None:
    instance = random_routing(5, 9)
    owner = np.array([-1, 0, 2, 0, 2, 0], dtype=np.int32)
    places = instance.coordinates
    assert places is not None
    layout = layout_of(instance, owner, 3, np.random.default_rng(0))
    assert layout.sizes.tolist() == [3, 0, 2]
    wanted = [places[[1, 3, 5]].mean(axis=0) - places[0], (0, 0), places[[2, 4]].mean(axis=0) - places[0]]
    assert layout.centres == pytest.approx(np.array(wanted))
    matrix = as_matrix(instance)
    away = layout_of(matrix, owner, 3, np.random.default_rng(0)).centres[:, 0]
    assert matrix.matrix is not None
    means = [[row[[1, 3, 5]].mean(), 0.0, row[[2, 4]].mean()] for row in matrix.matrix[1:]]
    assert away.tolist() in means


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("division", EVERY_DIVISION.values(), ids=EVERY_DIVISION)
def test_divisions_are_balanced_and_deal_out_empty_routes(division: Division, parts: int) -> None:
    for seed in range(10):
        layout = random_layout(seed)
        labels, sizes = division(layout, parts, np.random.default_rng(seed)), layout.sizes
        loads = np.bincount(labels, sizes, parts)
        assert loads.size == parts
        assert loads.sum() == 60
        assert loads.max() - loads.min() <= 2 * sizes.max()
        empty = np.bincount(labels[sizes == 0], minlength=parts)
        assert empty.max() - empty.min() <= 1


@pytest.mark.parametrize("division", EVERY_DIVISION.values(), ids=EVERY_DIVISION)
def test_divisions_follow_their_seed_and_change_from_round_to_round(division: Division) -> None:
    layout = random_layout(1)
    one, other = np.random.default_rng(2), np.random.default_rng(2)
    rounds = [division(layout, 4, one).tolist() for _ in range(4)]
    assert rounds == [division(layout, 4, other).tolist() for _ in range(4)]
    assert any(labels != rounds[0] for labels in rounds)


@pytest.mark.parametrize("division", EVERY_DIVISION.values(), ids=EVERY_DIVISION)
def test_without_customers_there_are_empty_zones(division: Division) -> None:
    layout = Layout(np.zeros((5, 2)), np.zeros(5, dtype=np.int32), np.full(61, -1, dtype=np.int32))
    assert division(layout, 2, np.random.default_rng(0)).tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("division", [by_barycentre, by_kd])
def test_a_cut_separates_by_a_line(division: Division) -> None:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(40, 2))
    layout = Layout(centres, np.ones(40, dtype=np.int32), np.arange(-1, 40, dtype=np.int32))
    labels = division(layout, 2, rng)
    angles = np.linspace(0, np.pi, 721)
    heights = centres @ np.stack([np.cos(angles), np.sin(angles)])
    one, two = heights[labels == 0], heights[labels == 1]
    assert ((one.max(axis=0) <= two.min(axis=0)) | (two.max(axis=0) <= one.min(axis=0))).any()


def test_bisection_keeps_clusters_together_at_every_angle() -> None:
    places = np.array(
        [(100 * cluster + x, y) for cluster in range(4) for x in (0, 9) for y in (0, 9)], dtype=np.float64
    )
    layout = Layout(places, np.ones(16, dtype=np.int32), np.arange(-1, 16, dtype=np.int32))
    for seed in range(20):
        labels = by_kd(layout, 4, np.random.default_rng(seed))
        assert sorted(labels[::4].tolist()) == [0, 1, 2, 3]
        assert np.array_equal(labels, np.repeat(labels[::4], 4))


def test_a_sequence_is_cut_between_routes_that_follow_one_another() -> None:
    order = np.random.default_rng(4).permutation(60) + 1
    owner = np.full(61, -1, dtype=np.int32)
    owner[order] = np.arange(60) // 5  # twelve routes, one behind another in the sequence
    layout = Layout(np.zeros((12, 2)), np.full(12, 5, dtype=np.int32), owner)
    for seed in range(5):
        labels = by_sequence(order)(layout, 3, np.random.default_rng(seed))
        assert np.bincount(labels).tolist() == [4, 4, 4]
        assert np.count_nonzero(labels != np.roll(labels, 1)) == 3
