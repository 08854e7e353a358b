"""Episodes in closed loop: what controllers did is simulated again, kept, and summarised."""

import importlib
import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loop_cases import FAKES, SUITE, cartpole_episode, let_go, make_row
from scipy import stats

from copt.bench import runner
from copt.bench.episodes import Episode, replay
from copt.bench.isolate import Outcome
from copt.bench.loop_records import EpisodeRow
from copt.bench.loop_report import text_table, write_loop_report
from copt.bench.loop_summary import best_of, forms, mean_interval, rate_interval
from copt.bench.page import Heading
from copt.bench.peers import PEERS, Run, find_peer
from copt.bench.records import append_row, read_rows
from copt.bench.runner import run_suite
from copt.bench.suites import SUITES, find_suite
from copt.errors import CoptError, FormatError, InvalidSolutionError, UnknownNameError
from copt.instances.control_cartpole import LIMITS, cartpole_walls
from copt.problems.base import FloatArray
from copt.problems.relu import ReluNet

WEIGHTS, EFFORT, STEPS = np.array([1.0, 1.0, 0.1, 0.1]), 0.01, 100  # of the cart-pole between walls


def states_under(episode: Episode, forces: FloatArray) -> FloatArray:
    """The states of a cart-pole, by its model, which is exact."""
    x, found = episode.begin().state, []
    for force in forces:
        x = cartpole_walls().forward(np.append(x, force)[None])[0]
        found.append(x)
    return np.array(found)


def test_a_pole_that_falls_pays_for_its_last_state_until_the_end() -> None:
    episode, forces = cartpole_episode(), np.full(STEPS, 2.0)
    states = states_under(episode, forces)
    last = int(np.argmax((np.abs(states) > 2 * LIMITS).any(axis=1)))
    assert 0 < last < STEPS - 1
    costs = np.abs(states[: last + 1]) @ WEIGHTS
    course = replay(episode, forces[: last + 1, None])
    assert not course.success
    assert course.final_cost == pytest.approx(costs[-1], rel=1e-12)
    assert course.cost == pytest.approx(
        costs.sum() + (last + 1) * 2.0 * EFFORT + (STEPS - last - 1) * costs[-1], rel=1e-12
    )
    depth = (np.abs(states[: last + 1]) - LIMITS).max(axis=1)
    assert course.violations == (depth > 1e-6).sum() > 1
    assert course.deepest == pytest.approx(depth.max(), rel=1e-12)
    # Forces beyond their bounds are cut to them.
    assert replay(episode, 9.0 * forces[: last + 1, None]).cost == course.cost


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((3, 1)), "the episode goes on after 3 steps"),
        (np.zeros((STEPS + 1, 1)), "the episode is over after [0-9]+ steps, not 101"),
        (np.zeros((3, 2)), r"finite numbers of shape \(steps, 1\)"),
        (np.full((3, 1), np.nan), "finite numbers"),
    ],
)
def test_actions_that_are_no_episode_are_refused(actions: FloatArray, message: str) -> None:
    with pytest.raises(InvalidSolutionError, match=message):
        replay(cartpole_episode(), actions)


@pytest.mark.parametrize("name", ["copt", "mppi", "icem", "descent"])
def test_controllers_keep_the_pole_from_falling(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Episode, "network", lambda _episode, dense: cartpole_walls())
    monkeypatch.setattr(time, "perf_counter", time.thread_time)  # so that what else runs does not matter
    episode = replace(cartpole_episode(), horizon=10)
    answer = find_peer("control-loop", name).run(episode, seconds=0.05, workers=1, seed=1)
    course = replay(episode, answer.solution.actions)
    fallen = let_go(episode, seconds=0.05, workers=1, seed=1).solution.actions
    assert course.cost < 0.5 * replay(episode, fallen).cost
    steps = len(answer.solution.actions)
    assert len(fallen) < steps <= STEPS
    assert answer.solution.seconds.shape == answer.solution.broken.shape == (steps,)


def test_episodes_are_held_out_and_their_models_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = find_suite("control-loop").entries(None)
    tasks = {entry.name.rpartition("-")[0] for entry in entries}
    assert tasks == {"cartpole-walls", "free-flyer", "pusht", "pusht-around", "pusht-obstacles"}
    assert len(entries) == 30 * len(tasks)
    first, *_ = entries
    assert (first.name, first.calls) == ("cartpole-walls-0", STEPS)
    episode = first.load()
    assert (episode.seed, episode.dimensions) == (10_000, "4x1x20")
    assert episode.begin().state.tolist() == first.load().begin().state.tolist()
    asked: list[str] = []
    monkeypatch.setattr(importlib.import_module("copt.read"), "read_dynamics", asked.append)
    for task in ("CartPoleWalls", "PushTAround"):
        replace(episode, task=task).network(dense=False)
    replace(episode, task="PushTAround").network(dense=True)
    assert asked == ["control-cartpole-walls-v1", "control-pusht-v1", "control-pusht-dense-v1"]
    exact = episode.network(dense=True)
    assert isinstance(exact, ReluNet)
    assert exact.weights[0].tolist() == cartpole_walls().weights[0].tolist()
    flyer = replace(episode, task="FreeFlyer").network(dense=False)
    assert (flyer.inputs, flyer.outputs) == (6, 4)


