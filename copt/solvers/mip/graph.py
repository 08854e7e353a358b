"""A program as a graph of variables and rows, with features that neither scale nor order of rows changes.

The bipartite graph is that of Gasse et al. (2019); its matrices are divided row by row, so that a message is a mean.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP, toy
from copt.solvers.mip.graph_kernels import group, multiply
from copt.solvers.mip.submip import Relaxed

__all__ = ["LP_ROWS", "LP_VARIABLES", "ROWS", "VARIABLES", "Graph", "Reader", "Sparse", "graph_of", "warm"]

VARIABLES = (
    "binary",
    "general integer",
    "continuous",
    "cost of the largest",
    "cost of the mean",
    "no cost",
    "rank of the cost",
    "rows of the mean",
    "lower bound",
    "upper bound",
    "mean coefficient",
    "least coefficient",
    "largest coefficient",
    "mean rank of the price",
    "least rank of the price",
    "largest rank of the price",
    "cost of what its rows ask elsewhere",
)
LP_VARIABLES = ("relaxation", "place in the bounds", "fraction", "at lower bound", "at upper bound", "reduced cost")
ROWS = (
    "one-sided",
    "equation",
    "two-sided",
    "limit of the largest coefficient",
    "limit of all coefficients",
    "length of the mean",
    "integer variables",
    "positive coefficients",
    "mean size of coefficients",
    "spread of coefficients",
    "limit within the possible activities",
)
LP_ROWS = ("relaxation", "slack", "tight")
TIGHT = 1e-6  # slack of the sum of a row's coefficients below which the row is tight

Float32 = NDArray[np.float32]


class Sparse(NamedTuple):
    """A sparse matrix, row by row.

    Args:
        starts: Where each row begins, shape (rows + 1,).
        columns: Of the nonzeros.
        values: Of the nonzeros.
    """

    starts: IntArray
    columns: IntArray
    values: Float32

    def times(self, x: Float32) -> Float32:
        """Return the product with ``x``, shape (columns, features)."""
        y = np.empty((self.starts.size - 1, x.shape[1]), dtype=np.float32)
        multiply(self.starts, self.columns, self.values, np.ascontiguousarray(x), y)
        return y


class Graph(NamedTuple):
    """What a network reads of a program; the features are those of the names above, the ones of the relaxation last.

    Args:
        variables: Shape (variables, features).
        rows: Shape (rows, features).
        to_rows: Coefficients over the sum of their sizes in the row, shape (rows, variables).
        to_variables: Coefficients over the largest of the row and the number of the variable's rows, shape
            (variables, rows).
    """

    variables: Float32
    rows: Float32
    to_rows: Sparse
    to_variables: Sparse


class _Nonzeros:
    """The nonzeros of a program, each row turned so that it limits from above, and sums of them.

    Args:
        instance: The program.
    """

    def __init__(self, instance: MIP) -> None:
        self.instance, n = instance, instance.num_variables
        self.lengths = np.diff(instance.starts)
        self.rows = np.repeat(np.arange(instance.num_rows), self.lengths)
        self.columns = instance.columns
        self.order = _grouped(self.columns, n)
        self.degrees = np.bincount(self.columns, minlength=n)
        self.first = np.concatenate([[0], np.cumsum(self.degrees)])
        low, high = instance.row_lower, instance.row_upper
        total = self.by_row(np.add, instance.coefficients)
        below = np.isfinite(low) & ~np.isfinite(high)
        two_sided = np.isfinite(low) & np.isfinite(high)
        turn = below | (two_sided & ((total < 0) | ((total == 0) & (low < -high))))
        self.limit = np.where(turn, -low, high)
        self.signed = np.where(turn, -1.0, 1.0)[self.rows] * instance.coefficients
        self.size = np.abs(self.signed)
        self.largest = np.maximum(self.by_row(np.maximum, self.size), 1e-300)
        self.sum = np.maximum(self.by_row(np.add, self.size), 1e-300)

    def by_row(self, gather: np.ufunc, values: FloatArray) -> FloatArray:
        """Return what ``gather`` makes of the values of each row's nonzeros, 0 of none, shape (rows,)."""
        return _gathered(gather, values, self.instance.starts)

    def by_variable(self, gather: np.ufunc, values: FloatArray) -> FloatArray:
        """Likewise of each variable's, shape (variables,)."""
        return _gathered(gather, values[self.order], self.first)

    def mean_of_row(self, values: FloatArray) -> FloatArray:
        """Return the mean of each row's values, shape (rows,)."""
        return self.by_row(np.add, values) / np.maximum(1, self.lengths)

    def mean_of_variable(self, values: FloatArray) -> FloatArray:
        """Return the mean of each variable's values, shape (variables,)."""
        return self.by_variable(np.add, values) / np.maximum(1, self.degrees)


