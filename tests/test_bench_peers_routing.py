"""Peers on routing problems small enough to know the optimum."""

import importlib.util
from typing import Any

import numpy as np
import pytest
from routing_cases import as_matrix, best_routes, best_tour, random_routing, random_tour

from copt.bench.answer import Answer
from copt.bench.peers import find_peer
from copt.errors import CoptError
from copt.instances.routing import GENERATORS
from copt.problems.routing import Routing, check, objective, toy

TOURS = [random_tour(7, 1), random_tour(7, 1, metric="exact"), as_matrix(random_tour(7, 1))]
LIMITS: dict[str, Any] = {"seconds": 1.0, "workers": 1, "seed": 1}


def run(name: str, instance: Routing, **limits: Any) -> Answer:
    for package in {"pyvrp": ["pyvrp"], "lkh": ["elkai"]}.get(name, []):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return find_peer("routing", name).run(instance, **{**LIMITS, **limits})


@pytest.mark.parametrize("name", ["pyvrp", "ortools"])
@pytest.mark.parametrize("fields", [{}, {"metric": "exact"}, {"max_routes": 3, "capacity": 20}])
def test_peers_find_the_optimum_of_routes(name: str, fields: dict[str, Any]) -> None:
    instance = random_routing(6, 2, **fields)
    answer = run(name, instance)
    assert check(instance, answer.solution) == []
    assert answer.objective == objective(instance, answer.solution)
    assert answer.objective == pytest.approx(best_routes(instance), rel=1e-6)


@pytest.mark.parametrize("name", ["pyvrp", "ortools", "lkh"])
@pytest.mark.parametrize(
    "instance", [random_tour(7, 1), random_tour(7, 1, metric="exact"), as_matrix(random_tour(7, 1))]
)
def test_peers_find_the_optimum_of_tours(name: str, instance: Routing) -> None:
    answer = run(name, instance, seconds=10.0 if name == "lkh" else 1.0)
    assert check(instance, answer.solution) == []
    assert answer.objective == pytest.approx(best_tour(instance), rel=1e-6)


def test_open_routes() -> None:
    instance = random_routing(6, 3, open_routes=True)
    assert run("ortools", instance).objective == best_routes(instance)
    with pytest.raises(CoptError, match="peer pyvrp has closed routes only"):
        run("pyvrp", instance)


def test_what_a_peer_cannot_do_is_refused() -> None:
    with pytest.raises(CoptError, match="peer lkh solves tours; toy-routing has a depot"):
        run("lkh", toy())
    large = GENERATORS["tour"](nodes=12_001)
    for name in ("lkh", "ortools"):
        with pytest.raises(CoptError, match="needs a matrix; 12001 nodes are more than 12000"):
            run(name, large)


def test_lkh_without_an_answer_at_the_limit_has_none() -> None:
    answer = run("lkh", GENERATORS["tour"](nodes=1500), seconds=0.2)
    assert answer.solution is None


def test_a_file_for_pyvrp_keeps_demands_and_depot() -> None:
    """The depot need not come first."""
    instance = random_routing(5, 4)
    assert instance.coordinates is not None
    turned = Routing(
        coordinates=np.roll(instance.coordinates, 2, axis=0),
        metric="euc_2d",
        depot=2,
        demand=np.roll(instance.demands, 2),
        capacity=12,
    )
    assert run("pyvrp", turned).objective == best_routes(turned) == best_routes(instance)
