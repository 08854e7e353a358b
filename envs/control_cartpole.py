"""Gymnasium's cart-pole with a continuous force, and a place for the cart to be brought to."""

from dataclasses import dataclass
from math import cos, sin

import numpy as np

from copt.envs.control_canvas import INK, RULE, Canvas
from copt.envs.control_cartpole_walls import draw_cartpole
from copt.envs.control_task import Scene, Stepped, ramble
from copt.problems.base import FloatArray
from copt.problems.control_cost import Cost

__all__ = ["CartPole"]

CART_MASS, POLE_MASS, GRAVITY = 1.0, 0.1, 9.8
HALF = 0.5  # of the pole's length
FORCE = 10.0
STEP = 0.02  # seconds
LIMITS = np.array([2.4, np.inf, np.radians(12.0), np.inf])
SPEED = 2.0  # greatest speeds that are learned from
NEAR = np.array([0.05, 0.1, 0.02, 0.1])  # from the goal
WEIGHTS = np.array([1.0, 0.1, 1.0, 0.1])
LAST = np.array([10.0, 5.0, 20.0, 5.0])  # of the last state of a plan
EFFORT = np.array([0.001])
GROUND = -0.9  # height in the picture


@dataclass(frozen=True)
class CartPole:
    """Bring a cart to a place without the pole on it falling (Barto, Sutton and Anderson 1983).

    The state is Gymnasium's: position and velocity of the cart, angle and angular velocity of the pole. An action is
    the force on the cart, of which Gymnasium's ``CartPole-v1`` knows two.
    """

    name: str = "cartpole"
    steps: int = 250

    @property
    def reach(self) -> FloatArray:
        """Greatest force."""
        return np.array([FORCE])

    @property
    def limits(self) -> FloatArray:
        """Greatest positions and angles."""
        return LIMITS

    @property
    def fatal(self) -> FloatArray:
        """The limits: the pole has fallen, or the cart has left its track."""
        return LIMITS

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return a start that is nearly at rest, somewhere, with a place to go to."""
        here, there, little = rng.uniform(-1.5, 1.5), rng.uniform(-1.5, 1.5), rng.uniform(-0.05, 0.05, 4)
        first = np.array([here, 0.0, 0.0, 0.0]) + little if start is None else start
        aim = np.array([there, 0.0, 0.0, 0.0]) if goal is None else goal
        return Scene(first, Cost(goal=aim, state=WEIGHTS, action=EFFORT, terminal=LAST))

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return a state in which the pole stands."""
        return rng.uniform(-1.0, 1.0, 4) * np.where(np.isfinite(LIMITS), LIMITS, SPEED)

    def simulate(self, scene: Scene) -> Stepped:
        """Return the cart-pole at the start."""
        return Stepped(advance, scene.start)

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether the cart is at its place, and all but at rest."""
        return bool((np.abs(state - goal) <= NEAR).all())

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a force that keeps for a while."""
        return ramble(last, self.reach, rng)

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw the track, the cart, and its place."""
        track = LIMITS[0]
        canvas.path(np.array([[-track, GROUND], [track, GROUND]]), 0.015, RULE)
        for end in (-track, track):
            canvas.path(np.array([[end, GROUND - 0.08], [end, GROUND + 0.08]]), 0.03, INK)
        for place, alpha in ((scene.goal, 0.22), (state, 1.0)):
            draw_cartpole(canvas, (place[0], GROUND), -place[2], alpha=alpha, size=1.4)

    def canvas(self) -> Canvas:
        """Return a picture of the whole track."""
        return Canvas(scale=120.0)


def advance(state: FloatArray, action: FloatArray) -> FloatArray:
    """Return the next state: one step of Euler's method, as in Gymnasium (Florian 2007)."""
    x, speed, angle, turn = state.tolist()
    whole, leverage = CART_MASS + POLE_MASS, POLE_MASS * HALF
    push = (float(action[0]) + leverage * turn * turn * sin(angle)) / whole
    bend = (GRAVITY * sin(angle) - cos(angle) * push) / (HALF * (4.0 / 3.0 - POLE_MASS * cos(angle) ** 2 / whole))
    pull = push - leverage * bend * cos(angle) / whole
    return np.array([x + STEP * speed, speed + STEP * pull, angle + STEP * turn, turn + STEP * bend])
