"""Convex piecewise linear and quadratic functions, against HiGHS and conditions of optimality."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from copt.problems.base import FloatArray
from copt.solvers.control.active_set_kernels import Bends, begin, hold, minimise, release, value


def bends_of(rows: FloatArray, low: FloatArray, high: FloatArray, gradient: FloatArray, hessian: FloatArray) -> Bends:
    """The function, with a point at zero."""
    count, size = rows.shape[0], rows.shape[1] - 1
    return Bends(
        constant=np.zeros(1),
        gradient=gradient,
        hessian=hessian,
        rows=rows,
        norms=np.abs(rows[:, :-1]).sum(axis=1),
        low=low,
        high=high,
        live=np.arange(count),
        point=np.zeros(size),
        values=np.zeros(count),
        sides=np.zeros(count, dtype=np.int64),
        slope=np.zeros(size),
        held=np.zeros(size, dtype=np.int64),
        number=np.array([0, count]),
        basis=np.zeros((size, size)),
        factor=np.zeros((size, size)),
        step=np.zeros(size),
        changes=np.zeros(count),
        weights=np.zeros(size),
        reduced=np.zeros((size, size)),
    )


def random_bends(seed: int, size: int, curved: bool, tied: bool) -> Bends:
    """Terms, penalties and constraints, which hold at zero, in a box; with small whole numbers many of them meet."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 3 * size, 3)
    rows = np.vstack([rng.normal(size=(int(counts.sum()), size + 1)), np.eye(size, size + 1), -np.eye(size, size + 1)])
    if tied:
        rows = np.round(rows)
    kinds = np.repeat([0, 1, 2, 2], [*counts, 2 * size])
    rows[kinds == 2, -1] = -np.abs(rows[kinds == 2, -1])
    rows[-2 * size :, -1] = -1.0
    low = np.where(kinds == 0, -rng.uniform(0.5, 2.0, kinds.size), 0.0)
    high = np.array([1.0, 3.0, np.inf])[kinds]
    half = rng.normal(size=(size - 1, size))
    hessian = half.T @ half if curved else np.zeros((0, 0))
    return bends_of(rows, low, high, rng.normal(size=size), hessian)


def by_highs(bends: Bends) -> float:
    """The least value, from a linear program with a variable for each bend that is not a constraint."""
    size = bends.point.size
    soft = np.flatnonzero(np.isfinite(bends.high))
    hard = np.flatnonzero(np.isinf(bends.high))
    n, s = bends.rows[:, :-1], bends.rows[:, -1]
    picks = np.eye(soft.size)
    sides = [
        np.hstack([w[soft, None] * n[soft], -picks]) for w in (bends.low, np.where(np.isinf(bends.high), 0, bends.high))
    ]
    found = linprog(
        np.concatenate([bends.gradient, np.ones(soft.size)]),
        A_ub=np.vstack([*sides, np.hstack([n[hard], np.zeros((hard.size, soft.size))])]),
        b_ub=np.concatenate([-(bends.low * s)[soft], -(bends.high[soft] * s[soft]), -s[hard]]),
        bounds=[(None, None)] * (size + soft.size),
    )
    assert found.status == 0
    return float(found.fun)


cases = {"seed": st.integers(0, 10_000), "size": st.integers(2, 7), "tied": st.booleans()}


@settings(max_examples=150, deadline=None)
@given(**cases)
def test_linear_functions_reach_the_optimum_of_highs(seed: int, size: int, tied: bool) -> None:
    bends = random_bends(seed, size, False, tied)
    pivots = minimise(bends, 50 * size)
    assert pivots < 50 * size
    # HiGHS keeps its own rows to 1e-7, times multipliers of a few.
    assert value(bends) == pytest.approx(by_highs(bends), rel=1e-6, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(**cases)
def test_curved_functions_end_where_no_direction_goes_down(seed: int, size: int, tied: bool) -> None:
    bends = random_bends(seed, size, True, tied)
    assert minimise(bends, 50 * size) < 50 * size
    least, there, rng = value(bends), bends.point.copy(), np.random.default_rng(seed)
    assert np.isfinite(least)
    # The function is convex: a point is best just if it is best with the curved part replaced by its tangent there.
    tangent = bends_of(bends.rows, bends.low, bends.high, bends.gradient + bends.hessian @ there, np.zeros((0, 0)))
    assert least + 0.5 * there @ bends.hessian @ there == pytest.approx(by_highs(tangent), abs=1e-6)
    for _ in range(50):
        bends.point[:] = np.clip(there + rng.normal(size=size) * 10.0 ** rng.uniform(-4, 0), -1, 1)
        assert value(bends) >= least - 1e-9


@settings(max_examples=60, deadline=None)
@given(**cases)
def test_rows_that_are_held_stay_a_triangle_in_an_orthonormal_basis(seed: int, size: int, tied: bool) -> None:
    bends = random_bends(seed, size, False, tied)
    begin(bends)
    rng = np.random.default_rng(seed)
    for _ in range(4 * size):
        if bends.number[0] and rng.random() < 0.4:
            release(bends, int(rng.integers(bends.number[0])), -1)
        else:
            hold(bends, int(rng.integers(bends.low.size)))
        k = int(bends.number[0])
        assert bends.basis @ bends.basis.T == pytest.approx(np.eye(size), abs=1e-9)
        expected = bends.basis @ bends.rows[bends.held[:k], :-1].T
        assert np.tril(bends.factor[:k, :k], -1) == pytest.approx(np.zeros((k, k)), abs=1e-9)
        assert expected[:k] == pytest.approx(np.triu(bends.factor[:k, :k]), abs=1e-8)
        assert expected[k:] == pytest.approx(np.zeros((size - k, k)), abs=1e-8)


def test_the_median_is_least_in_absolute_distances() -> None:
    places = np.array([1.0, 5.0, 2.0, 9.0, 4.0])
    rows = np.column_stack([np.ones(5), -places])
    bends = bends_of(rows, -np.ones(5), np.ones(5), np.zeros(1), np.zeros((0, 0)))
    minimise(bends, 20)
    assert bends.point.tolist() == [4.0]
    assert value(bends) == 3.0 + 1.0 + 2.0 + 5.0


def test_a_broken_constraint_is_worth_infinity() -> None:
    bends = bends_of(np.array([[1.0, 1.0]]), np.zeros(1), np.full(1, np.inf), np.zeros(1), np.zeros((0, 0)))
    assert value(bends) == np.inf
