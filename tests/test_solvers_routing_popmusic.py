"""Zones are disjoint and small, accounts are true, answers are checked before they are kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from routing_cases import as_matrix, random_routing, random_tour, some_routes
from test_solvers_routing_part import one_way
from udc_cases import ROUTES

from copt.errors import CoptError
from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.routing import Routes, Routing, check, objective
from copt.solvers.routing.conquerors import Conqueror, CpSat, Neural, PyVrp
from copt.solvers.routing.part import has_pyvrp
from copt.solvers.routing.popmusic import Popmusic, conquer_routes
from copt.stop import Stop


@dataclass
class Scripted:
    """Answers what it is told to."""

    answer: Callable[[Routing, Routes], Routes]
    size: int = 20
    seen: list[tuple[Routing, Routes, int]] = field(default_factory=list)

    def admit(self, instance: Routing) -> None:
        pass

    def __call__(
        self, part: Routing, routes: Routes, *, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Routes:
        assert check(part, routes) == []
        self.seen.append((part, routes, seed))
        return self.answer(part, routes)


def two_opt(part: Routing, routes: Routes) -> Routes:
    """The best reversal in the first route that gains, if one does."""
    lists = routes.to_lists()
    for r, route in enumerate(lists):
        for i in range(len(route)):
            for j in range(i + 2, len(route) + 1):
                turned = [*lists[:r], [*route[:i], *reversed(route[i:j]), *route[j:]], *lists[r + 1 :]]
                if objective(part, Routes.from_lists(turned)) < objective(part, routes):
                    return Routes.from_lists(turned)
    return routes


def problem_of(
    instance: Routing, conqueror: Conqueror, *, seed: int = 0, **limits: Any
) -> tuple[Popmusic, list[Routes], float]:
    first = some_routes(instance, np.random.default_rng(seed))
    reported: list[Routes] = []
    monitor = Monitor(Stop(**limits), Silent())
    return Popmusic(instance, first, conqueror, monitor, reported.append, seed), reported, objective(instance, first)


@pytest.mark.parametrize(
    "instance", [random_routing(80, 1), as_matrix(random_routing(80, 1))], ids=["places", "matrix"]
)
def test_zones_are_whole_routes_disjoint_and_of_their_size(instance: Routing) -> None:
    popmusic, _, _ = problem_of(instance, Scripted(lambda part, routes: routes))
    whole = popmusic.routes().to_lists()
    for _ in range(5):
        zones = popmusic.divide(3)
        picked = [r for zone in zones for r in zone.picked]
        assert len(zones) == 3
        assert len(set(picked)) == len(picked)
        for zone in zones:
            assert 12 <= zone.part.customers.size <= 20
            mine = [zone.nodes[route].tolist() for route in zone.routes.to_lists()]
            assert mine == [whole[r] for r in zone.picked]
            assert check(zone.part, zone.routes) == []
    assert len(popmusic.divide(1000)) < len(whole)  # no more than there are


def test_a_zone_is_a_route_and_those_nearest_to_it() -> None:
    instance = random_routing(80, 2)
    popmusic, _, _ = problem_of(instance, Scripted(lambda part, routes: routes))
    assert instance.coordinates is not None
    centres = np.array([instance.coordinates[route].mean(axis=0) for route in popmusic.routes().to_lists()])
    (zone,) = popmusic.divide(1)
    apart = np.linalg.norm(centres - centres[zone.picked[0]], axis=1)
    others = np.delete(np.arange(len(centres)), zone.picked)
    assert apart[zone.picked].max() <= apart[others].min()


def test_a_long_route_is_a_zone_alone() -> None:
    instance = random_routing(40, 3, capacity=1000)
    popmusic, _, _ = problem_of(instance, Scripted(lambda part, routes: routes, size=1))
    assert [len(zone.picked) for zone in popmusic.divide(2)] == [1, 1]


def test_zones_keep_their_routes_where_these_are_limited() -> None:
    popmusic, _, _ = problem_of(random_routing(40, 4, max_routes=20), Scripted(lambda part, routes: routes))
    for zone in popmusic.divide(3):
        assert zone.part.max_routes == len(zone.picked)


@pytest.mark.parametrize(
    "instance", [random_routing(60, 5), random_routing(60, 5, open_routes=True, metric="exact"), one_way(30, 5)]
)
def test_accounts_are_true(instance: Routing) -> None:
    popmusic, reported, cost = problem_of(instance, Scripted(two_opt))
    for _ in range(30):
        zones = popmusic.divide(2)
        for zone in zones:
            popmusic.conquer(zone, np.inf)
        gain, before = sum(zone.gain for zone in zones), len(reported)
        popmusic.reunite(zones)
        assert len(reported) - before == (gain > 0.0)
        assert check(instance, popmusic.routes()) == []
        assert objective(instance, popmusic.routes()) == pytest.approx(cost - gain, abs=1e-6)
        cost -= gain
    assert objective(instance, reported[-1]) == pytest.approx(cost, abs=1e-6)
    assert len(reported) >= 3


@pytest.mark.parametrize(
    "answer",
    [
        lambda part, routes: Routes.from_lists([part.customers.tolist()]),  # over the capacity
        lambda part, routes: Routes.from_lists(routes.to_lists()[1:]),  # cheap, but incomplete
        lambda part, routes: Routes.from_lists([[c] for c in part.customers.tolist()]),  # dear
        lambda part, routes: routes,
    ],
    ids=["heavy", "incomplete", "dear", "same"],
)
def test_only_feasible_and_better_answers_are_kept(answer: Callable[[Routing, Routes], Routes]) -> None:
    popmusic, reported, _ = problem_of(random_routing(60, 6), Scripted(answer))
    before = popmusic.routes().to_lists()
    zones = popmusic.divide(2)
    for zone in zones:
        popmusic.conquer(zone, np.inf)
    popmusic.reunite(zones)
    assert [zone.gain for zone in zones] == [0.0, 0.0]
    assert popmusic.routes().to_lists() == before
    assert reported == []


def test_halted_or_late_zones_are_left_alone() -> None:
    conqueror = Scripted(two_opt)
    popmusic, _, _ = problem_of(random_routing(60, 6), conqueror)
    (zone,) = popmusic.divide(1)
    popmusic.conquer(zone, 0.0)
    popmusic.halt()
    popmusic.conquer(zone, np.inf)
    assert conqueror.seen == []


@pytest.mark.parametrize("name", ["cpsat", "pyvrp", "neural"])
def test_moves_and_seed_fix_the_course(name: str) -> None:
    if name == "pyvrp" and not has_pyvrp():
        pytest.skip("pyvrp is not installed")
    conquerors: dict[str, Conqueror] = {
        "cpsat": CpSat(work=0.05, size=12),
        "pyvrp": PyVrp(iterations=20, size=30),
        "neural": Neural(ROUTES, rounds=2, size=60),
    }
    instance = random_routing(100, 7)
    start = some_routes(instance, np.random.default_rng(1))
    ends = []
    for seed in (3, 3, 4):
        monitor = Monitor(Stop(seconds=600.0, moves=6), Silent())
        conquer_routes(instance, monitor, start, conquerors[name], workers=1, seed=seed)
        assert check(instance, monitor.solution) == []
        assert monitor.best == objective(instance, monitor.solution)
        ends.append(monitor.solution.to_lists())
    assert ends[0] == ends[1] != ends[2]


def test_two_workers_improve_until_the_time_is_over() -> None:
    instance = random_routing(100, 8)
    start = some_routes(instance, np.random.default_rng(1))
    monitor = Monitor(Stop(seconds=1.0), Silent())
    conquer_routes(instance, monitor, start, CpSat(size=10), workers=2, seed=0)
    assert check(instance, monitor.solution) == []
    assert monitor.best is not None and monitor.best < objective(instance, start)


def test_a_tour_has_no_zones_of_routes() -> None:
    with pytest.raises(CoptError, match="is a tour; zones of routes need a depot, call search_tour instead"):
        problem_of(random_tour(9, 1), CpSat())
