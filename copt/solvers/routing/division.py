"""Divisions of routes into zones, one for each worker."""

from collections.abc import Callable

import numpy as np

from copt.problems.routing import FloatArray
from copt.solvers.routing.cost_kernels import Int32

__all__ = ["DIVISIONS", "Division"]

# Takes the centre of each route seen from the depot, the size of each, the number of zones and a generator; returns
# the zone of each route. Empty routes are dealt out evenly.
Division = Callable[[FloatArray, Int32, int, np.random.Generator], Int32]


def _cut(position: FloatArray, sizes: Int32, parts: int) -> Int32:
    """Return the zones that cut the line of ``position`` into parts with about equally many customers."""
    labels = np.zeros(sizes.size, dtype=np.int32)
    filled = np.flatnonzero(sizes > 0)
    order = filled[np.argsort(position[filled], kind="stable")]
    middle = np.cumsum(sizes[order]) - 0.5 * sizes[order]
    labels[order] = np.minimum(parts - 1, middle * parts // max(1, int(sizes.sum())))
    empty = np.flatnonzero(sizes == 0)
    labels[empty] = np.arange(empty.size) % parts
    return labels


def by_barycentre(centres: FloatArray, sizes: Int32, parts: int, rng: np.random.Generator) -> Int32:
    """Cut by parallel lines between the routes' centres, at a random angle."""
    angle = rng.uniform(0.0, np.pi)
    return _cut(centres @ np.array([np.cos(angle), np.sin(angle)]), sizes, parts)


def by_sweep(centres: FloatArray, sizes: Int32, parts: int, rng: np.random.Generator) -> Int32:
    """Cut by rays from the depot, the first at a random angle."""
    angle = np.arctan2(centres[:, 1], centres[:, 0]) + rng.uniform(0.0, 2 * np.pi)
    return _cut(np.mod(angle, 2 * np.pi), sizes, parts)


def at_random(centres: FloatArray, sizes: Int32, parts: int, rng: np.random.Generator) -> Int32:
    """Deal the routes out at random: the control of every other division."""
    return _cut(rng.random(len(centres)), sizes, parts)


DIVISIONS: dict[str, Division] = {"barycentre": by_barycentre, "sweep": by_sweep, "random": at_random}
