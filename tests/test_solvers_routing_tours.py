"""Tours: reversals, kicks and the greedy start against slow accounts."""

from typing import Any

import numpy as np
import pytest
from routing_cases import as_matrix, best_tour, one_of_each_metric, random_tour

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing, check, costs, objective
from copt.solvers.routing.greedy import greedy_tour
from copt.solvers.routing.path_kernels import GAIN, KICKS, Path, flip, push, rewind
from copt.solvers.routing.plan import neighbours
from copt.solvers.routing.tour_kernels import kick, mend, shift
from copt.solvers.routing.tours import TourSearch
from copt.stop import Stop


def search_of(instance: Routing, first: IntArray | None = None, **limits: Any) -> TourSearch:
    tour = np.random.default_rng(5).permutation(instance.num_nodes) if first is None else first
    return TourSearch(instance, neighbours(instance, 8), tour, Monitor(Stop(**limits), Silent()), 0)


def length(instance: Routing, tour: Any) -> float:
    return objective(instance, Routes(np.array(tour, dtype=np.int64), np.array([0, len(tour)])))


def queue_all(path: Path) -> None:
    for node in path.tour[path.low : path.high].tolist():
        push(path, node)


def assert_sound(search: TourSearch) -> None:
    tour = search._tour
    assert sorted(tour.tolist()) == list(range(tour.size))
    assert np.array_equal(search._place[tour], np.arange(tour.size))


def test_reversals_are_taken_back_in_turn() -> None:
    (path,) = search_of(random_tour(30, 1)).divide(1)
    before = path.tour.copy()
    flip(path, 3, 9)
    once = path.tour.copy()
    assert once.tolist() == [*before[:3], *before[3:10][::-1], *before[10:]]
    flip(path, 5, 20)
    shift(path, 2, 6, 11)
    rewind(path, 1)
    assert np.array_equal(path.tour, once)
    rewind(path, 0)
    assert np.array_equal(path.tour, before)
    assert np.array_equal(path.place[path.tour], np.arange(30))


def test_a_shift_exchanges_two_stretches() -> None:
    (path,) = search_of(random_tour(12, 1)).divide(1)
    before = path.tour.tolist()
    shift(path, 2, 5, 9)
    assert path.tour.tolist() == [*before[:2], *before[5:9], *before[2:5], *before[9:]]


@pytest.mark.parametrize("instance", one_of_each_metric(60), ids=lambda instance: instance.name)
def test_mending_gains_what_it_says(instance: Routing) -> None:
    if not instance.symmetric:
        assert instance.matrix is not None
        instance = Routing(matrix=np.minimum(instance.matrix, instance.matrix.T))
    search = search_of(instance)
    (path,) = search.divide(1)
    before, ends = length(instance, path.tour), path.tour[[0, -1]].tolist()
    queue_all(path)
    assert mend(path, 10**6)
    assert_sound(search)
    assert before - length(instance, path.tour) == pytest.approx(path.account[GAIN], abs=1e-6)
    assert path.account[GAIN] > 0.3 * before
    assert path.tour[[0, -1]].tolist() == ends
    assert not path.waiting.any()


def test_a_mended_tour_has_no_crossing_exchange_left() -> None:
    """No exchange of two legs helps, if the gain of one leg against the new one is positive and it is near."""
    instance = random_tour(80, 3)
    search = search_of(instance)
    (path,) = search.divide(1)
    queue_all(path)
    mend(path, 10**6)
    tour, near = path.tour, path.near
    for p in range(79):
        for q in range(p + 1, 79):
            a, b, c, d = tour[p], tour[p + 1], tour[q], tour[q + 1]
            old = costs(instance, [a, c], [b, d])
            new = costs(instance, [a, b], [c, d])
            reachable = any(
                y in near[x] and gone > added
                for x, y, gone, added in (
                    (a, c, old[0], new[0]),
                    (c, a, old[1], new[0]),
                    (b, d, old[0], new[1]),
                    (d, b, old[1], new[1]),
                )
            )
            assert not reachable or new.sum() >= old.sum() - 1e-6


@pytest.mark.parametrize("temperature", [0.0, 30.0])
def test_kicks_gain_what_they_say_and_keep_the_rest(temperature: float) -> None:
    instance = random_tour(400, 4)
    search = search_of(instance, greedy_tour(instance, neighbours(instance, 8)))
    one, two = search.divide(2)
    queue_all(one)
    mend(one, 10**6)
    one.account[:] = 0
    before, rest = length(instance, one.tour), two.tour[two.low :].tolist()
    kick(one, 1500, 30, temperature)
    assert_sound(search)
    assert one.account[KICKS] == 1500
    assert before - length(instance, one.tour) == pytest.approx(one.account[GAIN], abs=1e-6)
    assert two.tour[two.low :].tolist() == rest
    assert not one.waiting.any()
    if temperature == 0.0:
        assert one.account[GAIN] > 0.0


def test_a_long_reversal_can_be_forbidden() -> None:
    instance = random_tour(100, 6)
    search = search_of(instance)
    (path,) = search.divide(1)
    short = path._replace(reach=5)
    queue_all(short)
    mend(short, 10**6)
    assert_sound(search)
    (path,) = search_of(instance).divide(1)
    queue_all(path)
    mend(path, 10**6)
    assert 0.0 < short.account[GAIN] < path.account[GAIN]


@pytest.mark.parametrize("instance", one_of_each_metric(50)[:5], ids=lambda instance: instance.name)
def test_greedy_tours_visit_all_and_beat_random_ones(instance: Routing) -> None:
    tour = greedy_tour(instance, neighbours(instance, 3))
    assert check(instance, Routes(tour, np.array([0, 50]))) == []
    assert length(instance, tour) < 0.5 * length(instance, np.random.default_rng(1).permutation(50))


def test_a_greedy_tour_takes_the_shortest_legs_that_fit() -> None:
    """On a line at 0, 1, 3, 6, 10 the legs 1, 2, 3, 4 join all."""
    points = [[0, 0], [10, 0], [1, 0], [6, 0], [3, 0]]
    instance = Routing(coordinates=np.array(points, dtype=np.float64))
    tour = greedy_tour(instance, neighbours(instance, 2)).tolist()
    assert tour in ([0, 2, 4, 3, 1], [1, 3, 4, 2, 0])


def test_many_nodes_in_one_place() -> None:
    instance = Routing(coordinates=np.repeat(np.array([[0.0, 0.0], [3.0, 4.0]]), 40, axis=0))
    tour = greedy_tour(instance, neighbours(instance, 10))
    assert length(instance, tour) == 10


def test_small_tours_reach_the_optimum() -> None:
    for seed in range(10):
        instance = random_tour(8, seed)
        search = search_of(instance, moves=10_000)
        for _ in range(20):
            zones = search.divide(1)
            search.conquer(zones[0], np.inf)
            search.reunite(zones)
        assert length(instance, search._tour) == best_tour(instance)


def test_costs_in_a_matrix_give_the_same_tour() -> None:
    instance = random_tour(40, 9)
    tours = []
    for same in (instance, as_matrix(instance)):
        search = search_of(same, moves=200)
        zones = search.divide(1)
        search.conquer(zones[0], np.inf)
        tours.append(length(instance, search._tour))
    best = min(tours)
    assert max(tours) <= 1.05 * best
