"""Pushing a T-shaped block over a table to a pose, round obstacles or without."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pymunk

from copt.envs.control_canvas import AMBER, INK, TEAL, Canvas
from copt.envs.control_obstacles import apart, keep_out, regular
from copt.envs.control_table import RADIUS, SIDES, Table, table_canvas
from copt.envs.control_task import Scene
from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.control import KeepOut
from copt.problems.control_cost import Cost

__all__ = ["KEYPOINTS", "PARTS", "POINTS", "PushT", "keypoints", "obstacles_of", "pose"]

STROKE = 0.3  # greatest displacement of the pusher along each axis
HALF = 0.15  # half the thickness of bar and stem
_MIDDLE = 0.15 * 0.36 - 0.45 * 0.27  # of mass, times the area, above the lower side of the bar
_LIFT = np.array([0.0, -_MIDDLE / 0.63])

BAR = np.array([[-0.6, 0.0], [0.6, 0.0], [0.6, 0.3], [-0.6, 0.3]]) + _LIFT
STEM = np.array([[-0.15, -0.9], [0.15, -0.9], [0.15, 0.0], [-0.15, 0.0]]) + _LIFT
PARTS = (BAR, STEM)  # of the block, around its centre of mass
KEYPOINTS = np.array([[-0.45, 0.15], [0.45, 0.15], [0.0, 0.15], [0.0, -0.75]]) + _LIFT
"""Of the block: where the middle lines of bar and stem end and meet, as far from all sides as the block is thick."""

BERTH = STROKE / 2  # of the pusher, so that no move cuts a corner of 90 degrees or more between two places outside
COVER = math.sqrt(2.0) * HALF  # radius of discs around the squares that bar and stem are made of
PLACES = (
    np.array([[3, 0, 0, 0], [1, 0, 2, 0], [0, 1, 2, 0], [0, 3, 0, 0], [0, 0, 2, 1], [0, 0, 1, 2], [0, 0, 0, 3]]) / 3
)
POINTS = [
    *((np.kron(np.append(row, 0.0), np.eye(2)), COVER) for row in PLACES),
    (np.kron(np.eye(5)[4], np.eye(2)), RADIUS + BERTH),
]
"""What makes of a state the middles of those squares and the pusher, each of shape (2, 10), and how far each keeps off.

