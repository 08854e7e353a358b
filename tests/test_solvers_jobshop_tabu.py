"""The compiled tabu search: moves, estimates and choice against their twins, and the course of a search."""

import itertools

import networkx as nx
import numpy as np
import pytest
from jobshop_twins import (
    HALTED,
    KINDS,
    RUNNING,
    Sequences,
    State,
    assert_consistent,
    ends_of,
    graph_of,
    limits,
    makespan_of_sequences,
    moved,
    n7_moves,
    narrow,
    path_of,
    replaced,
    rough_shop,
    scrambled,
    sequences_of,
    state_of,
    successors_of,
    tails_of,
    through_segment,
)

from copt.problems.jobshop import JobShop, toy
from copt.solvers.jobshop.order_kernels import Int32, makespan_of
from copt.solvers.jobshop.tabu_kernels import (
    HUGE,
    apply_move,
    best_move,
    estimate_after,
    estimate_before,
    is_tabu_after,
    is_tabu_before,
    slot,
    tabu_search,
)


def estimate(state: State, o: int, other: int, after: bool) -> int:
    kernel = estimate_after if after else estimate_before
    return int(kernel(state.shop, state.order, state.memory.front, narrow(o), narrow(other)))


def test_tabu_slots_lie_in_the_list_and_tell_the_order_of_a_pair() -> None:
    mask = 2**14 - 1
    places = {slot(a, b, mask) for a, b in itertools.permutations(range(60), 2)}
    assert all(0 <= place <= mask for place in places)
    assert len(places) > 3000  # 3540 pairs fall on 16384 places; 3170 different ones are expected at random


@pytest.mark.parametrize("kind", KINDS)
def test_a_critical_path_is_a_longest_path(kind: str) -> None:
    for seed in range(10):
        state = scrambled(kind, 5, 4, seed)
        graph, duration = graph_of(state.instance, state.sequences), state.duration
        end = ends_of(state.instance, duration, graph)
        path = path_of(state)
        ready = 0 if state.instance.release is None else state.instance.release[state.instance.job_of[path[0]]]
        assert all(graph.has_edge(a, b) for a, b in itertools.pairwise(path))
        assert ready + sum(duration[o] for o in path) == end[path[-1]] == max(end)


def test_every_critical_path_comes_up() -> None:
    """Four equal jobs over two machines, one after the other: the path changes machine behind any of them."""
    state = state_of(JobShop.from_arrays([[0, 1]] * 4, [[5, 5]] * 4))
    seen = {tuple(path_of(state)) for _ in range(200)}
    ends = ends_of(state.instance, state.duration, graph_of(state.instance, state.sequences))
    first, second = state.sequences
    expected = {(*first[: k + 1], *second[k:]) for k in range(4)}
    assert max(ends) == 25
    assert seen == expected


@pytest.mark.parametrize("kind", KINDS)
def test_estimates_follow_the_formula(kind: str) -> None:
    for seed in range(6):
        state = scrambled(kind, 5, 3, seed)
        for sequence in state.sequences:
            for u, v in itertools.combinations(sequence, 2):
                assert estimate(state, u, v, True) == through_segment(state, sequence, u, v, True)
                assert estimate(state, v, u, False) == through_segment(state, sequence, v, u, False)


@pytest.mark.parametrize("kind", KINDS)
def test_estimates_are_exact_for_neighbours_and_never_below_the_path_through_the_segment(kind: str) -> None:
    """Heads of the order before are upper bounds; for two neighbours they are exact.

    The makespan is on neither side: a longer path may avoid the segment, and heads may be overestimated.
    """
    exact = above = below = 0
    for seed in range(4):
        state = scrambled(kind, 8, 3, seed)
        for sequence in state.sequences:
            for u, v in itertools.combinations(sequence, 2):
                for o, other, after in ((u, v, True), (v, u, False)):
                    target = replaced(state.sequences, sequence, moved(sequence, o, other, after))
                    graph = graph_of(state.instance, target)
                    if not nx.is_directed_acyclic_graph(graph):
                        continue
                    end, tail = ends_of(state.instance, state.duration, graph), tails_of(state.duration, graph)
                    segment = sequence[sequence.index(u) : sequence.index(v) + 1]
                    longest = max(end[x] + tail[x] - state.duration[x] for x in segment)
                    guess = estimate(state, o, other, after)
                    assert guess >= longest
                    assert guess == longest or len(segment) > 2
                    exact += guess == longest
                    above += guess > max(end)
                    below += guess < max(end)
    assert min(exact, above, below) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_chosen_move_has_the_smallest_estimate_of_the_neighbourhood(kind: str) -> None:
    """The code lists an adjacent swap and its mirror image once; their estimates are equal."""
    for seed in range(20):
        state = scrambled(kind, 6, 4, seed)
        path = path_of(state)
        moves = n7_moves(state, path)
        o, other, after, value = best_move(state.shop, state.order, state.memory, len(path), 0, 200)
        if not moves:
            assert (o, value) == (-1, HUGE)
            continue
        guesses = {move: estimate(state, *move) for _, move in moves}
        assert (o, other, after) in guesses
        assert value == guesses[o, other, after] == min(guesses.values())


