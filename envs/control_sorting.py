"""Sorting discs by colour with strokes over a table."""

from dataclasses import dataclass

import numpy as np

from copt.envs.control_canvas import AMBER, BLUE, PALE, Canvas, Paint
from copt.envs.control_strokes import REACH, Strokes, stroke
from copt.envs.control_table import SIDES, table_canvas
from copt.envs.control_task import Scene
from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.control_cost import Cost

__all__ = ["Sorting"]

RADIUS = 0.16  # of the discs
MOST = 12
MIDDLE = np.array([[-2.2, 0.0], [2.2, 0.0]])  # of the zone of each colour
PITCH = 0.55  # between places in a zone
SPREAD = np.array([2.4, 1.3])  # of the places at the start
GAP = 0.05  # between discs at the start
NEAR = 0.2  # distance of each disc from its goal
EFFORT = np.array([0.0, 0.0, 0.01, 0.01])
COLOURS: tuple[Paint, Paint] = (BLUE, AMBER)


@dataclass(frozen=True)
class Sorting:
    """Push discs of two colours to two sides of a table, with strokes of a round pusher.

    States are where the discs are, x before y; colours alternate, the first goes to the left. An action is where a
    stroke starts and how far it goes. Goals are places in each colour's zone, each given to one of its discs so that
    they have little way to go.

    Args:
        discs: Their number.

    Raises:
        CoptError: If there are more discs than places.
    """

    discs: int = 4
    name: str = "sorting"
    steps: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.discs <= MOST:
            raise CoptError(f"discs = {self.discs}; give from 1 to {MOST}")

    @property
    def reach(self) -> FloatArray:
        """Where strokes start, and how far they go."""
        return REACH

    @property
    def limits(self) -> FloatArray:
        """What is on the table."""
        return np.tile(SIDES - RADIUS, self.discs)

    @property
    def fatal(self) -> FloatArray:
        """Without end: a disc that hangs over the edge can be pushed back."""
        return np.full(2 * self.discs, np.inf)

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return discs that lie anywhere."""
        first = self.anywhere(rng) if start is None else start
        aim = _places(first) if goal is None else goal
        return Scene(first, Cost(goal=aim, state=np.full(2 * self.discs, 1.0 / self.discs), action=EFFORT))

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return discs that do not touch."""
        found: list[FloatArray] = []
        while len(found) < self.discs:
            place = rng.uniform(-SPREAD, SPREAD)
            if all(np.hypot(*(place - other)) > 2.0 * RADIUS + GAP for other in found):
                found.append(place)
        return np.concatenate(found)

    def simulate(self, scene: Scene) -> Strokes:
        """Return the table at the start."""
        return Strokes(scene.start, RADIUS)

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether every disc is near its goal."""
        return bool((np.hypot(*(state - goal).reshape(-1, 2).T) <= NEAR).all())

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a stroke at some disc."""
        return stroke(state, rng)

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw the goals as rings, and the discs."""
        for k, (disc, place) in enumerate(zip(state.reshape(-1, 2), scene.goal.reshape(-1, 2), strict=True)):
            paint = COLOURS[k % 2]
            canvas.path(np.array([disc, place]), 0.012, paint, alpha=0.25)
            canvas.disc(place, RADIUS, paint, alpha=0.15)
            canvas.disc(place, RADIUS, paint, alpha=0.5, line=0.02)
        for k, disc in enumerate(state.reshape(-1, 2)):
            canvas.disc(disc, RADIUS, COLOURS[k % 2])
            canvas.disc(disc, RADIUS - 0.05, PALE, alpha=0.25, line=0.02)

    def canvas(self) -> Canvas:
        """Return a picture of the whole table."""
        return table_canvas()


def _places(discs: FloatArray) -> FloatArray:
    """Return the place of each disc in the zone of its colour, shape (2 discs,), with the least sum of distances."""
    from scipy.optimize import linear_sum_assignment

    goals = np.empty((discs.size // 2, 2))
    for colour in (0, 1):
        own = discs.reshape(-1, 2)[colour::2]
        columns = 1 if len(own) <= 3 else 2
        index = np.arange(len(own))
        grid = np.column_stack([index % columns - (columns - 1) / 2, index // columns - (len(own) - 1) // columns / 2])
        slots = MIDDLE[colour] + PITCH * grid
        way = np.hypot(*np.moveaxis(own[:, None] - slots[None], 2, 0))
        goals[colour::2] = slots[linear_sum_assignment(way)[1]]
    return goals.ravel()