def test_copt_and_every_sampler_drive_on_both_models() -> None:
    known = set(PEERS["control-loop"])
    planners = set(PEERS["control"]) & known
    assert {"copt", "mppi"} <= planners
    assert known == planners | {f"{name}-dense" for name in planners}
    ours = {name for name in known if not name.startswith("pytorch")} - {"copt"}
    assert set(find_suite("control-loop").peers) == ours  # what needs no extra
    with pytest.raises(UnknownNameError, match="unknown peer 'mppi-dens'; did you mean 'mppi-dense'"):
        find_peer("control-loop", "mppi-dens")


numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40)


@given(numbers.filter(lambda values: np.std(values) > 1e-3))
def test_mean_intervals_are_those_of_students_t(values: list[float]) -> None:
    found = mean_interval(values)
    wanted = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert found is not None
    assert found.value == pytest.approx(np.mean(values), abs=1e-9)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), rel=1e-9, abs=1e-9)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_rate_intervals_are_wilsons(counts: tuple[int, int]) -> None:
    good, all_ = counts
    found = rate_interval([1.0] * good + [0.0] * (all_ - good))
    wanted = stats.binomtest(good, all_).proportion_ci(method="wilson")
    assert found is not None
    assert found.value == pytest.approx(good / all_)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_few_values_have_no_interval() -> None:
    assert mean_interval([]) is None
    assert rate_interval([]) is None
    single = mean_interval([2.0])
    assert single is not None
    assert (single.value, single.low, single.high) == (2.0, None, None)


def test_an_episode_counts_once_with_its_mean_over_the_seeds() -> None:
    rows = [
        make_row("copt", 0, 1.0),
        make_row("copt", 0, 2.0, seed=2, success=False),
        make_row("copt", 1, 0.5, violations=1, broken_plans=2),
        make_row("mppi", 0, 4.0),
        make_row("mppi", 0, 4.0, seed=2),
        make_row("mppi", 1, 1.0),
        make_row("mppi", 2, 9.0),  # nothing to pair it with
        make_row("icem", 0, None, success=False),
    ]
    ours, mppi, icem = forms(rows, "copt")
    assert (ours.solver, ours.episodes, ours.failed) == ("copt", 2, 0)
    assert ours.success is not None
    assert ours.success.value == 0.75
    assert ours.final_cost == mean_interval([1.5, 0.5])
    assert ours.cost == mean_interval([15.0, 5.0])
    assert (ours.final_margin, ours.cost_margin) == (None, None)
    assert (ours.beyond, ours.broken) == (1 / 12, 2 / 12)
    assert ours.median_seconds == pytest.approx(0.1)
    assert ours.slow_seconds == pytest.approx(0.2)
    assert ours.late == 3 / 12  # one of four steps of each row
    # In episode 0 by 3 and by 2, in episode 1 by a half.
    assert mppi.final_margin == mean_interval([2.5, 0.5])
    assert mppi.cost_margin == mean_interval([25.0, 5.0])
    assert (icem.failed, icem.final_cost, icem.final_margin, icem.beyond) == (1, None, None, None)
    assert icem.success is not None
    assert icem.success.value == 0.0
    for measure in ("final_cost", "cost"):
        assert best_of([ours, mppi, icem], "copt", measure) is mppi
        assert best_of([ours, icem], "copt", measure) is None


