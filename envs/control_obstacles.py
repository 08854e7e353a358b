"""Obstacles on a table: where points may not be, and where what comes to them must stop."""

from collections.abc import Iterable, Sequence

import numpy as np

from copt.envs.control_canvas import outward
from copt.problems.base import FloatArray
from copt.problems.control import KeepOut

__all__ = ["clear", "keep_out", "regular", "stopped"]

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


def keep_out(obstacle: FloatArray, points: Iterable[tuple[int, float]], states: int) -> list[KeepOut]:
    """Return regions that keep points of a state out of an obstacle.

    Args:
        obstacle: Its corners, counter-clockwise, shape (corners, 2).
        points: The states in which each point's x is, y following, and how far it must stay away.
        states: Number of states.
    """
    rows, limits = outward(obstacle)
    regions = []
    for at, distance in points:
        wide = np.zeros((len(rows), states))
        wide[:, at : at + 2] = rows
        regions.append(KeepOut(wide, limits + distance))
    return regions


def clear(points: FloatArray, obstacles: Iterable[FloatArray], distance: float) -> bool:
    """Return whether points of shape (points, 2) keep a distance from all obstacles."""
    for corners in obstacles:
        rows, limits = outward(corners)
        if ((points @ rows.T - limits).max(axis=1) < distance).any():
            return False
    return True


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
