"""A picture of the plane with smooth edges: convex polygons, discs and lines in the units of the system."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from copt.envs.pixels import HEIGHT, WIDTH, Frame
from copt.problems.base import FloatArray

__all__ = ["AMBER", "BLUE", "INK", "PALE", "RULE", "TEAL", "Canvas", "Paint", "outward"]

Paint = tuple[int, int, int]

INK: Paint = (34, 48, 60)
PALE: Paint = (243, 245, 248)
RULE: Paint = (217, 223, 228)
BLUE: Paint = (29, 95, 214)
AMBER: Paint = (194, 87, 12)
TEAL: Paint = (15, 123, 108)

Distance = Callable[[FloatArray, FloatArray], FloatArray]  # signed, in units, of points (x, y), each (height, width)


class Canvas:
    """A frame to be painted on, one shape over the other.

    Args:
        scale: Pixels of a unit; zero is in the middle.
        ground: Its colour at first.
    """

    def __init__(self, scale: float, ground: Paint = (255, 255, 255)) -> None:
        self._scale = scale
        self._pixels = np.full((HEIGHT, WIDTH, 3), ground, dtype=np.float64)
        self._x = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / scale
        self._y = (HEIGHT / 2 - np.arange(HEIGHT) - 0.5) / scale

    def frame(self) -> Frame:
        """Return the picture so far, shape (height, width, 3)."""
        return np.rint(self._pixels).astype(np.uint8)

    def polygons(self, parts: Sequence[FloatArray], paint: Paint, *, alpha: float = 1.0, grown: float = 0.0) -> None:
        """Paint convex polygons as one shape.

        Args:
            parts: The corners of each, counter-clockwise, shape (corners, 2).
            paint: Their colour.
            alpha: From 0, which leaves no trace, to 1, which covers what is below.
            grown: By how much each face is moved outwards.
        """
        faces = [outward(corners) for corners in parts]

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            each = [
                np.max([a * x + b * y - limit for (a, b), limit in zip(rows, limits, strict=True)], axis=0)
                for rows, limits in faces
            ]
            inside: FloatArray = np.min(each, axis=0) - grown
            return inside

        self._paint(distance, np.vstack(list(parts)), grown, paint, alpha)

    def disc(
        self,
        centre: Sequence[float] | FloatArray,
        radius: float,
        paint: Paint,
        *,
        alpha: float = 1.0,
        line: float = 0.0,
    ) -> None:
        """Paint a disc, or its outline of a width ``line``."""
        a, b = float(centre[0]), float(centre[1])

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            inside: FloatArray = np.hypot(x - a, y - b) - radius
            return np.abs(inside) - line / 2 if line else inside

        self._paint(distance, np.array([[a, b]]), radius + line, paint, alpha)

    def path(self, points: FloatArray, width: float, paint: Paint, *, alpha: float = 1.0) -> None:
        """Paint a line with round ends through points of shape (points, 2)."""

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            each = []
            for (a, b), (c, d) in pairwise(points):
                u, v = c - a, d - b
                along = np.clip(((x - a) * u + (y - b) * v) / max(1e-12, u * u + v * v), 0.0, 1.0)
                each.append(np.hypot(x - a - along * u, y - b - along * v))
            nearest: FloatArray = np.min(each, axis=0) - width / 2
            return nearest

        self._paint(distance, points, width, paint, alpha)

    def _paint(self, distance: Distance, points: FloatArray, margin: float, paint: Paint, alpha: float) -> None:
        """Blend a colour where the distance is negative, and in part within half a pixel of its zero."""
        low, high = points.min(axis=0) - margin - 2 / self._scale, points.max(axis=0) + margin + 2 / self._scale
        columns = np.flatnonzero((self._x >= low[0]) & (self._x <= high[0]))
        rows = np.flatnonzero((self._y >= low[1]) & (self._y <= high[1]))
        if not (columns.size and rows.size):
            return
        window = self._pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        x, y = np.meshgrid(self._x[columns], self._y[rows])
        cover = alpha * np.clip(0.5 - distance(x, y) * self._scale, 0.0, 1.0)[..., None]
        window += cover * (np.array(paint, dtype=np.float64) - window)


def outward(corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return unit normals, shape (faces, 2), and offsets, shape (faces,), of a convex polygon.

    Args:
        corners: Counter-clockwise, shape (corners, 2).
    """
    along = np.roll(corners, -1, axis=0) - corners
    rows = np.column_stack([along[:, 1], -along[:, 0]]) / np.hypot(*along.T)[:, None]
    return rows, np.einsum("fk,fk->f", rows, corners)
