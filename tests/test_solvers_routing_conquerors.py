"""Every conqueror on zones: feasible, never worse; CP-SAT finds optima; refusals name a remedy."""

import importlib.util
from typing import Any

import numpy as np
import pytest
from routing_cases import as_matrix, best_routes, random_routing, some_routes
from test_solvers_routing_part import one_way
from udc_cases import ROUTES, TOUR

from copt.errors import CoptError, MissingExtraError
from copt.problems.routing import Routing, check, objective
from copt.solvers.routing.conquerors import Conqueror, CpSat, Neural, PyVrp
from copt.solvers.routing.part import has_pyvrp

LIMITS: dict[str, Any] = {"seconds": 60.0, "stopped": lambda: False}
CONQUERORS: dict[str, Conqueror] = {
    "cpsat": CpSat(work=0.2),
    "pyvrp": PyVrp(iterations=100),
    "neural": Neural(ROUTES, rounds=3),
}
EVERY = pytest.mark.parametrize("name", CONQUERORS)
ZONES = {
    "plain": random_routing(14, 1),
    "exact": random_routing(14, 1, metric="exact"),
    "few routes": random_routing(14, 1, max_routes=7, capacity=12),
    "no capacity": random_routing(14, 1, capacity=None, max_routes=2),
    "open": random_routing(14, 1, open_routes=True),
    "matrix": as_matrix(random_routing(14, 1)),
    "one way": one_way(14, 1),
    "one way open": one_way(14, 1, open_routes=True),
    "single": random_routing(1, 1),
}


def conqueror_of(name: str) -> Conqueror:
    if name == "pyvrp" and not has_pyvrp():
        pytest.skip("pyvrp is not installed")
    return CONQUERORS[name]


@EVERY
@pytest.mark.parametrize("kind", ZONES)
def test_answers_are_feasible_and_never_worse(name: str, kind: str) -> None:
    conqueror, zone = conqueror_of(name), ZONES[kind]
    if name == "neural" and (zone.coordinates is None or zone.open_routes):
        with pytest.raises(CoptError, match="conqueror 'neural' needs coordinates and closed routes, take CpSat"):
            conqueror.admit(zone)
        return
    conqueror.admit(zone)
    for seed in range(2):
        start = some_routes(zone, np.random.default_rng(seed))
        found = conqueror(zone, start, seed=seed, **LIMITS)
        assert check(zone, found) == []
        assert objective(zone, found) <= objective(zone, start) * (1 + 1e-9)
        if kind != "single" and name != "neural":  # the net has random weights
            assert objective(zone, found) < objective(zone, start)


@pytest.mark.parametrize(
    "zone",
    [
        random_routing(8, 2),
        random_routing(8, 3, open_routes=True),
        random_routing(8, 4, metric="exact"),
        random_routing(8, 5, max_routes=3, capacity=12, demand=[0, 4, 4, 4, 4, 4, 4, 4, 4]),
        one_way(8, 6),
    ],
    ids=["plain", "open", "exact", "few routes", "one way"],
)
def test_cpsat_finds_the_optimum_of_eight_customers(zone: Routing) -> None:
    start = some_routes(zone, np.random.default_rng(0))
    found = CpSat(work=60.0)(zone, start, seed=1, **LIMITS)
    assert objective(zone, found) == pytest.approx(best_routes(zone), rel=1e-9)
    assert objective(zone, start) > objective(zone, found)


@EVERY
def test_answers_follow_the_seed(name: str) -> None:
    conqueror, zone = conqueror_of(name), random_routing(25, 7)
    start = some_routes(zone, np.random.default_rng(2))
    one, other = (conqueror(zone, start, seed=4, **LIMITS).to_lists() for _ in range(2))
    assert one == other


@EVERY
@pytest.mark.parametrize("limits", [{"seconds": 0.0}, {"stopped": lambda: True}], ids=["time", "halt"])
def test_without_time_there_are_routes_all_the_same(name: str, limits: dict[str, Any]) -> None:
    conqueror, zone = conqueror_of(name), random_routing(25, 8)
    start = some_routes(zone, np.random.default_rng(3))
    found = conqueror(zone, start, seed=0, **{**LIMITS, **limits})
    assert check(zone, found) == []
    assert objective(zone, found) <= objective(zone, start)


def test_what_is_missing_or_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CoptError, match="'random' is no UDC policy for cvrp; take routing-udc-cvrp-v1"):
        Neural(TOUR).admit(random_routing(5, 1))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"conqueror 'pyvrp' needs .* pip install 'copt-solver\[bench\]'"):
        PyVrp().admit(random_routing(5, 1))
