"""Expressions of a robust model in the arrays of a two-stage problem."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray, IntArray
from copt.problems.expressions import NONE, Expression, Terms
from copt.problems.two_stage import Columns, Products, TwoStage
from copt.problems.uncertainty import UncertaintySet

__all__ = ["in_arrays"]

EARLY, LATE = 0, 1


def in_arrays(
    x: Columns,
    y: Columns,
    uncertainty: UncertaintySet,
    late: NDArray[np.bool_],
    cost: Expression,
    rows: Expression,
    **fields: Any,
) -> TwoStage:
    """Return the problem of minimising ``cost`` with no entry of ``rows`` above 0.

    Args:
        x: First-stage variables.
        y: Recourse variables.
        uncertainty: Set of the uncertain entries.
        late: Whether each decision of the expressions is recourse; each stage numbers its variables in their order.
        cost: Shape (1,).
        rows: Shape (r,).
        **fields: Further fields of the problem.
    """
    n, m, k, r = x.size, y.size, uncertainty.size, rows.size
    costs, parts = _Parts(cost.terms, late), _Parts(rows.terms, late)
    return TwoStage(
        x=x,
        y=y,
        uncertainty=uncertainty,
        constant=float(costs.certain(NONE, (1, 1))[0, 0]),
        cost_x=costs.certain(EARLY, (1, n))[0],
        cost_y=costs.certain(LATE, (1, m))[0],
        cost_u=costs.scenario((1, k))[0],
        cost_ux=costs.slopes(EARLY, (k, n)),
        cost_uy=costs.slopes(LATE, (k, m)),
        limits=0.0 - parts.certain(NONE, (r, 1))[:, 0],
        rows_x=parts.certain(EARLY, (r, n)),
        rows_y=parts.certain(LATE, (r, m)),
        rows_u=parts.scenario((r, k)),
        products_x=parts.products(EARLY),
        products_y=parts.products(LATE),
        **fields,
    )


class _Parts:
    """Terms by what they hold: a decision of one of the stages or none, an uncertain entry or none."""

    def __init__(self, terms: Terms, late: NDArray[np.bool_]) -> None:
        own = np.where(late, np.cumsum(late), np.cumsum(~late)) - 1  # number of each decision within its stage
        self._terms = terms._replace(decisions=np.append(own, NONE)[terms.decisions])
        self._stages = np.append(np.where(late, LATE, EARLY), NONE)[terms.decisions]

    def certain(self, stage: int, shape: tuple[int, int]) -> FloatArray:
        """Return the factors of the decisions of ``stage``, or the constants in one column, for each place."""
        terms = self._chosen(stage, uncertain=False)
        return _dense(terms.places, terms.decisions, terms, shape)

    def scenario(self, shape: tuple[int, int]) -> FloatArray:
        """Return the factors of the uncertain entries alone for each place."""
        terms = self._chosen(NONE, uncertain=True)
        return _dense(terms.places, terms.uncertain, terms, shape)

    def slopes(self, stage: int, shape: tuple[int, int]) -> FloatArray:
        """Return the factors of products, uncertain entries by decisions, all places being the same."""
        terms = self._chosen(stage, uncertain=True)
        return _dense(terms.uncertain, terms.decisions, terms, shape)

    def products(self, stage: int) -> Products:
        """Return the products of uncertain entries and decisions of ``stage``."""
        terms = self._chosen(stage, uncertain=True)
        return Products(terms.places, terms.uncertain, terms.decisions, terms.coefficients)

    def _chosen(self, stage: int, *, uncertain: bool) -> Terms:
        return self._terms.chosen((self._stages == stage) & ((self._terms.uncertain != NONE) == uncertain))


def _dense(rows: IntArray, columns: IntArray, terms: Terms, shape: tuple[int, int]) -> FloatArray:
    matrix = np.zeros(shape)
    matrix[rows, columns] = terms.coefficients
    return matrix
