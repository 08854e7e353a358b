"""What branching on variables did to the objective in a solve by SCIP, to be told to another one."""

from typing import Any

import numpy as np
from pyscipopt.scip import PY_SCIP_BRANCHDIR as DIRECTION
from pyscipopt.scip import PY_SCIP_STAGE as STAGE

from copt.problems.base import FloatArray

__all__ = ["pseudocosts", "tell_pseudocosts"]

_DIRECTIONS = ((DIRECTION.DOWNWARDS, -1.0), (DIRECTION.UPWARDS, 1.0))


def pseudocosts(model: Any, variables: list[Any]) -> FloatArray:
    """Return what a unit down and up has cost, NaN where that was not seen, shape (2, variables).

    Args:
        model: A ``pyscipopt.Model`` in any stage.
        variables: Its original variables.
    """
    if model.getStage() not in (STAGE.SOLVING, STAGE.SOLVED):
        return np.full((2, len(variables)), np.nan)
    told = np.array([[model.getVarPseudocost(v, way) for v in variables] for way, _ in _DIRECTIONS], dtype=np.float64)
    for costs in told:
        values, counts = np.unique(costs, return_counts=True)
        if values.size:
            costs[costs == values[counts.argmax()]] = np.nan  # the mean, which SCIP gives where it has seen nothing
    return told / _scale(model, variables)


def tell_pseudocosts(model: Any, variables: list[Any], costs: FloatArray) -> None:
    """Let SCIP know costs of branching, as if it had branched once on each variable.

    Args:
        model: A ``pyscipopt.Model`` that solves.
        variables: Its original variables.
        costs: What ``pseudocosts`` gave for a program with the same variables.
    """
    if np.isnan(costs).all():
        return
    scale = _scale(model, variables)
    active = [(place, own) for place, own in enumerate(map(model.getTransformedVar, variables)) if own.isActive()]
    for (_, step), told in zip(_DIRECTIONS, costs, strict=True):
        for place, own in active:
            if np.isfinite(told[place]):
                model.updateVarPseudocost(own, step, scale * float(told[place]), 1.0)


def _scale(model: Any, variables: list[Any]) -> float:
    """Return the factor by which SCIP has multiplied the objective for itself; presolving moves the costs of some."""
    pairs = [(float(v.getObj()), float(model.getTransformedVar(v).getObj())) for v in variables]
    factors = [abs(own / cost) for cost, own in pairs if cost != 0.0 and own != 0.0]
    return float(np.median(factors)) if factors else 1.0
