"""The compiled machine order against its recomputation from the successors."""

import networkx as nx
import numpy as np
import pytest
from jobshop_twins import (
    KINDS,
    State,
    assert_consistent,
    graph_of,
    makespan_of_sequences,
    moved,
    random_start,
    replaced,
    rough_shop,
    state_of,
    successors_of,
)

from copt.problems.jobshop import JobShop, toy
from copt.solvers.jobshop.order_kernels import (
    makespan_of,
    move_after,
    move_before,
    sort_topologically,
    spread_ends,
    spread_tails,
    update_ends,
    update_tails,
)
from copt.solvers.jobshop.shop import machine_successors


def random_move(state: State, rng: np.random.Generator) -> tuple[list[int], int, int, bool]:
    """Return a machine's sequence, an operation of it, another one to put it next to, and on which side."""
    sequence = [s for s in state.sequences if len(s) > 1][rng.integers(sum(len(s) > 1 for s in state.sequences))]
    i, j = sorted(rng.choice(len(sequence), 2, replace=False))
    after = bool(rng.integers(2))
    o, other = (sequence[i], sequence[j]) if after else (sequence[j], sequence[i])
    return sequence, o, other, after


def move(state: State, o: int, other: int, after: bool) -> bool:
    return bool((move_after if after else move_before)(state.shop, state.order, o, other))


@pytest.mark.parametrize("kind", KINDS)
def test_long_random_courses_agree_with_recomputation(kind: str) -> None:
    """A move is refused exactly if it closes a cycle, and then nothing has changed."""
    rng = np.random.default_rng(7)
    state = state_of(rough_shop(kind, 6, 4, seed=1))
    state.load(machine_successors(state.shop, random_start(state.instance, rng)))
    refused = 0
    for _ in range(250):
        sequence, o, other, after = random_move(state, rng)
        target = replaced(state.sequences, sequence, moved(sequence, o, other, after))
        possible = nx.is_directed_acyclic_graph(graph_of(state.instance, target))
        before = state.snapshot()
        first, last = sorted((int(state.order.rank[o]), int(state.order.rank[other])))
        assert move(state, o, other, after) is possible
        if possible:
            assert state.sequences == target
            update_ends(state.shop, state.order, first)
            update_tails(state.shop, state.order, last)
            assert_consistent(state)
            assert makespan_of(state.shop, state.order) == makespan_of_sequences(state, target)
        else:
            refused += 1
            assert state.snapshot() == before
    assert 25 <= refused <= 225


@pytest.mark.parametrize("kind", KINDS)
def test_changes_that_are_followed_reach_as_far_as_a_recomputation(kind: str) -> None:
    rng = np.random.default_rng(8)
    state = state_of(rough_shop(kind, 6, 4, seed=2), follow=True)
    order = state.order
    for _ in range(150):
        _, o, other, after = random_move(state, rng)
        pred, succ = int(order.pred[o]), int(order.succ[o])
        if move(state, o, other, after):
            order.buffer[:3] = o, order.succ[o], succ
            spread_ends(state.shop, order, 3)
            order.buffer[:3] = o, order.pred[o], pred
            spread_tails(state.shop, order, 3)
            assert_consistent(state)


@pytest.mark.parametrize("after", [True, False])
def test_moves_within_one_long_machine_are_never_refused(after: bool) -> None:
    """Jobs of one operation: every sequence is feasible, and only the links change."""
    state = state_of(JobShop.from_jobs([[(0, d)] for d in (3, 1, 4, 1, 5, 9, 2, 6)]))
    rng = np.random.default_rng(9)
    sequence = state.sequences[0]
    for _ in range(50):
        i, j = sorted(rng.choice(8, 2, replace=False).tolist())
        o, other = (sequence[i], sequence[j]) if after else (sequence[j], sequence[i])
        assert move(state, o, other, after)
        sequence = moved(sequence, o, other, after)
        assert state.sequences == [sequence]
        assert [o for o in state.order.topo.tolist()] == sequence


def test_the_toy_in_its_best_order() -> None:
    """Ends and tails of the optimal order, by hand: machine 0 runs B then A, 1 runs C A B, 2 runs B C A."""
    state = state_of(toy())
    sequences = [[3, 0], [6, 1, 5], [4, 7, 2]]
    assert state.load(successors_of(sequences, 8)) == 11
    assert state.order.end[:8].tolist() == [5, 7, 9, 2, 3, 11, 4, 7]
    assert state.order.tail[:8].tolist() == [9, 6, 2, 11, 6, 4, 10, 5]
    assert makespan_of(state.shop, state.order) == 11


def test_sorting_finds_a_cycle() -> None:
    """Two jobs that cross two machines in opposite directions, each waiting for the other."""
    instance = JobShop.from_jobs([[(0, 2), (1, 2)], [(1, 2), (0, 2)]])
    state = state_of(instance)
    assert state.load(successors_of([[3, 0], [1, 2]], 4)) == -1
    assert not sort_topologically(state.shop, state.order)
    assert state.load(successors_of([[0, 3], [1, 2]], 4)) == 8
    assert sort_topologically(state.shop, state.order)
    assert state.order.topo.tolist() == [0, 1, 2, 3]


def test_jobs_without_operations_and_releases_count_in_the_makespan_as_in_the_objective() -> None:
    state = state_of(JobShop.from_jobs([[], [(0, 2)], [], [(0, 0)]], release=[50, 3, 60, 7]))
    assert makespan_of(state.shop, state.order) == 7
    assert state.order.end[:2].tolist() == [5, 7]
