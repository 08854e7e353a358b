"""Compiled search of flexible shops: moves between machines, choice, courses, and the search around them."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from jobshop_twins import (
    HALTED,
    KINDS,
    RUNNING,
    State,
    assert_consistent,
    graph_of,
    limits,
    makespan_of_sequences,
    modes_of,
    path_of,
    plain,
    rough_shop,
    sequences_of,
    state_of,
)
from scheduling_cases import STEADY, shops
from solvers_cases import optimum

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.jobshop import JobShop, Schedule, check, chosen_durations, objective
from copt.result import StopReason
from copt.solvers.jobshop.flexible import search_flexible
from copt.solvers.jobshop.flexible_kernels import best_transfer, first_on, flexible_search, shake, transfer
from copt.solvers.jobshop.order_kernels import Int32, makespan_of
from copt.solvers.jobshop.relink_kernels import load
from copt.solvers.jobshop.shop import machine_successors, order_for, shop_of
from copt.stop import Stop

CHOICE = JobShop.from_jobs([[[(0, 4), (1, 6)], (1, 2)], [[(0, 3), (1, 3)], (0, 2)], [[(0, 5), (1, 4)]]])


def flexible_state(kind: str, jobs: int, machines: int, seed: int) -> State:
    return state_of(rough_shop(kind, jobs, machines, seed, alternatives=2), seed=seed)


def assert_flexible_consistent(state: State, first: Int32) -> None:
    """Compare also the machines, their durations and their first operations."""
    n = state.size
    assert_consistent(state)
    assert state.duration == chosen_durations(state.instance, state.shop.machine[:n].astype(np.int64)).tolist()
    heads = [sequence[0] if sequence else n for sequence in state.sequences]
    assert first[: len(heads)].tolist() == heads
    assert (first[len(heads) :] == n).all()


@pytest.mark.parametrize("kind", KINDS)
def test_long_random_transfers_agree_with_recomputation(kind: str) -> None:
    """A transfer is refused exactly if it closes a cycle, and then nothing has changed."""
    rng = np.random.default_rng(3)
    state = flexible_state(kind, 6, 4, seed=1)
    modes, first = modes_of(state)
    done = refused = 0
    while done < 200:
        o = int(rng.integers(state.size))
        mode = int(rng.integers(modes.offset[o], modes.offset[o + 1]))
        target, duration = int(modes.machine[mode]), int(modes.duration[mode])
        if target == state.shop.machine[o]:
            continue
        done += 1
        sequences = [*state.sequences, *([] for _ in range(4))][:4]
        place = int(rng.integers(len(sequences[target]) + 1))
        before = sequences[target][place - 1] if place else state.size
        expected = [[x for x in sequence if x != o] for sequence in sequences]
        if duration > 0:
            expected[target].insert(place, o)
        possible = nx.is_directed_acyclic_graph(graph_of(state.instance, expected))
        snapshot = [*state.snapshot(), first.tolist()]
        assert transfer(state.shop, state.order, modes, first, o, mode, before) is possible
        if possible:
            assert [*state.sequences, *([] for _ in range(4))][:4] == expected
            assert state.shop.machine[o] == target
            assert_flexible_consistent(state, first)
        else:
            refused += 1
            assert [*state.snapshot(), first.tolist()] == snapshot
    assert 15 < refused < 185


def test_a_machine_can_run_empty_and_fill_again() -> None:
    instance = JobShop.from_jobs([[[(0, 2), (1, 3)]], [[(0, 4), (1, 1)]]])
    state = state_of(instance, start=Schedule(np.array([0, 2]), np.array([0, 0])))
    modes, first = modes_of(state)
    assert first.tolist() == [0, 2]
    for o, mode in ((0, 1), (1, 3)):
        assert transfer(state.shop, state.order, modes, first, o, mode, 2)
    assert first.tolist() == [2, 1]  # each went to the front
    assert makespan_of(state.shop, state.order) == 4
    assert transfer(state.shop, state.order, modes, first, 1, 2, 2)
    assert first.tolist() == [1, 0]
    assert state.order.end[:2].tolist() == [3, 4]


def places_for(state: State, o: int, sequence: list[int]) -> list[int]:
    """Places in another machine's sequence that Mastrolilli and Gambardella know to close no cycle.

    What ends by the start of the job predecessor stays in front, what starts after the end of the job successor
    behind.
    """
    shop, end = state.shop, state.order.end
    before, after = shop.job_pred[o], shop.job_succ[o]
    earliest = end[before] - shop.duration[before]
    low = sum(int(end[x]) <= earliest for x in sequence)
    starts = [int(end[x] - shop.duration[x]) for x in sequence]
    high = sum(after == state.size or start < end[after] for start in starts)
    return list(range(low, max(low, high) + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_chosen_transfer_has_the_smallest_estimate_and_is_feasible(kind: str) -> None:
    for seed in range(15):
        state = flexible_state(kind, 6, 4, seed)
        modes, first = modes_of(state)
        path = path_of(state)
        sequences = [*state.sequences, *([] for _ in range(4))][:4]
        end, tail, job_pred, job_succ = state.order.end, state.order.tail, state.shop.job_pred, state.shop.job_succ
        guesses = {}
        for o in path:
            for mode in range(modes.offset[o], modes.offset[o + 1]):
                k, duration = int(modes.machine[mode]), int(modes.duration[mode])
                if k == state.shop.machine[o]:
                    continue
                sequence = sequences[k] if duration else []
                for place in places_for(state, o, sequence):
                    x = sequence[place - 1] if place else state.size
                    y = sequence[place] if place < len(sequence) else state.size
                    head, behind = max(end[job_pred[o]], end[x]), max(tail[job_succ[o]], tail[y])
                    guesses[o, mode, x] = int(head + duration + behind)
        given_arguments = (state.shop, state.order, modes, first, state.memory, len(path))
        o, mode, x, value = best_transfer(*given_arguments, 0)
        assert value == guesses[o, mode, x] == min(guesses.values())
        assert transfer(state.shop, state.order, modes, first, o, mode, x)
        assert_flexible_consistent(state, first)


def test_a_machine_is_tabu_unless_it_beats_the_best() -> None:
    state = flexible_state("classic", 6, 4, seed=2)
    modes, first = modes_of(state)
    length = len(path_of(state))
    value = best_transfer(state.shop, state.order, modes, first, state.memory, length, 0)[3]
    state.memory.tabu[:] = 100
    assert best_transfer(state.shop, state.order, modes, first, state.memory, length, value)[0] == -1
    assert best_transfer(state.shop, state.order, modes, first, state.memory, length, value + 1)[3] == value


@pytest.mark.parametrize("kind", KINDS)
def test_shaking_moves_operations_and_keeps_everything_consistent(kind: str) -> None:
    state = flexible_state(kind, 6, 4, seed=3)
    modes, first = modes_of(state)
    changed = []
    for _ in range(20):
        before = state.shop.machine.copy()
        shake(state.shop, state.order, modes, first, state.memory, 5)
        changed.append(int((before != state.shop.machine).sum()))
        assert_flexible_consistent(state, first)
    assert max(changed) <= 5
    assert sum(changed) > 20  # an operation may draw the machine on which it is


class Search:
    """One tabu search of a flexible shop and what it found."""

    def __init__(self, state: State, lower: int = 0) -> None:
        self.state, self.lower = state, lower
        self.modes, self.first = modes_of(state)
        self.start = int(makespan_of(state.shop, state.order))
        self.best = (state.order.succ.copy(), state.shop.machine.copy())
        self.progress = np.array([self.start, 0], dtype=np.int64)

    def run(self, patience: int, moves: int, halt: Int32 = RUNNING) -> bool:
        state = self.state
        setting = (state.shop, state.order, self.modes, self.first, state.memory)
        return bool(flexible_search(*setting, *self.best, self.progress, limits(patience, moves), halt, self.lower))

    @property
    def value(self) -> int:
        return int(self.progress[0])

    def recomputed(self) -> int:
        """Makespan of the best order on its machines."""
        instance, n = self.state.instance, self.state.size
        machine = self.best[1][:n].astype(np.int64)
        shop = shop_of(instance, machine, chosen_durations(instance, machine))
        state = State(instance, shop, order_for(instance), self.state.memory)
        return makespan_of_sequences(state, sequences_of(shop, self.best[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_schedule_is_worth_what_is_reported(kind: str) -> None:
    search = Search(flexible_state(kind, 8, 6, seed=4))
    assert not search.run(10**6, 400)
    assert search.value < search.start
    assert search.recomputed() == search.value
    assert search.state.memory.clock[0] == 400
    assert_flexible_consistent(search.state, search.first)


@pytest.mark.parametrize("kind", KINDS)
def test_slices_do_not_change_the_course(kind: str) -> None:
    """Some of these courses end before their last slice, in an order without a move."""
    whole, sliced = (Search(flexible_state(kind, 8, 6, seed=5)) for _ in range(2))
    over = whole.run(10**6, 1000)
    assert whole.state.memory.clock[0] > 100
    assert any(sliced.run(10**6, 50) for _ in range(20)) is over
    assert whole.state.snapshot() == sliced.state.snapshot()
    assert whole.progress.tolist() == sliced.progress.tolist()
    assert [part.tolist() for part in whole.best] == [part.tolist() for part in sliced.best]


def test_restarts_without_a_move_end_by_the_move_limit() -> None:
    """Nothing on the critical path, job 0, can move."""
    watch = monitor(50)
    search_flexible(JobShop.from_jobs([[(0, 9)], [[(1, 1), (2, 1)]]]), watch, 1, 0)
    assert (watch.best, watch.reason()) == (9, StopReason.MOVES)


def test_patience_lower_bound_and_halt_end_the_search() -> None:
    search = Search(flexible_state("classic", 8, 6, seed=6))
    assert not search.run(10**6, 100, HALTED)
    assert search.state.memory.clock[0] == 0
    assert search.run(50, 10**6)
    assert search.progress[1] == 50
    clock = int(search.state.memory.clock[0])
    search.lower = search.value
    assert search.run(10**6, 10**6)
    assert search.state.memory.clock[0] == clock


def test_both_kinds_of_moves_are_made() -> None:
    state = flexible_state("classic", 8, 6, seed=7)
    search = Search(state)
    machines, orders = set(), set()
    for _ in range(30):
        search.run(10**6, 1)
        machines.add(tuple(state.shop.machine.tolist()))
        orders.add((tuple(state.shop.machine.tolist()), tuple(state.order.succ[:-1].tolist())))
    assert 1 < len(machines) < len(orders) <= 31


def monitor(moves: int) -> Monitor:
    return Monitor(Stop(seconds=600, moves=moves), Silent())


@given(shops(max_jobs=3, max_operations=2, flexible=True).filter(lambda instance: instance.flexible))
@settings(STEADY, max_examples=40)
def test_tiny_shops_are_solved(instance: JobShop) -> None:
    watch = monitor(600)
    search_flexible(instance, watch, 1, 0)
    assert watch.best == optimum(instance)
    assert check(instance, watch.solution) == []
    assert objective(instance, watch.solution) == watch.best
    assert watch.reason() is StopReason.MOVES


def test_the_search_begins_with_the_incumbent() -> None:
    """A schedule that puts everything on machine 1 is worth 17; without moves it stays as it is."""
    watch = monitor(0)
    incumbent = Schedule(np.array([0, 6, 8, 17, 11]), np.array([1, 1, 1, 0, 1]))
    watch.offer(objective(CHOICE, incumbent), incumbent, "start")
    assert watch.best == 19
    search_flexible(CHOICE, watch, 1, 0)
    assert watch.solution is incumbent
    assert watch.reason() is StopReason.MOVES


def test_without_an_incumbent_it_begins_with_the_dispatched_schedule() -> None:
    watch = monitor(1)
    search_flexible(CHOICE, watch, 1, 0)
    assert watch.best is not None
    assert watch.best <= objective(CHOICE, plain(CHOICE))


def test_the_seed_decides_with_one_worker_and_a_move_limit() -> None:
    instance = rough_shop("classic", 8, 6, seed=8, alternatives=3)
    solutions = []
    for seed in (1, 1, 2, 3):
        watch = monitor(1500)
        search_flexible(instance, watch, 1, seed)
        solutions.append((watch.solution.start.tolist(), watch.solution.machine.tolist()))
    assert solutions[0] == solutions[1]
    assert len({str(solution) for solution in solutions}) > 1


def test_two_workers_share_the_incumbent() -> None:
    instance = rough_shop("released", 8, 6, seed=9, alternatives=2)
    watch = monitor(1500)
    search_flexible(instance, watch, 2, 0)
    assert check(instance, watch.solution) == []
    assert objective(instance, watch.solution) == watch.best
    assert watch.best < objective(instance, plain(instance))
    values = [value for _, value in watch.trace().incumbents]
    assert values == sorted(set(values), reverse=True)


def test_first_on_skips_idle_machines() -> None:
    instance = JobShop.from_jobs([[[(1, 2), (3, 2)]], [(1, 1)]], num_machines=5)
    schedule = Schedule(np.array([1, 0]), np.array([1, 1]))
    shop, order = shop_of(instance, schedule.machine, np.array([2, 1])), order_for(instance)
    load(shop, order, machine_successors(shop, schedule.start))
    first = np.zeros(5, dtype=np.int32)
    first_on(shop, order, first)
    assert first.tolist() == [2, 1, 2, 2, 2]