def test_a_last_block_of_two_is_swapped() -> None:
    """The path 0 1 2 ends in the block (1, 2), whose swap starts job 1 at once: 3 + 1 + 3 becomes 3 + 1."""
    state = state_of(JobShop.from_jobs([[(1, 3), (0, 1)], [(0, 3)]]))
    assert state.load(successors_of([[1, 2], [0]], 3)) == 7
    assert path_of(state) == [0, 1, 2]
    assert best_move(state.shop, state.order, state.memory, 3, 7, 200)[3] == 4


def test_a_first_block_of_two_is_swapped() -> None:
    """The mirror image: job 0 waits for the block (2, 0) to end before its long second operation."""
    state = state_of(JobShop.from_jobs([[(0, 1), (1, 3)], [(0, 3)]]))
    assert state.load(successors_of([[2, 0], [1]], 3)) == 7
    assert path_of(state) == [2, 0, 1]
    assert best_move(state.shop, state.order, state.memory, 3, 7, 200)[3] == 4


def test_moves_no_longer_than_the_span_are_judged() -> None:
    """Among moves no longer than the span the best one is chosen."""
    chosen = []
    for seed, span in itertools.product(range(10), (1, 2, 8)):
        state = scrambled("classic", 9, 2, seed)
        path = path_of(state)
        place = {o: i for sequence in state.sequences for i, o in enumerate(sequence)}
        near = [move for _, move in n7_moves(state, path) if abs(place[move[0]] - place[move[1]]) <= span]
        o, other, _, value = best_move(state.shop, state.order, state.memory, len(path), 0, span)
        assert value == min(estimate(state, *move) for move in near)
        chosen.append(abs(place[o] - place[other]))
    assert {1, 2} < set(chosen)


def test_a_reversed_pair_is_tabu_until_its_tenure_is_over() -> None:
    """Three jobs of one operation: after 0 has gone behind 1 and 2, going back in front of both is tabu for 5 moves."""
    state = state_of(JobShop.from_jobs([[(0, 4)], [(0, 3)], [(0, 2)]]))
    shop, order, memory = state.shop, state.order, state.memory
    assert state.sequences == [[0, 1, 2]]
    assert apply_move(shop, order, memory, 0, 2, True, 5)
    assert state.sequences == [[1, 2, 0]]
    assert_consistent(state)
    assert is_tabu_before(order, memory, narrow(0), narrow(1))
    assert not is_tabu_after(order, memory, narrow(1), narrow(2))
    memory.clock[0] = 4
    assert is_tabu_before(order, memory, narrow(0), narrow(1))
    memory.clock[0] = 5
    assert not is_tabu_before(order, memory, narrow(0), narrow(1))


def test_a_move_is_tabu_only_if_all_that_it_reverses_is() -> None:
    state = state_of(JobShop.from_jobs([[(0, 4)], [(0, 3)], [(0, 2)]]))
    shop, order, memory = state.shop, state.order, state.memory
    assert apply_move(shop, order, memory, 2, 0, False, 5)
    assert state.sequences == [[2, 0, 1]]
    assert is_tabu_after(order, memory, narrow(2), narrow(1))  # both 0 and 1 were in front of 2
    assert not is_tabu_after(order, memory, narrow(0), narrow(1))
    assert not is_tabu_before(order, memory, narrow(1), narrow(2))  # 0 was in front of 1, but never behind


