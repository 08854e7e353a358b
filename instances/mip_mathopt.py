"""Mixed-integer programs from OR-Tools' MathOpt models."""

from typing import Any

import numpy as np

from copt.errors import InvalidInstanceError
from copt.problems.mip import MIP

__all__ = ["from_mathopt"]

OTHERS = ("quadratic_constraints", "second_order_cone_constraints", "sos1_constraints", "sos2_constraints")
OTHERS += ("indicator_constraints", "auxiliary_objectives")


def from_mathopt(model: Any) -> MIP:
    """Return the program that a ``ortools.math_opt.python.mathopt.Model`` holds.

    Raises:
        InvalidInstanceError: If it has more than a linear objective and linear constraints.
    """
    proto = model.export_model()
    more = [kind.replace("_", " ") for kind in OTHERS if len(getattr(proto, kind))]
    more += ["quadratic objective"] if len(proto.objective.quadratic_coefficients.row_ids) else []
    if more:
        raise InvalidInstanceError(f"copt solves MathOpt models with linear parts only; this one has {', '.join(more)}")
    variables, rows, matrix = proto.variables, proto.linear_constraints, proto.linear_constraint_matrix
    place = {identity: k for k, identity in enumerate(variables.ids)}
    row = {identity: k for k, identity in enumerate(rows.ids)}
    costs = np.zeros(len(place))
    linear = proto.objective.linear_coefficients
    costs[[place[identity] for identity in linear.ids]] = list(linear.values)
    counts = np.bincount([row[identity] for identity in matrix.row_ids], minlength=len(row))  # the matrix goes by rows
    return MIP(
        costs=costs,
        lower=list(variables.lower_bounds),
        upper=list(variables.upper_bounds),
        integer=list(variables.integers),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        columns=np.array([place[identity] for identity in matrix.column_ids], dtype=np.int64),
        coefficients=list(matrix.coefficients),
        row_lower=list(rows.lower_bounds),
        row_upper=list(rows.upper_bounds),
        offset=proto.objective.offset,
        maximise=proto.objective.maximize,
        names=tuple(variables.names),
        name=proto.name or "mathopt",
    )
