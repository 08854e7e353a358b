"""An arm of two links in the plane that reaches for points."""

from dataclasses import dataclass
from math import atan2, cos, hypot, sin

import numpy as np

from copt.envs.control_canvas import AMBER, BLUE, INK, TEAL, Canvas
from copt.envs.control_task import Scene, Stepped, ramble
from copt.problems.base import FloatArray
from copt.problems.control_cost import Cost

__all__ = ["Reacher", "angles", "posture"]

TORQUE = 1.0
STEP, SUBSTEPS = 0.1, 4  # seconds of a step; steps of Runge and Kutta in it
DAMPING = 0.5  # torque per speed of each joint
SPEED = 3.0  # greatest speeds that plans may lead through
FASTEST = 10.0  # speeds above which an episode is lost
NEAR, SLOW = 0.1, 0.3  # distance of the tip from its goal, speeds of joints
WEIGHTS = np.array([0.0, 0.0, 1.0, 1.0, 0.05, 0.05])
LAST = np.array([0.0, 0.0, 5.0, 5.0, 1.0, 1.0])  # of the last state of a plan
EFFORT = np.array([0.01, 0.01])


@dataclass(frozen=True)
class Reacher:
    """Bring the tip of an arm to a point and to rest there; without gravity, as in Gymnasium's ``Reacher``.

    Links are uniform rods of length and mass 1. States are where the elbow is, where the tip is, x before y, and the
    speeds of both joints; actions are their torques. In angles, the distance to the goal would not be convex.

    Args:
        damping: Torque that slows a joint, per speed.
    """

    damping: float = DAMPING
    name: str = "reacher"
    steps: int = 60

    @property
    def reach(self) -> FloatArray:
        """Greatest torques."""
        return np.full(2, TORQUE)

    @property
    def limits(self) -> FloatArray:
        """Greatest speeds."""
        return np.array([np.inf] * 4 + [SPEED] * 2)

    @property
    def fatal(self) -> FloatArray:
        """Speeds that the joints do not reach."""
        return np.array([np.inf] * 4 + [FASTEST] * 2)

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return an arm at rest, and a point that it can reach."""
        first, aim = (
            posture(*rng.uniform(-np.pi, np.pi, 2)),
            posture(rng.uniform(-np.pi, np.pi), rng.uniform(-2.5, 2.5)),
        )
        cost = Cost(goal=aim if goal is None else goal, state=WEIGHTS, action=EFFORT, terminal=LAST)
        return Scene(first if start is None else start, cost)

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return an arm in motion."""
        return posture(*rng.uniform(-np.pi, np.pi, 2), *rng.uniform(-SPEED, SPEED, 2))

    def simulate(self, scene: Scene) -> Stepped:
        """Return the arm at the start."""
        return Stepped(self._advance, scene.start)

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether the tip is at its point, and all but at rest."""
        return hypot(*(state - goal)[2:4]) <= NEAR and bool((np.abs(state[4:]) <= SLOW).all())

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return torques that keep for a while."""
        return ramble(last, self.reach, rng)

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw the arm, and the point as a ring."""
        joints = np.vstack([np.zeros(2), state[:2], state[2:4]])
        canvas.disc(scene.goal[2:4], NEAR, TEAL, alpha=0.3)
        canvas.disc(scene.goal[2:4], NEAR, TEAL, line=0.025)
        canvas.path(joints[:2], 0.16, BLUE)
        canvas.path(joints[1:], 0.12, BLUE, alpha=0.85)
        for joint in joints[:2]:
            canvas.disc(joint, 0.05, INK)
        canvas.disc(joints[2], 0.08, AMBER)

    def canvas(self) -> Canvas:
        """Return a picture of all that the arm can reach."""
        return Canvas(scale=80.0)

    def _advance(self, state: FloatArray, action: FloatArray) -> FloatArray:
        """Return the next state by the method of Runge and Kutta."""
        step, y = STEP / SUBSTEPS, np.array([*angles(state), state[4], state[5]])
        for _ in range(SUBSTEPS):
            a = self._slope(y, action)
            b = self._slope(y + 0.5 * step * a, action)
            c = self._slope(y + 0.5 * step * b, action)
            d = self._slope(y + step * c, action)
            y = y + step / 6.0 * (a + 2.0 * b + 2.0 * c + d)
        return posture(*y.tolist())

    def _slope(self, y: FloatArray, torque: FloatArray) -> FloatArray:
        """Return speeds and accelerations of the joints (Spong, Hutchinson and Vidyasagar 2005, section 7.3)."""
        _, bend, first, second = y.tolist()
        c, s = 0.5 * cos(bend), 0.5 * sin(bend)
        m11, m12, m22 = 5.0 / 3.0 + 2.0 * c, 1.0 / 3.0 + c, 1.0 / 3.0
        p = float(torque[0]) - self.damping * first + s * second * (2.0 * first + second)
        q = float(torque[1]) - self.damping * second - s * first * first
        whole = m11 * m22 - m12 * m12
        return np.array([first, second, (m22 * p - m12 * q) / whole, (m11 * q - m12 * p) / whole])


def posture(shoulder: float, bend: float, first: float = 0.0, second: float = 0.0) -> FloatArray:
    """Return the state of the arm with joints at some angles, that of the elbow from the upper arm on, and speeds."""
    x, y = cos(shoulder), sin(shoulder)
    return np.array([x, y, x + cos(shoulder + bend), y + sin(shoulder + bend), first, second])


def angles(state: FloatArray) -> tuple[float, float]:
    """Return the angles of both joints, the second from -pi to pi."""
    x, y, a, b = state[:4].tolist()
    u, v = a - x, b - y
    return atan2(y, x), atan2(x * v - y * u, x * u + y * v)