def test_the_table_says_what_was_measured(tmp_path: Path) -> None:
    rows = [
        make_row(solver, k, cost + 0.01 * k)
        for k, (solver, cost) in itertools.product(range(4), [("copt", 0.25), ("mppi", 1.0), ("mppi-dense", 0.5)])
    ]
    rows.append(make_row("mppi", 4, None, success=False, error="crashed <badly>"))
    text = text_table(rows)
    title, head, ours, mppi, dense, verdict = text.splitlines()
    assert title == "push, 0.1 s a step, 1 worker"
    assert head.split("  ")[0] == "controller"
    assert len({len(line) for line in (head, ours, mppi, dense)}) == 1
    # 0.265 +- 3.182 * 0.0129 / 2; Wilson for 4 of 4 is 51 to 100.
    assert ours.split("  ")[0].strip() == "copt"
    for cell in ("100 % (51-100)", "0.265 ± 0.021", "2.65 ± 0.21", "0.0 %", "100.0 ms", "200.0 ms", "25.0 %"):
        assert cell in ours
    assert "+0.75 ± 0" in mppi
    assert "5 (1 failed)" in mppi
    assert verdict == (
        "Lowest final cost of the others: mppi-dense, 0.515; copt 0.265, clearly lower in the same episodes "
        "(+0.25 to +0.25). Lowest cost of the others: mppi-dense, 5.15; copt 2.65, clearly lower in the same episodes "
        "(+2.5 to +2.5)."
    )
    page = tmp_path / "page.html"
    heading = Heading("control-loop", "a note", "copt bench control-loop", (), {"copt": "ours", "mppi": "theirs"})
    write_loop_report(rows, heading, page)
    html = page.read_text(encoding="utf-8")
    assert "clearly lower in the same episodes" in html
    assert "0.265 ± 0.021" in html
    assert "crashed &lt;badly&gt;" in html
    assert "Failures: 1" in html


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    rows = [make_row(), make_row("mppi", 1, None), make_row(deepest=0.125, violations=3)]
    for row in rows:
        append_row(tmp_path / "rows.csv", row)
    assert read_rows(tmp_path / "rows.csv", EpisodeRow) == rows


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run controllers whose actions are known in this process, and note the episodes."""
    heard: list[str] = []

    def run(peer: Run, instance: Episode, *, seconds: float, workers: int, seed: int, **_: Any) -> Outcome:
        heard.append(instance.name)
        return Outcome(peer(instance, seconds=seconds, workers=workers, seed=seed), 0.25, 0.5)

    monkeypatch.setattr(runner, "run_isolated", run)
    monkeypatch.setitem(SUITES, "two-poles", SUITE)
    for name, peer in FAKES.items():
        monkeypatch.setitem(PEERS["control-loop"], name, peer)
    return heard


def test_a_run_is_kept_shown_and_not_repeated(
    tmp_path: Path, calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    run_suite("two-poles", seconds=0.1, out=tmp_path, workers=1, say=lines.append)
    table = tmp_path / "two-poles.csv"
    rows = read_rows(table, EpisodeRow)
    assert [(row.instance, row.solver) for row in rows] == [
        ("cartpole-walls-0", "copt"),
        ("cartpole-walls-0", "lazy"),
        ("cartpole-walls-1", "copt"),
        ("cartpole-walls-1", "lazy"),
    ]
    actions = np.zeros((rows[0].steps, 1))
    course = replay(cartpole_episode(0), actions)
    assert (rows[0].cost, rows[0].final_cost) == pytest.approx((course.cost, course.final_cost), abs=1e-6)
    assert (rows[0].task, rows[0].dimensions, rows[0].step_seconds) == (
        "cartpole-walls",
        "4x1x5",
        (0.25,) * len(actions),
    )
    assert lines[0] == "instances: 2; runs to do: 4 of 4, 0:00:40 (h:mm:ss) at most"
    assert lines[1].startswith("[1/4] cartpole-walls-0 4x1x5, copt, seed 1, 0.1 s a step: did not reach the goal in")
    shown = capsys.readouterr().out
    assert shown.startswith("cartpole-walls, 0.1 s a step, 1 worker\ncontroller")
    before, seen = table.read_bytes(), len(calls)
    run_suite("two-poles", seconds=0.1, out=tmp_path, workers=1, say=lines.append)
    assert (table.read_bytes(), len(calls)) == (before, seen)
    assert capsys.readouterr().out == shown


def test_a_controller_that_stops_early_has_no_course(tmp_path: Path, calls: list[str]) -> None:
    page = run_suite("two-poles", seconds=0.1, peers=["early"], out=tmp_path, limit=1, say=lambda _line: None)
    _, early = read_rows(tmp_path / "two-poles.csv", EpisodeRow)
    assert (early.error, early.cost, early.success) == ("the episode goes on after 1 steps", None, False)
    assert "the episode goes on after 1 steps" in page.read_text(encoding="utf-8")


def test_rows_of_solves_are_refused(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / "two-poles.csv").write_text("suite,instance\n", encoding="utf-8")
    with pytest.raises(FormatError, match="not the columns of a benchmark"):
        run_suite("two-poles", seconds=0.1, out=tmp_path, say=lambda _line: None)
    with pytest.raises(CoptError, match="seconds must be positive"):
        run_suite("two-poles", seconds=0.0, out=tmp_path, say=lambda _line: None)
