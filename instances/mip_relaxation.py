"""The linear relaxation of the node that SCIP works on, in arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP

__all__ = ["BASIS", "KINDS", "Relaxation", "places_of", "relaxation_of", "unsolved"]

BASIS = {"lower": 0, "basic": 1, "upper": 2, "zero": 3}
KINDS = {"CONTINUOUS": 0, "BINARY": 1, "INTEGER": 2, "IMPLINT": 3}
NO_BASIS = -1
INFINITE = 1e20  # SCIP's infinity


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Columns, rows and an optimal basic solution of a relaxation in SCIP's transformed space, which minimises.

    Columns and rows have the order that they have in SCIP's linear program; rows are those of the program and cuts.

    Args:
        place: Variable of the instance that each column is, -1 if presolving made it, shape (columns,).
        kind: Type of each column as in ``KINDS``, shape (columns,).
        objective: Objective coefficients, shape (columns,).
        lower: Smallest values at the node, shape (columns,).
        upper: Largest values at the node, shape (columns,).
        value: Solution, shape (columns,).
        reduced: Reduced costs, shape (columns,).
        basis: Basis status as in ``BASIS``, shape (columns,).
        age: Relaxations in a row in which the column was 0, shape (columns,).
        incumbent: Values of the best point, shape (columns,), or None if there is no point.
        average: Averages over the points found, shape (columns,), or None if there is no point.
        starts: Where rows begin, shape (rows + 1,).
        columns: Columns of the nonzeros, shape (nonzeros,).
        coefficients: Their factors, shape (nonzeros,).
        row_lower: Smallest values of the rows without their constants, shape (rows,).
        row_upper: Largest values of the rows without their constants, shape (rows,).
        activity: Values of the rows at the solution without their constants, shape (rows,).
        dual: Dual solution, shape (rows,).
        row_basis: Basis status of the rows, shape (rows,).
        row_age: Relaxations in a row in which the row was slack, shape (rows,).
        solved: Number of relaxations solved so far.
    """

    place: IntArray
    kind: IntArray
    objective: FloatArray
    lower: FloatArray
    upper: FloatArray
    value: FloatArray
    reduced: FloatArray
    basis: IntArray
    age: FloatArray
    incumbent: FloatArray | None
    average: FloatArray | None
    starts: IntArray
    columns: IntArray
    coefficients: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    activity: FloatArray
    dual: FloatArray
    row_basis: IntArray
    row_age: FloatArray
    solved: int

    @property
    def rows(self) -> IntArray:
        """Row of each nonzero, shape (nonzeros,)."""
        return np.repeat(np.arange(self.starts.size - 1), np.diff(self.starts))


def places_of(model: Any, variables: Sequence[Any]) -> dict[int, int]:
    """Return the place in ``variables`` of each transformed variable, by the index that SCIP gave it.

    Args:
        model: A ``pyscipopt.Model`` that is being solved.
        variables: Its original variables.
    """
    return {model.getTransformedVar(variable).getIndex(): place for place, variable in enumerate(variables)}


def relaxation_of(model: Any, places: Mapping[int, int]) -> Relaxation:
    """Return the relaxation that ``model`` has just solved.

    Args:
        model: A ``pyscipopt.Model`` inside a callback, its relaxation solved to optimality.
        places: As ``places_of`` returns them.
    """
    columns, rows = model.getLPColsData(), model.getLPRowsData()
    variables = [column.getVar() for column in columns]
    best = model.getBestSol() if model.getNSols() else None
    constants = _floats(row.getConstant() for row in rows)
    starts, members, factors = [0], list[int](), list[float]()
    for row in rows:
        within = row.getNLPNonz()  # those of columns that are in the program come first
        members += [column.getLPPos() for column in row.getCols()[:within]]
        factors += row.getVals()[:within]
        starts.append(len(members))
    objective, dual = _floats(column.getObjCoeff() for column in columns), _floats(row.getDualsol() for row in rows)
    owners = np.repeat(np.arange(len(rows)), np.diff(starts))
    priced = np.bincount(np.array(members, dtype=np.int64), np.array(factors) * dual[owners], len(columns))
    return Relaxation(
        place=_integers(places.get(variable.getIndex(), -1) for variable in variables),
        kind=_integers(KINDS[variable.vtype()] for variable in variables),
        objective=objective,
        lower=_limits(column.getLb() for column in columns),
        upper=_limits(column.getUb() for column in columns),
        value=_floats(column.getPrimsol() for column in columns),
        reduced=objective - priced,  # SCIP gives none while it dives
        basis=_integers(BASIS[column.getBasisStatus()] for column in columns),
        age=_floats(column.getAge() for column in columns),
        incumbent=None if best is None else _floats(model.getSolVal(best, variable) for variable in variables),
        average=None if best is None else _floats(variable.getAvgSol() for variable in variables),
        starts=np.array(starts),
        columns=np.array(members, dtype=np.int64),
        coefficients=np.array(factors, dtype=np.float64),
        row_lower=_limits(row.getLhs() for row in rows) - constants,
        row_upper=_limits(row.getRhs() for row in rows) - constants,
        activity=_floats(model.getRowLPActivity(row) for row in rows) - constants,
        dual=dual,
        row_basis=_integers(BASIS[row.getBasisStatus()] for row in rows),
        row_age=_floats(row.getAge() for row in rows),
        solved=model.getNLPs(),
    )


def unsolved(instance: MIP) -> Relaxation:
    """Return the relaxation of ``instance`` before anything is solved: numbers of a solution are 0, ``solved`` too."""
    n, m = instance.num_variables, instance.num_rows
    kinds = np.where(instance.binary, KINDS["BINARY"], KINDS["INTEGER"])
    return Relaxation(
        place=np.arange(n),
        kind=np.where(instance.integer, kinds, KINDS["CONTINUOUS"]),
        objective=instance.sign * instance.costs,
        lower=instance.lower,
        upper=instance.upper,
        value=np.zeros(n),
        reduced=np.zeros(n),
        basis=np.full(n, NO_BASIS),
        age=np.zeros(n),
        incumbent=None,
        average=None,
        starts=instance.starts,
        columns=instance.columns,
        coefficients=instance.coefficients,
        row_lower=instance.row_lower,
        row_upper=instance.row_upper,
        activity=np.zeros(m),
        dual=np.zeros(m),
        row_basis=np.full(m, NO_BASIS),
        row_age=np.zeros(m),
        solved=0,
    )


def _floats(values: Any) -> FloatArray:
    return np.fromiter(values, dtype=np.float64)


def _integers(values: Any) -> IntArray:
    return np.fromiter(values, dtype=np.int64)


def _limits(values: Any) -> FloatArray:
    limits = _floats(values)
    limits[limits >= INFINITE] = np.inf
    limits[limits <= -INFINITE] = -np.inf
    return limits
