"""The training run of where annealing looks: labels by hand, a network that learns, arms, a policy that loads."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from routing_cases import random_routing, some_routes

from copt.errors import CoptError
from copt.forward import training_run
from copt.models import store, train_routing_focus
from copt.models.store import StoredPolicy
from copt.models.train_routing_focus import (
    AGAIN,
    FROM,
    HIDDEN,
    Args,
    arms_of,
    beside_of,
    correlation,
    fitted,
    halves,
    judged,
    labelled,
    measured,
    random_instance,
    samples_of,
    summary,
    trained,
)
from copt.problems.routing import Routes, Routing, objective
from copt.solvers.routing.focus import Focus, by_gain, by_recency
from copt.solvers.routing.legs import FEATURES, Memory, View, smooth
from copt.solvers.routing.plan import neighbours, plan_of
from copt.solvers.routing.route_kernels import empty_fleet, load_routes


def view_of(instance: Routing, routes: Routes, progress: float = 0.5) -> View:
    plan, fleet = plan_of(instance, neighbours(instance, 20)), empty_fleet(instance.num_nodes, 40)
    load_routes(plan, fleet, routes.nodes.astype(np.int32), routes.offsets)
    return Memory(instance, plan, fleet).look(progress)


def test_the_command_finds_the_run() -> None:
    assert training_run("routing-focus") is train_routing_focus.main


def test_instances_come_from_the_seed_and_stay_in_their_ranges() -> None:
    found = [random_instance(Args(), k) for k in range(8)]
    assert [one.num_nodes for one in found] == [random_instance(Args(), k).num_nodes for k in range(8)]
    assert random_instance(Args(seed=1), 0).num_nodes != found[0].num_nodes
    assert all(201 <= one.num_nodes <= 1201 for one in found)


@pytest.mark.parametrize("open_routes", [False, True])
def test_halves_of_legs_and_those_of_the_depot_make_the_cost(open_routes: bool) -> None:
    instance = random_routing(30, 1, open_routes=open_routes)
    routes = some_routes(instance, np.random.default_rng(1))
    beside = beside_of(instance, routes)
    first, last = routes.nodes[routes.offsets[:-1]], routes.nodes[routes.offsets[1:] - 1]
    assert set(np.flatnonzero(beside[1:, 0] == 0) + 1) == set(first)
    assert set(np.flatnonzero(beside[1:, 1] == 0) + 1) == set(last)
    plan = plan_of(instance, neighbours(instance, 5))
    total = halves(instance, beside).sum() + 0.5 * (plan.leave[first].sum() + plan.enter[last].sum())
    assert total == pytest.approx(objective(instance, routes))


def test_labels_by_hand() -> None:
    points = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [0, 1], [0, 2], [0, 3]], dtype=np.float64)
    instance = Routing(coordinates=points, depot=0, demand=np.array([0, 1, 1, 1, 1, 1, 1]), capacity=3)
    view = view_of(instance, Routes.from_lists([[1, 3, 2], [6, 5, 4]]))
    sample = labelled(view, Routes.from_lists([[3, 2, 1], [4, 5, 6]]))
    # Halves now: 1.5, 1.5, 1.5 on the first route, later 1, 1, 2; the second route is as it was.
    gained = np.array([0.0, 0.5, 0.5, -0.5, 0.0, 0.0, 0.0]) / ((1.5 + 1.5 + 1.5 + 1.0 + 1.0 + 2.0) / 6)
    assert sample.gained == pytest.approx(smooth(view, gained))
    unchanged = labelled(view, Routes.from_lists([[2, 3, 1], [4, 5, 6]]))
    assert unchanged.gained == pytest.approx(np.zeros(7))


def test_a_network_learns_what_it_is_shown() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(4000, 5))
    into, bias, out, level = trained(Args(epochs=400), rows, np.abs(rows[:, 2]))
    assert (into.shape, bias.shape, out.shape, level.shape) == ((HIDDEN, 5), (HIDDEN,), (HIDDEN,), (1,))
    fresh = rng.normal(size=(500, 5))
    found = np.maximum(0.0, fresh @ into.T + bias) @ out + level
    assert np.corrcoef(found, np.abs(fresh[:, 2]))[0, 1] > 0.95


def test_correlation_by_hand() -> None:
    assert correlation(np.array([1.0, 2.0, 30.0]), np.array([5.0, 6.0, 7.0])) == pytest.approx(1.0)
    assert correlation(np.zeros(3), np.arange(3.0)) == 0.0


def made_up(seed: int) -> train_routing_focus.Sample:
    """A view in which legs that cost much gain much."""
    instance = random_routing(150, seed, capacity=25, max_routes=24)
    view = view_of(instance, some_routes(instance, np.random.default_rng(seed)))
    gained = smooth(view, halves(instance, np.stack([view.fleet.prev, view.fleet.next], axis=1).astype(np.int64)))
    return train_routing_focus.Sample(view, gained)


def test_fitted_networks_foretell_what_follows_from_features() -> None:
    weights = fitted(Args(epochs=300), [made_up(seed) for seed in range(10)])
    policy = StoredPolicy("mine", "routing", weights, {"role": "focus"})
    found = judged(policy, [made_up(seed) for seed in range(50, 53)])
    assert found["rounds"] == 3
    assert found["rank_correlation_of_gain"]["learned"] > 0.5
    assert found["rank_correlation_of_gain"]["recency"] == 0.0


def test_samples_are_taken_from_each_round_after_the_first_ones() -> None:
    instance = random_routing(80, 3, capacity=30)
    samples = samples_of(instance, 0.8, 0)
    assert samples
    progress = [sample.view.progress for sample in samples]
    assert progress == sorted(progress)
    assert progress[0] >= FROM
    assert all(sample.gained.shape == (81,) for sample in samples)


def test_arms_are_compared_with_none_of_the_same_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    arms = arms_of(StoredPolicy("mine", "routing", {"centre": np.zeros(1, dtype=np.float32)}, {}))
    assert list(arms) == ["off", "off_again", "seeds_learned", "seeds_recency"]
    heard: list[int] = []

    def fake(instance: Any, seconds: float, focus: Focus | None, seed: int) -> tuple[float, None]:
        heard.append(seed)
        return 100.0 + (seed >= AGAIN) - 2.0 * (focus is not None and focus.seeds is by_recency), None

    monkeypatch.setattr(train_routing_focus, "searched", fake)
    cases: Any = [SimpleNamespace(name="one"), SimpleNamespace(name="two")]
    found = measured(arms, cases, 1.0)
    assert found["above_off_percent"]["seeds_recency"] == [-2.0, 0.0]
    assert found["above_off_percent"]["off_again"] == [1.0, 0.0]
    wins = {name: [2 * (name == "seeds_recency"), 2 * (name == "off_again")] for name in arms}
    assert found["wins_and_losses"] == wins
    assert heard == [0, AGAIN, 0, 0, 1, 1 + AGAIN, 1, 1]
    text = "mean cost against no focus on unseen problems, one: off again +1.00 %, seeds learned +0.00 %, "
    assert summary({"one": found}) == text + "seeds recency -2.00 %"


def test_a_run_stores_a_policy_and_what_it_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_routing_focus, "random_instance", lambda args, k: random_routing(60, k, capacity=30))
    options = {"instances": "2", "seconds": "0.3", "held-out": "2", "longest": "0.1", "epochs": "1"}
    arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
    train_routing_focus.main([*arguments, "--name", "tiny", "--folder", str(tmp_path)])
    policy = store.load("tiny", tmp_path)
    assert (policy.family, policy.card["role"]) == ("routing", "focus")
    assert policy.card["command"].startswith("copt train routing-focus --name tiny --instances 2 ")
    assert policy.weights["gain_in"].shape == (HIDDEN, len(FEATURES))
    assert policy.card["measured"]["generated"]["instances"] == 2
    instance = random_routing(50, 1)
    view = view_of(instance, some_routes(instance, np.random.default_rng(1)))
    assert np.isfinite(by_gain(policy)(view, np.random.default_rng(0))).all()
    assert "stored" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["instances", "seconds", "held_out", "longest", "epochs"])
def test_bad_arguments_are_named(option: str) -> None:
    with pytest.raises(CoptError, match=f"{option} must be positive, got -1"):
        train_routing_focus.main([f"--{option.replace('_', '-')}", "-1"])