Together, the discs cover the block: what keeps them out of an obstacle keeps out all of it.
"""

EFFORT = np.array([0.02, 0.02])
TOWARDS = 0.05  # weight of the pusher's distance from the middle of the block
NEAR = 0.1  # mean distance of keypoints from the goal
MOST = 8  # obstacles
TRIES = 30  # of random choices, each
CLEAR = 0.05  # between what is placed at random


def keypoints(place: Sequence[float] | FloatArray, angle: float) -> FloatArray:
    """Return the keypoints of a block that lies at ``place``, shape (4, 2)."""
    c, s = math.cos(angle), math.sin(angle)
    points: FloatArray = np.asarray(place) + KEYPOINTS @ np.array([[c, s], [-s, c]])
    return points


def pose(points: FloatArray) -> tuple[FloatArray, float]:
    """Return place and angle of the block whose keypoints are nearest, by least squares, to some of shape (4, 2)."""
    own, seen = KEYPOINTS - KEYPOINTS.mean(axis=0), points - points.mean(axis=0)
    angle = float(np.arctan2((own[:, 0] * seen[:, 1] - own[:, 1] * seen[:, 0]).sum(), (own * seen).sum()))
    return points.mean(axis=0) - keypoints(np.zeros(2), angle).mean(axis=0), angle


def obstacles_of(regions: Iterable[KeepOut]) -> tuple[FloatArray, ...]:
    """Return the obstacles that keep out the pusher."""
    own = [region for region in regions if not region.rows[:, :8].any()]
    grown = [KeepOut(region.rows, region.limits - (RADIUS + BERTH) * np.hypot(*region.rows[:, 8:].T)) for region in own]
    found = [region.corners((8, 9), -2.0 * SIDES, 2.0 * SIDES) for region in grown]
    return tuple(corners for corners in found if len(corners) > 2)


class Pushing:
    """A block and a pusher on a table, in motion."""

    def __init__(self, scene: Scene) -> None:
        self._table = Table(scene.start[8:].tolist(), scene.obstacles)
        (x, y), angle = pose(scene.start[:8].reshape(4, 2))
        self._block = pymunk.Body()
        self._block.position, self._block.angle = (float(x), float(y)), angle
        self._table.add(self._block, [pymunk.Poly(self._block, corners.tolist()) for corners in PARTS])

    def step(self, action: FloatArray) -> FloatArray:
        """Return the state after a move of the pusher."""
        self._table.push(action.tolist())
        points = keypoints(self._block.position, self._block.angle)
        return np.append(points.ravel(), self._table.pusher.position)


@dataclass(frozen=True)
class PushT:
    """Push a T-shaped block to a pose with a round pusher.

    States are the keypoints of the block, x before y, then the pusher; an action is the displacement of the pusher. The
    block slides slowly: it rests when it is not pushed.

    Args:
        obstacles: Number of obstacles between the block and its goal.
        around: Whether the pusher starts where the block has to go, so that it must go round the block first.

    Raises:
        CoptError: If there are more obstacles than the table is sure to have room for.
    """

    obstacles: int = 0
    around: bool = False
    steps: int = 60

    def __post_init__(self) -> None:
        if not 0 <= self.obstacles <= MOST:
            raise CoptError(f"obstacles = {self.obstacles}; give from 0 to {MOST}")

    @property
    def name(self) -> str:
        """The word of the task."""
        return "pusht-obstacles" if self.obstacles else "pusht"

    @property
    def reach(self) -> FloatArray:
        """Greatest displacements."""
        return np.full(2, STROKE)

    @property
    def limits(self) -> FloatArray:
        """What is on the table."""
        return np.concatenate([np.tile(SIDES - HALF, 4), SIDES - RADIUS])

    @property
    def fatal(self) -> FloatArray:
        """Without end: a block that hangs over the edge can be pushed back."""
        return np.full(10, np.inf)

    @property
    def nearest(self) -> float:
        """Least distance of the goal from the block; obstacles need room between them."""
        return 1.2 if self.obstacles else 0.5

    @cached_property
    def weights(self) -> FloatArray:
        """Weights of the mean distance of the keypoints, and of the pusher's from their middle, shape (10, 10)."""
        rows = np.diag([0.25] * 8 + [TOWARDS] * 2)
        rows[8, 0:8:2] = rows[9, 1:8:2] = -TOWARDS / 4
        return rows

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return a block, and a goal at most one radian and a unit more than ``nearest`` away."""
        for _ in range(TRIES):
            first, last = self._ends(rng, start, goal)
            blocks = _obstacles(rng, first, last, self.obstacles)
            if len(blocks) == self.obstacles:
                regions = [region for corners in blocks for region in keep_out(corners, POINTS)]
                cost = Cost(goal=last, state=self.weights, action=EFFORT)
                return Scene(first, cost, tuple(regions), tuple(blocks))
        raise CoptError(f"found no room for {self.obstacles} obstacles between start and goal; move one of them")

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return a block with the pusher near it."""
        return self._ends(rng, None, None)[0]

    def simulate(self, scene: Scene) -> Pushing:
        """Return the table at the start."""
        return Pushing(scene)

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether the keypoints are near their goals on average."""
        away = (state - goal)[:8].reshape(4, 2)
        return bool(np.hypot(*away.T).mean() <= NEAR)

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a move like the last one, or one towards some point of the block, or to its other side."""
        draw = rng.random(5).tolist()
        if draw[0] < 0.6 and last.any():
            fresh = last
        else:
            corner = 2 * int(4 * draw[1])
            aim = state[corner : corner + 2] + 1.5 * np.array([draw[2] - 0.5, draw[3] - 0.5])
            away = aim - state[8:]
            fresh = STROKE * (0.3 + 0.9 * draw[4]) / max(1e-9, float(np.hypot(*away))) * away
        noisy: FloatArray = fresh + 0.03 * rng.standard_normal(2)
        return np.minimum(np.maximum(noisy, -STROKE), STROKE)

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw the goal, the obstacles, the block and the pusher."""
        _draw_block(canvas, scene.goal, 0.22)
        for corners in scene.obstacles:
            canvas.polygons([corners], INK, alpha=0.75)
        _draw_block(canvas, state, 1.0)
        canvas.disc(state[8:], RADIUS, AMBER)

    def canvas(self) -> Canvas:
        """Return a picture of the whole table."""
        return table_canvas()

    def _ends(
        self, rng: np.random.Generator, start: FloatArray | None, goal: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return start and goal, drawn unless given."""
        inner = SIDES - 0.9
        place, angle = rng.uniform(-inner, inner), rng.uniform(-np.pi, np.pi)
        if start is not None:
            place, angle = pose(start[:8].reshape(4, 2))
        inside = np.clip(place, -inner, inner)
        target, turn = inside, rng.uniform(-1.0, 1.0)
        while not self.nearest <= np.hypot(*(target - inside)) <= self.nearest + 1.0:
            target = rng.uniform(-inner, inner)
        last = np.append(keypoints(target, angle + turn).ravel(), target) if goal is None else goal
        if start is not None:
            return start, last
        ahead = last[:8].reshape(4, 2).mean(axis=0) - place
        side = np.arctan2(ahead[1], ahead[0]) if self.around else rng.uniform(-np.pi, np.pi)
        points = keypoints(place, angle)
        return np.append(points.ravel(), _beside(rng, place, angle, side)), last


