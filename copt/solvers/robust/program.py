"""A program of SCIP over the first stage of a two-stage problem, to which others add what they know of the second."""

from typing import Any

import numpy as np

from copt.problems.two_stage import Columns, TwoStage
from copt.problems.uncertainty import Ellipsoid, FloatArray, Product, Scenarios, UncertaintySet
from copt.solvers.robust.mixture import linear_rows
from copt.solvers.scip import linear, new_model

__all__ = ["Program"]

FEASIBILITY = 1e-7  # finer ones make SCIP's LP solver fail


class Program:
    """A model that minimises, with variables for x.

    Args:
        problem: The problem.
    """

    def __init__(self, problem: TwoStage) -> None:
        self.model = new_model()
        self.model.setParam("numerics/feastol", FEASIBILITY)
        self.nothing = self.model.addVar(lb=0.0, ub=0.0)  # rows that are empty must have a variable
        self._columns = problem.x
        self.x = self.columns(problem.x)

    def columns(self, columns: Columns) -> list[Any]:
        """Return new variables."""
        pairs = zip(columns.lower, columns.upper, columns.integer, strict=True)
        return [
            self.model.addVar(
                vtype="I" if whole else "C",
                lb=None if np.isinf(low) else float(low),
                ub=None if np.isinf(high) else float(high),
            )
            for low, high, whole in pairs
        ]

    def free(self, lower: float | None = None) -> Any:
        """Return a new continuous variable without an upper bound."""
        return self.model.addVar(lb=lower, ub=None)

    def add(self, expression: Any, limit: float) -> None:
        """Demand that a linear ``expression`` is at most ``limit``."""
        self.model.addCons(expression + 0.0 * self.nothing <= float(limit))

    def decisions(self) -> FloatArray | None:
        """Return the best x found, whole where it must be, or None."""
        return self.values(self.x, self._columns)

    def values(self, variables: list[Any], columns: Columns) -> FloatArray | None:
        """Return the values of ``variables`` in the best solution, or None if there is none."""
        if self.model.getNSols() == 0:
            return None
        best = self.model.getBestSol()
        values = np.array([self.model.getSolVal(best, variable) for variable in variables])
        return np.clip(np.where(columns.integer, np.round(values), values), columns.lower, columns.upper)

    def support(self, slopes: list[Any], uncertainty: UncertaintySet) -> Any:
        """Return an expression that is at least ``slopes @ u`` for every scenario u, and can be the largest of them.

        Linear programming duality writes it for linear rows (Bertsimas and Sim 2004), a cone for an ellipsoid
        (Ben-Tal and Nemirovski 1999).

        Args:
            slopes: Linear expressions, one for each entry.
            uncertainty: The set.
        """
        if isinstance(uncertainty, Product):
            total, first = 0.0 * self.nothing, 0
            for part in uncertainty.sets:
                total += self.support(slopes[first : first + part.size], part)
                first += part.size
            return total
        if isinstance(uncertainty, Scenarios):
            largest = self.free()
            for member in uncertainty.members:
                self.add(linear(member, slopes) - largest, 0.0)
            return largest
        if isinstance(uncertainty, Ellipsoid):
            return self._cone(slopes, uncertainty)
        return self._dual(slopes, uncertainty)

    def _dual(self, slopes: list[Any], uncertainty: UncertaintySet) -> Any:
        """Return the same for bounds and linear rows: prices for them."""
        rows, limits = linear_rows(uncertainty)
        lower, upper = uncertainty.bounds()
        prices = [self.free(0.0) for _ in limits]
        total = linear(limits, prices) + 0.0 * self.nothing
        for k, slope in enumerate(slopes):
            excess = self.free(0.0)
            rest = slope - linear(rows[:, k], prices)
            self.add(rest - excess, 0.0)
            # lower * rest + (upper - lower) * max(0, rest)
            total += float(lower[k]) * rest + float(upper[k] - lower[k]) * excess
        return total

    def _cone(self, slopes: list[Any], uncertainty: Ellipsoid) -> Any:
        """Return the same for an ellipsoid: centre @ slopes plus the length of what its shape makes of them."""
        length, squares = self.free(0.0), 0.0 * self.nothing
        for column in uncertainty.shape.T:
            part = self.free()
            self.model.addCons(linear(column, slopes) + 0.0 * self.nothing == part)
            squares += part * part
        self.model.addCons(squares <= length * length)
        return linear(uncertainty.centre, slopes) + length
