"""Obstacles on a table: where points may not be, and where what comes to them must stop."""

from collections.abc import Iterable, Sequence

import numpy as np

from copt.envs.control_canvas import outward
from copt.problems.base import FloatArray
from copt.problems.control import KeepOut

__all__ = ["apart", "keep_out", "regular", "stopped"]

TOUCHING = 1e-9


def regular(centre: Sequence[float], radius: float, corners: int, angle: float = 0.0) -> FloatArray:
    """Return the corners of a regular polygon, counter-clockwise, shape (corners, 2).

    Args:
        centre: Its middle.
        radius: From there to its corners.
        corners: How many it has.
        angle: By which it is turned; at 0, a face is at the bottom.
    """
    turn = angle - np.pi / 2 + (np.arange(corners) + 0.5) * 2.0 * np.pi / corners
    return np.asarray(centre) + radius * np.column_stack([np.cos(turn), np.sin(turn)])


def keep_out(obstacle: FloatArray, points: Iterable[tuple[FloatArray, float]]) -> list[KeepOut]:
    """Return regions that keep points out of an obstacle.

    Args:
        obstacle: Its corners, counter-clockwise, shape (corners, 2).
        points: What makes of a state the place of each, shape (2, states), and how far it must stay away.
    """
    rows, limits = outward(obstacle)
    return [KeepOut(rows @ place, limits + distance) for place, distance in points]


def apart(one: FloatArray, two: FloatArray, distance: float) -> bool:
    """Return whether some face of one of two convex polygons has all of the other one at a distance before it.

    Args:
        one: Corners, counter-clockwise, shape (corners, 2).
        two: Likewise; but it may also be a single point.
        distance: Which is kept exactly by the lines of the faces, so that corners are at least as far apart.
    """
    for corners, other in ((one, two), (two, one)):
        if len(corners) > 1:
            rows, limits = outward(corners)
            if ((other @ rows.T - limits).min(axis=0) >= distance).any():
                return True
    return False


def stopped(
    start: Sequence[float], by: Sequence[float], regions: Iterable[tuple[FloatArray, FloatArray]]
) -> tuple[float, float]:
    """Return how far of ``by`` a point comes before it enters a region.

    The line is cut with the faces of each region (Cyrus and Beck 1978). A point that is in a region may move there.

    Args:
        start: Where the point is.
        by: Where it goes from there.
        regions: Normals, shape (faces, 2), and offsets, shape (faces,), of convex polygons.
    """
    share = 1.0
    for rows, limits in regions:
        gap, speed = rows @ start - limits, rows @ by
        gap[np.abs(gap) < TOUCHING] = 0.0  # a point that stopped there is outside, but for rounding
        outside = gap >= 0.0
        if not outside.any() or (outside & (speed >= 0.0)).any():
            continue
        enters = float((gap[outside] / -speed[outside]).max())
        leaving = ~outside & (speed > 0.0)
        leaves = float((-gap[leaving] / speed[leaving]).min(initial=np.inf))
        if enters < leaves:
            share = min(share, enters)
    return share * by[0], share * by[1]
