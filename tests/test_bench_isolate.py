import os

import bench_cases
import pytest

from copt.bench.isolate import cores_in_use, pinned, run_isolated
from copt.bench.peers import Run
from copt.problems.jobshop import toy


def test_answer_comes_back_whole_and_prints_do_not_disturb_it(capfd: pytest.CaptureFixture[str]) -> None:
    outcome = run_isolated(bench_cases.print_much, toy(), seconds=7.5, workers=2, seed=3)
    assert outcome.answer is not None
    assert outcome.answer.objective == 7.5
    assert outcome.error == ""
    assert 0 <= outcome.seconds <= outcome.process_seconds
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("run", "error"),
    [
        (bench_cases.raise_error, "RuntimeError: out of tune"),
        (bench_cases.leave_quietly, "exited with code 3"),
        (bench_cases.break_down, "crashed with SIGSEGV"),
    ],
)
def test_way_of_dying_is_told(run: Run, error: str) -> None:
    outcome = run_isolated(run, toy(), seconds=1, workers=1, seed=1)
    assert outcome.answer is None
    assert outcome.error == error


def test_what_a_peer_prepares_is_off_its_clock() -> None:
    outcome = run_isolated(
        bench_cases.report_preparation, toy(), seconds=1, workers=1, seed=1, prepare=bench_cases.warm_up
    )
    assert outcome.answer is not None
    assert outcome.answer.solution == 1
    assert outcome.process_seconds >= outcome.seconds + 0.2  # it sleeps as long
    unprepared = run_isolated(bench_cases.report_preparation, toy(), seconds=1, workers=1, seed=1)
    assert unprepared.answer is not None
    assert unprepared.answer.solution == 0


def test_peer_that_cannot_prepare_is_told() -> None:
    outcome = run_isolated(
        bench_cases.answer_nothing, toy(), seconds=1, workers=1, seed=1, prepare=bench_cases.fail_to_warm_up
    )
    assert (outcome.answer, outcome.error) == (None, "RuntimeError: cold")


def test_peer_that_never_stops_is_killed() -> None:
    outcome = run_isolated(bench_cases.never_stop, toy(), seconds=0.1, workers=1, seed=1, grace=0.5)
    assert outcome.answer is None
    assert outcome.error.startswith("killed after")
    assert outcome.error.endswith("it did not stop at its limit of 0.1 s")
    assert outcome.seconds >= 2 * 0.1 + 0.5


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not pin processes")
def test_peer_inherits_the_cores_and_they_are_given_back() -> None:
    before = os.sched_getaffinity(0)
    cores = cores_in_use(1)
    assert cores == [min(before)]
    with pinned(cores):
        outcome = run_isolated(bench_cases.report_cores, toy(), seconds=1, workers=1, seed=1)
    assert outcome.answer is not None
    assert outcome.answer.solution == cores
    assert os.sched_getaffinity(0) == before


def test_no_cores_means_no_pinning() -> None:
    with pinned([]):
        assert cores_in_use(10_000) == cores_in_use(len(cores_in_use(10_000)) or 1)
