"""A control problem over its horizon as arrays: exact evaluation of plans, and affine forms of what enters units."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU
from copt.solvers.compiled import kernel

__all__ = ["EITHER", "OFF", "PASS", "Model", "express", "trace"]

Int64 = NDArray[np.int64]
Int8 = NDArray[np.int8]

OFF, PASS, EITHER = 0, 1, 2  # what is known of a unit


class Model(NamedTuple):
    """What plans are evaluated on.

    Args:
        net: The network of all actions, as in ``crown_kernels``.
        norm: Place of the norm in ``NORMS``.
        terms: Where the outputs of each norm begin, and the last end, shape (norms + 1,).
        faces: Likewise of each region, shape (regions + 1,).
        offsets: What is added to outputs, shape (outputs,).
        limits: Of pre-activations and outputs, wider by what plans may miss them, shape (2, rows).
        inputs: Those to evaluate, shape (inputs,).
        values: Written by ``trace``: inputs and units, shape (inputs + units,).
        entering: Likewise what enters units, and the outputs, shape (rows,).
    """

    net: Any
    norm: int
    terms: Int64
    faces: Int64
    offsets: FloatArray
    limits: FloatArray
    inputs: FloatArray
    values: FloatArray
    entering: FloatArray


@kernel
def trace(model: Model) -> tuple[float, float]:
    """Roll ``model.inputs`` out; return cost and by how much limits are broken in total."""
    net, values, entering = model.net, model.values, model.entering
    inputs, units, violation = net[0], values.size - net[0], 0.0
    for j in range(inputs):
        values[j] = model.inputs[j]
    for r in range(entering.size):
        total = net[5][r]
        for e in range(net[2][r], net[2][r + 1]):
            total += net[4][e] * values[net[3][e]]
        entering[r] = total
        violation += max(0.0, model.limits[0, r] - total) + max(0.0, total - model.limits[1, r])
        if r < units:
            passes = net[6][r] == IDENTITY or (net[6][r] == RELU and total > 0.0)
            values[inputs + r] = total if passes else 0.0
    cost = 0.0
    for k in range(model.terms.size - 1):
        most = 0.0
        for i in range(model.terms[k], model.terms[k + 1]):
            size = abs(entering[units + i] + model.offsets[i])
            most = max(most, size)
            cost += size if model.norm == 0 else (size * size if model.norm == 2 else 0.0)
        if model.norm == 1:
            cost += most
    for k in range(model.faces.size - 1):
        beyond = -np.inf
        for i in range(model.faces[k], model.faces[k + 1]):
            beyond = max(beyond, entering[units + i] + model.offsets[i])
        violation += max(0.0, -beyond)
    return cost, violation


@kernel
def express(net: Any, known: Int8, place: Int64, inputs: FloatArray, columns: Int64, forms: FloatArray) -> None:
    """Write what enters all rows as affine functions of free inputs and of units that may be on either side.

    Args:
        net: The network.
        known: ``OFF``, ``PASS`` or ``EITHER`` of each unit, shape (units,).
        place: Column of each unit that may be either, shape (units,).
        inputs: Values of the inputs that are fixed, shape (inputs,).
        columns: Column of each input, -1 if it is fixed, shape (inputs,).
        forms: Written, constants last, shape (rows, columns + 1).
    """
    last = forms.shape[1] - 1
    for r in range(forms.shape[0]):
        for j in range(last):
            forms[r, j] = 0.0
        forms[r, last] = net[5][r]
        for e in range(net[2][r], net[2][r + 1]):
            weight, column = net[4][e], net[3][e]
            unit = column - net[0]
            if unit < 0 and columns[column] < 0:
                forms[r, last] += weight * inputs[column]
            elif unit < 0:
                forms[r, columns[column]] += weight
            elif known[unit] == EITHER:
                forms[r, place[unit]] += weight
            elif known[unit] == PASS:
                for j in range(last + 1):
                    forms[r, j] += weight * forms[unit, j]
