"""Compiled path relinking: distances, walks and relinked children against recounts."""

import itertools

import numpy as np
import pytest
from jobshop_twins import (
    HALTED,
    KINDS,
    RUNNING,
    State,
    assert_consistent,
    inverted_pairs,
    limits,
    makespan_of_sequences,
    random_start,
    rough_shop,
    sequences_of,
    state_of,
    successors_of,
)

from copt.problems.jobshop import JobShop
from copt.solvers.jobshop.order_kernels import Int32, update_ends, update_tails
from copt.solvers.jobshop.relink_kernels import distance, positions, relink, walk
from copt.solvers.jobshop.shop import machine_successors
from copt.solvers.jobshop.tabu_kernels import HUGE


def random_order(state: State, seed: int) -> Int32:
    """Return the machine successors of a random feasible order."""
    return machine_successors(state.shop, random_start(state.instance, np.random.default_rng(seed)))


def places_of(succ: Int32) -> Int32:
    place = np.empty_like(succ)
    positions(succ, place)
    return place


@pytest.mark.parametrize("kind", KINDS)
def test_loading_derives_everything_from_the_successors(kind: str) -> None:
    state = state_of(rough_shop(kind, 6, 4, seed=1))
    for seed in range(5):
        succ = random_order(state, seed)
        makespan = state.load(succ)
        assert makespan == makespan_of_sequences(state, sequences_of(state.shop, succ))
        assert_consistent(state)


@pytest.mark.parametrize("kind", KINDS)
def test_positions_count_from_the_front_of_each_machine(kind: str) -> None:
    state = state_of(rough_shop(kind, 6, 4, seed=2))
    succ = random_order(state, 3)
    expected = {o: i for sequence in sequences_of(state.shop, succ) for i, o in enumerate(sequence)}
    assert places_of(succ)[: state.size].tolist() == [expected.get(o, 0) for o in range(state.size)]


@pytest.mark.parametrize("kind", KINDS)
def test_distance_counts_inverted_pairs_and_is_symmetric(kind: str) -> None:
    state = state_of(rough_shop(kind, 7, 3, seed=3))
    orders = [random_order(state, seed) for seed in range(6)]
    for one, other in itertools.combinations_with_replacement(orders, 2):
        pairs = inverted_pairs(sequences_of(state.shop, one), sequences_of(state.shop, other))
        assert distance(one, places_of(other)) == distance(other, places_of(one)) == pairs
        assert (pairs == 0) == np.array_equal(one[:-1], other[:-1])


def test_distance_of_a_reversed_machine_is_every_pair() -> None:
    one, other = successors_of([[0, 1, 2, 3, 4]], 5), successors_of([[4, 3, 2, 1, 0]], 5)
    assert distance(one, places_of(other)) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_swaps_towards_the_guide_through_feasible_orders(kind: str) -> None:
    """Every swap brings the guide one pair nearer, and the last one reaches it."""
    state = state_of(rough_shop(kind, 6, 4, seed=4))
    start, guide = random_order(state, 5), random_order(state, 6)
    place = places_of(guide)
    left = int(distance(start, place))
    assert left > 20
    state.load(start)
    while left:
        before = state.order.succ.copy()
        assert walk(state.shop, state.order, place, state.memory.random, 1) == 1
        left -= 1
        assert distance(state.order.succ, place) == left
        assert inverted_pairs(sequences_of(state.shop, before), state.sequences) == 1
        update_ends(state.shop, state.order, 0)
        update_tails(state.shop, state.order, state.size - 1)
        assert_consistent(state)
    assert np.array_equal(state.order.succ[:-1], guide[:-1])
    assert walk(state.shop, state.order, place, state.memory.random, 1) == 0


def test_a_walk_makes_as_many_swaps_as_asked_for() -> None:
    state = state_of(rough_shop("classic", 8, 5, seed=5))
    start, place = random_order(state, 7), places_of(random_order(state, 8))
    apart = int(distance(start, place))
    state.load(start)
    assert walk(state.shop, state.order, place, state.memory.random, 15) == 15
    assert distance(state.order.succ, place) == apart - 15
    assert walk(state.shop, state.order, place, state.memory.random, 10**6) == apart - 15


class Path:
    """One relinking between two random orders."""

    def __init__(self, instance: JobShop, seed: int) -> None:
        self.state = state_of(instance, seed=seed)
        self.start, self.guide = random_order(self.state, 10), random_order(self.state, 11)
        self.place = places_of(self.guide)
        self.apart = int(distance(self.start, self.place))
        self.child = np.zeros_like(self.start)

    def run(self, moves: int, halt: Int32 = RUNNING, lower: int = 0) -> int:
        work = np.zeros((2, self.child.size), dtype=np.int32)
        scratch = (work, np.zeros(2, dtype=np.int64))
        given = (self.start, self.place, self.apart, limits(10**6, moves), *scratch, self.child, halt, lower)
        return int(relink(self.state.shop, self.state.order, self.state.memory, *given))

    @property
    def value(self) -> int:
        """Makespan of the child."""
        return makespan_of_sequences(self.state, sequences_of(self.state.shop, self.child))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moves", [0, 40])
def test_the_child_is_worth_what_is_returned(kind: str, moves: int) -> None:
    path = Path(rough_shop(kind, 7, 5, seed=6), seed=1)
    assert path.run(moves) == path.value
    assert (path.state.memory.clock[0] > 0) == (moves > 0)


def test_without_moves_the_child_lies_in_the_middle_of_the_path() -> None:
    """It is a point between the first and the last fifth, so start, child and guide are on one line."""
    path = Path(rough_shop("classic", 8, 6, seed=7), seed=2)
    path.run(0)
    behind, ahead = distance(path.start, places_of(path.child)), distance(path.child, path.place)
    assert behind + ahead == path.apart
    assert behind >= path.apart // 5
    assert ahead >= path.apart // 5


def test_moves_on_the_points_improve_the_child() -> None:
    few, many = (Path(rough_shop("classic", 8, 6, seed=7), seed=2) for _ in range(2))
    assert many.run(200) < few.run(0)


def test_equal_orders_have_one_point_between_them() -> None:
    path = Path(rough_shop("classic", 6, 4, seed=8), seed=3)
    path.place, path.apart = places_of(path.start), 0
    assert path.run(0) == path.state.load(path.start)
    assert np.array_equal(path.child[:-1], path.start[:-1])


def test_a_halted_relinking_returns_its_start() -> None:
    path = Path(rough_shop("classic", 6, 4, seed=8), seed=3)
    assert path.run(100, HALTED) == HUGE
    assert np.array_equal(path.child[:-1], path.start[:-1])


def test_relinking_stops_to_improve_points_at_the_lower_bound() -> None:
    path = Path(rough_shop("classic", 6, 4, seed=8), seed=3)
    assert path.run(100, lower=10**6) == path.value
    assert path.state.memory.clock[0] == 0
