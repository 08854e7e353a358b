"""Long strokes over small things on a table: the pusher is put down, moves along a line, and is lifted."""

from itertools import pairwise

import numpy as np
import pymunk

from copt.envs.control_table import RADIUS, SIDES, Table
from copt.problems.base import FloatArray

__all__ = ["LONGEST", "REACH", "Strokes", "stroke"]

LONGEST = 1.0  # displacement of a stroke along each axis
REACH = np.append(SIDES - RADIUS, [LONGEST, LONGEST])  # greatest actions: where a stroke starts, and how far it goes
MARGIN = 0.3  # of the table, from which random strokes keep away
SUBSTEPS = 40  # of a stroke; with 160, strokes over a chain end 0.01 units away from there


class Strokes:
    """Discs on a table in motion; where they are is the state.

    Args:
        places: Where they are at first, x before y, shape (2 discs,).
        radius: Of each.
        link: How far each stays from the next one, as in a chain; None for single discs.
    """

    def __init__(self, places: FloatArray, radius: float, *, link: float | None = None) -> None:
        self._table = Table((0.0, 0.0), substeps=SUBSTEPS)
        for x, y in places.reshape(-1, 2).tolist():
            body = pymunk.Body()
            body.position = (x, y)
            self._table.add(body, [pymunk.Circle(body, radius)])
        if link is not None:
            for one, two in pairwise(self._table.things):
                joint = pymunk.PinJoint(one, two)
                joint.distance, joint.collide_bodies = link, False
                self._table.space.add(joint)

    def step(self, action: FloatArray) -> FloatArray:
        """Return the places after a stroke."""
        self._table.put(action[:2].tolist())
        self._table.push(action[2:].tolist())
        return np.array([body.position for body in self._table.things]).ravel()


def stroke(places: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a random stroke, shape (4,), that most often takes one of the discs towards some place on the table.

    Args:
        places: Of the discs, shape (2 discs,).
        rng: Source of the choices.
    """
    disc = 2 * int(rng.integers(places.size // 2))
    here = places[disc : disc + 2]
    way = rng.uniform(MARGIN - SIDES, SIDES - MARGIN) - here
    along = way * min(1.0, rng.uniform(0.3, 1.0) * LONGEST / float(np.abs(way).max()))
    start = here - rng.uniform(0.1, 0.7) * along + rng.normal(0.0, 0.08, 2)
    return np.concatenate([np.clip(start, -REACH[:2], REACH[:2]), along])
