"""The training run of the routing schedule: labels that can be resumed, a regression, a policy that loads."""

import json
from pathlib import Path

import numpy as np
import pytest

from copt.errors import CoptError
from copt.forward import training_run
from copt.models import store, train_routing_schedule
from copt.models.store import StoredPolicy
from copt.models.train_routing_schedule import DESIGN, Args, Case, fitted, gaps_of, labelled, random_case
from copt.solvers.routing.anneal import Schedule
from copt.solvers.routing.features import FEATURES
from copt.solvers.routing.schedule import regrets, settings_of


def test_the_command_finds_the_run() -> None:
    assert training_run("routing-schedule") is train_routing_schedule.main


def test_gaps_are_percentages_above_the_best() -> None:
    np.testing.assert_allclose(gaps_of(np.array([[100.0, 101.0], [60.0, 50.0]])), [[0.0, 1.0], [20.0, 0.0]])


def test_the_policy_computes_the_regression_that_was_fitted() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(3.0, 2.0, (80, len(FEATURES)))
    slopes = rng.normal(0.0, 0.02, (len(DESIGN), len(FEATURES)))
    roots = features @ slopes.T + 2.0
    policy = StoredPolicy("mine", "routing", fitted(features, roots**2, 1e-6), {})
    for k in (0, 40, 79):
        np.testing.assert_allclose(regrets(policy, features[k]), roots[k], rtol=1e-4)
    for found, setting in zip(settings_of(policy), DESIGN, strict=True):
        assert (found.hot, found.patience, found.mean) == pytest.approx((setting.hot, setting.patience, setting.mean))


def test_a_large_penalty_leaves_the_mean_of_each_setting() -> None:
    rng = np.random.default_rng(2)
    features, gaps = rng.normal(size=(30, len(FEATURES))), rng.random((30, len(DESIGN)))
    policy = StoredPolicy("mine", "routing", fitted(features, gaps, 1e12), {})
    np.testing.assert_allclose(regrets(policy, features[3]), np.sqrt(gaps).mean(axis=0), rtol=1e-5)


def test_cases_come_from_the_seed_and_stay_in_their_ranges() -> None:
    cases = [random_case(Args(), k) for k in range(12)]
    assert [case.instance.num_nodes for case in cases] == [random_case(Args(), k).instance.num_nodes for k in range(12)]
    assert random_case(Args(seed=1), 0).instance.num_nodes != cases[0].instance.num_nodes
    assert all(101 <= case.instance.num_nodes <= 8001 for case in cases)
    assert all(0.4 <= case.seconds <= 4.0 for case in cases)


def test_labels_go_on_where_they_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[Schedule, int]] = []

    def cost(_case: Case, schedule: Schedule, seed: int) -> float:
        ran.append((schedule, seed))
        return 100.0 + seed

    monkeypatch.setattr(Case, "cost", cost)
    args, cases = Args(labels=tmp_path / "labels.jsonl"), [random_case(Args(), k) for k in range(2)]
    found = labelled(args, cases)
    assert found.tolist() == [[100.0 + j for j in range(len(DESIGN))], [1100.0 + j for j in range(len(DESIGN))]]
    assert [schedule for schedule, _ in ran] == [*DESIGN, *DESIGN]
    lines = args.labels.read_text().splitlines()
    args.labels.write_text("\n".join(lines[:-3]) + "\n")
    ran.clear()
    assert labelled(args, cases).tolist() == found.tolist()
    assert [schedule for schedule, _ in ran] == list(DESIGN[-3:])


def test_a_run_stores_a_policy_and_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"instances": "2", "held-out": "1", "longest": "0.02", "name": "tiny"}
    arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
    train_routing_schedule.main([*arguments, "--folder", str(tmp_path), "--labels", str(tmp_path / "labels.jsonl")])
    policy = store.load("tiny", tmp_path)
    assert (policy.family, policy.card["role"]) == ("routing", "schedule")
    assert policy.card["command"].startswith("copt train routing-schedule --name tiny --instances 2 ")
    assert policy.weights["slopes"].shape == (len(DESIGN), len(FEATURES))
    assert policy.card["measured"]["generated"]["instances"] == 1
    rows = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [row["setting"] for row in rows] == [*range(len(DESIGN))] * 2
    assert "stored" in capsys.readouterr().out


def test_the_summary_names_every_arm_and_group() -> None:
    gaps = {"learned": 0.1, "best_fixed": 0.2, "default": 0.5}
    text = "mean gaps on unseen problems, generated: learned 0.10 %, best fixed 0.20 %, default 0.50 %"
    assert train_routing_schedule.summary({"generated": {"gap_percent": gaps}}) == text


@pytest.mark.parametrize("option", ["instances", "penalty", "longest"])
def test_bad_arguments_are_named(option: str) -> None:
    with pytest.raises(CoptError, match=f"{option} must be positive, got -1"):
        train_routing_schedule.main([f"--{option}", "-1"])
