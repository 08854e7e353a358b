"""First points from the corner that suits all rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import make_mip

from copt.instances.mip_generators import GENERATORS
from copt.problems.mip import MIP, Point, check, objective, toy
from copt.solvers.mip import corner
from copt.solvers.mip.corner import decisiveness, from_corner

INF = np.inf


def packing(seed: int) -> MIP:
    """Return a random program whose rows are limited from above, with integer and continuous variables."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 5), rng.integers(1, 7)
    matrix = rng.integers(0, 5, (rows, columns)).astype(float)
    return make_mip(
        matrix.tolist(),
        lower=[0] * columns,
        upper=rng.integers(1, 4, columns).tolist(),
        integer=(rng.random(columns) < 0.7).tolist(),
        row_upper=rng.integers(0, 12, rows).tolist(),
        costs=(-rng.integers(-2, 9, columns)).tolist(),
    )


def greedily(instance: MIP) -> list[float]:
    """Return what the walk from zero must come to: one variable after the other as far as it can go, row by row."""
    values = np.zeros(instance.num_variables)
    dense = np.zeros((instance.num_rows, instance.num_variables))
    for i in range(instance.num_rows):
        for k in range(instance.starts[i], instance.starts[i + 1]):
            dense[i, instance.columns[k]] += instance.coefficients[k]
    for j in np.argsort(-decisiveness(instance), kind="stable"):
        if instance.costs[j] >= 0:
            continue
        step = instance.upper[j]
        for i in range(instance.num_rows):
            if dense[i, j] > 0:
                step = min(step, (instance.row_upper[i] - dense[i] @ values) / dense[i, j])
        values[j] = np.floor(step + 1e-9) if instance.integer[j] else step
    return values.tolist()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6))
def test_packings_are_filled_greedily(seed: int) -> None:
    instance = packing(seed)
    point = from_corner(instance)
    assert point is not None
    assert not check(instance, point)
    assert point.values == pytest.approx(greedily(instance), abs=1e-9)


def test_coverings_begin_full_and_drop_the_dearest_first() -> None:
    """Three sets over two elements: the dear one goes, then the one that its neighbour makes needless."""
    instance = make_mip(
        [[1, 1, 0], [1, 0, 1]], lower=[0] * 3, upper=[1] * 3, row_lower=[1, 1], row_upper=[INF, INF], costs=[9, 2, 3]
    )
    point = from_corner(instance)
    assert point is not None
    assert point.values.tolist() == [0, 1, 1]


def test_mixed_directions_have_a_corner_too() -> None:
    """x <= y, both cost something to have: x is profitable, y is dear and must stay for it."""
    instance = make_mip([[1, -1]], lower=[0, 0], upper=[1, 1], row_upper=[0], costs=[-5, 1])
    point = from_corner(instance)
    assert point is not None
    assert point.values.tolist() == [1, 1]
    assert objective(instance, point) == -4


@pytest.mark.parametrize(
    "instance",
    [
        make_mip([[1, 1]], lower=[0, 0], upper=[1, 1], row_lower=[1], row_upper=[1], costs=[1, 2]),
        make_mip([[1, 1]], lower=[0, 0], upper=[1, INF], row_lower=[1], row_upper=[INF], costs=[1, 2]),
        make_mip([[1, 1]], lower=[1, 1], upper=[2, 2], row_upper=[1], costs=[1, 2]),
    ],
    ids=["equation", "corner without an end", "corner beyond a row"],
)
def test_where_there_is_no_feasible_corner_there_is_no_point(instance: MIP) -> None:
    assert from_corner(instance) is None


def test_the_toy_is_solved_from_its_corner() -> None:
    point = from_corner(toy())
    assert point is not None
    assert not check(toy(), point)


@pytest.mark.parametrize("kind", ["set-cover", "auction", "independent-set", "knapsacks"])
def test_families_of_packing_and_covering_have_a_point_at_once(kind: str) -> None:
    instance = GENERATORS[kind](seed=3)
    point = from_corner(instance)
    assert point is not None
    assert not check(instance, point)
    full = Point(np.ones(instance.num_variables) if kind == "set-cover" else np.zeros(instance.num_variables))
    assert not check(instance, full)
    assert instance.sign * objective(instance, point) < instance.sign * objective(instance, full)


def test_without_time_the_corner_itself_is_the_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corner, "BUDGET", -1.0)
    instance = GENERATORS["knapsacks"](seed=3)
    point = from_corner(instance)
    assert point is not None
    assert not point.values.any()


def test_costs_say_most_where_others_cost_little() -> None:
    """The first row's variables cost 4 and 2, three on average; the second's 2 and 6, three a unit of size."""
    instance = make_mip([[1, 1, 0], [0, 1, 2]], lower=[0] * 3, upper=[1] * 3, row_upper=[1, 1], costs=[4, 2, 6])
    # Row 1 asks (4 + 2) / 2 = 3 a unit, row 2 asks (2 + 6 / 2) / 2 = 2.5: usual are 3, 3 + 2.5 and 2 x 2.5.
    assert decisiveness(instance) == pytest.approx([4 / 3, 2 / 5.5, 6 / 5])
