"""Pushing on a table with pymunk: things lie where they were left, and move only while something pushes them.

Without speed from one sub-step to the next, an impulse moves a thing along the inverse of its mass matrix: an
ellipsoidal limit surface, the customary model of slow pushing with friction (Lynch, Manocha and Kohli 1992).
"""

from collections.abc import Iterable, Sequence

import pymunk

from copt.problems.base import FloatArray

__all__ = ["SUBSTEPS", "Table"]

SUBSTEPS = 12  # of a push
PUSHER = pymunk.ShapeFilter(categories=1)
THINGS = pymunk.ShapeFilter(mask=pymunk.ShapeFilter.ALL_MASKS() ^ 1)


class Table:
    """A table without gravity.

    Args:
        obstacles: Corners of convex polygons that do not move.
        friction: Between the pusher and what it pushes.
    """

    def __init__(self, obstacles: Iterable[FloatArray] = (), *, friction: float = 0.5) -> None:
        self.space = pymunk.Space()
        self.space.damping = 0.0
        self.space.collision_slop = 1e-3  # units; pymunk's own is for pixels
        self._friction = friction
        for corners in obstacles:
            fixed = pymunk.Poly(self.space.static_body, corners.tolist())
            fixed.friction = friction
            self.space.add(fixed)

    def pusher(self, place: Sequence[float], radius: float) -> pymunk.Body:
        """Return a disc at ``place`` that nothing stops."""
        body = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
        body.position = (place[0], place[1])
        disc = pymunk.Circle(body, radius)
        disc.friction, disc.filter = self._friction, PUSHER
        self.space.add(body, disc)
        return body

    def block(self, parts: Iterable[FloatArray], place: Sequence[float], angle: float) -> pymunk.Body:
        """Return a thing of convex parts of even density, around their centre of mass at ``place``."""
        body = pymunk.Body()
        shapes = [pymunk.Poly(body, corners.tolist()) for corners in parts]
        for shape in shapes:
            shape.density, shape.friction = 1.0, self._friction
        body.position, body.angle = (place[0], place[1]), angle
        self.space.add(body, *shapes)
        return body

    def push(self, pusher: pymunk.Body, radius: float, by: tuple[float, float], things: Iterable[pymunk.Body]) -> None:
        """Move the pusher along a line; then things rest.

        pymunk moves bodies before it looks what they meet. So the pusher takes a run-up of one sub-step: it stands
        where it stood once the first contacts are known.
        """
        x, y = pusher.position
        end = (x + by[0], y + by[1])
        if self.space.segment_query_first((x, y), end, radius, THINGS) is not None:
            step = 1.0 / SUBSTEPS
            pusher.position = (x - step * by[0], y - step * by[1])
            pusher.velocity = by
            for _ in range(SUBSTEPS + 1):
                self.space.step(step)
            for thing in things:
                thing.velocity = (0.0, 0.0)
                thing.angular_velocity = 0.0
        pusher.position = end
