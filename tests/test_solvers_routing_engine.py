"""The routing solver from end to end."""

import signal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routing_cases import as_matrix, best_routes, best_tour, make, random_routing, random_tour

import copt
from copt.errors import CoptError
from copt.events import Silent
from copt.problems.routing import Routes, Routing, check, objective, toy
from copt.result import Result, Status, StopReason
from copt.solvers.loading import Loading
from copt.solvers.routing import engine
from copt.solvers.routing.bounds import Ascent, degree_bound, rounded_up
from copt.solvers.routing.plain import plain_routes

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def solve(instance: Routing, **options: Any) -> Result:
    return copt.solve(instance, **{"seconds": 60.0, "workers": 1, **options})


@given(st.integers(0, 10_000), st.integers(1, 6), st.sampled_from([{}, {"open_routes": True}, {"max_routes": 4}]))
@settings(STEADY, max_examples=15)
def test_small_problems_are_proved(seed: int, customers: int, fields: dict[str, Any]) -> None:
    if fields.get("max_routes"):
        fields = {**fields, "capacity": 20}
    instance = random_routing(customers, seed, **fields)
    result = solve(instance)
    assert result.objective == result.bound == best_routes(instance)
    assert (result.status, result.stopped_by) == (Status.OPTIMAL, StopReason.PROVED)
    assert check(instance, result.solution) == []


@given(st.integers(0, 10_000), st.integers(1, 7))
@settings(STEADY, max_examples=15)
def test_small_tours_are_proved(seed: int, nodes: int) -> None:
    instance = random_tour(nodes, seed)
    result = solve(instance)
    assert result.objective == result.bound == best_tour(instance)
    assert result.status is Status.OPTIMAL


@given(st.integers(0, 10_000))
@settings(STEADY, max_examples=5)
def test_small_tours_of_one_way_costs_are_proved(seed: int) -> None:
    matrix = np.random.default_rng(seed).integers(0, 50, (7, 7)).astype(np.float64)
    instance = Routing(matrix=matrix)
    result = solve(instance)
    assert result.objective == result.bound == best_tour(instance)


def test_small_problems_with_exact_distances_are_proved() -> None:
    for instance, best in (
        (random_tour(7, 3, metric="exact"), best_tour),
        (random_routing(5, 3, metric="exact"), best_routes),
    ):
        result = solve(instance)
        assert result.objective == pytest.approx(best(instance), rel=1e-9)
        assert result.status is Status.OPTIMAL


def test_the_toy() -> None:
    result = solve(toy())
    assert (result.objective, result.bound, result.solver) == (36, 36, "routing")


@pytest.mark.parametrize("instance", [random_routing(120, 1), random_tour(300, 1)], ids=["routes", "tour"])
def test_one_seed_gives_one_result(instance: Routing) -> None:
    results = [solve(instance, moves=2000, seed=seed) for seed in (5, 5, 6)]
    lists = [result.solution.to_lists() for result in results]
    assert lists[0] == lists[1] != lists[2]
    assert all(result.stopped_by is StopReason.MOVES for result in results)


@pytest.mark.parametrize("instance", [random_routing(150, 2), random_tour(400, 2)], ids=["routes", "tour"])
@pytest.mark.parametrize("workers", [1, 2])
def test_search_improves_on_its_start(instance: Routing, workers: int) -> None:
    result = solve(instance, seconds=2.0, workers=workers)
    assert check(instance, result.solution) == []
    assert (result.status, result.stopped_by) == (Status.FEASIBLE, StopReason.TIME)
    first = result.trace.incumbents[0][1]
    assert result.objective is not None and result.bound is not None
    assert result.bound <= result.objective < 0.99 * first


@pytest.mark.parametrize("instance", [random_routing(60, 3), random_tour(120, 3)], ids=["routes", "tour"])
def test_the_result_is_never_worse_than_the_start(instance: Routing) -> None:
    good = solve(instance, moves=3000)
    result = solve(instance, moves=10, seed=9, start=good.solution)
    assert result.trace.incumbents[0][1] == good.objective
    assert result.objective is not None and good.objective is not None
    assert result.objective <= good.objective


def test_limits_end_the_search() -> None:
    instance = random_routing(100, 4)
    assert solve(instance, target=10**6).stopped_by is StopReason.TARGET
    assert solve(instance, stall=0.3).stopped_by is StopReason.STALLED
    assert solve(instance, gap=0.99).stopped_by is StopReason.GAP


@pytest.mark.parametrize("instance", [random_routing(100, 4), random_tour(200, 4)], ids=["routes", "tour"])
def test_control_c_returns_the_incumbent(instance: Routing) -> None:
    class Interrupter(Silent):
        heard: list[float] = []  # noqa: RUF012

        def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
            self.heard.append(objective)
            if len(self.heard) == 2:
                signal.raise_signal(signal.SIGINT)

    Interrupter.heard = []
    result = solve(instance, events=Interrupter())
    assert result.stopped_by is StopReason.USER
    assert result.objective == objective(instance, result.solution) == Interrupter.heard[-1]


def test_a_matrix_is_solved_like_its_coordinates() -> None:
    for instance in (random_routing(60, 5), random_tour(100, 5)):
        one, other = (solve(same, moves=3000).objective for same in (instance, as_matrix(instance)))
        assert one is not None and other is not None
        assert abs(one / other - 1) < 0.05


