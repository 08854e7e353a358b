"""Adapters that plan by a mixed-integer program as it is customarily written, solved by SCIP with its defaults.

A step's dynamics follow from those of the step before, layer by layer; bounds are those of interval arithmetic.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from copt.bench.answer import Answer
from copt.bench.peers_mip import improving, limit_scip, recorded
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut, Plan, objective

__all__ = ["prepare_bigm", "prepare_pyscipopt_ml", "run_bigm", "run_pyscipopt_ml"]

SLACK = 1e-5  # of the value: between SCIP's value of a plan within its tolerances, and that of its roll-out

Layer = Callable[[Any, FloatArray, FloatArray, list[Any], list[Any]], None]
"""Adds to a model that variables are the ReLUs of an affine map, given by weights and biases, of other variables."""


def run_bigm(instance: ControlProblem, *, seconds: float, workers: int, seed: int) -> Answer:
    """Encode every ReLU with a binary and big-M rows, as Liu et al. (2023) do, with no start; one thread."""
    return _run(instance, _bigm, seconds, seed)


def run_pyscipopt_ml(instance: ControlProblem, *, seconds: float, workers: int, seed: int) -> Answer:
    """Let PySCIPOpt-ML encode the layers, by default with SOS1; one thread."""
    from pyscipopt_ml.modelling.neuralnet.layers import DenseLayer

    def layer(model: Any, weights: FloatArray, biases: FloatArray, inputs: list[Any], outputs: list[Any]) -> None:
        prefix = f"layer_{model.getNVars()}_"
        DenseLayer(model, inputs, weights.T, biases, outputs, "relu", prefix)

    return _run(instance, layer, seconds, seed)


def prepare_bigm() -> None:
    """Load SCIP."""
    import pyscipopt  # noqa: F401


def prepare_pyscipopt_ml() -> None:
    """Load SCIP and the package."""
    import pyscipopt_ml.modelling.neuralnet.layers  # noqa: F401


def _run(instance: ControlProblem, layer: Layer, seconds: float, seed: int) -> Answer:
    began = time.perf_counter()
    from pyscipopt import Model

    model = Model()
    model.hideOutput()
    incumbents = recorded(model, began)
    actions = _encode(model, instance, layer)
    limit_scip(model, seconds - (time.perf_counter() - began), seed)
    model.optimizeNogil()
    bound = model.getDualbound()
    known = bound if math.isfinite(bound) and abs(bound) < model.infinity() else None
    if model.getNSols() == 0:
        return Answer(bound=known)
    best = model.getBestSol()
    values = np.array([[model.getSolVal(best, variable) for variable in row] for row in actions])
    plan = Plan(np.clip(values, instance.u_lower, instance.u_upper))
    value = objective(instance, plan)
    if known is not None and abs(known - value) <= SLACK * max(1.0, abs(value)):
        known = value
    return Answer(plan, value, known, tuple(improving(1, incumbents, value, SLACK)))


def _encode(model: Any, instance: ControlProblem, layer: Layer) -> list[list[Any]]:
    """Add the whole problem to ``model``; return the variables of the actions."""
    from pyscipopt import quicksum

    net, cost = instance.dynamics.folded(), instance.cost
    actions, terms = [], []
    states = [model.addVar(lb=float(x), ub=float(x)) for x in instance.start]
    for t in range(instance.horizon):
        own = _variables(model, instance.u_lower, instance.u_upper)
        seen = states + own
        for weights, biases, _ in net.hidden():
            low, high = _interval(weights, biases, seen)
            units = _variables(model, np.zeros(len(biases)), np.maximum(high, 0.0))
            layer(model, weights, biases, seen, units)
            seen = seen + units
        low, high = _interval(net.weights[-1], net.biases[-1], seen)
        assert instance.x_lower is not None
        assert instance.x_upper is not None
        states = _variables(model, np.maximum(low, instance.x_lower), np.minimum(high, instance.x_upper))
        for variable, value in zip(states, _affine(net.weights[-1], net.biases[-1], seen), strict=True):
            model.addCons(variable == value)
        for region in instance.keep_out:
            _keep_out(model, region, states)
        matrix = cost.last if t == instance.horizon - 1 else cost.state
        terms.append(_norm(model, cost.norm, _affine(matrix, -matrix @ cost.goal, states)))
        if cost.action is not None:
            terms.append(_norm(model, cost.norm, _affine(cost.action, np.zeros(len(cost.action)), own)))
        actions.append(own)
    model.setObjective(quicksum(terms))
    return actions


def _bigm(model: Any, weights: FloatArray, biases: FloatArray, inputs: list[Any], outputs: list[Any]) -> None:
    low, high = _interval(weights, biases, inputs)
    for unit, value, least, most in zip(outputs, _affine(weights, biases, inputs), low, high, strict=True):
        active = model.addVar(vtype="B")
        model.addCons(unit >= value)
        model.addCons(unit <= value - min(float(least), 0.0) * (1 - active))
        model.addCons(unit <= max(float(most), 0.0) * active)


def _variables(model: Any, low: FloatArray, high: FloatArray) -> list[Any]:
    ends = (low.tolist(), np.maximum(low, high).tolist())
    return [model.addVar(lb=_finite(a), ub=_finite(b)) for a, b in zip(*ends, strict=True)]


def _finite(limit: float) -> float | None:
    return limit if math.isfinite(limit) else None


def _interval(weights: FloatArray, biases: FloatArray, inputs: list[Any]) -> tuple[FloatArray, FloatArray]:
    """Return what an affine map stays between, each of shape (rows,)."""
    low = np.array([variable.getLbOriginal() for variable in inputs])
    high = np.array([variable.getUbOriginal() for variable in inputs])
    up, down = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    return up @ low + down @ high + biases, up @ high + down @ low + biases


def _affine(weights: FloatArray, biases: FloatArray, inputs: list[Any]) -> list[Any]:
    """Return the expressions of an affine map."""
    from pyscipopt import quicksum

    return [
        quicksum(float(row[k]) * inputs[k] for k in np.flatnonzero(row)) + float(bias)
        for row, bias in zip(weights, biases, strict=True)
    ]


def _norm(model: Any, norm: str, parts: list[Any]) -> Any:
    """Return a variable that is at least the norm of ``parts``."""
    from pyscipopt import quicksum

    if norm == "linf":
        largest = model.addVar()
        for part in parts:
            _cover(model, largest, part)
        return largest
    sizes = [model.addVar() for _ in parts]
    for size, part in zip(sizes, parts, strict=True):
        if norm == "quadratic":
            model.addCons(part * part <= size)
        else:
            _cover(model, size, part)
    return quicksum(sizes)


def _cover(model: Any, size: Any, part: Any) -> None:
    model.addCons(size >= part)
    model.addCons(size >= -part)


def _keep_out(model: Any, region: KeepOut, states: list[Any]) -> None:
    """Let a state be beyond one face at least."""
    from pyscipopt import quicksum

    low, _ = _interval(region.rows, -region.limits, states)
    chosen = []
    for value, least in zip(_affine(region.rows, -region.limits, states), low.tolist(), strict=True):
        beyond = model.addVar(vtype="B")
        model.addCons(value >= min(least, 0.0) * (1 - beyond))
        chosen.append(beyond)
    model.addCons(quicksum(chosen) >= 1)
