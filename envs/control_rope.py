"""Laying a rope along a curve with strokes over a table."""

from dataclasses import dataclass

import numpy as np

from copt.envs.control_canvas import AMBER, INK, TEAL, Canvas
from copt.envs.control_strokes import REACH, Strokes, stroke
from copt.envs.control_table import SIDES, table_canvas
from copt.envs.control_task import Scene
from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.control_cost import Cost

__all__ = ["Rope"]

THICK = 0.1  # radius of the beads that the rope is a chain of
LINK = 0.2  # from each to the next, so that nothing passes between them
LONGEST = 20
MARGIN = 0.4  # of the table that ropes keep off at first
BEND = 0.5  # of standard deviation, by which the direction changes from bead to bead
NEAR = 0.12  # mean distance of the beads from the goal
EFFORT = np.array([0.0, 0.0, 0.01, 0.01])


@dataclass(frozen=True)
class Rope:
    """Lay a rope on a table along a curve, with strokes of a round pusher.

    The rope is a chain of beads, whose places are the state, x before y. An action is where a stroke starts and how far
    it goes.

    Args:
        beads: Their number.

    Raises:
        CoptError: If the rope is too short or too long for the table.
    """

    beads: int = 10
    name: str = "rope"
    steps: int = 30

    def __post_init__(self) -> None:
        if not 2 <= self.beads <= LONGEST:
            raise CoptError(f"beads = {self.beads}; give from 2 to {LONGEST}")

    @property
    def reach(self) -> FloatArray:
        """Where strokes start, and how far they go."""
        return REACH

    @property
    def limits(self) -> FloatArray:
        """What is on the table."""
        return np.tile(SIDES - THICK, self.beads)

    @property
    def fatal(self) -> FloatArray:
        """Without end: a rope that hangs over the edge can be pulled back."""
        return np.full(2 * self.beads, np.inf)

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return a rope that lies anywhere, and another curve as its goal."""
        first, aim = self.anywhere(rng), self.anywhere(rng)
        weights = np.full(2 * self.beads, 1.0 / self.beads)
        cost = Cost(goal=aim if goal is None else goal, state=weights, action=EFFORT)
        return Scene(first if start is None else start, cost)

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return a rope that bends smoothly and does not touch itself."""
        room = SIDES - MARGIN
        while True:
            turns = rng.uniform(-np.pi, np.pi) + np.cumsum(rng.normal(0.0, BEND, self.beads - 1))
            curve = np.vstack([np.zeros(2), np.cumsum(LINK * np.column_stack([np.cos(turns), np.sin(turns)]), axis=0)])
            curve += rng.uniform(-room, room) - curve.mean(axis=0)
            apart = np.hypot(*np.moveaxis(curve[:, None] - curve[None], 2, 0))
            far = np.triu(np.ones_like(apart, dtype=bool), 2)
            if (np.abs(curve) <= room).all() and (apart[far] > 2.0 * THICK).all():
                return curve.ravel()

    def simulate(self, scene: Scene) -> Strokes:
        """Return the table at the start."""
        return Strokes(scene.start, THICK, link=LINK)

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether the beads are near their goals on average."""
        return bool(np.hypot(*(state - goal).reshape(-1, 2).T).mean() <= NEAR)

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a stroke at some bead."""
        return stroke(state, rng)

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw the goal, the rope and its beads, and which end is which."""
        for places, alpha in ((scene.goal, 0.2), (state, 1.0)):
            points = places.reshape(-1, 2)
            canvas.path(points, 2.0 * THICK, TEAL, alpha=alpha)
            canvas.disc(points[0], 0.6 * THICK, AMBER, alpha=min(1.0, 2.0 * alpha))
        for bead in state.reshape(-1, 2)[1:]:
            canvas.disc(bead, 0.25 * THICK, INK, alpha=0.35)

    def canvas(self) -> Canvas:
        """Return a picture of the whole table."""
        return table_canvas()
