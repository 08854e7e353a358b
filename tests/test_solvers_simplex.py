"""The dual simplex method: linear programs by HiGHS, certain bounds, programs that are infeasible."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from copt.problems.base import FloatArray
from copt.solvers.simplex_kernels import (
    BEYOND,
    INFEASIBLE,
    LIMIT,
    OPTIMAL,
    Tableau,
    bound,
    copy,
    reoptimise,
    settle,
    value_of,
)


def tableau_of(rows: FloatArray, goal: FloatArray) -> Tableau:
    """The tableau in which all rows are basic."""
    count, columns = rows.shape[0], rows.shape[1] - 1
    return Tableau(
        table=np.vstack([rows, goal]),
        head=np.arange(columns, columns + count),
        tail=np.arange(columns),
        raised=np.zeros(columns, dtype=np.int8),
        values=np.zeros(count),
        norms=np.zeros(count),
        room=np.zeros(columns + 1),
    )


def random_program(seed: int, *, tight: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rows, goal and bounds; a negative ``tight`` leaves out what would be feasible."""
    rng = np.random.default_rng(seed)
    columns, count = (int(n) for n in rng.integers(1, 25, 2))
    rows = rng.normal(size=(count, columns + 1)) * (rng.random((count, columns + 1)) < 0.5)
    middle = rows[:, :-1] @ rng.random(columns) + rows[:, -1]
    bounds = np.stack(
        [np.append(np.zeros(columns), middle - tight * rng.random(count)), np.append(np.ones(columns), middle + 1.0)]
    )
    return rows, rng.normal(size=columns + 1), bounds


def highs(rows: FloatArray, goal: FloatArray, bounds: FloatArray) -> float:
    """The least value, infinite if nothing is feasible."""
    columns = len(goal) - 1
    low, high = bounds[:, columns:] - rows[:, -1]
    found = linprog(
        goal[:-1],
        A_ub=np.vstack([rows[:, :-1], -rows[:, :-1]]),
        b_ub=np.concatenate([high, -low]),
        bounds=bounds[:, :columns].T,
    )
    return float(found.fun + goal[-1]) if found.status == 0 else np.inf


@given(st.integers(0, 10_000), st.sampled_from([0.3, 0.0, -0.05]))
@settings(max_examples=80, deadline=None)
def test_programs_are_solved_and_bounded(seed: int, tight: float) -> None:
    rows, goal, bounds = random_program(seed, tight=tight)
    best = highs(rows, goal, bounds)
    tableau, used, room = tableau_of(rows, goal), np.zeros(2, dtype=np.int64), np.zeros(goal.size)
    settle(tableau, bounds)
    status = reoptimise(tableau, bounds, np.inf, 1000, used)
    certain = bound(rows, goal, 1.0, tableau, len(rows), bounds, room)
    if best == np.inf:
        assert status == INFEASIBLE
        line = int(used[1])
        v = int(tableau.head[line])
        below = tableau.values[line] < bounds[0, v]
        columns = goal.size - 1
        form = np.eye(goal.size)[v] if v < columns else rows[v - columns]
        least = bound(rows, form.copy(), -1.0 if below else 1.0, tableau, line, bounds, room)
        assert least > (-bounds[0, v] if below else bounds[1, v])
        return
    assert status == OPTIMAL
    assert value_of(tableau, bounds) == pytest.approx(best, abs=1e-7)
    assert certain == pytest.approx(best, abs=1e-7)
    assert certain <= best + 1e-9


@given(st.integers(0, 10_000), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_bounds_hold_before_the_end_and_for_wrong_tableaus(seed: int, pivots: int) -> None:
    rows, goal, bounds = random_program(seed, tight=0.3)
    best, room = highs(rows, goal, bounds), np.zeros(goal.size)
    tableau = tableau_of(rows, goal)
    settle(tableau, bounds)
    status = reoptimise(tableau, bounds, np.inf, pivots, np.zeros(2, dtype=np.int64))
    assert status in (OPTIMAL, LIMIT)
    assert bound(rows, goal, 1.0, tableau, len(rows), bounds, room) <= best + 1e-9
    tableau.table[:] += 0.01 * np.random.default_rng(seed).normal(size=tableau.table.shape)
    assert bound(rows, goal, 1.0, tableau, len(rows), bounds, room) <= best + 1e-9


@given(st.integers(0, 10_000), st.sampled_from([1.0, 1e4, 1e8]))
@settings(max_examples=60, deadline=None)
def test_bounds_hold_whatever_rounding_does(seed: int, size: float) -> None:
    rows, goal, bounds = random_program(seed, tight=0.3)
    columns, scale = goal.size - 1, np.maximum(1.0, np.abs(rows[:, :-1]).max(axis=1))
    rows /= scale[:, None]
    bounds[:, columns:] /= scale
    tableau = tableau_of(rows, goal)
    rng = np.random.default_rng(seed)
    tableau.tail[:] = rng.permutation(columns + len(rows))[:columns]
    tableau.table[-1] = size * rng.normal(size=goal.size)  # as of a basis that is nearly singular
    found = bound(rows, goal, 1.0, tableau, len(rows), bounds, np.zeros(goal.size))
    rest, exact = [Fraction(x) for x in goal], Fraction(0)
    for variable, price in zip(tableau.tail, map(Fraction, tableau.table[-1, :-1]), strict=True):
        if variable >= columns:
            exact += price * Fraction(bounds[0 if price > 0 else 1, variable])
            rest = [a - price * Fraction(b) for a, b in zip(rest, rows[variable - columns], strict=True)]
    ends = zip(rest[:-1], *bounds[:, :columns], strict=True)
    exact += rest[-1] + sum(min(x * Fraction(low), x * Fraction(high)) for x, low, high in ends)
    assert Fraction(found) <= exact
    assert float(exact) - found <= 1e-10 * size


def test_a_tighter_bound_goes_on_from_the_last_tableau() -> None:
    # Least x + y where x + 2 y >= 2: y = 1; with y <= 1/2, x = 1 as well.
    rows, goal = np.array([[1.0, 2.0, 0.0]]), np.array([1.0, 1.0, 0.0])
    bounds = np.array([[0.0, 0.0, 2.0], [5.0, 5.0, 9.0]])
    tableau, other, used = tableau_of(rows, goal), tableau_of(rows, goal), np.zeros(2, dtype=np.int64)
    settle(tableau, bounds)
    assert reoptimise(tableau, bounds, np.inf, 9, used) == OPTIMAL
    assert value_of(tableau, bounds) == pytest.approx(1.0)
    copy(tableau, other)
    bounds[1, 1] = 0.5
    settle(other, bounds)
    assert reoptimise(other, bounds, np.inf, 9, used) == OPTIMAL
    assert value_of(other, bounds) == pytest.approx(1.5)
    settle(tableau, bounds)
    assert reoptimise(tableau, bounds, 1.2, 9, used) == BEYOND
