"""Dispatching: kernels against slow twins, schedules against the checker."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rollout_cases import RULES as SLOW_RULES
from rollout_cases import SlowFloor, random_shop, slow_features, slow_schedule

from copt.errors import CoptError, UnknownNameError
from copt.instances.jobshop_generators import two_set_shop, uniform_shop
from copt.problems.jobshop import JobShop, Schedule, check, objective, toy
from copt.solvers.jobshop import rollout_kernels as kernels
from copt.solvers.jobshop.encoder import STATIC_FEATURES, encode, static_features
from copt.solvers.jobshop.gaps import compare
from copt.solvers.jobshop.rollout import RULES, Dispatcher, expert_decisions

SHOPS = [random_shop(seed) for seed in range(12)]
H, F = kernels.HIDDEN, kernels.FEATURES


@dataclass
class RandomPolicy:
    """A network with random weights."""

    name: str = "random"
    family: str = "jobshop"
    card: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(3)
        shapes = {"enter": (H, STATIC_FEATURES), "static": (H, H), "dynamic": (H, F), "own": (H, H)}
        shapes |= {"context": (H, H), "out": (1, H)}
        for k in range(2):
            parts = {
                "own": (H, H),
                "machine": (H, 2 * H),
                "job": (H, H),
                "ahead.linear": (H, H),
                "behind.linear": (H, H),
            }
            shapes |= {f"layers.{k}.{part}": shape for part, shape in parts.items()}
        for name, shape in shapes.items():
            self.weights[f"{name}.weight"] = (rng.standard_normal(shape) / np.sqrt(shape[1])).astype(np.float32)
        for name in ("enter", "static", "own", "layers.0.own", "layers.1.own"):
            self.weights[f"{name}.bias"] = rng.standard_normal(H).astype(np.float32)


POLICY = RandomPolicy()


def schedule_of(shop: JobShop, start: NDArray[np.int32]) -> Schedule:
    return Schedule(start.astype(np.int64), shop.machines)


def test_toy_is_solved_to_its_optimum_by_most_work_remaining() -> None:
    result = Dispatcher(toy(), "mwkr").run()
    assert result.makespans.tolist() == [11]
    assert objective(toy(), schedule_of(toy(), result.starts[0])) == 11


@pytest.mark.parametrize("rule", sorted(SLOW_RULES))
@pytest.mark.parametrize("delta", [0.0, 0.3, 1.0])
def test_greedy_rules_equal_their_slow_twin(rule: str, delta: float) -> None:
    for shop in SHOPS:
        fast = Dispatcher(shop, rule).run(delta=delta)
        slow = slow_schedule(shop, SLOW_RULES[rule], delta)
        np.testing.assert_array_equal(fast.starts[0], slow)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("rule", ["mwkr", "random", POLICY])
def test_sampled_schedules_are_feasible_and_worth_what_they_say(rule: Any, reverse: bool) -> None:
    for shop in SHOPS:
        result = Dispatcher(shop, rule, reverse=reverse).run(5, seed=1, temperature=1.0, delta=0.5, keep=5)
        assert result.makespans.size == 5
        values = []
        for start in result.starts:
            assert check(shop, schedule_of(shop, start)) == []
            values.append(objective(shop, schedule_of(shop, start)))
        assert values == sorted(set(result.makespans.tolist()))


def test_reversed_schedules_are_mirrored_schedules_of_the_mirrored_shop() -> None:
    shop = uniform_shop(jobs=6, machines=4, seed=5)
    mirrored = JobShop.from_arrays(
        shop.machines.reshape(6, 4)[::-1, ::-1], shop.durations.reshape(6, 4)[::-1, ::-1], num_machines=4
    )
    forward = Dispatcher(mirrored, "mwkr").run()
    backward = Dispatcher(shop, "mwkr", reverse=True).run()
    assert backward.makespans.tolist() == forward.makespans.tolist()
    end = forward.starts[0] + mirrored.durations
    latest = (forward.makespans[0] - end)[::-1]
    assert (backward.starts[0] <= latest).all()
    orders = [[np.argsort(s[shop.machines == m]).tolist() for m in range(4)] for s in (latest, backward.starts[0])]
    assert orders[0] == orders[1]


def test_seed_decides_and_temperature_spreads() -> None:
    shop = two_set_shop(jobs=8, machines=6, seed=2)
    dispatcher = Dispatcher(shop, POLICY)
    one, again, other = (dispatcher.run(20, seed=s, temperature=1.0).makespans.tolist() for s in (7, 7, 8))
    assert one == again
    assert one != other
    assert len(set(one)) > 1
    assert len(set(dispatcher.run(5, seed=7).makespans.tolist())) == 1


def test_softmax_of_scores_is_sampled() -> None:
    """Two jobs compete once; priorities 3 and 1 in mean durations of 2 give odds of e to the first."""
    shop = JobShop.from_jobs([[(0, 3)], [(0, 1)]])
    dispatcher = Dispatcher(shop, "mwkr")
    starts = [dispatcher.run(seed=seed, temperature=1.0).starts[0].tolist() for seed in range(2000)]
    share = sum(start == [0, 3] for start in starts) / len(starts)
    assert share == pytest.approx(np.e / (1 + np.e), abs=0.04)  # four standard deviations of 2000 draws


def test_stop_flag_ends_the_batch_with_what_was_made() -> None:
    raised = np.ones(1, dtype=np.int32)
    result = Dispatcher(toy(), "mwkr").run(3, stop=raised)
    assert result.makespans.size == 0
    assert result.starts.shape == (0, toy().num_operations)


def test_features_equal_their_definitions() -> None:
    for shop in SHOPS:
        if shop.durations.sum() == 0:
            continue
        expert = Dispatcher(shop, "fifo").run().starts[0]
        _, features, operations, decisions = expert_decisions(shop, expert)
        floor, taken = SlowFloor(shop), 0
        for _ in range(shop.num_operations):
            rivals = floor.conflict_set(1.0)
            chosen = min(rivals, key=lambda o: (expert[o], o))
            if len(rivals) > 1:
                rows = np.flatnonzero(decisions == taken)
                assert sorted(operations[rows].tolist()) == rivals
                chosen = int(operations[rows[0]])
                assert expert[chosen] == min(expert[o] for o in rivals)
                slow = [slow_features(floor, rivals, int(o)) for o in operations[rows]]
                np.testing.assert_allclose(features[rows], slow, atol=1e-6)  # float32 of values below about 1
                taken += 1
            floor.fix(chosen)
        assert taken == (decisions[-1] + 1 if decisions.size else 0)


def test_expert_decisions_lead_to_an_active_expert() -> None:
    shop = uniform_shop(jobs=7, machines=5, seed=1)
    expert = Dispatcher(shop, "spt").run(temperature=1.0, seed=4).starts[0]
    _, _, operations, decisions = expert_decisions(shop, expert)
    firsts = operations[np.flatnonzero(np.diff(decisions, prepend=-1))]
    for decision, first in enumerate(firsts):
        rivals = operations[decisions == decision]
        assert len(set(shop.machines[rivals].tolist())) == 1
        assert expert[first] == expert[rivals].min()


def slow_scores(static: NDArray[np.float32], features: NDArray[np.float32]) -> NDArray[np.float64]:
    w = {name: value.astype(np.float64) for name, value in POLICY.weights.items()}
    hidden = np.maximum(static + features @ w["dynamic.weight"].T, 0)
    mixed = hidden @ w["own.weight"].T + w["own.bias"] + hidden.mean(axis=0) @ w["context.weight"].T
    scores: NDArray[np.float64] = np.maximum(mixed, 0) @ w["out.weight"][0]
    return scores


def test_policy_takes_the_best_score_of_every_conflict_set() -> None:
    for shop in SHOPS:
        start = Dispatcher(shop, POLICY).run().starts[0]
        plain, features, operations, decisions = expert_decisions(shop, start)
        static = encode(plain, POLICY.weights)
        for decision in range(decisions[-1] + 1 if decisions.size else 0):
            rows = decisions == decision
            if len(set(start[operations[rows]].tolist())) < rows.sum():
                continue  # operations without duration start together: the times do not tell the choice
            scores = slow_scores(static[operations[rows]], features[rows])
            assert scores[0] >= scores.max() - 1e-4  # sums of some hundred float32 products of size 1


def test_encoder_equals_dense_message_passing() -> None:
    shop = uniform_shop(jobs=5, machines=4, seed=9)
    plain = expert_decisions(shop, Dispatcher(shop, "mor").run().starts[0])[0]
    w, n, job = POLICY.weights, shop.num_operations, shop.job_of
    follows = (np.arange(n)[:, None] == np.arange(n) + 1) & (job[:, None] == job)
    h = np.maximum(static_features(plain) @ w["enter.weight"].T + w["enter.bias"], 0)
    for k in range(2):
        z = h @ w[f"layers.{k}.own.weight"].T + w[f"layers.{k}.own.bias"]
        for o in range(n):
            clique, mates = h[shop.machines == shop.machines[o]], h[job == job[o]]
            z[o] += w[f"layers.{k}.machine.weight"] @ np.concatenate([clique.mean(axis=0), clique.max(axis=0)])
            z[o] += w[f"layers.{k}.job.weight"] @ mates.mean(axis=0)
        z += follows @ h @ w[f"layers.{k}.ahead.linear.weight"].T
        z += follows.T @ h @ w[f"layers.{k}.behind.linear.weight"].T
        h = h + np.maximum(z, 0)
    expected = h @ w["static.weight"].T + w["static.bias"]
    np.testing.assert_allclose(encode(plain, w), expected, rtol=1e-4, atol=1e-4)  # float32, another order of sums


def test_static_features_are_free_of_scale() -> None:
    shop = two_set_shop(jobs=6, machines=4, seed=3)
    larger = JobShop.from_arrays(shop.machines.reshape(6, 4), 10 * shop.durations.reshape(6, 4), num_machines=4)
    one, ten = (static_features(expert_decisions(s, Dispatcher(s, "mor").run().starts[0])[0]) for s in (shop, larger))
    assert one.shape == (24, STATIC_FEATURES)
    np.testing.assert_allclose(one, ten, atol=1e-6)
    assert np.abs(one).max() <= 1 + 1e-6


def test_static_features_of_a_known_shop() -> None:
    """The toy's bound is the load of its machine 1, 2 + 4 + 4."""
    shop = toy()
    plain = expert_decisions(shop, Dispatcher(shop, "mwkr").run().starts[0])[0]
    features = static_features(plain)
    bound = 10
    np.testing.assert_allclose(features[:, 3] * bound, [0, 3, 5, 0, 2, 3, 0, 4], atol=1e-5)  # head
    np.testing.assert_allclose(features[:, 4] * bound, [4, 2, 0, 5, 4, 0, 3, 0], atol=1e-5)  # tail
    np.testing.assert_allclose(features[:, 11] * bound, [5, 10, 6, 5, 6, 10, 10, 6], atol=1e-5)  # load of the machine