def test_a_tabu_move_is_made_if_it_beats_the_best_and_else_only_for_want_of_another() -> None:
    """The swap of the last block of two is the only move; its estimate is 4."""
    state = state_of(JobShop.from_jobs([[(1, 3), (0, 1)], [(0, 3)]]))
    state.load(successors_of([[1, 2], [0]], 3))
    state.memory.tabu[:] = 100
    length = len(path_of(state))
    assert best_move(state.shop, state.order, state.memory, length, 5, 200) == (1, 2, True, 4)
    assert best_move(state.shop, state.order, state.memory, length, 4, 200) == (1, 2, True, HUGE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("follow", [False, True])
def test_random_courses_of_applied_moves_stay_consistent(kind: str, follow: bool) -> None:
    rng = np.random.default_rng(4)
    state = state_of(rough_shop(kind, 6, 4, seed=3), follow=follow)
    for clock in range(80):
        state.memory.clock[0] = clock
        sequence = state.sequences[rng.integers(4)]
        if len(sequence) > 1:
            i, j = sorted(rng.choice(len(sequence), 2, replace=False))
            after = bool(rng.integers(2))
            o, other = (sequence[i], sequence[j]) if after else (sequence[j], sequence[i])
            target = replaced(state.sequences, sequence, moved(sequence, o, other, after))
            possible = nx.is_directed_acyclic_graph(graph_of(state.instance, target))
            before = state.memory.tabu.copy()
            assert apply_move(state.shop, state.order, state.memory, o, other, after, 7) is possible
            assert state.sequences == (target if possible else state.sequences)
            assert np.array_equal(state.memory.tabu, before) is not possible
            assert_consistent(state)


class Search:
    """One tabu search and what it found."""

    def __init__(self, state: State, lower: int = 0) -> None:
        self.state, self.lower = state, lower
        self.start = int(makespan_of(state.shop, state.order))
        self.best: Int32 = state.order.succ.copy()
        self.progress = np.array([self.start, 0], dtype=np.int64)

    def run(self, patience: int, moves: int, halt: Int32 = RUNNING) -> bool:
        state = self.state
        bounds = limits(patience, moves)
        args = (state.shop, state.order, state.memory, self.best, self.progress, bounds, halt, self.lower)
        return bool(tabu_search(*args))

    @property
    def sequences(self) -> Sequences:
        return sequences_of(self.state.shop, self.best)

    @property
    def value(self) -> int:
        return int(self.progress[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_best_order_is_worth_what_is_reported_and_no_worse_than_the_start(kind: str, seed: int) -> None:
    search = Search(scrambled(kind, 8, 8, seed))
    assert not search.run(10**6, 400)
    assert search.state.memory.clock[0] == 400
    assert search.value < search.start
    assert makespan_of_sequences(search.state, search.sequences) == search.value
    assert_consistent(search.state)


@pytest.mark.parametrize("kind", KINDS)
def test_slices_do_not_change_the_course(kind: str) -> None:
    whole, sliced = (Search(scrambled(kind, 8, 8, 5)) for _ in range(2))
    assert not whole.run(10**6, 2000)
    for _ in range(20):
        assert not sliced.run(10**6, 100)
    assert whole.state.snapshot() == sliced.state.snapshot()
    assert whole.progress.tolist() == sliced.progress.tolist()
    assert whole.sequences == sliced.sequences
    assert np.array_equal(whole.state.memory.tabu, sliced.state.memory.tabu)
    assert whole.state.memory.random == sliced.state.memory.random


def test_following_changes_does_not_change_the_course() -> None:
    plain, following = (Search(state_of(rough_shop("classic", 8, 8, 6), follow=f)) for f in (False, True))
    for search in (plain, following):
        search.run(10**6, 500)
    assert plain.state.snapshot() == following.state.snapshot()


def test_the_course_depends_on_the_seed() -> None:
    one, other = (Search(state_of(rough_shop("classic", 8, 8, 6), seed=seed)) for seed in (1, 2))
    for search in (one, other):
        search.run(10**6, 500)
    assert one.state.snapshot() != other.state.snapshot()


def test_the_search_ends_when_it_meets_the_lower_bound() -> None:
    state = state_of(toy())
    state.load(successors_of([[0, 3], [1, 5, 6], [2, 4, 7]], 8))
    search = Search(state, lower=11)
    assert search.start > 11
    assert search.run(10**6, 10**6)
    assert search.value == 11
    assert makespan_of_sequences(state, search.sequences) == 11
    before = int(state.memory.clock[0])
    assert search.run(10**6, 10**6)
    assert state.memory.clock[0] == before


def test_patience_counts_moves_since_the_best() -> None:
    search = Search(scrambled("classic", 8, 8, 8))
    assert search.run(300, 10**6)
    assert search.progress[1] == 300
    before = int(search.state.memory.clock[0])
    assert search.run(300, 10**6)
    assert search.state.memory.clock[0] == before


def test_a_halted_search_makes_no_move_and_is_not_over() -> None:
    search = Search(scrambled("classic", 8, 8, 8))
    before = search.state.snapshot()
    assert not search.run(300, 10**6, HALTED)
    assert search.state.snapshot() == before
    assert search.state.memory.clock[0] == 0


def test_without_a_move_the_search_is_over() -> None:
    """One job is its own critical path, in blocks of one operation."""
    search = Search(state_of(JobShop.from_jobs([[(0, 2), (1, 3)], [(2, 1)]])))
    assert search.run(100, 100)
    assert search.state.memory.clock[0] == 0
    assert search.value == 5
