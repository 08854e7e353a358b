"""What is learned within a solve, and from one to the next."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, dense, make_mip

import copt
from copt import Status
from copt.errors import CoptError
from copt.events import Silent
from copt.instances.mip_generators import knapsacks, set_cover
from copt.instances.mip_scip import to_scip
from copt.monitor import Monitor
from copt.problems.mip import MIP, toy
from copt.solvers.mip import partner
from copt.solvers.mip.bandit import FADING, Bandit, Record
from copt.solvers.mip.features import NAMES, describe
from copt.solvers.mip.memory import MOST, TRUST, Memory
from copt.solvers.mip.partner import Partner, Task
from copt.solvers.mip.settings import DEFAULT, SETTINGS
from copt.stop import Stop

REWARDS = st.lists(st.floats(0, 10), min_size=1, max_size=20)


@pytest.mark.parametrize("seed", range(5))
def test_the_bandit_comes_to_prefer_the_better_arm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bandit = Bandit(["poor", "good", "worse"], rng, {})
    means, chosen = {"poor": 0.3, "good": 1.0, "worse": 0.1}, []
    for _ in range(200):
        name = bandit.choose(list(means))
        bandit.records[name].add(max(0.0, means[name] + 0.2 * rng.normal()))
        chosen.append(name)
    assert set(chosen) == set(means)
    assert chosen[100:].count("good") > 80


def test_the_bandit_chooses_among_those_that_are_offered() -> None:
    bandit = Bandit(["a", "b"], np.random.default_rng(0), {"a": Record(100.0, 5.0, 25.0)})
    assert [bandit.choose(["b"]) for _ in range(5)] == ["b"] * 5
    assert [bandit.choose(["a", "b"]) for _ in range(20)].count("a") > 10


@given(REWARDS)
def test_a_record_is_the_mean_of_rewards_that_fade(rewards: list[float]) -> None:
    record = Record()
    for reward in rewards:
        record.add(reward)
    weights = FADING ** np.arange(len(rewards))[::-1]
    assert record.tries == pytest.approx(weights.sum())
    assert record.mean == pytest.approx(np.average(rewards, weights=weights), abs=1e-9)
    assert record.square == pytest.approx(np.average(np.square(rewards), weights=weights), abs=1e-9)


@given(st.lists(st.tuples(st.floats(0.01, 9), st.floats(0, 9), st.floats(0, 1), st.floats(0, 2)), max_size=6))
def test_blended_records_are_weighted_means(parts: list[tuple[float, float, float, float]]) -> None:
    record = Record(share=0.0)
    for tries, mean, share, weight in parts:
        record.blend(Record(tries, mean, mean**2, share), weight)
    weights = [tries * weight for tries, _, _, weight in parts]
    assert record.tries == pytest.approx(sum(weights))
    if sum(weights) > 1e-9:
        assert record.mean == pytest.approx(np.average([part[1] for part in parts], weights=weights), abs=1e-9)
        assert record.share == pytest.approx(np.average([part[2] for part in parts], weights=weights), abs=1e-9)


def test_features_of_the_toy() -> None:
    seen = dict(zip(NAMES, describe(toy()).tolist(), strict=True))
    assert seen["log rows"] == pytest.approx(np.log10(3))
    assert seen["log nonzeros"] == pytest.approx(np.log10(6))
    assert (seen["binary"], seen["general integer"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert (seen["equations"], seen["packing"], seen["covering"]) == (0, 1, 0)
    assert seen["rows with continuous variables"] == 1
    assert seen["costs below zero"] == 1  # it maximises
    assert seen["free or wide variables"] == pytest.approx(1 / 3)


@settings(deadline=None)
@given(any_mips, st.integers(0, 1000))
def test_features_do_not_depend_on_the_order_of_rows_and_variables(instance: MIP, seed: int) -> None:
    rng = np.random.default_rng(seed)
    column, row = rng.permutation(instance.num_variables), rng.permutation(instance.num_rows)
    shuffled = make_mip(
        dense(instance)[np.ix_(row, column)],
        costs=instance.costs[column],
        lower=instance.lower[column],
        upper=instance.upper[column],
        integer=instance.integer[column],
        row_lower=instance.row_lower[row],
        row_upper=instance.row_upper[row],
        maximise=instance.maximise,
    )
    own = describe(instance)
    assert own.shape == (len(NAMES),)
    assert np.isfinite(own).all()
    assert describe(shuffled) == pytest.approx(own, abs=1e-9)


@pytest.mark.parametrize("instance", [make_mip(np.zeros((0, 0))), make_mip(np.zeros((2, 3))), make_mip([[1]])])
def test_features_of_hardly_anything_are_numbers(instance: MIP) -> None:
    assert np.isfinite(describe(instance)).all()


COVER, OTHER_COVER = (
    set_cover(rows=30, columns=60, density=0.1, seed=1),
    set_cover(rows=30, columns=60, density=0.1, seed=2),
)
STRANGER = knapsacks(items=50, constraints=5, seed=1)


def test_a_memory_survives_its_file(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    assert memory.arms(COVER) == {}
    assert memory.setting(COVER, np.random.default_rng(0)) == DEFAULT
    memory.learn(COVER, {"rins": Record(2.0, 0.5, 0.3, 0.6, 0.7), "rows": Record()}, "no cuts", -0.25)
    again = Memory(tmp_path / "memory.json")
    assert again.lessons == memory.lessons
    (name, record), *rest = again.arms(COVER).items()
    assert (name, rest) == ("rins", [])
    assert dataclasses.astuple(record) == pytest.approx((2.0, 0.5, 0.3, 0.6, 0.7))  # descriptions are stored rounded
    assert again.card == {"lessons": 1}
    assert again.weights["descriptions"].shape == (1, len(NAMES))
    assert [path.name for path in tmp_path.iterdir()] == ["memory.json"]


def test_similar_programs_count_for_more(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    memory.learn(OTHER_COVER, {"rins": Record(3.0, 1.0, 1.0, 0.9)}, DEFAULT, -0.5)
    memory.learn(STRANGER, {"rins": Record(3.0, 0.0, 0.0, 0.2)}, DEFAULT, -0.5)
    assert memory.arms(COVER)["rins"].mean > 0.9
    assert memory.arms(STRANGER)["rins"].mean < 0.1
    for _ in range(10):
        memory.learn(COVER, {"rins": Record(3.0, 1.0, 1.0, 0.9)}, DEFAULT, -0.5)
    assert memory.arms(COVER)["rins"].tries == TRUST


def test_the_setting_that_paid_is_chosen_most_often(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    for _ in range(30):
        for name in SETTINGS:
            memory.learn(COVER, {}, name, -0.1 if name == "few cuts" else -0.9)
    rng = np.random.default_rng(0)
    assert [memory.setting(OTHER_COVER, rng) for _ in range(50)].count("few cuts") > 40
    assert len({memory.setting(STRANGER, rng) for _ in range(50)}) == 1  # nothing is known of its like
    assert memory.setting(STRANGER, rng) == DEFAULT


def test_old_lessons_are_forgotten(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    memory.learn(COVER, {}, DEFAULT, -1.0)
    memory.lessons *= MOST
    memory.learn(COVER, {}, DEFAULT, -0.5)
    assert len(memory.lessons) == MOST
    assert memory.lessons[-1]["reward"] == -0.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"lessons": [1]}',
        '{"lessons": [{"description": [1], "arms": {}, "setting": "default", "reward": 0}]}',
        json.dumps({"lessons": [{"description": [0] * len(NAMES), "arms": {}, "setting": "odd", "reward": 0}]}),
        json.dumps({"lessons": [{"description": [0] * len(NAMES), "arms": {"a": [1]}, "setting": "default"}]}),
    ],
)
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(CoptError, match=r"is no memory of earlier solves .*; name another file"):
        copt.mip.Session(path)


def test_a_session_learns_from_each_solve(tmp_path: Path) -> None:
    session = copt.mip.Session(tmp_path / "memory.json")
    for seed in (1, 2):
        result = session.solve(set_cover(rows=30, columns=60, density=0.1, seed=seed), seed=seed)
        assert (result.status, result.policy) == (Status.OPTIMAL, "memory")
    assert len(copt.mip.Session(tmp_path / "memory.json").memory.lessons) == 2


def test_a_session_keeps_one_process_until_it_is_closed_or_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Partner] = []

    def start(task: Task) -> Partner:
        made.append(Partner(task))
        return made[-1]

    monkeypatch.setattr(partner, "Partner", start)
    monkeypatch.setattr(partner, "PATIENCE", 30.0)
    with copt.mip.Session(tmp_path / "memory.json") as session:
        for _ in range(2):
            assert session.solve(toy(), workers=2).objective == 19
        assert len(made) == 1
        os.kill(made[0].pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(made[0].pid, 0)
    assert session.solve(toy(), workers=2).objective == 19
    del session
    with pytest.raises(ProcessLookupError):
        os.kill(made[1].pid, 0)


def test_a_memory_that_cannot_be_written_costs_no_solution(tmp_path: Path) -> None:
    session = copt.mip.Session(tmp_path / "no" / "folder" / "memory.json")
    result = session.solve(toy())
    assert result.objective == 19
    assert any("cannot be written: No such file" in note for note in result.notes)


def test_a_memory_serves_no_other_family(tmp_path: Path) -> None:
    with pytest.raises(CoptError, match="it serves family mip, not jobshop"):
        copt.mip.Session(tmp_path / "memory.json").solve(copt.read("toy"))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_leaves_the_answer_as_it_is(name: str) -> None:
    model, _ = to_scip(COVER)
    SETTINGS[name](model)
    model.optimizeNogil()
    plain, _ = to_scip(COVER)
    plain.optimizeNogil()
    assert (model.getStatus(), model.getObjVal()) == ("optimal", pytest.approx(plain.getObjVal()))


def test_the_mean_gap_is_the_integral_of_the_gap() -> None:
    monitor = Monitor(Stop(), Silent())
    assert monitor.trace().primal_dual_integral(monitor.elapsed) == pytest.approx(1.0)
    monitor.prove(5.0, "a")
    monitor.offer(10.0, None, "b")
    now = monitor.elapsed
    trace = dataclasses.replace(monitor.trace(), incumbents=((0.5 * now, 10.0),), bounds=((0.0, 5.0),))
    monitor.trace = lambda: trace  # type: ignore[method-assign]
    assert monitor.trace().primal_dual_integral(monitor.elapsed) == pytest.approx(0.75, abs=0.2)
