"""Exchanges of three legs against every set of legs that makes a path again."""

import itertools

import numpy as np
import pytest
from routing_cases import random_tour

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.routing import Routing, costs
from copt.solvers.routing.path_kernels import TINY, Path
from copt.solvers.routing.plan import neighbours
from copt.solvers.routing.tours import TourSearch
from copt.solvers.routing.triple_kernels import WIDTH, best_triple, make_triple
from copt.stop import Stop

NODES = 16


def path_of(instance: Routing, seed: int) -> Path:
    tour = np.random.default_rng(seed).permutation(NODES)
    search = TourSearch(instance, neighbours(instance, 6), tour, Monitor(Stop(), Silent()), seed)
    (path,) = search.divide(1)
    return path


def length(instance: Routing, tour: list[int]) -> float:
    return float(costs(instance, tour[:-1], tour[1:]).sum())


def walked(legs: set[frozenset[int]], tour: list[int]) -> list[int] | None:
    """The nodes in the order of a walk from the first node of ``tour``, if it ends at the last and visits all."""
    near: dict[int, list[int]] = {node: [] for node in tour}
    for one, two in (tuple(leg) for leg in legs):
        near[one].append(two)
        near[two].append(one)
    walk, came = [tour[0]], -1
    while walk[-1] != tour[-1] and len(walk) <= len(tour):
        ahead = [node for node in near[walk[-1]] if node != came]
        if len(ahead) != 1:
            return None
        came = walk[-1]
        walk.append(ahead[0])
    return walk if len(walk) == len(tour) and walk[-1] == tour[-1] else None


def best_gain(instance: Routing, path: Path, t1: int, sign: int) -> float:
    """The largest gain of all exchanges of two and three legs along nearest neighbours, each with a gain so far."""

    def leg(one: int, two: int) -> float:
        return float(costs(instance, one, two))

    tour, near = path.tour.tolist(), path.near.tolist()
    legs = {frozenset(pair) for pair in itertools.pairwise(tour)}
    beside = {node: [tour[k] for k in (p - 1, p + 1) if 0 <= k < NODES] for p, node in enumerate(tour)}
    place = tour.index(t1) + sign
    best = TINY
    if not 0 <= place < NODES:
        return best
    t2 = tour[place]

    def tried(gone: list[tuple[int, int]], new: list[tuple[int, int]]) -> float:
        old, added = {frozenset(pair) for pair in gone}, {frozenset(pair) for pair in new}
        whole = len(old) == len(gone) == len(added) and all(len(pair) == 2 for pair in added)
        if not whole or added & (legs - old) or walked((legs - old) | added, tour) is None:
            return 0.0
        return sum(leg(*pair) for pair in gone) - sum(leg(*pair) for pair in new)

    for t3 in near[t2]:
        first = leg(t1, t2) - leg(t2, t3)
        if first <= TINY:
            continue
        for t4 in beside[t3]:
            best = max(best, tried([(t1, t2), (t3, t4)], [(t2, t3), (t4, t1)]))
            for t5 in near[t4][:WIDTH]:
                if first + leg(t3, t4) - leg(t4, t5) <= TINY:
                    continue
                for t6 in beside[t5]:
                    gone, new = [(t1, t2), (t3, t4), (t5, t6)], [(t2, t3), (t4, t5), (t6, t1)]
                    best = max(best, tried(gone, new))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_best_triple_is_that_of_all_sets_of_legs_and_is_made_as_promised(seed: int) -> None:
    instance = random_tour(NODES, seed)
    path = path_of(instance, seed)
    made = 0
    for t1, sign in itertools.product(range(NODES), (1, -1)):
        triple = best_triple(path, sign, t1)
        assert triple.gain == pytest.approx(best_gain(instance, path, t1, sign), abs=1e-6)
        if triple.gain <= TINY:
            continue
        made += 1
        path.counts[0] = 0
        before, ends = length(instance, path.tour.tolist()), path.tour[[0, -1]].tolist()
        make_triple(path, sign, triple)
        assert before - length(instance, path.tour.tolist()) == pytest.approx(triple.gain, abs=1e-6)
        assert np.array_equal(path.place[path.tour], np.arange(NODES))
        assert path.tour[[0, -1]].tolist() == ends
    assert made >= 5
