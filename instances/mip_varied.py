"""One model with other numbers, as somebody has who solves it every day."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.mip import MIP

__all__ = ["varied"]


def varied(instance: MIP, seed: int, *, costs: float = 0.2, limits: float = 0.02) -> MIP:
    """Return ``instance`` with every cost, and every limit of a row beyond 1, up or down by a random share.

    Limits of up to 1 stay, since they mostly say how variables belong together: at most one, at least one, only if.

    Args:
        instance: The program.
        seed: Seed of the shares.
        costs: Largest share for costs, 0 to 1.
        limits: Largest share for limits, 0 to 1; whole limits stay whole, and those of equations stay as they are.

    Raises:
        CoptError: If a share is out of range.
    """
    for name, share in (("costs", costs), ("limits", limits)):
        if not 0 <= share <= 1:
            raise CoptError(f"{name} must be from 0 to 1, got {share}")
    rng = np.random.default_rng(seed)
    free = instance.row_lower != instance.row_upper
    scale = 1 + limits * rng.uniform(-1, 1, instance.num_rows)
    return dataclasses.replace(
        instance,
        costs=np.round(instance.costs * (1 + costs * rng.uniform(-1, 1, instance.num_variables)), 2),
        row_lower=_scaled(instance.row_lower, scale, free),
        row_upper=_scaled(instance.row_upper, scale, free),
        name=f"{instance.name}-varied-{seed}",
    )


def _scaled(limits: FloatArray, scale: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    moved = np.isfinite(limits) & (np.abs(limits) > 1) & free
    known = np.where(moved, limits, 0.0)
    new = np.where(known % 1.0 == 0.0, np.round(known * scale), known * scale)
    result: FloatArray = np.where(moved, new, limits)
    return result
