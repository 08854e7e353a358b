"""Search threads: slices within an allowance, and a team under a monitor."""

import itertools
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from jobshop_twins import limits

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.jobshop import toy
from copt.result import StopReason
from copt.solvers.jobshop import team
from copt.solvers.jobshop.order_kernels import Int32
from copt.solvers.jobshop.shop import memory_for
from copt.solvers.jobshop.tabu_kernels import Int64
from copt.solvers.jobshop.team import MOVES, SLICE, Allowance, run_team
from copt.stop import Stop


def flag() -> Int32:
    return np.zeros(1, dtype=np.int32)


class Counter:
    """A search that makes as many moves as it may, and is over after a number of them."""

    def __init__(self, allowance: Allowance, bounds: Int64, last: int) -> None:
        self.allowance, self.bounds, self.last = allowance, bounds, last
        self.slices: list[int] = []
        self.reports: list[int] = []

    def step(self) -> bool:
        clock = self.allowance.memory.clock
        self.slices.append(min(int(self.bounds[MOVES]), self.last - int(clock[0])))
        clock[0] += self.slices[-1]
        return bool(clock[0] == self.last)

    def report(self) -> None:
        self.reports.append(int(self.allowance.memory.clock[0]))

    def run(self) -> None:
        self.allowance.run(self.step, self.bounds, self.report)


def counter(moves: int | None, last: int, first_slice: int = 100) -> Counter:
    return Counter(Allowance(memory_for(toy(), 0), flag(), moves), limits(10**6, first_slice), last)


@pytest.mark.parametrize("moves", [1, 99, 100, 101, 5000])
def test_moves_are_never_exceeded(moves: int) -> None:
    search = counter(moves, last=10**9)
    search.run()
    assert search.allowance.memory.clock[0] == sum(search.slices) == moves
    assert (search.allowance.left, search.allowance.spent) == (0, True)


def test_a_search_that_is_over_leaves_the_rest() -> None:
    search = counter(5000, last=130)
    search.run()
    assert search.slices[0] == 100
    assert sum(search.slices) == 130
    assert (search.allowance.left, search.allowance.spent) == (4870, False)


def test_every_slice_is_reported() -> None:
    search = counter(5000, last=10**9)
    search.run()
    assert search.reports == np.cumsum(search.slices).tolist()
    assert len(search.slices) > 1


@pytest.mark.parametrize(("seconds", "then"), [(0.001, 100_000 * SLICE), (1.0, 100 * SLICE), (1000.0, 10)])
def test_slices_take_equal_time(monkeypatch: pytest.MonkeyPatch, seconds: float, then: float) -> None:
    """A slice of 100 moves tells how many the next one has: a slice's worth, but 10 at least."""
    ticks = itertools.count(0, seconds)
    monkeypatch.setattr(team, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    search = counter(100 + int(max(10, then)), last=10**9, first_slice=100)
    search.run()
    assert search.slices == [100, max(10, then)]


@pytest.mark.parametrize("slices", [1, 3])
def test_only_a_search_without_any_move_counts_as_one(slices: int) -> None:
    """However many slices it takes to see that a search is over, its moves are the same."""
    allowance = Allowance(memory_for(toy(), 0), flag(), 1000)
    for moves in (0, 7):
        answers = iter([False] * (slices - 1) + [True])
        made = iter([moves] + [0] * (slices - 1))

        def step(answers: Iterator[bool] = answers, made: Iterator[int] = made) -> bool:
            allowance.memory.clock[0] += next(made)
            return next(answers)

        before = allowance.left
        allowance.run(step, limits(10**6, 100), lambda: None)
        assert before - allowance.left == max(1, moves)


def test_without_a_limit_there_is_no_end_of_moves() -> None:
    allowance = Allowance(memory_for(toy(), 0), flag(), None)
    allowance.memory.clock[0] = 10**15
    assert allowance.left > 10**15
    assert not allowance.spent


def test_a_halted_thread_does_not_search() -> None:
    search = counter(100, last=10**9)
    search.allowance.halt[0] = 1
    assert search.allowance.spent
    search.run()
    assert search.slices == search.reports == []


def monitor(seconds: float = 60.0) -> Monitor:
    return Monitor(Stop(seconds=seconds), Silent())


def test_a_team_ends_when_its_tasks_have_ended() -> None:
    done: list[str] = []
    halt = flag()
    watch = monitor()
    run_team(watch, halt, [lambda: done.append("a"), lambda: done.append("b")])
    assert sorted(done) == ["a", "b"]
    assert watch.reason() is None
    assert halt[0] == 1


def test_tasks_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=30)

    def meet() -> None:
        meeting.wait()

    run_team(monitor(), flag(), [meet] * 3)
    assert not meeting.broken


def until(halt: Int32) -> None:
    """Search until halted, as every task must."""
    while not halt[0]:
        time.sleep(0.001)


@pytest.mark.parametrize("reason", [StopReason.USER, StopReason.TARGET])
def test_a_stop_halts_every_task(reason: StopReason) -> None:
    halt, watch = flag(), monitor()
    run_team(watch, halt, [lambda: until(halt), lambda: until(halt), lambda: watch.end(reason)])
    assert watch.reason() is reason


def test_the_time_limit_halts_every_task() -> None:
    halt, watch = flag(), monitor(0.05)
    run_team(watch, halt, [lambda: until(halt)] * 2)
    assert watch.reason() is StopReason.TIME


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt("stop"), SystemExit(3)])
def test_what_a_task_raises_reaches_the_caller_after_all_have_ended(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(team, "GRACE", 60.0)
    halt = flag()
    ended: list[bool] = []

    def fail() -> None:
        raise error

    def patient() -> None:
        until(halt)
        ended.append(True)

    with pytest.raises(type(error)) as raised:
        run_team(monitor(), halt, [patient, fail, patient])
    assert raised.value is error
    assert ended == [True, True]


def test_a_task_that_will_not_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "GRACE", 0.01)
    released, ended = threading.Event(), threading.Event()

    def deaf() -> None:
        released.wait(60)
        ended.set()

    watch = monitor()
    run_team(watch, flag(), [deaf, lambda: watch.end(StopReason.USER)])
    assert not ended.is_set()
    released.set()
    assert ended.wait(60)
