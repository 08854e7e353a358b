"""The cart-pole between soft walls as a task of control: catch the pole, with the help of the walls or without."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from copt.envs.control_canvas import AMBER, BLUE, INK, RULE, TEAL, Canvas
from copt.envs.control_task import Scene, Stepped, ramble
from copt.instances.control_cartpole import FORCE, LENGTH, LIMITS, TIP, WALL, cartpole_walls, random_start
from copt.problems.base import FloatArray
from copt.problems.control_cost import Cost
from copt.problems.relu import ReluNet

__all__ = ["CartPoleWalls", "draw_cartpole"]

WEIGHTS = np.array([1.0, 1.0, 0.1, 0.1])
LAST = 10.0 * WEIGHTS  # of the last state of a plan
EFFORT = np.array([0.01])
NEAR = np.array([0.05, 0.05, 0.1, 0.1])  # from the goal
GROUND = -0.55  # heights in the picture
CART = np.array([[-0.12, -0.07], [0.12, -0.07], [0.12, 0.07], [-0.12, 0.07]])


@dataclass(frozen=True)
class CartPoleWalls:
    """A pole on a cart between two walls that give way like springs: bring it upright and to rest.

    The state is ``copt.instances.control_cartpole.STATES``, the action is the force on the cart.
    """

    name: str = "cartpole-walls"
    steps: int = 100

    @property
    def reach(self) -> FloatArray:
        """Greatest force."""
        return np.array([FORCE])

    @property
    def limits(self) -> FloatArray:
        """Greatest states that plans may lead through."""
        return LIMITS

    @property
    def fatal(self) -> FloatArray:
        """Twice the limits: the linearised pole falls without end."""
        return 2.0 * LIMITS

    @cached_property
    def exact(self) -> ReluNet:
        """The dynamics, which are a network of one unit a wall."""
        return cartpole_walls()

    def scene(self, rng: np.random.Generator, start: FloatArray | None = None, goal: FloatArray | None = None) -> Scene:
        """Return a start from which the pole can be caught; the goal is at rest in the middle."""
        aim = np.zeros(4) if goal is None else goal
        cost = Cost(goal=aim, state=WEIGHTS, action=EFFORT, terminal=LAST)
        return Scene(random_start(rng) if start is None else start, cost)

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        """Return a state within the limits."""
        return rng.uniform(-LIMITS, LIMITS)

    def simulate(self, scene: Scene) -> Stepped:
        """Return the cart-pole at the start."""
        return Stepped(self._advance, scene.start)

    def reached(self, state: FloatArray, goal: FloatArray) -> bool:
        """Return whether the pole is upright and all but at rest."""
        return bool((np.abs(state - goal) <= NEAR).all())

    def explore(self, scene: Scene, state: FloatArray, last: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a force that keeps for a while."""
        return ramble(last, self.reach, rng)

    def draw(self, canvas: Canvas, state: FloatArray, scene: Scene) -> None:
        """Draw the walls, pressed in by the pole, the cart, and the goal behind it."""
        tip = float(TIP @ state)
        for side in (-1.0, 1.0):
            face = side * WALL + side * max(0.0, side * tip - WALL)
            _spring(canvas, face, side)
        canvas.path(np.array([[-1.4, GROUND - 0.1], [1.4, GROUND - 0.1]]), 0.012, RULE)
        draw_cartpole(canvas, (scene.goal[0], GROUND), scene.goal[1], alpha=0.22)
        draw_cartpole(canvas, (state[0], GROUND), state[1])

    def canvas(self) -> Canvas:
        """Return a picture of two and a half metres across."""
        return Canvas(scale=240.0)

    def _advance(self, state: FloatArray, action: FloatArray) -> FloatArray:
        return np.asarray(self.exact.forward(np.concatenate([state, action])[None])[0])


def draw_cartpole(
    canvas: Canvas, foot: tuple[float, float], angle: float, *, alpha: float = 1.0, size: float = 1.0
) -> None:
    """Draw a cart with a pole of length ``size`` whose angle grows to the left."""
    low = np.array(foot)
    top = low + size * np.array([-np.sin(angle), np.cos(angle)])
    canvas.polygons([low + size * CART], BLUE, alpha=alpha, grown=0.01)
    canvas.path(np.array([low, top]), 0.045 * size, AMBER, alpha=alpha)
    canvas.disc(low, 0.028 * size, INK, alpha=alpha)
    canvas.disc(top, 0.05 * size, AMBER, alpha=alpha)


def _spring(canvas: Canvas, face: float, side: float) -> None:
    """Draw a wall whose face is at ``face``, on a coil that ends at the edge of the picture."""
    height, end = GROUND + LENGTH, side * 1.3
    turns = np.linspace(face + side * 0.05, end, 13)
    coil = np.column_stack([turns, height + 0.06 * np.array([0.0, *([1.0, -1.0] * 5), 1.0, 0.0])])
    canvas.path(coil, 0.012, INK, alpha=0.6)
    plate = np.array([[0.0, -0.3], [0.05, -0.3], [0.05, 0.3], [0.0, 0.3]]) * [side, 1.0] + [face, height]
    canvas.polygons([plate if side > 0 else plate[::-1]], TEAL)
