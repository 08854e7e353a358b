"""Weights and cards on disk."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from copt.errors import CoptError, UnknownNameError
from copt.instances.jobshop_generators import two_set_shop, uniform_shop
from copt.models import store
from copt.policy import Policy, load_policy
from copt.solvers.jobshop.rollout import RULES, Dispatcher

WEIGHTS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.array([0.5], dtype=np.float32)}


def test_saved_policy_comes_back(tmp_path: Path) -> None:
    path = store.save("mine", "jobshop", WEIGHTS, {"minutes": 3, "name": "ignored"}, tmp_path)
    assert path == tmp_path / "weights" / "mine.safetensors"
    policy = store.load("mine", tmp_path)
    assert isinstance(policy, Policy)
    assert (policy.name, policy.family) == ("mine", "jobshop")
    assert sorted(policy.weights) == ["a.bias", "a.weight"]
    for name, value in WEIGHTS.items():
        np.testing.assert_array_equal(policy.weights[name], value)
    assert (policy.card["minutes"], policy.card["name"], policy.card["parameters"]) == (3, "mine", 7)
    assert store.names(tmp_path) == ["mine"]


def test_weights_are_those_of_the_card(tmp_path: Path) -> None:
    path = store.save("mine", "jobshop", WEIGHTS, {}, tmp_path)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(CoptError, match="do not have the sha256 of their card; install copt again or train"):
        store.load("mine", tmp_path)


def test_missing_weights_and_broken_cards_name_the_remedy(tmp_path: Path) -> None:
    path = store.save("mine", "jobshop", WEIGHTS, {}, tmp_path)
    path.unlink()
    with pytest.raises(CoptError, match=r"policy 'mine' cannot be read \(.*mine.safetensors.*install copt again"):
        store.load("mine", tmp_path)
    (tmp_path / "cards" / "mine.json").write_text("{")
    with pytest.raises(CoptError, match="policy 'mine' cannot be read"):
        store.load("mine", tmp_path)


def test_unknown_policy_offers_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown policy 'jobshop-1'; did you mean 'jobshop-v1'\?.*copt models list"
    ):
        store.load("jobshop-1")


@pytest.mark.parametrize("name", store.names())
def test_every_stored_policy_loads_and_says_how_it_was_made(name: str) -> None:
    policy = load_policy(name)
    assert policy.name == name
    assert {"command", "arguments", "data", "hardware", "minutes", "sha256", "measured"} <= set(policy.card)
    assert all(value.dtype == np.float32 for value in policy.weights.values())
    assert sum(value.size for value in policy.weights.values()) == policy.card["parameters"] <= 70_000


def test_card_of_the_dispatching_policy_reports_all_benchmark_groups() -> None:
    table = load_policy("jobshop-v1").card["measured"]["gap_percent_to_best_known"]
    assert {f"ta{k:02d}-ta{k + 9:02d}" for k in range(1, 80, 10)} <= set(table)
    for row in table.values():
        assert row["policy"]["best_of_128"] <= row["policy"]["best_of_32"]
        assert row["best_rule"]["best_of_128"] <= row["best_rule"]["best_of_32"]


@pytest.mark.parametrize("shop", [uniform_shop, two_set_shop])
def test_shipped_policy_beats_every_rule_on_shops_it_never_saw(shop: object) -> None:
    assert callable(shop)
    policy = load_policy("jobshop-v1")
    shops = [shop(jobs=20, machines=15, seed=90_000 + k) for k in range(5)]

    def mean(rule: str | Policy, delta: float) -> float:
        return float(np.mean([Dispatcher(s, rule).run(delta=delta).makespans[0] for s in shops]))

    learned = mean(policy, 1.0)
    assert all(learned < 0.97 * mean(rule, delta) for rule in RULES for delta in (0.0, 1.0))


def test_a_policy_loads_and_dispatches_without_torch() -> None:
    code = (
        "import sys, json\n"
        "from copt.policy import load_policy\n"
        "from copt.problems.jobshop import toy\n"
        "from copt.solvers.jobshop.rollout import Dispatcher\n"
        "value = int(Dispatcher(toy(), load_policy('jobshop-v1')).run().makespans[0])\n"
        "print(json.dumps([value >= 11, 'torch' in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [True, False]
