from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduling_cases import STEADY, chains_of, encodings, play, project, replay, shops

from copt.envs import Active, Dispatching, Dynamics, State, cut
from copt.envs.jobshop_state import NEVER
from copt.problems.encoding import Encoding, check, encode, objective, schedule_of
from copt.problems.jobshop import JobShop, toy
from copt.problems.jobshop import check as check_shop

SEEDS = st.integers(0, 2**16)
DYNAMICS = st.sampled_from([Dispatching(), Active()])


def test_a_fresh_state_of_the_toy() -> None:
    state = State(chains_of(toy()))
    assert (state.next_start, state.next_end) == ([0, 0, 0], [3, 2, 4])
    assert state.work == [5, 10, 6]
    assert (state.now, state.makespan, state.bound, state.remaining) == (0, 0, 10, 8)
    assert state.window(0, 5) == [(0, 3), (3, 2), (5, 2)]
    assert state.next_task(1) == 3


def test_fixing_pushes_rivals_and_successors() -> None:
    state = replay(chains_of(toy()), [2, 0])  # job 2 on machine 1 until 4, job 0 on machine 0 until 3
    assert state.next_start == [4, 3, 4]
    assert state.free == [3, 4, 0]
    assert state.work == [2, 6, 6]
    assert state.window(1, 3) == [(3, 2), (5, 1), (6, 4)]
    assert state.bound == 10
    assert (state.now, state.makespan) == (3, 4)


def test_the_optimal_order_of_the_toy_takes_eleven() -> None:
    state = replay(chains_of(toy()), [1, 2, 0, 1, 1, 2, 0, 0])
    assert state.solution().start.tolist() == [2, 8, 10, 0, 2, 4, 0, 4]
    assert (state.makespan, state.bound, state.now) == (12, 12, 12)
    best = replay(chains_of(toy()), [0, 2, 1, 0, 1, 1, 2, 0])
    assert best.solution().start.tolist() == [0, 4, 9, 3, 5, 6, 0, 6]
    assert best.makespan == 11


def test_a_wait_moves_starts_but_not_those_behind_it() -> None:
    state = replay(chains_of(toy()), [2])
    state.wait(2)
    assert state.next_start == [2, 2, 4]
    state.fix(0)
    assert state.next_start == [5, 5, 4]


def test_an_alternative_takes_the_option_that_ends_first() -> None:
    chains = cut(project())
    state = State(chains)
    assert state.next_mode[0] is not None
    assert (state.next_mode[0].interval, state.next_end[0]) == (5, 1)  # crew B needs 1, crew A 2
    state.fix(0)
    assert state.next_start == [1, 1]
    state.fix(0)  # task 1 keeps crew B until 5
    assert state.next_start == [NEVER, 1]  # task 3 waits for 1 and 2
    state.fix(1)
    assert state.next_mode[1] is not None
    assert (state.next_start[1], state.next_mode[1].interval) == (5, 7)  # B ends at 8, A at 10
    state.fix(1)
    assert state.solution().start.tolist() == [0, 1, 1, 5, -1, 0, -1, 5]
    assert state.solution().end.tolist() == [1, 5, 4, 8, -1, 1, -1, 8]
    assert check(chains.encoding, state.solution()) == []


def test_equal_options_go_to_the_first() -> None:
    state = State(chains_of(JobShop.from_jobs([[[(1, 2), (0, 2)]]])))
    assert state.next_mode[0] is not None and state.next_mode[0].resources == (1,)


def test_tardiness_is_charged_when_it_is_certain() -> None:
    shop = JobShop.from_jobs([[(0, 3)], [(0, 4)]], due=[1, 2], weights=[2, 3], criterion="weighted_tardiness")
    state = State(chains_of(shop))
    assert state.bound == 0
    state.fix(0)
    assert state.bound == 4
    state.fix(1)
    assert state.bound == 4 + 15


def test_fixing_what_cannot_start_is_a_programming_error() -> None:
    state = State(chains_of(toy()))
    for _ in range(2):
        state.fix(2)
    with pytest.raises(IndexError):
        state.fix(2)


@STEADY
@given(encodings(), DYNAMICS, SEEDS)
def test_every_play_of_any_encoding_ends_in_a_feasible_solution(
    encoding: Encoding, dynamics: Dynamics, seed: int
) -> None:
    *_, last = play(cut(encoding), dynamics, seed)
    assert check(encoding, last.solution()) == []
    assert last.bound == objective(encoding, last.solution())
    assert last.makespan == last.solution().end.max()


@STEADY
@given(st.one_of(shops(flexible=True), shops(ordered=False), shops(due=True)), DYNAMICS, SEEDS)
def test_every_play_of_a_shop_ends_in_a_feasible_schedule(shop: JobShop, dynamics: Dynamics, seed: int) -> None:
    *_, last = play(chains_of(shop), dynamics, seed)
    assert check_shop(shop, schedule_of(shop, last.solution())) == []
    assert last.bound == objective(encode(shop), last.solution())


@STEADY
@given(encodings(), DYNAMICS, SEEDS)
def test_bounds_only_rise_and_work_only_falls(encoding: Encoding, dynamics: Dynamics, seed: int) -> None:
    trail = []
    for state in play(cut(encoding), dynamics, seed):
        assert state.window(0, 1) == [] or state.window(0, 1)[0][0] <= state.next_start[0]
        trail.append((state.bound, state.makespan, [-w for w in state.work], state.remaining))
    for before, after in pairwise(trail):
        assert before[:2] <= after[:2]
        assert before[2] <= after[2]
        assert before[3] - after[3] in (0, 1)
    assert trail[-1][2] == [0] * encoding.num_resources
    assert trail[-1][3] == 0


@STEADY
@given(shops(max_jobs=3, max_operations=3, flexible=True), DYNAMICS, SEEDS)
def test_incremental_starts_equal_those_of_a_state_built_anew(shop: JobShop, dynamics: Dynamics, seed: int) -> None:
    chains = chains_of(shop)
    for state in play(chains, dynamics, seed):
        starts, ends = _from_scratch(shop, state)
        assert state.next_start == starts
        assert state.next_end == ends


def _from_scratch(shop: JobShop, state: State) -> tuple[list[int], list[int]]:
    """Recompute the next starts and ends from the fixed operations alone."""
    free = np.zeros(shop.num_machines, dtype=int)
    modes, fixed = state.chains.modes, [i for i, s in enumerate(state.start) if s >= 0]
    for task in range(shop.num_operations):
        for mode in modes[task]:
            if mode.interval in fixed:
                for r in mode.resources:
                    free[r] = max(free[r], state.end[mode.interval])
    starts, ends = [], []
    for job, tasks in enumerate(state.chains.jobs):
        left = [t for t in tasks if t not in fixed]
        assert tasks[: state.position[job]] == tasks[: len(tasks) - len(left)]
        ready = max([state.end[t] for t in tasks if t in fixed], default=0)
        found = []
        for mode in modes[left[0]] if left else []:
            start = max([ready, mode.earliest, state.floor, *(int(free[r]) for r in mode.resources)])
            found.append((start + mode.duration, start))
        best = min((end for end, _ in found), default=NEVER)
        ends.append(best)
        starts.append(next((start for end, start in found if end == best), NEVER))
    return starts, ends