def test_gaps_beside_the_best_rule() -> None:
    shops = [uniform_shop(jobs=4, machines=3, seed=seed) for seed in range(2)]
    known = [int(Dispatcher(shop, "random").run(500, temperature=1.0).makespans.min()) for shop in shops]
    table = compare(POLICY, shops, known)
    best = table["best_rule"]
    greedy = [
        np.mean(
            [100 * Dispatcher(s, rule).run(delta=0.0).makespans[0] / k - 100 for s, k in zip(shops, known, strict=True)]
        )
        for rule in RULES
    ]
    assert best["greedy"] == round(float(min(greedy)), 2)
    assert best["best_of_128"] <= best["best_of_32"]
    assert table["policy"]["best_of_128"] <= table["policy"]["greedy"]


def test_errors_name_the_remedy() -> None:
    flexible = JobShop.from_jobs([[[(0, 1), (1, 2)]]], name="flex")
    with pytest.raises(CoptError, match="flex is a flexible shop; dispatching needs ordered jobs"):
        Dispatcher(flexible, "mwkr")
    opened = JobShop.from_jobs([[(0, 1), (1, 2)]], ordered=False, name="open-1")
    with pytest.raises(CoptError, match="open-1 is an open shop"):
        Dispatcher(opened, "mwkr")
    with pytest.raises(UnknownNameError, match=r"unknown priority rule 'mwrk'; did you mean 'mwkr'\? known are: "):
        Dispatcher(toy(), "mwrk")
