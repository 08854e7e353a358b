"""Pushing on a table with pymunk: things lie where they were left, and move only while something pushes them.

Without speed from one sub-step to the next, an impulse moves a thing along the inverse of its mass matrix: an
ellipsoidal limit surface, the customary model of slow pushing with friction (Lynch, Manocha and Kohli 1992).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pymunk

from copt.envs.control_canvas import PALE, RULE, Canvas, outward
from copt.envs.control_obstacles import stopped
from copt.problems.base import FloatArray

__all__ = ["RADIUS", "SIDES", "SUBSTEPS", "Table", "table_canvas"]

SIDES = np.array([3.2, 1.8])  # half the length of each
RADIUS = 0.1  # of the pusher
SUBSTEPS = 12  # of a short push
FRICTION = 0.5  # between things, pusher and obstacles
PRESS = 0.02  # depth in a thing that an obstacle holds, at which the pusher gives way
PUSHER = pymunk.ShapeFilter(categories=1)
THINGS = pymunk.ShapeFilter(mask=pymunk.ShapeFilter.ALL_MASKS() ^ 1)


class Table:
    """A table with things, obstacles and a round pusher on it.

    Args:
        pusher: Where the pusher is.
        obstacles: Corners of convex polygons, counter-clockwise, that do not move.
        substeps: Of a push.
    """

    def __init__(
        self, pusher: Sequence[float], obstacles: Sequence[FloatArray] = (), *, substeps: int = SUBSTEPS
    ) -> None:
        self._substeps = substeps
        self.space = pymunk.Space()
        self.space.damping = 0.0
        self.space.collision_slop = 1e-3  # units; pymunk's own is for pixels
        self.things: list[pymunk.Body] = []
        self.pusher = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
        self.pusher.position = (pusher[0], pusher[1])
        disc = pymunk.Circle(self.pusher, RADIUS)
        disc.friction, disc.filter = FRICTION, PUSHER
        self.space.add(self.pusher, disc)
        self._closed = [(rows, limits + RADIUS) for rows, limits in map(outward, obstacles)]
        for corners in obstacles:
            fixed = pymunk.Poly(self.space.static_body, corners.tolist())
            fixed.friction = FRICTION
            self.space.add(fixed)

    def add(self, body: pymunk.Body, shapes: Iterable[pymunk.Shape]) -> None:
        """Put down a thing."""
        parts = list(shapes)
        for shape in parts:
            shape.density, shape.friction = 1.0, FRICTION
        self.space.add(body, *parts)
        self.things.append(body)

    def put(self, pusher: Sequence[float]) -> None:
        """Put the pusher down somewhere on the table, where it shoves aside what is below it."""
        self.pusher.position = tuple(np.clip(pusher, RADIUS - SIDES, SIDES - RADIUS).tolist())
        self.push((0.0, 0.0))

    def push(self, by: Sequence[float]) -> None:
        """Move the pusher along a line, as far as obstacles and the edges of the table let it; then things rest."""
        x, y = self.pusher.position
        sides: list[float] = (SIDES - RADIUS).tolist()
        to_x, to_y = (min(max(at + d, -side), side) for at, d, side in zip((x, y), by, sides, strict=True))
        a, b = stopped((x, y), (to_x - x, to_y - y), self._closed)
        end = pymunk.Vec2d(x + a, y + b)
        nearest = self.space.point_query_nearest  # beside the query along the line, which misses what it starts in
        if nearest((x, y), 1.01 * RADIUS, THINGS) or self.space.segment_query_first((x, y), end, RADIUS, THINGS):
            end = self._run((a, b)) or end
            for thing in self.things:
                thing.velocity = (0.0, 0.0)
                thing.angular_velocity = 0.0
        self.pusher.position = end

    def _run(self, by: tuple[float, float]) -> pymunk.Vec2d | None:
        """Move pusher and things; return where the pusher ends if not at the end of its way.

        pymunk moves bodies before it looks what they meet. So the pusher takes a run-up of one sub-step: it stands
        where it stood once the first contacts are known.
        """
        step, pusher = 1.0 / self._substeps, self.pusher
        pusher.position -= step * pymunk.Vec2d(*by)
        pusher.velocity = by
        for _ in range(self._substeps + 1):
            self.space.step(step)
            if self._closed:
                met = self.space.point_query_nearest(pusher.position, RADIUS, THINGS)
                if met is not None and met.distance < RADIUS - PRESS:
                    here, away = pusher.position, (RADIUS - met.distance) * met.gradient
                    return here + pymunk.Vec2d(*stopped(here, away, self._closed))
        return None


def table_canvas() -> Canvas:
    """Return a picture of an empty table."""
    canvas = Canvas(98.0, PALE)
    corners = SIDES * [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
    for k in range(4):
        canvas.path(corners[[k - 1, k]], 0.02, RULE)
    return canvas
