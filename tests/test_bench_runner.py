import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bench_cases
import pytest

from copt.bench import runner
from copt.bench.entries import Entry
from copt.bench.isolate import Outcome
from copt.bench.peers import COPT, PEERS, Peer, Run
from copt.bench.records import Row, read_rows
from copt.bench.runner import run_suite
from copt.bench.suites import SUITES
from copt.errors import CoptError, FormatError, UnknownNameError
from copt.problems.jobshop import toy


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put peers with known answers into the registry, the optimal one as copt."""
    monkeypatch.setitem(COPT, "copt", Peer("copt", bench_cases.answer_optimal, "knows the answer"))
    for name, peer in bench_cases.FAKES.items():
        monkeypatch.setitem(PEERS["jobshop"], name, peer)
    monkeypatch.setitem(SUITES, "two-toys", bench_cases.SUITE)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, float]]:
    """Call peers in this process, and note each call: instance, seed, seconds."""
    calls: list[tuple[str, int, float]] = []

    def run(peer: Run, instance: Any, *, seconds: float, workers: int, seed: int, **_: Any) -> Outcome:
        calls.append((instance.name, seed, seconds))
        try:
            answer = peer(instance, seconds=seconds, workers=workers, seed=seed)
        except RuntimeError as error:
            return Outcome(None, 0.25, 0.5, f"RuntimeError: {error}")
        return Outcome(answer, 0.25, 0.5)

    monkeypatch.setattr(runner, "run_isolated", run)
    return calls


def run_quietly(out: Path, peers: Sequence[str] | None = (), **options: Any) -> tuple[Path, list[str]]:
    lines: list[str] = []
    options.setdefault("seconds", 1)
    return run_suite("two-toys", peers=peers, out=out, say=lines.append, **options), lines


def test_whole_run_in_processes_of_their_own(tmp_path: Path) -> None:
    page, _ = run_quietly(tmp_path, ["by-rule", "raises"], seconds=[0.5], workers=1, limit=1)
    rows = read_rows(tmp_path / "two-toys.csv", Row)
    assert [(row.solver, row.objective, row.proved, row.error) for row in rows] == [
        ("copt", 11, True, ""),
        ("by-rule", 12, False, ""),
        ("raises", None, False, "RuntimeError: out of tune"),
    ]
    assert page == tmp_path / "two-toys.html"
    assert "9.09 %" in page.read_text(encoding="utf-8")


def test_rows_hold_what_was_measured(tmp_path: Path, in_process: list[Any]) -> None:
    run_quietly(tmp_path, ["by-rule"], seconds=2.0)
    first, second, third, fourth = read_rows(tmp_path / "two-toys.csv", Row)
    assert [first.instance, second.instance, third.instance, fourth.instance] == ["toy", "toy", "toy2", "toy2"]
    assert (first.dimensions, first.sense, first.seed, first.workers) == ("3x3", "min", 1, 2)
    assert (first.seconds, first.process_seconds, first.seconds_limit) == (0.25, 0.5, 2.0)
    assert (first.objective, first.bound, first.best_known, first.gap_percent) == (11, 11, 11, 0)
    assert first.primal_integral == 0  # its second incumbent, the optimum, is there at once
    # The rule keeps no record: gap 1 for a quarter second, then 1 - 11 / 12, over two seconds.
    assert second.primal_integral == pytest.approx((0.25 + 1.75 / 12) / 2, abs=1e-6)
    assert second.gap_percent == pytest.approx(100 / 11, abs=1e-6)
    assert second.time_to_best == 0.25
    assert (third.objective, third.best_known) == (22, 22)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", first.date)
    assert "cores" in first.machine
    assert first.versions.startswith("copt ")


def test_wrong_claims_become_error_rows(tmp_path: Path, in_process: list[Any]) -> None:
    peers = ["one-too-low", "bound-too-high", "infeasible", "nothing", "raises"]
    page, lines = run_quietly(tmp_path, peers, names=["toy"])
    rows = {row.solver: row for row in read_rows(tmp_path / "two-toys.csv", Row)}
    assert {name: (row.objective, row.proved, row.error.split(":")[0]) for name, row in rows.items()} == {
        "copt": (11, True, ""),
        "one-too-low": (11, False, "claims 10.0, its solution is worth 11"),
        "bound-too-high": (12, False, "claims bound 12, beyond the best known solution 11"),
        "infeasible": (None, False, "infeasible"),
        "nothing": (None, False, "no solution"),
        "raises": (None, False, "RuntimeError"),
    }
    text = page.read_text(encoding="utf-8")
    assert "Failures and wrong claims: 5" in text
    assert "claims bound 12, beyond the best known solution 11" in text
    assert lines[1] == "[1/6] toy 3x3, copt, seed 1, 1 s: 11 (+0.00 %), proved in 0.2 s"
    assert lines[2].endswith("11 (+0.00 %) in 0.2 s; claims 10.0, its solution is worth 11")


def test_solvers_take_turns_on_each_instance_and_seeds_come_last(
    tmp_path: Path, in_process: list[tuple[str, int, float]]
) -> None:
    run_quietly(tmp_path, ["by-rule"], seeds=2, seconds=[1, 5])
    order = [("toy", 1.0), ("toy", 1.0), ("toy", 5.0), ("toy", 5.0)]
    once = [(name, seed, seconds) for seed in (1,) for name, seconds in order]
    double = [("toy2", seed, seconds) for _, seed, seconds in once]
    assert in_process[:8] == once + double
    assert [seed for _, seed, _ in in_process] == [1] * 8 + [2] * 8
    solvers = [row.solver for row in read_rows(tmp_path / "two-toys.csv", Row)]
    assert solvers == ["copt", "by-rule"] * 8


def test_what_is_there_is_not_run_again(tmp_path: Path, in_process: list[Any]) -> None:
    run_quietly(tmp_path, ["by-rule"], limit=1)
    before = (tmp_path / "two-toys.csv").read_bytes()
    in_process.clear()
    _, lines = run_quietly(tmp_path, ["by-rule"], limit=1)
    assert in_process == []
    assert (tmp_path / "two-toys.csv").read_bytes() == before
    assert lines[0] == "instances: 1; runs to do: 0 of 2, 0:00:00 (h:mm:ss) at most"
    run_quietly(tmp_path, ["by-rule"], seeds=2)
    assert in_process == [("toy2", 1, 1.0)] * 2 + [("toy", 2, 1.0)] * 2 + [("toy2", 2, 1.0)] * 2
    in_process.clear()
    run_quietly(tmp_path, ["nothing"], limit=1, workers=1)
    assert in_process == [("toy", 1, 1.0)] * 2


def test_interruption_leaves_a_table_and_a_report_and_the_run_goes_on(
    tmp_path: Path, in_process: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {"left": 2}

    def interrupt(*arguments: Any, **options: Any) -> Outcome:
        calls["left"] -= 1
        if calls["left"] < 0:
            raise KeyboardInterrupt
        return Outcome(bench_cases.answer_optimal(arguments[1], seconds=1, workers=1, seed=1), 0.25, 0.5)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "run_isolated", interrupt)
        page, lines = run_quietly(tmp_path, ["by-rule"])
    assert len(read_rows(tmp_path / "two-toys.csv", Row)) == 2
    assert "1 instances, 2 runs" in page.read_text(encoding="utf-8")
    assert "interrupted; the same command goes on from here" in lines
    run_quietly(tmp_path, ["by-rule"])
    assert len(in_process) == 2
    assert len({row.key for row in read_rows(tmp_path / "two-toys.csv", Row)}) == 4


def test_rows_of_other_versions_are_pointed_out(
    tmp_path: Path, in_process: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_quietly(tmp_path)
    monkeypatch.setattr(runner, "installed_versions", lambda peer: "copt 99")
    _, lines = run_quietly(tmp_path)
    assert lines[1].startswith("rows of other versions stay as they are")


def test_command_in_the_report_repeats_the_run(tmp_path: Path, in_process: list[Any]) -> None:
    page, _ = run_quietly(tmp_path, ["by-rule", "nothing"], seconds=[1, 0.5], seeds=2, names=["toy*"], limit=1)
    assert (
        "copt bench two-toys --seconds 1,0.5 --peers by-rule,nothing --seeds 2 --workers 2 "
        "--names &#x27;toy*&#x27; --limit 1</code>"
    ) in page.read_text(encoding="utf-8")


def test_copt_runs_once_even_if_named(tmp_path: Path, in_process: list[Any]) -> None:
    run_quietly(tmp_path, ["copt", "by-rule", "by-rule"], limit=1)
    assert [row.solver for row in read_rows(tmp_path / "two-toys.csv", Row)] == ["copt", "by-rule"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0}, r"seconds must be positive numbers, got \[0.0\]"),
        ({"seconds": []}, "seconds must be positive"),
        ({"seconds": [1, float("inf")]}, "seconds must be positive"),
        ({"seconds": float("nan")}, "seconds must be positive"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"workers": 0}, "workers must be at least 1, got 0"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
    ],
)
def test_senseless_numbers_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CoptError, match=message):
        run_quietly(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_unknown_names_stop_the_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown peer"):
        run_quietly(tmp_path / "out", ["cplex"])
    with pytest.raises(UnknownNameError, match="unknown instance 'toy9'"):
        run_quietly(tmp_path / "out", names=["toy9"])
    assert not (tmp_path / "out").exists()


def test_foreign_table_is_refused_and_left_alone(tmp_path: Path) -> None:
    table = tmp_path / "two-toys.csv"
    table.write_text("my,own,data\n1,2,3\n", encoding="utf-8")
    with pytest.raises(FormatError, match="not the columns of a benchmark"):
        run_quietly(tmp_path)
    assert table.read_text(encoding="utf-8") == "my,own,data\n1,2,3\n"


def test_progress_goes_to_standard_error_by_default(
    tmp_path: Path, in_process: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run_suite("two-toys", seconds=1, peers=[], out=tmp_path, limit=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[1/1] toy 3x3, copt" in captured.err


def test_the_suite_names_its_peers_and_the_caller_may_name_others(tmp_path: Path, in_process: list[Any]) -> None:
    run_quietly(tmp_path / "own", None, limit=1)
    assert [row.solver for row in read_rows(tmp_path / "own" / "two-toys.csv", Row)] == ["copt", "by-rule"]
    run_quietly(tmp_path / "alone", [], limit=1)
    assert [row.solver for row in read_rows(tmp_path / "alone" / "two-toys.csv", Row)] == ["copt"]


def test_peers_prepare_before_their_time_and_may_use_the_limit_once_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, Any]] = []

    def run(peer: Run, instance: Any, **options: Any) -> Outcome:
        heard.append(options)
        return Outcome(None, 0.25, 0.5, "not run")

    monkeypatch.setattr(runner, "run_isolated", run)
    monkeypatch.setitem(PEERS["jobshop"], "late", Peer("late", bench_cases.answer_nothing, "", (), bench_cases.warm_up))
    suite = replace(bench_cases.SUITE, entries=lambda _folder: [Entry("toy", toy, calls=300)])
    monkeypatch.setitem(SUITES, "two-toys", suite)
    _, lines = run_quietly(tmp_path, ["late"], seconds=2)
    assert lines[0] == "instances: 1; runs to do: 2 of 2, 0:20:00 (h:mm:ss) at most"
    assert [(options["prepare"], options["calls"]) for options in heard] == [(None, 300), (bench_cases.warm_up, 300)]
