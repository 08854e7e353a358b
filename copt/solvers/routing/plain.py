"""Routes without compiled code: customers in the order of a curve or of their angle, cut where a route is full."""

import numpy as np

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, Routing

__all__ = ["plain_routes"]

BITS = 16  # of each coordinate on the curve


def plain_routes(instance: Routing) -> Routes | None:
    """Return a solution, or None if more routes than allowed came out.

    A tour follows the Z-order curve (Morton 1966); routes sweep round the depot (Gillett and Miller 1974). Without
    coordinates nodes stay in the order of their numbers.
    """
    customers, points = instance.customers, instance.coordinates
    if points is not None and instance.depot is None:
        customers = customers[np.argsort(_curve(points), kind="stable")]
    elif points is not None:
        away = points[customers] - points[instance.depot]
        customers = customers[np.argsort(np.arctan2(away[:, 1], away[:, 0]), kind="stable")]
    if instance.capacity is None:
        return Routes(customers, np.array([0, customers.size]))
    cuts, load = [0], 0
    for place, demand in enumerate(instance.demands[customers].tolist()):
        if load + demand > instance.capacity:
            cuts.append(place)
            load = 0
        load += demand
    cuts.append(customers.size)
    if instance.max_routes is not None and len(cuts) - 1 > instance.max_routes:
        return None
    return Routes(customers, np.array(cuts))


def _curve(points: FloatArray) -> IntArray:
    """Return the place of each point on the curve: the bits of its coordinates take turns."""
    span = np.maximum(1e-12, np.ptp(points, axis=0))
    cells = ((points - points.min(axis=0)) / span * (2**BITS - 1)).astype(np.int64)
    place = np.zeros(len(points), dtype=np.int64)
    for bit in range(BITS):
        place |= (cells[:, 0] >> bit & 1) << 2 * bit
        place |= (cells[:, 1] >> bit & 1) << 2 * bit + 1
    return place