def graph_of(instance: MIP, relaxed: Relaxed | None = None) -> Graph:
    """Return the graph of a program.

    Args:
        instance: The program.
        relaxed: The solution of its relaxation; without one the features that are made of it are 0.
    """
    return Reader(instance).read(relaxed)


class Reader:
    """Reads one program before and after its relaxation is solved; what both have in common is computed once.

    Args:
        instance: The program.
    """

    def __init__(self, instance: MIP) -> None:
        some = self._nonzeros = _Nonzeros(instance)
        self.instance = instance
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # explicit zeros among the coefficients
            self._variables, self._rows = _tidy(_of_variables(some)), _tidy(_of_rows(some))
        means = (some.signed / some.sum[some.rows]).astype(np.float32)
        scaled = some.signed / some.largest[some.rows] / some.degrees[some.columns]
        back = scaled[some.order].astype(np.float32)
        self._to_rows = Sparse(instance.starts, some.columns, means)
        self._to_variables = Sparse(some.first, some.rows[some.order], back)

    def read(self, relaxed: Relaxed | None) -> Graph:
        """Return the graph, with the features that are made of the relaxation's solution if there is one, else 0."""
        some = self._nonzeros
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            variables = _tidy(_of_relaxed_variables(some.instance, relaxed))
            rows = _tidy(_of_relaxed_rows(some, relaxed))
        return Graph(
            np.hstack([self._variables, variables]), np.hstack([self._rows, rows]), self._to_rows, self._to_variables
        )


def _tidy(features: list[FloatArray]) -> Float32:
    return np.nan_to_num(np.column_stack(features), posinf=1.0, neginf=-1.0).astype(np.float32)


def _of_variables(some: _Nonzeros) -> list[FloatArray]:
    instance = some.instance
    costs = instance.sign * instance.costs
    unit = some.signed / some.largest[some.rows]
    price = costs[some.columns] / some.size
    asked = some.mean_of_row(np.abs(price))
    elsewhere = some.by_variable(np.add, some.size * asked[some.rows])
    ranks = _ranks_in_rows(some, price)
    return [
        instance.binary,
        instance.integer & ~instance.binary,
        ~instance.integer,
        costs / max(1e-300, float(np.abs(costs).max(initial=0.0))),
        _squashed(costs / _scale(costs)),
        costs == 0.0,
        _ranks(costs),
        _squashed(some.degrees / max(1.0, float(some.degrees.mean())) if costs.size else costs),
        np.isfinite(instance.lower),
        np.isfinite(instance.upper),
        some.mean_of_variable(unit),
        some.by_variable(np.minimum, unit),
        some.by_variable(np.maximum, unit),
        some.mean_of_variable(ranks),
        some.by_variable(np.minimum, ranks),
        some.by_variable(np.maximum, ranks),
        _squashed(costs / np.where(elsewhere > 0, elsewhere, np.inf)),
    ]


def _of_relaxed_variables(instance: MIP, relaxed: Relaxed | None) -> list[FloatArray]:
    if relaxed is None:
        return [np.zeros(instance.num_variables)] * len(LP_VARIABLES)
    values, lower, upper = relaxed.values, instance.lower, instance.upper
    above = values - np.where(np.isfinite(lower), lower, 0.0)
    width = upper - lower
    wide = np.isfinite(width) & (width > 0)
    return [
        np.ones(values.size),
        np.where(wide, above / np.where(wide, width, 1.0), _squashed(above)),
        np.abs(values - np.round(values)),
        values <= lower + TIGHT,
        values >= upper - TIGHT,
        _squashed(relaxed.prices / _scale(instance.costs)),
    ]