def _beside(rng: np.random.Generator, place: FloatArray, angle: float, side: float) -> FloatArray:
    """Return a place of the pusher next to a block, in about the direction ``side`` of it."""
    parts = _parts(place, angle)
    while True:
        way, far = side + rng.uniform(-0.4, 0.4), rng.uniform(0.3, 1.1)
        pusher = np.clip(place + far * np.array([np.cos(way), np.sin(way)]), RADIUS - SIDES, SIDES - RADIUS)
        if all(apart(corners, pusher[None], RADIUS + CLEAR) for corners in parts):
            return pusher


def _obstacles(rng: np.random.Generator, first: FloatArray, last: FloatArray, count: int) -> list[FloatArray]:
    """Return boxes and rounder obstacles, the first on the way from start to goal; fewer if there is no room."""
    shapes = [(first[None, 8:], RADIUS + BERTH + CLEAR)]  # what to be clear of, and by how much
    for state in (first, last):
        shapes += [((place @ state)[None], COVER + CLEAR) for place, _ in POINTS[:-1]]
    ends = first[:8].reshape(4, 2).mean(axis=0), last[:8].reshape(4, 2).mean(axis=0)
    found: list[FloatArray] = []
    for _ in range(TRIES * count):
        share = rng.uniform(0.3, 0.7)
        centre = (1 - share) * ends[0] + share * ends[1] + rng.normal(0.0, 0.1, 2)
        if found:
            centre = rng.uniform(-SIDES, SIDES)
        drawn = regular(centre, rng.uniform(0.15, 0.3), int(rng.choice([4, 6])), rng.uniform(0.0, np.pi / 2))
        if all(apart(drawn, shape, distance) for shape, distance in shapes):
            found.append(drawn)
            shapes.append((drawn, CLEAR))
            if len(found) == count:
                break
    return found


def _parts(place: FloatArray, angle: float) -> list[FloatArray]:
    """Return the corners of the parts of a block that lies somewhere."""
    c, s = math.cos(angle), math.sin(angle)
    return [place + corners @ np.array([[c, s], [-s, c]]) for corners in PARTS]


def _draw_block(canvas: Canvas, state: FloatArray, alpha: float) -> None:
    parts = _parts(*pose(state[:8].reshape(4, 2)))
    canvas.polygons(parts, TEAL, alpha=alpha, grown=0.005)  # so that no seam shows
