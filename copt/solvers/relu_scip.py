"""Piecewise-linear networks inside SCIP models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pyscipopt import Model, Variable, quicksum
from pyscipopt.scip import PY_SCIP_PARAMSETTING as SETTING

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU, ReluNet
from copt.solvers.relu_bounds import Bounds, crown_bounds

__all__ = ["Embedding", "Encoding", "Unit", "embed", "light", "update"]

Encoding = Literal["bigm", "sos1"]
ENCODINGS: tuple[Encoding, ...] = ("bigm", "sos1")


@dataclass(eq=False)
class Unit:
    """What stands for one hidden unit: its pre-activation is ``on - off``, its value ``on``.

    Args:
        on: Its value; None if it is always zero.
        off: By how much the pre-activation is below zero; None if the unit hands it on as it is.
        binary: 1 if the pre-activation is above zero, 0 if below; None without need, and in encoding ``sos1``.
        rows: The constraints that hold its bounds.
    """

    on: Any = None
    off: Any = None
    binary: Any = None
    rows: tuple[Any, ...] = ()


@dataclass(eq=False)
class Embedding:
    """A network inside a SCIP model.

    Args:
        model: The model.
        net: The network.
        inputs: A variable or a number for each input.
        units: Of all hidden units, layer after layer.
        outputs: A variable for each output.
        reusable: Whether every ReLU can change sides, so that ``update`` is possible.
    """

    model: Model
    net: ReluNet
    inputs: list[Any]
    units: list[Unit]
    outputs: list[Any]
    reusable: bool

    @property
    def binaries(self) -> list[Any]:
        """The binary variables."""
        return [unit.binary for unit in self.units if unit.binary is not None]

    def preactivation(self, index: int) -> Any:
        """Return the expression of what enters a hidden unit, None if the unit is left out, being always zero."""
        unit = self.units[index]
        return unit.on if unit.off is None else unit.on - unit.off

    def phases(self, solution: Any = None) -> FloatArray:
        """Return 1 for every hidden unit that hands its pre-activation on and 0 for the others, shape (units,).

        Args:
            solution: A solution of the model; the best one if None.
        """
        chosen = self.model.getBestSol() if solution is None else solution
        return np.array([float(self._passes(unit, chosen)) for unit in self.units])

    def start(self, x: FloatArray) -> list[tuple[Any, float]]:
        """Return all variables of the network with their values for inputs ``x``, shape (inputs,).

        ``model.setSolVal`` takes them; with the other variables of the model they make a start for SCIP.

        Raises:
            InvalidNetworkError: If ``x`` has another shape.
        """
        row = np.asarray(x, dtype=np.float64)[None]
        entering, outputs = self.net.preactivations(row)[0], self.net.forward(row)[0]
        found = [(v, float(value)) for v, value in zip(self.inputs, row[0], strict=True) if isinstance(v, Variable)]
        for unit, value in zip(self.units, entering, strict=True):
            if unit.on is not None:
                found.append((unit.on, float(value if unit.off is None else max(value, 0.0))))
            if unit.off is not None:
                found.append((unit.off, float(max(-value, 0.0))))
            if unit.binary is not None:
                found.append((unit.binary, float(value > 0)))
        return found + [(v, float(value)) for v, value in zip(self.outputs, outputs, strict=True)]

    def _passes(self, unit: Unit, solution: Any) -> bool:
        if unit.on is None or unit.off is None:
            return unit.on is not None
        return bool(self.model.getSolVal(solution, unit.on) > self.model.getSolVal(solution, unit.off))


def embed(
    model: Model,
    net: ReluNet,
    inputs: Sequence[Any],
    *,
    bounds: Bounds | None = None,
    encoding: Encoding = "bigm",
    reusable: bool = False,
) -> Embedding:
    """Add the variables and constraints of ``net`` to ``model``.

    A ReLU is a difference of two variables, its positive and its negative part, of which one is zero: by a binary and
    two big-M rows, or by a constraint SOS1 and the chord above the ReLU. One that cannot change sides needs neither.

    Args:
        model: The model, before it is solved.
        net: The network; fold it first if identities need no variables.
        inputs: A variable, a linear expression or a number for each input. An expression gets a variable of its own.
        bounds: Of the units; by ``crown_bounds`` from the bounds of the inputs if None.
        encoding: ``bigm`` or ``sos1``, which is often some times faster, but has no binaries to branch on.
        reusable: Let ``update`` change the bounds later. Then stable ReLUs are encoded too, with fixed variables.

    Raises:
        InvalidNetworkError: If inputs do not fit or have no finite bounds, or the encoding is unknown.
    """
    if encoding not in ENCODINGS:
        raise InvalidNetworkError(f"encoding must be one of {', '.join(ENCODINGS)}, got {encoding!r}")
    if len(inputs) != net.inputs:
        raise InvalidNetworkError(f"inputs has {len(inputs)} entries for a network of {net.inputs}")
    own = [_input(model, i, value) for i, value in enumerate(inputs)]
    known = crown_bounds(net, *_box(own)) if bounds is None else bounds
    if max(float(np.abs(side).max(initial=0.0)) for side in (*known.lower, *known.upper)) >= model.infinity():
        raise InvalidNetworkError("bounds are infinite to SCIP (1e20); scale the weights or the inputs down")
    units: list[Unit] = []
    columns = list(own)
    for k, (w, b, kinds) in enumerate(net.hidden()):
        layer = [
            _unit(model, _affine(row, bias, columns), kind, low, high, encoding, reusable)
            for row, bias, kind, low, high in zip(w, b, kinds, known.lower[k], known.upper[k], strict=True)
        ]
        units += layer
        columns += [0.0 if unit.on is None else unit.on for unit in layer]
    outputs = []
    for row, bias, low, high in zip(net.weights[-1], net.biases[-1], known.lower[-1], known.upper[-1], strict=True):
        outputs.append(model.addVar(lb=float(low), ub=float(high)))
        model.addCons(outputs[-1] == _affine(row, bias, columns))
    return Embedding(model, net, own, units, outputs, reusable)


def update(embedding: Embedding, lower: FloatArray, upper: FloatArray, *, bounds: Bounds | None = None) -> None:
    """Move the network to another box of inputs, in place.

    A solve that ran is undone (``freeTransform``); variables, rows and the objective stay, and SCIP starts from the
    solutions found before where they still fit.

    Args:
        embedding: An embedding with ``reusable``.
        lower: Least value of each input, shape (inputs,); becomes the bound of its variable.
        upper: Greatest value, likewise.
        bounds: Of the units; by ``crown_bounds`` if None.

    Raises:
        InvalidNetworkError: If the embedding is not reusable, or the box is bad or moves an input that is a number.
    """
    if not embedding.reusable:
        raise InvalidNetworkError("the embedding cannot change its bounds; call embed with reusable=True")
    model, net = embedding.model, embedding.net
    known = crown_bounds(net, lower, upper) if bounds is None else bounds
    for i, value in enumerate(embedding.inputs):
        if not isinstance(value, Variable) and not lower[i] == upper[i] == value:
            raise InvalidNetworkError(f"input {i} is the number {value}; make it a variable to move it")
    model.freeTransform()
    for value, low, high in zip(embedding.inputs, lower, upper, strict=True):
        if isinstance(value, Variable):
            _bound(model, value, float(low), float(high))
    ends = np.concatenate(known.lower), np.concatenate(known.upper)
    for unit, kind, low, high in zip(embedding.units, net.kind, *ends, strict=False):
        if unit.off is not None:
            _limit(model, unit, max(-float(low), 0.0), max(float(high), 0.0))
        elif kind == IDENTITY:
            _bound(model, unit.on, float(low), float(high))
    for variable, low, high in zip(embedding.outputs, known.lower[-1], known.upper[-1], strict=True):
        _bound(model, variable, float(low), float(high))


def light(model: Model) -> None:
    """Choose the settings under which SCIP solves small networks fastest: no cuts, quick heuristics only."""
    model.setSeparating(SETTING.OFF)
    model.setHeuristics(SETTING.FAST)


def _unit(model: Model, entering: Any, kind: int, low: float, high: float, encoding: Encoding, reusable: bool) -> Unit:
    """Add one hidden unit, of pre-activation ``entering``."""
    if kind == IDENTITY or (kind == RELU and low >= 0 and not reusable):
        on = model.addVar(lb=float(low), ub=float(high))
        model.addCons(on == entering)
        return Unit(on)
    if kind != RELU or (high <= 0 and not reusable):
        return Unit()
    unit = Unit(model.addVar(), model.addVar())
    model.addCons(unit.on - unit.off == entering)
    if encoding == "bigm":
        unit.binary = z = model.addVar(vtype="B")
        unit.rows = (model.addCons(unit.on - z <= 0.0), model.addCons(unit.off + z <= 1.0))
    else:
        model.addConsSOS1([unit.on, unit.off])
        unit.rows = (model.addCons(unit.on + unit.off <= 1.0),)
    _limit(model, unit, max(-float(low), 0.0), max(float(high), 0.0))
    return unit


def _limit(model: Model, unit: Unit, down: float, up: float) -> None:
    """Let the positive part of a ReLU reach ``up`` and the negative part ``down``."""
    _bound(model, unit.on, 0.0, up)
    _bound(model, unit.off, 0.0, down)
    if unit.binary is not None:
        _bound(model, unit.binary, float(down == 0.0 < up), float(up > 0.0))
        model.chgCoefLinear(unit.rows[0], unit.binary, -up)
        model.chgCoefLinear(unit.rows[1], unit.binary, down)
        model.chgRhs(unit.rows[1], down)
        return
    share = up / (up + down) if up + down > 0.0 else 0.0
    model.chgCoefLinear(unit.rows[0], unit.on, 1.0 - share)
    model.chgCoefLinear(unit.rows[0], unit.off, share)
    model.chgRhs(unit.rows[0], share * down)


def _bound(model: Model, variable: Any, low: float, high: float) -> None:
    """Set both bounds, in the order in which they never cross."""
    if low > variable.getUbOriginal():
        model.chgVarUb(variable, high)
        model.chgVarLb(variable, low)
    else:
        model.chgVarLb(variable, low)
        model.chgVarUb(variable, high)


def _affine(row: FloatArray, bias: float, columns: list[Any]) -> Any:
    used = np.flatnonzero(row)
    return quicksum(float(row[j]) * columns[j] for j in used) + float(bias)


def _input(model: Model, index: int, value: Any) -> Any:
    """Return the variable or number of one input, a new variable if it is an expression."""
    if isinstance(value, Variable):
        return value
    if not hasattr(value, "terms"):
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InvalidNetworkError(
                f"inputs[{index}] is {type(value).__name__}; give a variable, a linear expression or a number"
            ) from None
    low = high = 0.0
    for term, factor in value.terms.items():
        if len(term.vartuple) > 1:
            raise InvalidNetworkError(f"inputs[{index}] is not linear; give it a variable of its own")
        ends = [(v.getLbOriginal(), v.getUbOriginal()) for v in term.vartuple] or [(1.0, 1.0)]
        sides = sorted(factor * end for end in ends[0])
        low, high = low + sides[0], high + sides[1]
    variable = model.addVar(lb=max(low, -model.infinity()), ub=min(high, model.infinity()))
    model.addCons(variable == value)
    return variable


def _box(inputs: list[Any]) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of the inputs; what SCIP takes for infinite is infinite."""
    sides = [
        (v.getLbOriginal(), v.getUbOriginal()) if isinstance(v, Variable) else (float(v), float(v)) for v in inputs
    ]
    low, high = np.array(sides, dtype=np.float64).T
    return np.where(low <= -1e20, -np.inf, low), np.where(high >= 1e20, np.inf, high)
