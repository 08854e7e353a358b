"""Bounds from prices of rows, by weak duality: whoever gives the prices, the bound holds."""

import math

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.mip import MIP

__all__ = ["bound_of"]

UNIT = float(np.finfo(np.float64).eps)


def bound_of(instance: MIP, duals: FloatArray) -> float:
    """Return what no point of ``instance`` costs less than, minimised; -inf if the prices tell nothing.

    For any prices y of the rows ``c @ x = y @ (A @ x) + (c - A.T @ y) @ x``, and each part is least at a limit
    (Geoffrion 1974). Whatever rounding can have done is taken off (Neumaier and Shcherbina 2004).

    Args:
        instance: The program.
        duals: Prices, positive where the lower limit of a row costs, shape (rows,).
    """
    limits = np.where(duals > 0.0, instance.row_lower, instance.row_upper)
    told = np.isfinite(limits) & np.isfinite(duals)
    prices, limits = np.where(told, duals, 0.0), np.where(told, limits, 0.0)
    n, costs = instance.num_variables, instance.sign * instance.costs
    products = instance.coefficients * np.repeat(prices, np.diff(instance.starts))
    sums = np.bincount(instance.columns, weights=products, minlength=n)
    sizes = np.abs(costs) + np.bincount(instance.columns, weights=np.abs(products), minlength=n)
    errors = UNIT * (2 + np.bincount(instance.columns, minlength=n)) * sizes
    reduced = costs - sums
    least = np.minimum(_least(reduced - errors, instance), _least(reduced + errors, instance))
    if np.isinf(least).any():
        return -np.inf
    parts = np.concatenate([prices * limits, least, [instance.sign * instance.offset]])
    bound = math.fsum(parts) - 2.0 * UNIT * math.fsum(np.abs(parts))
    paid = costs != 0.0
    whole = instance.integer[paid].all() and (costs[paid] % 1.0 == 0.0).all() and instance.offset % 1.0 == 0.0
    return float(math.ceil(bound)) if whole else bound


def _least(costs: FloatArray, instance: MIP) -> FloatArray:
    """Return the least that each variable can cost, shape (variables,)."""
    ends = np.select([costs > 0.0, costs < 0.0], [instance.lower, instance.upper])
    least: FloatArray = costs * ends
    return least
