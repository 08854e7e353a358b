"""Mixed-integer linear programs in arrays, what a point of them costs and whether it is feasible."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.base import FloatArray, IntArray, Violation, as_integers, as_offsets, first_where

__all__ = ["INTEGRALITY", "MIP", "TOLERANCE", "Point", "activities", "check", "objective", "settled", "toy"]

TOLERANCE = 1e-6  # by which rows and bounds may be missed, of their scale: what solvers allow themselves
INTEGRALITY = 1e-6  # by which integer variables may be off
NOISE = 1e-9  # by which a value that a solver gives may be off a whole number that is meant
BEYOND = 1e20  # numbers that mean infinity in files


@dataclass(frozen=True, eq=False, kw_only=True)
class MIP:
    """Optimise ``costs @ x + offset`` over ``row_lower <= A @ x <= row_upper`` and bounds, some x being whole.

    The matrix A is given row by row: the nonzeros of row i are ``coefficients[starts[i]:starts[i + 1]]`` in the columns
    ``columns[starts[i]:starts[i + 1]]``. Numbers from 1e20 on are infinite.

    Args:
        costs: Objective coefficients, shape (variables,).
        lower: Smallest values, shape (variables,).
        upper: Largest values, shape (variables,).
        integer: Whether each variable must be whole, shape (variables,).
        starts: Where rows begin, shape (rows + 1,).
        columns: Variables of the nonzeros, shape (nonzeros,).
        coefficients: Their factors, shape (nonzeros,).
        row_lower: Smallest values of the rows, shape (rows,).
        row_upper: Largest values of the rows, shape (rows,).
        offset: Constant of the objective.
        maximise: Whether it maximises.
        names: Names of the variables, which need not differ; by default x0, x1, ...
        beyond: What the model asks for that the arrays do not hold, such as ``SOS1``; the solver sees to it, but the
            checker cannot.
        source: The whole model where there is more than the arrays: a ``copt.instances.mip_scip.Source``.
        name: Name for tables and files.

    Raises:
        InvalidInstanceError: If shapes do not fit, or a number makes no sense.
    """

    family: ClassVar[str] = "mip"

    costs: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: NDArray[np.bool_]
    starts: IntArray
    columns: IntArray
    coefficients: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    offset: float = 0.0
    maximise: bool = False
    names: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    source: Any = field(default=None, repr=False)
    name: str = "unnamed"

    def __post_init__(self) -> None:
        object.__setattr__(self, "costs", _numbers("costs", self.costs, None))
        n = self.costs.size
        columns = as_integers("columns", self.columns)
        coefficients = _numbers("coefficients", self.coefficients, columns.size)
        starts = as_offsets("starts", self.starts, columns.size)
        for name, array in (("columns", columns), ("coefficients", coefficients), ("starts", starts)):
            object.__setattr__(self, name, array)
        wrong = first_where(columns >= n)
        if wrong is not None:
            raise InvalidInstanceError(f"columns[{wrong}] = {columns[wrong]}, but there are {n} variables, from 0 on")
        for low, high, size in (("lower", "upper", n), ("row_lower", "row_upper", starts.size - 1)):
            for field_name in (low, high):
                object.__setattr__(self, field_name, _limits(field_name, getattr(self, field_name), size))
        integer = np.array(self.integer, dtype=np.bool_)
        if integer.shape != (n,):
            raise InvalidInstanceError(f"integer must have shape ({n},), got {integer.shape}")
        integer.setflags(write=False)
        object.__setattr__(self, "integer", integer)
        if self.names and len(self.names) != n:
            raise InvalidInstanceError(f"names has {len(self.names)} entries for {n} variables")
        if not np.isfinite(self.offset):
            raise InvalidInstanceError(f"offset must be a finite number, got {self.offset}")

    @property
    def num_variables(self) -> int:
        """Number of variables."""
        return self.costs.size

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self.starts.size - 1

    @property
    def sign(self) -> int:
        """1 if it minimises, -1 if it maximises."""
        return -1 if self.maximise else 1

    @property
    def dimensions(self) -> str:
        """Numbers of rows and variables, for tables."""
        return f"{self.num_rows}x{self.num_variables}"

    @property
    def binary(self) -> NDArray[np.bool_]:
        """Whether each variable is 0 or 1, shape (variables,)."""
        return self.integer & (self.lower >= 0) & (self.upper <= 1)

    def bare(self) -> "MIP":
        """Return the arrays alone, to be handed to another process."""
        return dataclasses.replace(self, source=None, names=())

    def name_of(self, variable: int) -> str:
        """Return the name of a variable."""
        return self.names[variable] if self.names else f"x{variable}"


@dataclass(frozen=True, eq=False)
class Point:
    """Values of all variables.

    Args:
        values: Shape (variables,).
    """

    values: FloatArray

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        if values.ndim != 1:
            raise InvalidSolutionError(f"values must have one dimension, got shape {values.shape}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def by_name(self, instance: MIP) -> dict[str, float]:
        """Return the values by the names of the variables of ``instance``, in their order.

        Raises:
            InvalidSolutionError: If two variables have the same name, or the point is one of another instance.
        """
        names = [instance.name_of(j) for j in range(instance.num_variables)]
        if len(names) != self.values.size:
            raise InvalidSolutionError(f"{instance.name} has {len(names)} variables, the point {self.values.size}")
        found = dict(zip(names, self.values.tolist(), strict=True))
        if len(found) < len(names):
            raise InvalidSolutionError(f"variables of {instance.name} share a name; use the order of point.values")
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash(self.values.tobytes())


def _numbers(name: str, values: Any, size: int | None) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1 or (size is not None and array.size != size):
        raise InvalidInstanceError(f"{name} must have shape ({'' if size is None else size},), got {array.shape}")
    wrong = first_where(~np.isfinite(array))
    if wrong is not None:
        raise InvalidInstanceError(f"{name}[{wrong}] = {array[wrong]} is not a finite number")
    array.setflags(write=False)
    return array


def _limits(name: str, values: Any, size: int) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    if array.shape != (size,):
        raise InvalidInstanceError(f"{name} must have shape ({size},), got {array.shape}")
    wrong = first_where(np.isnan(array))
    if wrong is not None:
        raise InvalidInstanceError(f"{name}[{wrong}] is not a number")
    array[array >= BEYOND] = np.inf
    array[array <= -BEYOND] = -np.inf
    array.setflags(write=False)
    return array


def activities(instance: MIP, values: FloatArray) -> FloatArray:
    """Return the values of the rows at ``values``, shape (rows,)."""
    sums = np.zeros(instance.num_rows)
    filled = np.flatnonzero(np.diff(instance.starts))
    if filled.size:
        products = instance.coefficients * values[instance.columns]
        sums[filled] = np.add.reduceat(products, instance.starts[filled])
    return sums


def objective(instance: MIP, point: Point) -> float:
    """Return the objective value of ``point``."""
    products: list[float] = (instance.costs * point.values).tolist()
    return math.fsum([instance.offset, *products])  # the same whatever the order, and whatever adds up vectors


def check(instance: MIP, point: Point) -> list[Violation]:
    """Return which bounds, rows and integrality conditions ``point`` misses, the worst of each kind.

    Rows may be missed by 1e-6 of their scale, the larger of 1 and their limit, as solvers allow themselves. What the
    model asks for beyond its arrays, ``instance.beyond``, is not checked.
    """
    values = point.values
    if values.shape != (instance.num_variables,):
        return [Violation("shape", f"values has shape {values.shape} instead of ({instance.num_variables},)")]
    wrong = first_where(~np.isfinite(values))
    if wrong is not None:
        return [Violation("value", f"{instance.name_of(wrong)} = {values[wrong]} is not a finite number")]
    found = []
    off = np.where(instance.integer, np.abs(values - np.round(values)), 0.0)
    if off.size and off.max() > INTEGRALITY:
        j = int(off.argmax())
        found.append(Violation("integrality", f"{instance.name_of(j)} = {values[j]:.10g} is not whole"))
    for what, amounts, lower, upper in (
        ("bounds", values, instance.lower, instance.upper),
        ("row", activities(instance, values), instance.row_lower, instance.row_upper),
    ):
        excess = np.maximum(_missed(lower - amounts, lower), _missed(amounts - upper, upper))
        if excess.size and excess.max() > TOLERANCE:
            k = int(excess.argmax())
            name = instance.name_of(k) if what == "bounds" else f"row {k}"
            found.append(
                Violation(what, f"{name} = {amounts[k]:.10g} is not within {lower[k]:.10g} to {upper[k]:.10g}")
            )
    return found


def _missed(amounts: FloatArray, limits: FloatArray) -> FloatArray:
    """Return ``amounts`` by which ``limits`` are missed, of the scale of these."""
    scale = np.where(np.isfinite(limits), np.maximum(1.0, np.abs(limits)), 1.0)
    missed: FloatArray = amounts / scale
    return missed


def settled(instance: MIP, values: FloatArray) -> Point | None:
    """Return ``values`` with what is nearly whole rounded, or integer variables alone, or as they are.

    The first of these counts that the checker accepts; None if it accepts none.
    """
    near = np.abs(values - np.round(values)) <= NOISE
    for candidate in (
        np.where(instance.integer | near, np.round(values), values),
        np.where(instance.integer, np.round(values), values),
        values,
    ):
        point = Point(candidate)
        if not check(instance, point):
            return point
    return None


def toy() -> MIP:
    """Return a program with a binary, an integer and a continuous variable whose optimum, 19, is easily verified."""
    return MIP(
        costs=np.array([10.0, 4.0, 1.0]),
        lower=np.array([0.0, 0.0, 0.0]),
        upper=np.array([1.0, 3.0, np.inf]),
        integer=np.array([True, True, False]),
        starts=np.array([0, 3, 5]),
        columns=np.array([0, 1, 2, 1, 2]),
        coefficients=np.array([5.0, 3.0, 1.0, 1.0, 2.0]),
        row_lower=np.array([-np.inf, -np.inf]),
        row_upper=np.array([12.0, 4.0]),
        maximise=True,
        names=("b", "k", "c"),
        name="toy-mip",
    )
