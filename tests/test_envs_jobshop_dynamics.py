from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling_cases import STEADY, chains_of, encodings, follow, orders, play, project, replay, shops

from copt.envs import Active, Dispatching, State, cut
from copt.problems.encoding import Encoding, objective
from copt.problems.jobshop import JobShop, toy

SEEDS = st.integers(0, 2**16)


def test_dispatching_offers_what_can_start_at_the_clock() -> None:
    rules, state = Dispatching(), State(chains_of(toy()))
    assert rules.legal(state) == ([0, 1, 2], False)
    rules.take(state, 0)
    assert rules.legal(state) == ([2], True)  # job 1 must wait for machine 0 until 3
    rules.take(state, 2)
    assert (rules.legal(state), state.now) == (([1], True), 3)
    rules.wait(state)
    assert (state.now, state.next_start) == (4, [4, 4, 4])
    assert rules.legal(state) == ([0, 1, 2], False)


def test_nothing_is_legal_at_the_end() -> None:
    for rules in (Dispatching(), Active()):
        assert rules.legal(follow(chains_of(toy()), rules, lambda *_: 0)) == ([], False)


def test_active_offers_the_conflict_set_of_the_first_end() -> None:
    rules, state = Active(), State(chains_of(toy()))
    assert rules.legal(state) == ([0, 1], False)  # job 1 could leave machine 0 at 2; job 2 uses machine 1
    rules.take(state, 0)
    assert rules.legal(state) == ([0, 2], False)  # job 2 ends at 4; job 0 reaches machine 1 at 3, in conflict


def test_of_equal_ends_the_first_job_s_counts() -> None:
    assert Active().legal(State(chains_of(JobShop.from_jobs([[(0, 2)], [(1, 2)], [(0, 3)]])))) == ([0, 2], False)


def test_the_clock_never_goes_back() -> None:
    # Job 1 would wait for machine 1 until 2; once job 2 has it, machine 0 is better, but its past is gone.
    shop = JobShop.from_jobs([[(1, 2)], [[(0, 10), (1, 3)]], [(1, 20)]])
    rules, state = Dispatching(), State(chains_of(shop))
    rules.take(state, 0)
    assert (state.now, state.next_start[1:]) == (2, [2, 2])
    rules.take(state, 2)
    assert (state.now, state.next_start[1], state.next_end[1]) == (2, 2, 12)


def test_a_task_without_resource_is_alone() -> None:
    state = State(cut(project()))
    assert Active().legal(state) == ([0], False)


def test_the_best_active_schedule_of_the_toy_takes_eleven() -> None:
    chains = chains_of(toy())
    ends = [replay(chains, order).makespan for order in orders(chains, Active())]
    assert (min(ends), len(ends)) == (11, len(set(map(tuple, orders(chains, Active())))))


def test_waiting_can_be_the_only_way_to_the_optimum() -> None:
    # The long operation of job 0 blocks machine 0 unless it waits a moment for job 1.
    shop = JobShop.from_jobs([[(0, 10)], [(1, 1), (0, 1), (1, 10)]])
    chains = chains_of(shop)
    eager = min(replay(chains, order).makespan for order in orders(chains, Dispatching()))
    assert eager == 21
    rules, state = Dispatching(), State(chains)
    rules.take(state, 1)
    rules.wait(state)
    for job in (1, 0, 1):
        rules.take(state, job)
    assert state.makespan == 12


def _is_active(shop: JobShop, start: tuple[int, ...]) -> bool:
    """No operation can start earlier while all others stay where they are."""
    release = np.zeros(shop.num_jobs, dtype=int) if shop.release is None else shop.release
    for o, job in enumerate(shop.job_of):
        first = o == shop.job_offsets[job]
        ready = release[job] if first else max(release[job], start[o - 1] + shop.durations[o - 1])
        for earlier in range(ready, start[o]):
            if not any(
                shop.machines[p] == shop.machines[o]
                and p != o
                and earlier < start[p] + shop.durations[p]
                and start[p] < earlier + shop.durations[o]
                for p in range(shop.num_operations)
            ):
                return False
    return True


