"""Kernels of mixed-integer programs agree with slow, obvious twins."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import dense, make_mip

from copt.instances.mip_generators import assignment, set_cover
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, activities, check, objective, toy
from copt.solvers.mip import dive_kernels, jump_kernels, polish_kernels
from copt.solvers.mip.arms import State
from copt.solvers.mip.dive_kernels import Dive
from copt.solvers.mip.jump_kernels import Jump
from copt.solvers.mip.points import Points, warm

SEEDS = st.integers(0, 100_000)
INF = np.inf


def small(seed: int) -> MIP:
    """Return a program with up to five integer variables from -2 to 2, and rows of every kind."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    matrix = rng.integers(-3, 4, (m, n)) * rng.integers(0, 2, (m, n))
    limits = np.sort(rng.integers(-4, 7, (m, 2)).astype(float), axis=1)
    limits[rng.random(m) < 0.4, 0] = -INF
    limits[rng.random(m) < 0.4, 1] = INF
    lower = rng.integers(-2, 1, n)
    return make_mip(
        matrix,
        costs=rng.integers(-5, 6, n),
        lower=lower,
        upper=lower + rng.integers(0, 4, n),
        row_lower=limits[:, 0],
        row_upper=limits[:, 1],
        maximise=bool(rng.random() < 0.5),
    )


def points_of(instance: MIP) -> FloatArray:
    """Return all feasible points of a program with integer variables, shape (points, variables)."""
    ranges = [
        np.arange(low, high + 1) for low, high in zip(instance.lower.tolist(), instance.upper.tolist(), strict=True)
    ]
    every = np.array(list(itertools.product(*ranges)), dtype=float)
    sums = every @ dense(instance).T
    inside: FloatArray = every[((sums >= instance.row_lower) & (sums <= instance.row_upper)).all(axis=1)]
    return inside


def room(instance: MIP, lower: FloatArray, upper: FloatArray) -> Dive:
    """Return memory for a dive, all rows in the queue."""
    m, many = instance.num_rows, 4 * instance.num_variables + 1000
    queue = np.arange(m)
    memory: list[Any] = [lower.copy(), upper.copy(), np.zeros(m), np.zeros(m)]
    memory += [np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64), np.zeros(m), queue, np.ones(m, dtype=np.uint8)]
    memory += [np.zeros(many, dtype=np.int64), np.zeros(many), np.zeros(many), np.zeros(3, dtype=np.int64)]
    return Dive(*memory)


