import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copt.errors import CoptError
from copt.instances.jobshop import GENERATORS
from copt.problems.base import IntArray, same
from copt.problems.jobshop import JobShop


def machines_by_job(instance: JobShop) -> IntArray:
    return instance.machines.reshape(instance.num_jobs, -1)


@pytest.mark.parametrize("kind", GENERATORS)
@settings(deadline=None)
@given(
    jobs=st.integers(1, 6),
    machines=st.integers(3, 6),
    seed=st.integers(0, 2**40),
    low=st.integers(0, 5),
    more=st.integers(0, 5),
)
def test_sizes_and_range_are_kept_and_the_seed_decides(
    kind: str, jobs: int, machines: int, seed: int, low: int, more: int
) -> None:
    sizes = {"jobs": jobs, "machines": machines, "low": low, "high": low + more}
    instance = GENERATORS[kind](seed=seed, **sizes)
    assert (instance.num_jobs, instance.num_machines) == (jobs, machines)
    assert instance.name == f"{kind}-{jobs}x{machines}-{seed}"
    assert low <= instance.durations.min()
    assert instance.durations.max() <= low + more
    assert same(instance, GENERATORS[kind](seed=seed, **sizes))


@pytest.mark.parametrize("kind", GENERATORS)
def test_other_seeds_give_other_durations_over_the_whole_range(kind: str) -> None:
    one, two = (GENERATORS[kind](jobs=40, machines=10, seed=seed, low=1, high=9) for seed in (1, 2))
    assert not np.array_equal(one.durations[:100], two.durations[:100])
    assert set(one.durations) == set(range(1, 10))


@pytest.mark.parametrize("kind", GENERATORS)
def test_durations_are_1_to_99_by_default_and_1_to_200_for_two_sets(kind: str) -> None:
    instance = GENERATORS[kind](jobs=100, machines=20)
    assert instance.durations.min() == 1
    assert instance.durations.max() == (200 if kind == "two-set" else 99)


@pytest.mark.parametrize("kind", GENERATORS)
def test_arguments_are_typed_keywords(kind: str) -> None:
    parameters = inspect.signature(GENERATORS[kind]).parameters.values()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    assert {parameter.annotation for parameter in parameters} <= {int, int | None}


@pytest.mark.parametrize("kind", ["uniform", "two-set", "flow", "open"])
def test_each_job_visits_each_machine_once(kind: str) -> None:
    instance = GENERATORS[kind](jobs=30, machines=7, seed=3)
    assert (np.sort(machines_by_job(instance), axis=1) == np.arange(7)).all()
    assert instance.ordered is (kind != "open")


def test_a_uniform_shop_has_all_orders() -> None:
    rows = machines_by_job(GENERATORS["uniform"](jobs=200, machines=3))
    assert len({tuple(row) for row in rows.tolist()}) == 6


@pytest.mark.parametrize(("machines", "half"), [(6, 3), (7, 3), (1, 0)])
def test_a_two_set_shop_visits_the_first_half_first(machines: int, half: int) -> None:
    rows = machines_by_job(GENERATORS["two-set"](jobs=200, machines=machines))
    assert rows[:, :half].max(initial=-1) == half - 1
    assert rows[:, half:].min() == half


def test_a_two_set_shop_has_all_orders_within_both_sets() -> None:
    rows = machines_by_job(GENERATORS["two-set"](jobs=400, machines=6))
    assert len({tuple(row) for row in rows.tolist()}) == 6 * 6


def test_a_flow_shop_visits_the_machines_in_order() -> None:
    rows = machines_by_job(GENERATORS["flow"](jobs=3, machines=4))
    assert rows.tolist() == [[0, 1, 2, 3]] * 3


def test_a_flexible_shop_has_up_to_the_given_alternatives() -> None:
    instance = GENERATORS["flexible"](jobs=20, machines=5, operations=4, alternatives=4, seed=1)
    counts = np.diff(instance.mode_offsets)
    assert set(counts) == {1, 2, 3, 4}
    assert np.diff(instance.job_offsets).tolist() == [4] * 20
    several = int(np.flatnonzero(counts > 2)[0])
    modes = slice(instance.mode_offsets[several], instance.mode_offsets[several + 1])
    assert len(set(instance.durations[modes])) > 1  # a duration for each machine
    assert len(set(instance.machines[modes])) == counts[several]


def test_a_reentrant_shop_returns_to_machines_but_not_at_once() -> None:
    rows = machines_by_job(GENERATORS["reentrant"](jobs=30, machines=4, seed=2))
    assert rows.shape == (30, 8)
    assert (rows[:, 1:] != rows[:, :-1]).all()
    assert set(rows.ravel()) == {0, 1, 2, 3}
    assert GENERATORS["reentrant"](jobs=2, machines=4, operations=3).num_operations == 6


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("uniform", {"jobs": 0}, "jobs must be at least 1, got 0"),
        ("two-set", {"machines": -1}, "machines must be at least 1, got -1"),
        ("flow", {"seed": -1}, "seed must be at least 0, got -1"),
        ("open", {"low": 9, "high": 3}, "low = 9 and high = 3"),
        ("open", {"low": -1}, "low = -1 and high = 99"),
        ("uniform", {"high": 2**31}, "high = 2147483648"),
        ("uniform", {"jobs": 10**9, "machines": 10**3}, "over 100000000 operations; choose fewer"),
        ("flexible", {"alternatives": 6}, "alternatives must be 1 to 5, the number of machines, got 6"),
        ("flexible", {"alternatives": 0}, "alternatives must be 1 to 5, the number of machines, got 0"),
        ("flexible", {"operations": 0}, "operations must be at least 1, got 0"),
        ("reentrant", {"machines": 1}, "machines must be at least 2 in a re-entrant shop, got 1"),
    ],
)
def test_arguments_out_of_range_are_named(kind: str, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(CoptError, match=message):
        GENERATORS[kind](**{"jobs": 4, "machines": 5, **arguments})
