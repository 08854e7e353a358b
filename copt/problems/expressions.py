"""Arrays of affine expressions in decisions, in uncertain entries, and in products of one of each.

An entry is a sum of terms ``coefficient * decision * uncertain entry``, where either or both may be missing.
Operators, indexing, shapes and broadcasting are those of numpy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn, Union

import numpy as np
from numpy.typing import ArrayLike

from copt.errors import InvalidInstanceError
from copt.problems.base import FloatArray, IntArray, first_where

__all__ = ["NONE", "Constraint", "Expression", "Names", "Operand", "Terms", "as_expression", "stack"]

Operand = Union["Expression", ArrayLike]
NONE = -1  # in place of the decision or of the uncertain entry that a term does not have
TRUTH = (
    "is neither true nor false: hand constraints to add(), write low <= x <= high as two of them, and do not ask with "
    "if, and, or, not, in, !="
)


@dataclass(frozen=True, eq=False)
class Names:
    """What the numbers in the expressions of one model stand for, as messages write it.

    Args:
        decisions: Name of each decision.
        uncertain: Name of each uncertain entry.
    """

    decisions: list[str] = field(default_factory=list)
    uncertain: list[str] = field(default_factory=list)


class Terms(NamedTuple):
    """Terms of an expression, arrays of one length.

    Args:
        places: Flat index of the entry that each belongs to.
        decisions: Its decision, or -1.
        uncertain: Its uncertain entry, or -1.
        coefficients: Its factor.
    """

    places: IntArray
    decisions: IntArray
    uncertain: IntArray
    coefficients: FloatArray

    def chosen(self, which: Any) -> "Terms":
        """Return those that an index or a mask chooses."""
        return Terms(*(array[which] for array in self))

    def collected(self) -> "Terms":
        """Return them in order of place, decision and uncertain entry, alike ones added up, without zeros."""
        ordered = self.chosen(np.lexsort((self.uncertain, self.decisions, self.places)))
        fresh = np.any(np.diff(np.stack(ordered[:3]), axis=1, prepend=NONE - 1), axis=0)
        total = _totals(np.cumsum(fresh) - 1, ordered.coefficients)
        return ordered.chosen(fresh)._replace(coefficients=total).chosen(total != 0)


class Constraint:
    """Entries that must be at most 0, or equal to it; what a comparison of expressions gives.

    Args:
        excess: What must not be above 0.
        equal: Whether it must not be below 0 either.
    """

    def __init__(self, excess: "Expression", *, equal: bool) -> None:
        self.excess = excess
        self.equal = equal

    def __bool__(self) -> NoReturn:
        raise InvalidInstanceError(f"a constraint {TRUTH}")


class Expression:
    """An array whose entries are affine in decisions, in uncertain entries, and in products of one of each.

    Args:
        shape: Shape of the array.
        terms: Collected terms.
        names: Names of its model, None for numbers.
    """

    __array_ufunc__ = None  # numpy leaves operators between its arrays and expressions to this class
    __hash__ = object.__hash__  # == makes a constraint; dictionaries know expressions by identity

    def __init__(self, shape: tuple[int, ...], terms: Terms, names: Names | None) -> None:
        self.shape = shape
        self.terms = terms
        self.names = names

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def T(self) -> "Expression":
        """The axes in reverse order."""
        return self._at(self._positions().T)

    def reshape(self, *shape: Any) -> "Expression":
        """Return the entries in another shape."""
        return self._at(self._positions().reshape(*shape))

    def sum(self, axis: int | tuple[int, ...] | None = None) -> "Expression":
        """Return the sum of all entries, or along ``axis``."""
        blank = np.zeros(self.shape)
        kept = blank.sum(axis=axis, keepdims=True)
        places = np.broadcast_to(np.arange(kept.size).reshape(kept.shape), self.shape).ravel()
        terms = self.terms._replace(places=places[self.terms.places]).collected()
        return Expression(blank.sum(axis=axis).shape, terms, self.names)

    def values(self, decisions: FloatArray, scenario: FloatArray) -> FloatArray:
        """Return the value of each entry, given those of all decisions and uncertain entries of the model."""
        first, second = np.append(decisions, 1.0), np.append(scenario, 1.0)  # where there is none, -1 leads to the 1
        terms = self.terms
        weights = terms.coefficients * first[terms.decisions] * second[terms.uncertain]
        return _totals(terms.places, weights, self.size).reshape(self.shape)

    def _positions(self) -> IntArray:
        return np.arange(self.size).reshape(self.shape)

    def _at(self, positions: IntArray) -> "Expression":
        """Return the entries at flat ``positions``, in their shape."""
        place, term = self._found(positions.ravel())
        return Expression(positions.shape, self.terms.chosen(term)._replace(places=place), self.names)

    def _found(self, positions: IntArray) -> tuple[IntArray, IntArray]:
        """Return the terms of the first of ``positions``, then those of the next ...: whose each is, and its index."""
        count = np.bincount(self.terms.places, minlength=self.size)
        wanted, first = count[positions], (np.cumsum(count) - count)[positions]
        whose = np.repeat(np.arange(positions.size), wanted)
        within = np.arange(whose.size) - (np.cumsum(wanted) - wanted)[whose]
        return whose, first[whose] + within

    def __array_function__(self, function: Any, *_: Any) -> NoReturn:
        raise InvalidInstanceError(
            f"numpy.{function.__name__} does not take expressions; use operators, indexing, reshape, .T and .sum()"
        )

    def __repr__(self) -> str:
        return f"<expression of shape {self.shape} with {self.terms.places.size} terms>"

    def __bool__(self) -> NoReturn:
        raise InvalidInstanceError(f"an expression {TRUTH}")

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an expression without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator["Expression"]:
        return (self[k] for k in range(len(self)))

    def __getitem__(self, key: Any) -> "Expression":
        return self._at(np.asarray(self._positions()[key]))

    def __neg__(self) -> "Expression":
        return Expression(self.shape, self.terms._replace(coefficients=-self.terms.coefficients), self.names)

    def __add__(self, other: Operand) -> "Expression":
        left, right = _matched(self, as_expression(other))
        both = Terms(*(np.concatenate(pair) for pair in zip(left.terms, right.terms, strict=True)))
        return Expression(left.shape, both.collected(), left.names or right.names)

    def __sub__(self, other: Operand) -> "Expression":
        return self + -as_expression(other)

    def __rsub__(self, other: Operand) -> "Expression":
        return -self + other

    def __mul__(self, other: Operand) -> "Expression":
        left, right = _matched(self, as_expression(other))
        names = left.names or right.names
        whose, term = right._found(left.terms.places)
        one, two = left.terms.chosen(whose), right.terms.chosen(term)
        _refuse_squares(one, two, names)
        product = Terms(
            one.places,
            np.maximum(one.decisions, two.decisions),
            np.maximum(one.uncertain, two.uncertain),
            one.coefficients * two.coefficients,
        )
        return Expression(left.shape, product.collected(), names)

    def __truediv__(self, other: ArrayLike) -> "Expression":
        if isinstance(other, Expression):
            return other.__rtruediv__(self)
        divisor = _numbers(other)
        if not divisor.all():
            raise InvalidInstanceError("cannot divide an expression by 0")
        return self * (1.0 / divisor)

    def __rtruediv__(self, other: Operand) -> NoReturn:
        raise InvalidInstanceError("cannot divide by an expression; multiply both sides of the constraint by it")

    def __matmul__(self, other: Operand) -> "Expression":
        return _matrix_product(self, as_expression(other))

    def __rmatmul__(self, other: Operand) -> "Expression":
        return _matrix_product(as_expression(other), self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __le__(self, other: Operand) -> Constraint:
        return Constraint(self - other, equal=False)

    def __ge__(self, other: Operand) -> Constraint:
        return Constraint(other - self, equal=False)

    def __eq__(self, other: Operand) -> Constraint:  # type: ignore[override]
        return Constraint(self - other, equal=True)

    def __lt__(self, other: Operand) -> NoReturn:
        raise InvalidInstanceError("constraints are <=, >= or ==; for whole numbers write x < 3 as x <= 2")

    __gt__ = __lt__


def as_expression(values: Operand) -> Expression:
    """Return ``values`` as an expression, if they are not one.

    Raises:
        InvalidInstanceError: If they are not finite numbers.
    """
    if isinstance(values, Expression):
        return values
    numbers = _numbers(values)
    flat = numbers.ravel()
    none = np.full(flat.size, NONE, dtype=np.int64)
    return Expression(numbers.shape, Terms(np.arange(flat.size), none, none, flat).chosen(flat != 0), None)


def stack(expressions: Sequence[Expression]) -> Expression:
    """Return the entries of all in one dimension, one expression after the other."""
    sizes = np.array([expression.size for expression in expressions], dtype=np.int64)
    shifted = [
        expression.terms._replace(places=expression.terms.places + offset)
        for expression, offset in zip(expressions, np.cumsum(sizes) - sizes, strict=True)
    ]
    terms = Terms(*(np.concatenate(arrays) for arrays in zip(*shifted, strict=True)))
    return Expression((int(sizes.sum()),), terms, next((e.names for e in expressions if e.names is not None), None))


def _totals(places: IntArray, weights: FloatArray, size: int = 0) -> FloatArray:
    return np.asarray(np.bincount(places, weights=weights, minlength=size), dtype=np.float64)


def _numbers(values: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInstanceError(
            f"cannot calculate with {values!r}; expressions go with numbers, arrays of them, and other expressions"
        ) from None
    if not np.isfinite(array).all():
        raise InvalidInstanceError(f"coefficients must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def _matched(left: Expression, right: Expression) -> tuple[Expression, Expression]:
    """Return both in their common shape.

    Raises:
        InvalidInstanceError: If there is none, or they belong to two models.
    """
    if left.names is not None and right.names is not None and left.names is not right.names:
        raise InvalidInstanceError("expressions of two models cannot be combined; declare all variables in one model")
    try:
        shape = np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise InvalidInstanceError(
            f"shapes {left.shape} and {right.shape} do not fit; index, reshape or sum one of the two sides"
        ) from None
    one, two = (
        side if side.shape == shape else side._at(np.broadcast_to(side._positions(), shape)) for side in (left, right)
    )
    return one, two


def _refuse_squares(left: Terms, right: Terms, names: Names | None) -> None:
    """Raise an error that names the first pair of terms whose product is not affine in either of its parts."""
    for what, mine, theirs, remedy in (
        (
            "decisions",
            left.decisions,
            right.decisions,
            "for binaries a and b write a * b as a new variable z with z <= a, z <= b, z >= a + b - 1",
        ),
        (
            "uncertain entries",
            left.uncertain,
            right.uncertain,
            "make the product an entry of its own in the uncertainty set",
        ),
    ):
        wrong = first_where((mine != NONE) & (theirs != NONE))
        if wrong is not None:
            assert names is not None
            factors = " * ".join(f"({_written(terms, wrong, names)})" for terms in (left, right))
            raise InvalidInstanceError(f"{factors} is a product of two {what}; {remedy}")


def _written(terms: Terms, term: int, names: Names) -> str:
    """Return a term as its user would write it, but for the coefficient."""
    decision, entry = int(terms.decisions[term]), int(terms.uncertain[term])
    factors = [names.uncertain[entry]] if entry != NONE else []
    return " * ".join(factors + ([names.decisions[decision]] if decision != NONE else []))


def _matrix_product(left: Expression, right: Expression) -> Expression:
    if left.ndim not in (1, 2) or right.ndim not in (1, 2) or left.shape[-1] != right.shape[0]:
        raise InvalidInstanceError(
            f"@ takes vectors and matrices whose inner lengths agree, got shapes {left.shape} and {right.shape}"
        )
    rows = left if left.ndim == 2 else left[None]
    columns = right if right.ndim == 2 else right[:, None]
    shape = left.shape[:-1] + right.shape[1:]
    return (rows[:, :, None] * columns[None]).sum(axis=1).reshape(shape)