def test_one_way_costs_of_routes_are_searched() -> None:
    rng = np.random.default_rng(1)
    matrix = np.array(as_matrix(random_routing(40, 6)).matrix) * rng.uniform(0.5, 1.5, (41, 41))
    instance = make(matrix=np.rint(matrix), depot=0, demand=[0, *[1] * 40], capacity=9)
    result = solve(instance, moves=3000)
    assert check(instance, result.solution) == []
    assert result.objective is not None and result.bound is not None
    assert result.bound <= result.objective < 0.95 * result.trace.incumbents[0][1]


def test_one_way_tours_are_searched() -> None:
    rng = np.random.default_rng(2)
    matrix = np.array(as_matrix(random_tour(120, 6)).matrix) * rng.uniform(0.5, 1.5, (120, 120))
    instance = Routing(matrix=np.rint(matrix))
    result = solve(instance, moves=5000)
    assert check(instance, result.solution) == []
    assert result.objective is not None and result.bound is not None
    assert result.bound <= result.objective < 0.8 * result.trace.incumbents[0][1]
    again = solve(instance, moves=10, start=result.solution)
    assert again.objective is not None and again.objective <= result.objective


def test_a_limit_on_routes_is_kept() -> None:
    loose = random_routing(50, 7)
    most = -(-int(loose.demands.sum()) // 12) + 2
    instance = random_routing(50, 7, max_routes=most)
    result = solve(instance, moves=4000)
    assert result.solution is None or check(instance, result.solution) == []


def test_while_kernels_compile_there_are_plain_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    never = Loading(lambda: threading.Event().wait(60))
    monkeypatch.setattr(engine, "TOUR", never)
    monkeypatch.setattr(engine, "ROUTES", never)
    monkeypatch.setattr(engine, "COLD", 0.0)
    for instance in (random_routing(80, 8), random_tour(80, 8)):
        result = solve(instance, seconds=0.5)
        assert result.objective == objective(instance, plain_routes(instance))  # type: ignore[arg-type]
        assert "copt doctor --warm" in result.notes[0]


@given(st.integers(0, 10_000), st.integers(3, 7), st.sampled_from(["tour", "routes", "open", "one way"]))
@settings(STEADY, max_examples=80)
def test_the_bound_by_legs_is_below_the_optimum(seed: int, nodes: int, kind: str) -> None:
    if kind == "tour":
        instance, best = random_tour(nodes, seed), best_tour
    elif kind == "one way":
        matrix = np.random.default_rng(seed).integers(0, 50, (nodes, nodes)).astype(np.float64)
        instance, best = Routing(matrix=matrix), best_tour
    else:
        instance, best = random_routing(nodes - 1, seed, open_routes=kind == "open"), best_routes
    assert degree_bound(instance) <= best(instance) + 1e-9


@given(st.integers(0, 10_000), st.integers(3, 7))
@settings(STEADY, max_examples=40)
def test_one_trees_are_below_the_optimum_and_rise(seed: int, nodes: int) -> None:
    instance = random_tour(nodes, seed)
    best = best_tour(instance)
    ascent = Ascent(instance, best, 60)
    first = ascent.step()
    bounds = [ascent.step() for _ in range(59)]
    assert max(bounds) <= best + 1e-6
    assert bounds[-1] >= first
    assert bounds[-1] >= 0.9 * best


def test_bounds_are_rounded_by_the_kind_of_costs() -> None:
    whole, exact = random_tour(5, 1), random_tour(5, 1, metric="exact")
    assert rounded_up(whole, 7.2, None) == 8
    assert rounded_up(whole, 7.0000000001, None) == 7
    assert rounded_up(exact, 7.2, None) == 7.2
    assert rounded_up(exact, 7.2, 7.2000001) == 7.2000001
    assert rounded_up(exact, 7.2, 7.3) == 7.2


def test_plain_routes_are_feasible() -> None:
    for instance in (random_routing(50, 1), random_tour(50, 1), as_matrix(random_routing(30, 1)), toy()):
        routes = plain_routes(instance)
        assert routes is not None
        assert check(instance, routes) == []


def test_a_start_that_is_none_is_refused() -> None:
    with pytest.raises(copt.CoptError, match="start is not a solution of toy-routing: visits: node 3"):
        solve(toy(), start=Routes.from_lists([[1, 2]]))


@pytest.mark.parametrize("kind", ["tsp", "cvrp"])
def test_a_policy_of_udc_searches_alone(kind: str) -> None:
    fields = {"coordinates": np.random.default_rng(5).random((80, 2))}
    if kind == "cvrp":
        fields |= {"depot": 0, "demand": np.minimum(1, np.arange(80)), "capacity": 12}  # type: ignore[dict-item]
    instance = make(**fields)
    # The first may offer plain routes while kernels compile.
    _, *results = (solve(instance, policy=f"routing-udc-{kind}-v1", moves=4, seed=2) for _ in range(3))
    values = [value for _, value in results[0].trace.incumbents]
    assert values == sorted(values, reverse=True)
    assert len(values) > 1
    assert results[0].policy == f"routing-udc-{kind}-v1"
    assert [value for _, value in results[1].trace.incumbents] == values
    bare = solve(instance, policy=None, moves=300, seed=2)
    assert bare.policy is None
    assert bare.objective is not None
    assert bare.objective < values[-1]


def test_a_policy_for_tours_refuses_routes() -> None:
    with pytest.raises(CoptError, match="no UDC policy for cvrp; take routing-udc-cvrp-v1"):
        solve(random_routing(9, 1), policy="routing-udc-tsp-v1", moves=1)
