"""What is learned within a solve, and from one to the next."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, dense, make_mip

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.mip import MIP, toy
from copt.solvers.mip.bandit import FADING, Bandit, Record
from copt.solvers.mip.features import NAMES, describe
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


def test_a_long_try_weighs_as_much_as_so_many_and_lets_others_fade_as_far() -> None:
    record = Record()
    record.add(1.0)
    record.add(4.0, 3.0)
    assert record.tries == pytest.approx(FADING**3 + 3.0)
    assert record.mean == pytest.approx((FADING**3 + 12.0) / (FADING**3 + 3.0))


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


def test_the_mean_gap_is_the_integral_of_the_gap() -> None:
    monitor = Monitor(Stop(), Silent())
    assert monitor.trace().primal_dual_integral(monitor.elapsed) == pytest.approx(1.0)
    monitor.prove(5.0, "a")
    monitor.offer(10.0, None, "b")
    now = monitor.elapsed
    trace = dataclasses.replace(monitor.trace(), incumbents=((0.5 * now, 10.0),), bounds=((0.0, 5.0),))
    monitor.trace = lambda: trace  # type: ignore[method-assign]
    assert monitor.trace().primal_dual_integral(monitor.elapsed) == pytest.approx(0.75, abs=0.2)
