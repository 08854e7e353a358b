from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_cases import STEADY, make, problems, some_routes

from copt.envs.routing_moves import descend, exchange_tails, flatten, insert_cheapest, length_of, relocate, reverse
from copt.envs.routing_paths import Cut, Path, cut_out, rejoin
from copt.problems.routing import Routes, Routing, check, objective, toy

SEVERAL = problems().filter(lambda problem: problem.num_nodes > 1)

Neighbours = Iterator[list[Path]]


def fits(cut: Cut, paths: list[Path]) -> bool:
    """Whether no route carries more than it has room for."""
    load = np.zeros_like(cut.room)
    for path, route in zip(paths, cut.route, strict=True):
        load[route] += cut.demand[path].sum()
    return bool((load <= cut.room).all())


def relocations(cut: Cut, paths: list[Path], length: int) -> Neighbours:
    """Every way to take a segment out and to put it elsewhere, either way round."""
    for p, path in enumerate(paths):
        for i in range(1, len(path) - length):
            segment = path[i : i + length]
            rest = [*paths[:p], path[:i] + path[i + length :], *paths[p + 1 :]]
            for q, other in enumerate(rest):
                for j in range(1, len(other)):
                    if (p, i) != (q, j):
                        for turned in (segment, segment[::-1]):
                            yield [*rest[:q], other[:j] + turned + other[j:], *rest[q + 1 :]]


def reversals(cut: Cut, paths: list[Path]) -> Neighbours:
    """Every way to turn a stretch round."""
    for p, path in enumerate(paths):
        for i in range(1, len(path) - 1):
            for j in range(i + 1, len(path)):
                yield [*paths[:p], path[:i] + path[i:j][::-1] + path[j:], *paths[p + 1 :]]


def exchanges(cut: Cut, paths: list[Path]) -> Neighbours:
    """Every way for two whole routes to exchange what follows a leg."""
    for p in range(len(paths)):
        for q in range(p + 1, len(paths)):
            if cut.whole[p] and cut.whole[q]:
                for i in range(1, len(paths[p])):
                    for j in range(1, len(paths[q])):
                        changed = list(paths)
                        changed[p], changed[q] = paths[p][:i] + paths[q][j:], paths[q][:j] + paths[p][i:]
                        yield changed


KINDS: list[Any] = [
    (reverse, reversals),
    (exchange_tails, exchanges),
    *[(relocate(k), lambda cut, paths, k=k: relocations(cut, paths, k)) for k in (1, 2, 3)],
]


def random_cut(instance: Routing, seed: int) -> Cut:
    rng = np.random.default_rng(seed)
    routes = some_routes(instance, rng)
    zone = rng.permutation(instance.customers)[: rng.integers(1, instance.customers.size, endpoint=True)]
    return cut_out(instance, routes, zone)


@pytest.mark.parametrize(("kind", "neighbours"), KINDS, ids=["reverse", "tails", "one", "two", "three"])
@STEADY
@given(SEVERAL, st.integers(0, 2**16))
def test_the_best_move_of_a_kind_is_that_of_all_its_neighbours(
    kind: Any, neighbours: Any, instance: Routing, seed: int
) -> None:
    cut = random_cut(instance, seed)
    before = length_of(cut, cut.paths)
    rises = [length_of(cut, paths) - before for paths in neighbours(cut, cut.paths) if fits(cut, paths)]
    move = kind(cut, flatten(cut, cut.paths))
    if not rises:
        assert move.rise == np.inf
        return
    assert move.rise == pytest.approx(min(rises), abs=1e-6)
    paths = [list(path) for path in cut.paths]
    move.apply(paths)
    assert length_of(cut, paths) - before == pytest.approx(move.rise, abs=1e-6)
    assert sorted(s for path in paths for s in path) == sorted(s for path in cut.paths for s in path)
    assert fits(cut, paths)


@STEADY
@given(SEVERAL, st.integers(0, 2**16))
def test_a_descent_ends_where_no_kind_improves(instance: Routing, seed: int) -> None:
    cut = random_cut(instance, seed)
    paths = [list(path) for path in cut.paths]
    descend(cut, paths)
    routes = rejoin(cut, paths)
    assert check(instance, routes) == []
    gain = length_of(cut, cut.paths) - length_of(cut, paths)
    assert gain >= 0
    assert objective(instance, rejoin(cut, cut.paths)) - objective(instance, routes) == pytest.approx(gain, abs=1e-6)
    for kind, _ in KINDS:
        assert kind(cut, flatten(cut, paths)).rise >= -1e-6


def test_a_descent_takes_the_crossings_out_of_a_tour() -> None:
    square = make(coordinates=[[0, 0], [0, 9], [9, 9], [9, 0]])
    cut = cut_out(square, Routes.from_lists([[0, 2, 1, 3]]), np.arange(4))
    paths = [list(path) for path in cut.paths]
    descend(cut, paths)
    assert objective(square, rejoin(cut, paths)) == 36


def test_a_customer_is_inserted_where_it_costs_least_and_fits() -> None:
    cut = cut_out(toy(), Routes.from_lists([[1, 2], [3], [4, 5, 6]]), np.array([1, 2, 3, 4, 5, 6]))
    paths = [list(path) for path in cut.paths]
    paths[1].remove(2)  # customer 3
    assert insert_cheapest(cut, paths, 2)
    assert rejoin(cut, paths).to_lists() == [[1, 3, 2], [4, 5, 6]]  # 5 + 4 - 3: 6 more


def test_what_fits_nowhere_is_not_inserted() -> None:
    instance = make(coordinates=[[0, 0], [1, 0], [2, 0]], depot=0, demand=[0, 2, 1], capacity=3, max_routes=1)
    cut = cut_out(instance, Routes.from_lists([[1, 2]]), np.array([1]))
    assert cut.paths == [[1, 0, 2]]
    assert not insert_cheapest(cut, cut.paths, 0)  # a second time
    assert cut.paths == [[1, 0, 2]]