@settings(STEADY, max_examples=40)
@given(shops(max_jobs=3, max_operations=2, min_duration=1))
def test_active_builds_exactly_the_active_schedules(shop: JobShop) -> None:
    chains = chains_of(shop)
    every = {tuple(replay(chains, order).start) for order in orders(chains)}
    built = {tuple(replay(chains, order).start) for order in orders(chains, Active())}
    assert built == {start for start in every if _is_active(shop, start)}


@settings(STEADY, max_examples=60)
@given(st.one_of(encodings(alternatives=False, max_tasks=5), shops(max_jobs=3, max_operations=2, due=True)))
def test_active_reaches_an_optimum_of_any_encoding_without_alternatives(problem: Encoding | JobShop) -> None:
    chains = chains_of(problem)

    def best(found: Any) -> int:
        return min(objective(chains.encoding, replay(chains, order).solution()) for order in found)

    assert best(orders(chains, Active())) == best(orders(chains))


class PaperModel:
    """The paper's environment as its authors describe it: bounds, and constraints run to a fixpoint."""

    def __init__(self, shop: JobShop) -> None:
        self.shop = shop
        self.jobs = [
            list(range(a, b)) for a, b in zip(shop.job_offsets[:-1], shop.job_offsets[1:], strict=True) if b > a
        ]
        release = np.zeros(shop.num_jobs, dtype=int) if shop.release is None else shop.release
        self.low = release[shop.job_of].tolist()
        self.fixed: set[int] = set()
        self.propagate()

    def propagate(self) -> None:
        d, machine = self.shop.durations.tolist(), self.shop.machines.tolist()
        before = None
        while before != self.low:
            before = list(self.low)
            for job in self.jobs:
                for a, b in pairwise(job):
                    self.low[b] = max(self.low[b], self.low[a] + d[a])
            for a in self.fixed:
                for b in set(range(len(d))) - self.fixed:
                    end = self.low[a] + d[a]
                    if machine[a] == machine[b] and self.low[a] < self.low[b] + d[b] and self.low[b] < end:
                        self.low[b] = end if d[b] else self.low[b]

    def next(self) -> dict[int, int]:
        pending = {j: [o for o in job if o not in self.fixed] for j, job in enumerate(self.jobs)}
        return {j: job[0] for j, job in pending.items() if job}

    def times(self) -> list[int]:
        return sorted({self.low[o] for o in self.next().values()})

    def legal(self) -> tuple[list[int], bool]:
        times = self.times()
        return [j for j, o in self.next().items() if self.low[o] == times[0]], len(times) > 1

    def act(self, job: int) -> None:
        if job >= 0:
            self.fixed.add(self.next()[job])
        else:
            until = self.times()[1]
            for o in self.next().values():
                self.low[o] = max(self.low[o], until)
        self.propagate()


@STEADY
@given(shops(), SEEDS)
def test_dispatching_is_the_paper_s_environment(shop: JobShop, seed: int) -> None:
    chains, rules = chains_of(shop), Dispatching()
    model = PaperModel(shop)
    for state in play(chains, rules, seed):
        _follow_decision(model, state)
        assert [state.position[j] for j in range(len(chains.jobs))] == [
            sum(o in model.fixed for o in job) for job in model.jobs
        ]
        if not state.remaining:
            break
        assert rules.legal(state) == model.legal()
        assert state.now == model.times()[0]
        for j in range(len(chains.jobs)):
            window = state.window(j, 10)
            ahead = [o for o in model.jobs[j] if o not in model.fixed]
            assert window == [(model.low[o], shop.durations[o]) for o in ahead]
    assert [state.start[o] for o in range(shop.num_operations)] == model.low


def _follow_decision(model: PaperModel, state: State) -> None:
    """Make the decision in ``model`` that was just made in ``state``."""
    done = [sum(o in model.fixed for o in job) for job in model.jobs]
    moved = [j for j, position in enumerate(state.position) if position > done[j]]
    if moved:
        model.act(moved[0])
    elif state.now > model.times()[0]:
        model.act(-1)
