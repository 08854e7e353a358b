"""Candidate edges: lists are subsets in their order, scores have no units, and the search looks at nothing else."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from candidates_cases import RandomCandidates
from numpy.typing import NDArray
from routing_cases import as_matrix, random_routing, random_tour

import copt
from copt.errors import CoptError
from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing, check, objective
from copt.solvers.routing.anneal import Annealer, Schedule
from copt.solvers.routing.candidates import Candidates, candidates_of, chosen, near_graph, opposite, scores_of
from copt.solvers.routing.plan import neighbours, plan_of
from copt.solvers.routing.ruin_kernels import Ruin, ruin
from copt.solvers.routing.savings import savings_routes
from copt.stop import Stop

CASES = [random_tour(80, 1), random_routing(80, 2), random_routing(80, 3, capacity=None)]
IDS = ["tour", "routes", "no capacity"]


def policy_of(instance: Routing) -> RandomCandidates:
    return RandomCandidates("tsp" if instance.depot is None else "cvrp")


def apart(instance: Routing, lists: NDArray[np.int32]) -> NDArray[np.float64]:
    points = instance.coordinates
    assert points is not None
    result: NDArray[np.float64] = np.linalg.norm(points[lists] - points[:, None], axis=2)
    return result


def test_chosen_columns_are_the_best_nearest_first() -> None:
    near = np.array([[7, 5, 9, 2, 4]], dtype=np.int32)
    scores = np.array([[0.1, 0.9, 0.2, 0.8, 0.7]], dtype=np.float32)
    assert chosen(near, scores, 3).tolist() == [[5, 2, 4]]
    assert chosen(near, scores, 1, 4).tolist() == [[5, 9, 2, 4]]
    assert chosen(near, scores, 0, 2).tolist() == [[5, 2]]
    assert chosen(near, scores, 2, 9).tolist() == [[5, 2, 7, 9, 4]]
    assert chosen(near, np.zeros_like(scores), 2).tolist() == [[7, 5]]


@pytest.mark.parametrize("instance", CASES, ids=IDS)
def test_candidates_are_distinct_near_nodes_nearest_first(instance: Routing) -> None:
    near = neighbours(instance, 20)
    candidates = candidates_of(instance, policy_of(instance))
    lists = candidates.of(instance, near)
    assert lists.shape == (instance.num_nodes, 7)
    scores = candidates.score(instance, near[:, :12])
    first = candidates.exchange
    lengths = apart(instance, lists)
    assert (np.diff(lengths[:, :first]) >= 0).all()
    assert (np.diff(lengths[:, first:]) >= 0).all()
    assert (lists != near[:, :7]).any()
    for node, row in enumerate(lists.tolist()):
        listed = near[node, :12].tolist()
        assert len({*row} - {node}) == 7
        score = dict(zip(listed, scores[node].tolist(), strict=True))
        assert min(score[j] for j in row) >= max(score[j] for j in listed if j not in row)
        if first:
            assert min(score[j] for j in row[:first]) >= max(score[j] for j in row[first:])


@pytest.mark.parametrize("customers", [1, 2, 4])
def test_small_problems_have_few_candidates(customers: int) -> None:
    instance = random_routing(customers, 1)
    lists = candidates_of(instance, policy_of(instance)).of(instance, neighbours(instance, 40))
    assert lists.shape == (customers + 1, max(1, customers - 1))
    assert copt.solve(instance, moves=20, policy=policy_of(instance)).solution is not None


def test_opposite_edges_are_found_where_they_are_listed() -> None:
    near = neighbours(random_tour(60, 5), 6)
    back, found = opposite(near), 0
    for node, column in np.ndindex(near.shape):
        other = near[node, column]
        listed = np.flatnonzero(near[other] == node).tolist()
        assert back[node, column] == (6 * other + listed[0] if listed else -1)
        found += bool(listed)
    assert 0 < found < near.size


@pytest.mark.parametrize("instance", CASES, ids=IDS)
def test_scores_have_no_units_and_are_the_same_in_both_directions(instance: Routing) -> None:
    near, weights = neighbours(instance, 10), policy_of(instance).weights
    assert instance.coordinates is not None
    moved = replace(instance, coordinates=1000.0 * instance.coordinates - 7e4, metric="exact")
    scores = scores_of(weights, instance, near)
    np.testing.assert_allclose(scores_of(weights, moved, near), scores, atol=1e-4)
    back = opposite(near)
    both = back >= 0
    np.testing.assert_allclose(scores[both], scores.ravel()[back[both]], rtol=1e-6)


def test_nodes_at_one_place_have_finite_features() -> None:
    points = np.repeat(np.random.default_rng(1).random((5, 2)), 9, axis=0)
    demand = np.minimum(1, np.arange(45))
    for instance in (Routing(coordinates=points), Routing(coordinates=points, depot=0, demand=demand, capacity=4)):
        graph = near_graph(instance, neighbours(instance, 8))
        assert np.isfinite(graph.nodes).all()
        assert np.abs(graph.edges).max() < 50.0


def annealer_of(instance: Routing, beside: NDArray[np.int32] | None) -> Annealer:
    plan = plan_of(instance, neighbours(instance, 20), beside)
    first = Routes.from_lists(savings_routes(instance, plan))
    return Annealer(instance, plan, first, Monitor(Stop(), Silent()), lambda routes: None, Schedule(), 0)


def removed(annealer: Annealer) -> IntArray:
    (zone,) = annealer.divide(1)
    zone.account[2] = 1
    count, _ = ruin(annealer._plan, annealer._fleet, zone, Ruin(8.0, 5.0, False, 3))
    return zone.gone[:count].astype(np.int64)


def test_ruin_goes_by_nearness_whatever_the_candidates() -> None:
    instance = random_routing(60, 4)
    far = np.ascontiguousarray(neighbours(instance, 59)[:, -5:])
    assert np.array_equal(removed(annealer_of(instance, None)), removed(annealer_of(instance, far)))


def test_without_candidates_moves_look_at_the_nearest() -> None:
    instance = random_routing(60, 4)
    plan = plan_of(instance, neighbours(instance, 20))
    assert plan.beside is plan.near
    assert plan.beside_cost is plan.near_cost


def by_nearness(_instance: Routing, near: NDArray[np.int32]) -> NDArray[np.float32]:
    return np.broadcast_to(-np.arange(near.shape[1], dtype=np.float32), near.shape)


@pytest.mark.parametrize("instance", CASES, ids=IDS)
def test_the_nearest_as_candidates_are_the_plain_search(instance: Routing) -> None:
    from copt.solvers.routing.search import NEAR_TOUR, search_routes, search_tour

    every, costs = NEAR_TOUR[0], []
    schedule = Schedule(width=9, exchange=4)
    for candidates in (None, Candidates(by_nearness, 16, 9, 4), Candidates(by_nearness, every, every, 0)):
        monitor = Monitor(Stop(moves=300), Silent())
        if instance.depot is None:
            search_tour(instance, monitor, None, 1, 0, candidates=candidates)
        else:
            search_routes(instance, monitor, None, 1, 0, schedule=schedule, candidates=candidates)
        costs.append(monitor.best)
    same = 2 if instance.depot is None else 1
    assert costs[same] == costs[0]


@pytest.mark.parametrize("instance", CASES, ids=IDS)
def test_a_policy_of_candidates_searches_by_them(instance: Routing) -> None:
    policy = policy_of(instance)
    result = copt.solve(instance, moves=2000, workers=1, policy=policy)
    assert result.policy == "random"
    assert check(instance, result.solution) == []
    assert result.objective == pytest.approx(objective(instance, result.solution))
    again = copt.solve(instance, moves=2000, workers=1, policy=policy)
    assert again.objective == result.objective
    plain = copt.solve(instance, moves=2000, workers=1, policy=None)
    assert result.objective is not None
    assert plain.objective is not None
    assert result.objective <= 1.1 * plain.objective


def test_errors_name_the_remedy() -> None:
    tour, routes = random_tour(9, 1), random_routing(9, 1)
    with pytest.raises(CoptError, match="has a matrix; candidates are learned from coordinates, pass policy=None"):
        copt.solve(as_matrix(tour), moves=9, policy=RandomCandidates("tsp"))
    with pytest.raises(CoptError, match="chooses no candidates for cvrp; take routing-candidates-cvrp-v1 or train"):
        copt.solve(routes, moves=9, policy=RandomCandidates("tsp"))
    assert isinstance(candidates_of(tour, RandomCandidates("tsp")).score, partial)