def naive_propagation(instance: MIP, lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Tighten bounds row by row until nothing changes; None if a row cannot be satisfied any more."""
    matrix, lower, upper = dense(instance), lower.copy(), upper.copy()
    while True:
        before = lower.copy(), upper.copy()
        for row, low, high in zip(matrix, instance.row_lower, instance.row_upper, strict=True):
            least = np.where(row > 0, row * lower, row * upper)
            most = np.where(row > 0, row * upper, row * lower)
            if least.sum() > high or most.sum() < low:
                return None
            for j in np.flatnonzero(row):
                ends = [(high - (least.sum() - least[j])) / row[j], (low - (most.sum() - most[j])) / row[j]]
                top, bottom = ends if row[j] > 0 else ends[::-1]
                upper[j] = min(upper[j], np.floor(top + 1e-9))
                lower[j] = max(lower[j], np.ceil(bottom - 1e-9))
                if lower[j] > upper[j]:
                    return None
        if (before[0] == lower).all() and (before[1] == upper).all():
            return lower, upper


@settings(deadline=None, max_examples=200)
@given(SEEDS)
def test_propagation_is_that_of_a_naive_twin(seed: int) -> None:
    instance = small(seed)
    held = room(instance, instance.lower, instance.upper)
    rows = Points(instance).rows
    dive_kernels.start_activities(rows, held)
    held.counts[1] = instance.num_rows
    possible = dive_kernels.propagate(rows, held, 10_000)
    twin = naive_propagation(instance, instance.lower, instance.upper)
    assert possible is (twin is not None)
    if twin is not None:
        assert held.lower.tolist() == twin[0].tolist()
        assert held.upper.tolist() == twin[1].tolist()
        assert held.queued.sum() == 0


@settings(deadline=None, max_examples=200)
@given(SEEDS)
def test_fixing_keeps_every_point_with_that_value_and_a_conflict_changes_nothing(seed: int) -> None:
    instance, rng = small(seed), np.random.default_rng(seed)
    rows, held = Points(instance).rows, room(instance, instance.lower, instance.upper)
    held.queued[:] = 0
    dive_kernels.start_activities(rows, held)
    feasible = points_of(instance)
    for j in rng.permutation(instance.num_variables).tolist():
        before = held.lower.copy(), held.upper.copy(), held.least.copy(), held.most.copy()
        value = float(rng.integers(held.lower[j], held.upper[j] + 1))
        with_value = feasible[feasible[:, j] == value]
        if dive_kernels.fix(rows, held, j, value, 1000):
            feasible = with_value
            assert held.lower[j] == held.upper[j] == value
            assert ((feasible >= held.lower) & (feasible <= held.upper)).all()
        else:
            assert len(with_value) == 0
            for array, old in zip((held.lower, held.upper, held.least, held.most), before, strict=True):
                assert array.tolist() == old.tolist()
        check_activities(instance, held)


def check_activities(instance: MIP, held: Dive) -> None:
    matrix = dense(instance)
    least = np.where(matrix > 0, matrix * held.lower, matrix * held.upper).sum(axis=1)
    most = np.where(matrix > 0, matrix * held.upper, matrix * held.lower).sum(axis=1)
    assert held.least == pytest.approx(least)
    assert held.most == pytest.approx(most)
    assert (held.span >= (np.abs(matrix) * (held.upper - held.lower)).max(axis=1)).all()


def test_infinite_bounds_are_counted_and_the_last_one_is_tightened() -> None:
    instance = make_mip(
        [[1, 2, 0], [0, 1, 1]], lower=[0, 0, -INF], upper=[INF, INF, INF], integer=[False] * 3,
        row_lower=[-INF, 2], row_upper=[8, 2],
    )  # fmt: skip
    lower, upper = Points(instance).dive(np.array([1]), np.array([0.0, 3.0, 0.0]))
    assert lower.tolist() == [0, 3, -1]
    assert upper.tolist() == [2, 3, -1]


@settings(deadline=None, max_examples=100)
@given(SEEDS)
def test_a_dive_that_fixes_everything_is_at_a_feasible_point(seed: int) -> None:
    instance, rng = small(seed), np.random.default_rng(seed)
    n = instance.num_variables
    lower, upper = Points(instance).dive(rng.permutation(n), rng.uniform(-2, 2, n))
    assert (lower >= instance.lower).all() and (upper <= instance.upper).all()
    feasible = points_of(instance)
    if len(feasible) and (lower == upper).all() and (lower != instance.lower).any():
        sums = dense(instance) @ lower
        rows = (np.abs(dense(instance)) > 0).any(axis=1)
        assert ((sums >= instance.row_lower) & (sums <= instance.row_upper))[rows].all()


def jump_room(instance: MIP, values: FloatArray) -> Jump:
    n, m = instance.num_variables, instance.num_rows
    memory: list[Any] = [values.copy(), instance.lower, instance.upper, np.zeros(m), np.ones(m), np.ones(m)]
    memory += [np.zeros(size, dtype=np.int64) for size in (m, m, 1, n)]
    return Jump(*memory)


@settings(deadline=None, max_examples=100)
@given(SEEDS)
def test_violated_rows_are_kept_up_move_by_move(seed: int) -> None:
    instance, rng = small(seed), np.random.default_rng(seed)
    rows, values = (
        Points(instance).rows,
        rng.integers(instance.lower.astype(int), instance.upper.astype(int) + 1).astype(float),
    )
    held = jump_room(instance, values)
    jump_kernels.start_jump(rows, held)
    for _ in range(8):
        j = int(rng.integers(instance.num_variables))
        value = float(rng.integers(instance.lower[j], instance.upper[j] + 1))
        before = missed(instance, held.values)
        growth = jump_kernels.change(rows, held, j, value)
        jump_kernels.move(rows, held, j, value)
        after = missed(instance, held.values)
        assert growth == pytest.approx(after.sum() - before.sum())
        broken = held.broken[: held.counts[0]].tolist()
        assert sorted(broken) == np.flatnonzero(after).tolist()
        assert [held.place[i] for i in broken] == list(range(len(broken)))
        assert (held.place == -1).sum() == instance.num_rows - len(broken)
        assert held.activity == pytest.approx(activities(instance, held.values))


def missed(instance: MIP, values: FloatArray) -> FloatArray:
    sums = activities(instance, values)
    amounts: FloatArray = np.maximum(0, np.maximum(instance.row_lower - sums, sums - instance.row_upper))
    return amounts


@settings(deadline=None, max_examples=100)
@given(SEEDS)
def test_a_jump_ends_at_a_feasible_point_where_there_is_one(seed: int) -> None:
    instance = small(seed)
    values = Points(instance).jump(np.zeros(instance.num_variables), np.array([seed + 1], dtype=np.uint64), 0.05)
    if values is None:
        assert len(points_of(instance)) < 20  # many would have been hit by chance
    else:
        assert check(instance, Point(values)) == []


@pytest.mark.parametrize(
    "instance", [set_cover(rows=50, columns=100, density=0.1, seed=1), assignment(agents=5, jobs=30, seed=1)]
)
def test_jump_and_polish_on_common_programs(instance: MIP) -> None:
    points = Points(instance)
    values = points.jump(np.zeros(instance.num_variables), np.array([7], dtype=np.uint64), 30.0)
    assert values is not None
    assert check(instance, Point(values)) == []
    better = points.polish(values)
    assert check(instance, Point(better)) == []
    assert objective(instance, Point(better)) <= objective(instance, Point(values))


@settings(deadline=None, max_examples=100)
@given(SEEDS)
def test_polish_is_that_of_a_naive_twin(seed: int) -> None:
    instance = small(seed)
    feasible = points_of(instance)
    for values in feasible[:3]:
        better = Points(instance).polish(values)
        twin, costs = values.copy(), instance.sign * instance.costs
        for j in np.argsort(-np.abs(costs), kind="stable").tolist():
            step = -np.sign(costs[j])
            while step:
                trial = twin.copy()
                trial[j] += step
                if check(instance, Point(trial)):
                    break
                twin = trial
        assert better.tolist() == twin.tolist()
        assert instance.sign * objective(instance, Point(better)) <= instance.sign * objective(instance, Point(values))


def test_polish_moves_continuous_variables_to_the_very_end_and_leaves_unbounded_ones() -> None:
    instance = make_mip(
        [[2, 1, 0]], lower=[0] * 3, upper=[INF] * 3, integer=[False] * 3, row_upper=[3], costs=[-1, -3, -9]
    )
    assert Points(instance).polish(np.zeros(3)).tolist() == [0, 3, 0]


def test_warming_compiles_what_the_worker_calls() -> None:
    warm()
    kernels: list[Any] = [dive_kernels.dive, jump_kernels.jump, polish_kernels.polish]
    before = [len(kernel.signatures) for kernel in kernels]
    state = State(toy(), np.random.default_rng(0))
    state.points.dive(state.whole, np.zeros(3))
    state.points.jump(np.zeros(3), np.array([1], dtype=np.uint64), 0.0)
    state.points.polish(Point(np.zeros(3)).values)
    assert [len(kernel.signatures) for kernel in kernels] == before
