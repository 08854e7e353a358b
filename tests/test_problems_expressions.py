"""Expressions are worth what the same formula is worth in numpy; what is not affine is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.expressions import NONE, Constraint, Expression, Names, Terms, as_expression, stack

NAMES = Names([f"x[{i}, {j}]" for i in range(2) for j in range(3)] + ["y[0]", "y[1]", "y[2]"], ["u[0]", "u[1]"])
NUMBERS = st.integers(-4, 4)


def variable(shape: tuple[int, ...], first: int, names: Names = NAMES) -> Expression:
    count = int(np.prod(shape))
    return Expression(
        shape, Terms(np.arange(count), first + np.arange(count), np.full(count, NONE), np.ones(count)), names
    )


def scenario(names: Names = NAMES) -> Expression:
    return Expression((2,), Terms(np.arange(2), np.full(2, NONE), np.arange(2), np.ones(2)), names)


X: Any = variable((2, 3), 0)  # Any, since what follows also does what types forbid
Y: Any = variable((3,), 6)
U: Any = scenario()
MATRIX, ROW, SIDE = np.arange(6.0).reshape(2, 3) - 2, np.array([3.0, 0, -1]), np.array([[1.0, 0, 2], [0, 0, 1]])


def integers(data: st.DataObject, shape: tuple[int, ...]) -> FloatArray:
    size = int(np.prod(shape))
    drawn = data.draw(st.lists(NUMBERS, min_size=size, max_size=size))
    return np.array(drawn, dtype=np.float64).reshape(shape)


FORMULAS: list[Callable[[Any, Any, Any], Any]] = [
    lambda x, y, u: x,
    lambda x, y, u: x.sum(axis=1),
    lambda x, y, u: 2 * x - x + 1,
    lambda x, y, u: x - x,
    lambda x, y, u: 5 - x / 2,
    lambda x, y, u: x + y,
    lambda x, y, u: MATRIX * x + ROW * y - 3,
    lambda x, y, u: x * SIDE + SIDE,
    lambda x, y, u: ROW @ y,
    lambda x, y, u: y @ ROW,
    lambda x, y, u: MATRIX @ y,
    lambda x, y, u: x @ ROW,
    lambda x, y, u: x @ MATRIX.T,
    lambda x, y, u: MATRIX.T @ x,
    lambda x, y, u: u @ x,
    lambda x, y, u: x.T @ u,
    lambda x, y, u: x.T * (1 - u),
    lambda x, y, u: (2 + 3 * u - u[::-1]).reshape(2, 1) * (x - y + 4),
    lambda x, y, u: u[0] * y[1] + y.sum() * (u.sum() - 1) + 7,
    lambda x, y, u: x[1, ::-1] + x[0, [2, 0, 2]],
    lambda x, y, u: x[SIDE > 0] - x[-1, -1],
    lambda x, y, u: x[:, None, 1:] + u[:, None],
    lambda x, y, u: x.reshape(3, 2).sum(axis=(0, 1)) - x.reshape((6,))[4],
    lambda x, y, u: x.T.sum(axis=-1) - x.sum(axis=0).sum(),
    lambda x, y, u: sum(y) + sum(k * row.sum() for k, row in enumerate(x)),
    lambda x, y, u: np.float64(2) * y + [1, 2, 3] + ([4, 5, 6] - y),
    lambda x, y, u: [1, 2, 3] * y * np.int64(2) + np.ones((2, 1)),
]


@pytest.mark.parametrize("formula", FORMULAS)
@given(data=st.data())
@settings(max_examples=10, deadline=None, derandomize=True)
def test_a_formula_is_worth_what_it_is_in_numpy(formula: Callable[[Any, Any, Any], Any], data: st.DataObject) -> None:
    x, y, u = integers(data, (2, 3)), integers(data, (3,)), integers(data, (2,))
    wanted, found = np.asarray(formula(x, y, u)), formula(X, Y, U)
    assert (found.shape, found.size, found.ndim) == (wanted.shape, wanted.size, wanted.ndim)
    values = found.values(np.append(x, y), u)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, wanted)  # small whole numbers and halves: exact


@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_random_expressions_are_worth_what_they_are_in_numpy(data: st.DataObject) -> None:
    x, y, u = integers(data, (2, 3)), integers(data, (3,)), integers(data, (2,))
    pairs: list[tuple[Any, Any]] = [(X, x), (Y, y), (U[0] - 2, u[0] - 2)]
    for _ in range(data.draw(st.integers(1, 6))):
        (one, first), (two, second) = (pairs[data.draw(st.integers(0, len(pairs) - 1))] for _ in range(2))
        match data.draw(st.sampled_from(["add", "subtract", "multiply", "scale", "turn", "sum", "pick"])):
            case "add":
                pairs.append((one + two.sum(), first + second.sum()))
            case "subtract":
                pairs.append((one - two[..., :1].sum(), first - second[..., :1].sum()) if second.ndim else (one, first))
            case "multiply" if not (one.terms.uncertain != NONE).any():
                pairs.append((one * (3 - U[1]), first * (3 - u[1])))
            case "scale":
                numbers = integers(data, first.shape)
                pairs.append((numbers * one, numbers * first))
            case "turn":
                pairs.append((one.T, first.T))
            case "sum" if first.ndim:
                pairs.append((one.sum(axis=0), first.sum(axis=0)))
            case "pick" if first.ndim:
                pairs.append((one[[-1, 0]], first[[-1, 0]]))
    for expression, value in pairs:
        np.testing.assert_array_equal(expression.values(np.append(x, y), u), value)
        terms = expression.terms
        keys = list(zip(terms.places, terms.decisions, terms.uncertain, strict=True))
        assert keys == sorted(set(keys))
        assert (terms.coefficients != 0).all()


def test_terms_that_cancel_are_gone() -> None:
    assert (X - X).terms.places.size == 0
    assert ((X + 1) * 0).terms.places.size == 0
    assert ((X[0, 0] - X[0, 0]) * Y[0]).values(np.ones(9), np.ones(2)) == 0  # no product of two decisions any more


def test_stacked_expressions_follow_each_other() -> None:
    both = stack([as_expression([]), X, as_expression([[8.0]]), U.sum()])
    np.testing.assert_array_equal(both.values(np.arange(9.0), np.array([2.0, 3])), [0, 1, 2, 3, 4, 5, 8, 5])
    assert stack([as_expression([])]).shape == (0,)


def test_comparisons_say_what_exceeds() -> None:
    values = np.arange(9.0), np.array([1.0, 2])
    listed, four = [1, 2, 3], 4
    for constraint, excess, equal in (
        (Y <= 3, [3, 4, 5], False),
        (Y >= 3, [-3, -4, -5], False),
        (np.ones(3) <= Y, [-5, -6, -7], False),
        (np.ones(3) >= Y, [5, 6, 7], False),
        (listed == Y, [5, 5, 5], True),
        (np.float64(7) == Y, [-1, 0, 1], True),
        (X <= Y, [[-6, -6, -6], [-3, -3, -3]], False),
        (four <= U, [3, 2], False),
    ):
        assert isinstance(constraint, Constraint)
        found = constraint.excess.values(*values)
        assert np.array_equal(found, excess) or (equal and np.array_equal(-found, excess))
        assert constraint.equal is equal


OTHER = variable((3,), 0, Names(["a", "b", "c"]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: X[1, 2] * Y, r"\(x\[1, 2\]\) \* \(y\[0\]\) is a product of two decisions; for binaries a and b"),
        (lambda: X @ Y, r"\(x\[0, 0\]\) \* \(y\[0\]\) is a product of two decisions"),
        (lambda: U[0] * Y[1] * X[0, 1], r"\(u\[0\] \* y\[1\]\) \* \(x\[0, 1\]\) is a product of two decisions"),
        (lambda: U * U, r"\(u\[0\]\) \* \(u\[0\]\) is a product of two uncertain entries; make the product an entry"),
        (lambda: U[0] * Y[1] * (1 - U[1]), r"\(u\[0\] \* y\[1\]\) \* \(u\[1\]\) is a product of two uncertain entries"),
        (lambda: Y + np.ones(4), r"shapes \(3,\) and \(4,\) do not fit; index, reshape or sum"),
        (lambda: X[0, :2] >= Y, r"shapes \(3,\) and \(2,\) do not fit"),
        (lambda: X == MATRIX.T, r"shapes \(2, 3\) and \(3, 2\) do not fit"),
        (lambda: X @ np.ones(2), r"inner lengths agree, got shapes \(2, 3\) and \(2,\)"),
        (lambda: 3 @ Y, r"@ takes vectors and matrices .* got shapes \(\) and \(3,\)"),
        (lambda: bool(Y == 1), "a constraint is neither true nor false: hand constraints to add"),
        (lambda: 0 <= Y <= 1, "write low <= x <= high as two of them"),
        (lambda: Y[0] or Y[1], "an expression is neither true nor false"),
        (lambda: Y != 1, "neither true nor false"),
        (lambda: Y < 1, "constraints are <=, >= or ==; for whole numbers write x < 3 as x <= 2"),
        (lambda: Y > 1, "constraints are <=, >= or =="),
        (lambda: np.array([1.0, np.nan, 2.0]) * Y, "coefficients must be finite, got nan"),
        (lambda: Y + np.inf, "coefficients must be finite, got inf"),
        (lambda: Y * "two", "cannot calculate with 'two'; expressions go with numbers"),
        (lambda: Y * [Y[0], 1, 2], "cannot calculate with .*; expressions go with numbers"),
        (lambda: Y / 0, "cannot divide an expression by 0"),
        (lambda: Y / [1, 0, 1], "cannot divide an expression by 0"),
        (lambda: 1 / Y, "cannot divide by an expression; multiply both sides"),
        (lambda: Y / Y, "cannot divide by an expression"),
        (lambda: np.ones(3) / Y, "cannot divide by an expression"),
        (lambda: np.sum(Y), r"numpy.sum does not take expressions; use operators"),
        (lambda: np.dot(ROW, Y), r"numpy.dot does not take expressions"),
        (lambda: np.concatenate([X, X]), "numpy.concatenate does not take expressions"),
        (lambda: Y + OTHER, "expressions of two models cannot be combined; declare all variables in one model"),
        (lambda: OTHER <= Y, "expressions of two models cannot be combined"),
    ],
)
def test_what_is_not_affine_is_refused(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(CoptError, match=message):
        wrong()


def test_numpy_says_what_is_out_of_range() -> None:
    for array, index in ((Y, 3), (X, (0, 0, 0))):
        with pytest.raises(IndexError):
            array[index]
    with pytest.raises(ValueError, match="cannot reshape"):
        X.reshape(4, 2)
    with pytest.raises(TypeError, match="no length"):
        len(X[0, 0])


def test_expressions_are_known_by_identity() -> None:
    values = {X: 1, Y: 2}
    assert (values[X], values[Y]) == (1, 2)
    assert (len(X), len(Y), repr(X)) == (2, 3, "<expression of shape (2, 3) with 6 terms>")
