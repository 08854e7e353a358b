"""A free-flyer between obstacles: a puck on an air table that finds its way to a place, and comes to rest there.

The customary system of path planning by mixed-integer programs (Schouwenaars, De Moor, Feron and How 2001): it moves
linearly, and what makes the choice hard are the sides on which obstacles are passed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import label

from copt.envs.control_canvas import AMBER, INK, PALE, RULE, TEAL, Canvas
from copt.envs.control_obstacles import apart, keep_out, regular
from copt.envs.control_task import Scene, Stepped, ramble
from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.control import KeepOut
from copt.problems.control_cost import Cost
from copt.problems.relu import ReluNet

__all__ = ["FreeFlyer"]

SIDES = np.array([1.6, 0.9])  # half the length of each side of the table
RADIUS = 0.05  # of the flyer
STEP = 0.2  # seconds
SPEED, THRUST = 0.75, 1.0  # greatest, along each axis
WEIGHTS = np.array([1.0, 1.0, 0.1, 0.1])
LAST = np.array([10.0, 10.0, 5.0, 5.0])  # of the last state of a plan
EFFORT = np.array([0.01, 0.01])
NEAR = np.array([0.05, 0.05, 0.1, 0.1])  # from the goal
PLACE = np.eye(2, 4)  # times a state, where the flyer is

BAND = np.array([[0.9, -0.8], [1.4, 0.8]])  # where goals are drawn from; starts from its mirror image
CENTRES = np.array([0.8, 0.9])  # obstacles have their centres between this and its mirror image
SIZES = (0.2, 0.35)  # least and greatest distance from there to a corner
CLEAR = 0.05  # of start and goal
MOST = 16  # obstacles
GRID = 0.05  # on which there must be a way
TRIES = 200  # of random tables


@dataclass(frozen=True)
class FreeFlyer:
    """Fly between obstacles, which may overlap, to a place on the other side of a table, and come to rest there.

    States are the place and the velocity, x before y; actions are the acceleration, held for a step. Obstacles are
    squares, drawn anew until a way leads from start to goal.

    Args:
        obstacles: Number of obstacles.

    Raises:
        CoptError: If there are more than the table is sure to have room for.
    """

    obstacles: int = 12
    name: str = "free-flyer"
    steps: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.obstacles <= MOST:
            raise CoptError(f"obstacles = {self.obstacles}; give from 0 to {MOST}")

    @property
    def reach(self) -> FloatArray:
        """Greatest accelerations."""
        return np.full(2, THRUST)

    @property
    def limits(self) -> FloatArray:
        """The table, and the greatest speeds."""
        return np.append(SIDES - RADIUS, [SPEED, SPEED])

    @property
    def fatal(self) -> FloatArray:
        """Without end: limits that are broken are counted."""
        return np.full(4, np.inf)

    @cached_property
    def exact(self) -> ReluNet:
        """The dynamics, a network without hidden units."""
        moved = np.vstack([STEP**2 / 2 * np.eye(2), STEP * np.eye(2)])
        coasting = np.eye(4) + np.kron([[0.0, STEP], [0.0, 0.0]], np.eye(2))
        return ReluNet(6, (np.hstack([coasting, moved]),), (np.zeros(4),))

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return a table with a start on the left and a goal on the right, both at rest.

        Raises:
            CoptError: If no way is found between start and goal.
        """
        for _ in range(TRIES):
            left, right = (np.append(rng.uniform(*BAND) * [side, 1.0], [0.0, 0.0]) for side in (-1.0, 1.0))
            first, last = left if start is None else start, right if goal is None else goal
            blocks = self._blocks(rng, first, last)
            regions = [region for corners in blocks for region in keep_out(corners, [(PLACE, RADIUS)])]
            if len(blocks) == self.obstacles and _joined(first, last, regions):
                cost = Cost(goal=last, state=WEIGHTS, action=EFFORT, terminal=LAST)
                return Scene(first, cost, tuple(regions), tuple(blocks))
        raise CoptError(f"found no way between start and goal past {self.obstacles} obstacles; move one of them")

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return a state within the limits."""
        return rng.uniform(-self.limits, self.limits)

    def simulate(self, scene: Scene) -> Stepped:
        """Return the flyer at the start."""
        return Stepped(self._advance, scene.start)

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether the flyer is at its goal and all but at rest."""
        return bool((np.abs(state - goal) <= NEAR).all())

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return an acceleration that keeps for a while."""
        return ramble(last, self.reach, rng)

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw the obstacles, the goal as a ring, and the flyer on its cushion of air."""
        for corners in scene.obstacles:
            canvas.polygons([corners], INK, alpha=0.75)
        canvas.disc(scene.goal[:2], RADIUS, TEAL, line=0.015)
        canvas.disc(state[:2], 2.0 * RADIUS, AMBER, alpha=0.3)
        canvas.disc(state[:2], RADIUS, AMBER)

    def canvas(self) -> Canvas:
        """Return a picture of the empty table."""
        canvas = Canvas(196.0, PALE)
        corners = SIDES * [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
        for k in range(4):
            canvas.path(corners[[k - 1, k]], 0.01, RULE)
        return canvas

    def _advance(self, state: FloatArray, action: FloatArray) -> FloatArray:
        return np.asarray(self.exact.forward(np.concatenate([state, action])[None])[0])

    def _blocks(self, rng: np.random.Generator, first: FloatArray, last: FloatArray) -> list[FloatArray]:
        """Return squares clear of start and goal; fewer than there should be if there is no room."""
        found: list[FloatArray] = []
        for _ in range(TRIES):
            if len(found) == self.obstacles:
                break
            drawn = regular(
                rng.uniform(-CENTRES, CENTRES).tolist(), rng.uniform(*SIZES), 4, rng.uniform(0.0, np.pi / 2)
            )
            if all(apart(drawn, state[None, :2], RADIUS + CLEAR) for state in (first, last)):
                found.append(drawn)
        return found


def _joined(first: FloatArray, last: FloatArray, regions: list[KeepOut]) -> bool:
    """Return whether steps along the axes of a grid lead from one state to another past all regions."""
    count = np.floor((SIDES - RADIUS) / GRID).astype(np.int64)
    x, y = np.meshgrid(*(GRID * np.arange(-n, n + 1) for n in count), indexing="ij")
    states = np.column_stack([x.ravel(), y.ravel(), np.zeros((x.size, 2))])
    free = np.ones(x.size, dtype=bool)
    for region in regions:
        free &= region.depth(states) <= 0.0
    parts, _ = label(free.reshape(x.shape))
    one, two = (parts[tuple(np.clip(np.rint(s[:2] / GRID).astype(int) + count, 0, 2 * count))] for s in (first, last))
    return bool(one == two != 0)
