import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, dense, make_mip

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.mip import MIP, Point, activities, check, objective, toy


def point(*values: float) -> Point:
    return Point(np.array(values))


def messages(instance: MIP, *values: float) -> list[str]:
    return [str(violation) for violation in check(instance, point(*values))]


def test_optimum_of_the_toy_by_brute_force() -> None:
    """The continuous variable goes as far as the rows let it."""
    best = -np.inf
    for b, k in itertools.product((0, 1), range(4)):
        c = min(12 - 5 * b - 3 * k, (4 - k) / 2)
        if c >= 0:
            assert check(toy(), point(b, k, c)) == []
            best = max(best, objective(toy(), point(b, k, c)))
    assert best == 19.0


def test_a_feasible_point_and_its_value() -> None:
    instance = make_mip([[1, 2, 0], [0, 0, 3]], costs=[1, -2, 4], offset=0.5, row_upper=[3, 9], maximise=True)
    assert objective(instance, point(1, 1, 0)) == -0.5
    assert check(instance, point(1, 1, 1)) == []
    assert (instance.sign, make_mip([[1]]).sign) == (-1, 1)
    assert (instance.dimensions, instance.num_rows, instance.num_variables) == ("2x3", 2, 3)
    assert instance.name_of(2) == "x2"
    assert toy().name_of(2) == "c"
    assert toy().binary.tolist() == [True, False, False]


def test_every_violation_is_named() -> None:
    assert messages(toy(), 1, 2, 0.5) == []
    assert messages(toy(), 1, 2) == ["shape: values has shape (2,) instead of (3,)"]
    assert messages(toy(), 1, np.nan, 0) == ["value: k = nan is not a finite number"]
    assert messages(toy(), 0.5, 2, 0) == ["integrality: b = 0.5 is not whole"]
    assert messages(toy(), 1, 0, -1) == ["bounds: c = -1 is not within 0 to inf"]
    assert messages(toy(), 2, 0, 0) == ["bounds: b = 2 is not within 0 to 1"]
    assert messages(toy(), 1, 3, 0) == ["row: row 0 = 14 is not within -inf to 12"]
    assert messages(make_mip([[1, 1]], row_lower=[1]), 0, 0) == ["row: row 0 = 0 is not within 1 to 1"]
    kinds = [violation.constraint for violation in check(toy(), point(1.5, 4, 9))]
    assert kinds == ["integrality", "bounds", "row"]


def test_tolerances_are_of_the_scale_of_the_limit() -> None:
    large = make_mip([[1, 1]], upper=[np.inf, np.inf], row_upper=[1e6])
    assert check(large, point(1e6, 0.0)) == []
    relaxed = make_mip([[1, 1]], upper=[2e6, 2e6], integer=[False, False], row_upper=[1e6])
    assert check(relaxed, point(1e6 + 0.9, 0)) == []
    assert len(check(relaxed, point(1e6 + 1.1, 0))) == 1
    small = make_mip([[1, 1]], integer=[False, False])
    assert check(small, point(1 + 0.9e-6, 0)) == []
    assert len(check(small, point(1 + 1.1e-6, 0))) == 2  # bound and row
    assert check(toy(), point(1 - 0.9e-6, 2, 0)) == []
    assert len(check(toy(), point(1 - 1.1e-6, 2, 0))) == 1


def test_empty_rows_and_programs() -> None:
    instance = make_mip([[0, 0], [1, 1], [0, 0]], row_lower=[0, 0, 1], row_upper=[0, 2, 2])
    assert activities(instance, np.ones(2)).tolist() == [0, 2, 0]
    assert messages(instance, 1, 1) == ["row: row 2 = 0 is not within 1 to 2"]
    nothing = make_mip(np.zeros((0, 0)))
    assert check(nothing, point()) == []
    assert objective(nothing, point()) == 0.0


def test_numbers_from_1e20_on_are_infinite() -> None:
    instance = make_mip([[1]], lower=[-1e20], upper=[1e30], row_lower=[-1e25], row_upper=[1e20])
    for array in (instance.lower, instance.upper, instance.row_lower, instance.row_upper):
        assert np.isinf(array).all()
    with pytest.raises(ValueError, match="read-only"):
        instance.lower[0] = 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"costs": [1, np.inf]}, r"costs\[1\] = inf is not a finite number"),
        ({"costs": [[1, 2]]}, r"costs must have shape \(,\), got \(1, 2\)"),
        ({"columns": [0, 2]}, r"columns\[1\] = 2, but there are 2 variables"),
        ({"columns": [0, -1]}, r"columns\[1\] = -1 is below 0"),
        ({"coefficients": [1]}, r"coefficients must have shape \(2,\), got \(1,\)"),
        ({"coefficients": [1, np.nan]}, r"coefficients\[1\] = nan is not a finite number"),
        ({"starts": [0, 1]}, "starts must rise from 0 to 2"),
        ({"lower": [0]}, r"lower must have shape \(2,\), got \(1,\)"),
        ({"upper": [0, np.nan]}, r"upper\[1\] is not a number"),
        ({"row_lower": [0, 0]}, r"row_lower must have shape \(1,\), got \(2,\)"),
        ({"integer": [True]}, r"integer must have shape \(2,\), got \(1,\)"),
        ({"names": ("a",)}, "names has 1 entries for 2 variables"),
        ({"offset": np.inf}, "offset must be a finite number, got inf"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInstanceError, match=message):
        make_mip([[1, 1]], **fields)


def test_points_are_vectors() -> None:
    with pytest.raises(InvalidSolutionError, match="one dimension"):
        Point(np.zeros((1, 2)))
    values = np.zeros(2)
    assert Point(values).values is not values


@settings(deadline=None)
@given(any_mips, st.integers(0, 1000))
def test_activities_and_verdict_agree_with_the_dense_matrix(instance: MIP, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-9, 10, instance.num_variables).astype(np.float64)
    sums = dense(instance) @ x
    np.testing.assert_array_equal(activities(instance, x), sums)
    inside = (instance.lower <= x).all() and (x <= instance.upper).all()
    held = (instance.row_lower <= sums).all() and (sums <= instance.row_upper).all()
    assert {violation.constraint for violation in check(instance, Point(x))} == (
        ({"bounds"} if not inside else set()) | ({"row"} if not held else set())
    )
    assert objective(instance, Point(x)) == sum(instance.costs * x) + instance.offset