def _of_rows(some: _Nonzeros) -> list[FloatArray]:
    instance = some.instance
    low, high = instance.row_lower, instance.row_upper
    two_sided, equal = np.isfinite(low) & np.isfinite(high), low == high
    limit = np.where(np.isfinite(some.limit), some.limit, 0.0)
    unit = some.size / some.largest[some.rows]
    mean = some.mean_of_row(unit)
    spread = np.sqrt(np.maximum(0.0, some.mean_of_row(unit**2) - mean**2))
    return [
        ~two_sided,
        equal,
        two_sided & ~equal,
        _squashed(limit / some.largest),
        _squashed(limit / some.sum),
        _squashed(some.lengths / max(1.0, float(some.lengths.mean())) if limit.size else limit),
        some.mean_of_row(instance.integer[some.columns].astype(np.float64)),
        some.mean_of_row((some.signed > 0).astype(np.float64)),
        mean,
        spread,
        _room(some, limit),
    ]


def _of_relaxed_rows(some: _Nonzeros, relaxed: Relaxed | None) -> list[FloatArray]:
    if relaxed is None:
        return [np.zeros(some.limit.size)] * len(LP_ROWS)
    activity = some.by_row(np.add, some.signed * relaxed.values[some.columns])
    slack = (np.where(np.isfinite(some.limit), some.limit, activity) - activity) / some.sum
    return [np.ones(slack.size), _squashed(slack), (np.abs(slack) <= TIGHT).astype(np.float64)]


def _room(some: _Nonzeros, limit: FloatArray) -> FloatArray:
    """Return where the limits of the rows lie between their least and largest activities, 0.5 if these are infinite."""
    lower, upper = some.instance.lower[some.columns], some.instance.upper[some.columns]
    least = some.by_row(np.add, some.signed * np.where(some.signed > 0, lower, upper))
    most = some.by_row(np.add, some.signed * np.where(some.signed > 0, upper, lower))
    finite = np.isfinite(least) & np.isfinite(most) & (most > least)
    width = np.where(finite, most, 1.0) - np.where(finite, least, 0.0)
    place = (limit - np.where(finite, least, 0.0)) / width
    return np.where(finite, np.clip(place, -0.5, 1.5), 0.5)


def _ranks_in_rows(some: _Nonzeros, values: FloatArray) -> FloatArray:
    """Return where each nonzero's value ranks in its row, from 0 to 1; equal ones share the lowest."""
    order = np.argsort(values)
    order = order[_grouped(some.rows[order], some.lengths.size)]
    sorted_values, rows = values[order], some.rows[order]
    new = np.ones(values.size, dtype=np.bool_)
    new[1:] = (rows[1:] != rows[:-1]) | (sorted_values[1:] > sorted_values[:-1])
    place = np.maximum.accumulate(np.where(new, np.arange(values.size), 0)) - some.instance.starts[rows]
    ranks = np.empty(values.size)
    ranks[order] = place / np.maximum(1, some.lengths[rows] - 1)
    return ranks


def _grouped(keys: IntArray, groups: int) -> IntArray:
    """Return the order that sorts ``keys`` from 0 to ``groups`` - 1 and leaves equal ones as they are."""
    order = np.empty(keys.size, dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=groups)[:-1])]).astype(np.int64)
    group(np.ascontiguousarray(keys, dtype=np.int64), first, order)
    return order


def _ranks(values: FloatArray) -> FloatArray:
    """Return which share of the values is smaller, shape as ``values``."""
    return np.searchsorted(np.sort(values), values) / max(1, values.size)


def _gathered(gather: np.ufunc, values: FloatArray, starts: IntArray) -> FloatArray:
    result = np.zeros(starts.size - 1)
    filled = np.flatnonzero(np.diff(starts))
    if filled.size:
        result[filled] = gather.reduceat(values, starts[filled])
    return result


def _scale(costs: FloatArray) -> float:
    """Return the mean size of the costs that are not zero."""
    sizes = np.abs(costs[costs != 0.0])
    return float(sizes.mean()) if sizes.size else 1.0


def _squashed(values: FloatArray) -> FloatArray:
    result: FloatArray = values / (1.0 + np.abs(values))
    return result


def warm() -> None:
    """Compile the kernels, or load them."""
    graph = graph_of(toy())
    graph.to_rows.times(graph.variables)
