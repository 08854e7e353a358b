"""The cart-pole between two soft walls, linearised: an exactly piecewise-affine system with two contacts.

A pole stands on a cart and may lean on walls to its left and right; the benchmark of hybrid model predictive control of
Marcucci, Deits, Gabiccini, Bicchi and Tedrake (2017), with the closer walls and the weak force of Marcucci and Tedrake
(2021). Each wall is a spring without damping, so that its force is a ReLU of how deep the tip of the pole is in it.
"""

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.relu import ReluNet

__all__ = ["FORCE", "LIMITS", "STATES", "STEP", "TIP", "WALL", "balance", "cartpole_walls", "random_start"]

STATES = ("cart position", "pole angle", "cart velocity", "pole angular velocity")
CART_MASS = POLE_MASS = LENGTH = 1.0
GRAVITY = 10.0
STIFFNESS = 100.0  # of each wall
WALL = 0.5  # from the middle to each wall
STEP = 0.05  # seconds

LIMITS = np.array([WALL, np.pi / 8, 2.0, 4.0])  # of the absolute values of states
FORCE = 2.0  # of the absolute value of the action, the force on the cart
TIP = np.array([1.0, -LENGTH, 0.0, 0.0])  # times a state, the place of the tip: angles grow to the left

RANGE = np.array([0.5, 0.3, 1.5, 1.5])  # of the absolute values of random states
TRIALS, TRIAL_STEPS, CLOSE = 512, 60, 0.2


def cartpole_walls() -> ReluNet:
    """Return the next state by the state, as in ``STATES``, and the force on the cart.

    Velocities take a step first and positions follow with the new ones (semi-implicit Euler): with the explicit method
    of the source, walls would throw the tip back faster than it came.
    """
    gravity = GRAVITY / CART_MASS * np.array([[0.0, POLE_MASS], [0.0, (CART_MASS + POLE_MASS) / LENGTH]])
    force = np.array([[1.0], [1.0 / LENGTH]]) / CART_MASS
    walls = STIFFNESS / (POLE_MASS * LENGTH) * np.array([[0.0, 0.0], [1.0, -1.0]])  # the right one, the left one
    advance = STEP * np.vstack([STEP * np.eye(2), np.eye(2)])  # states by accelerations
    coasting = np.eye(4) + np.kron([[0.0, STEP], [0.0, 0.0]], np.eye(2))
    return ReluNet.residual(
        skip=np.hstack([coasting + advance @ np.hstack([gravity, np.zeros((2, 2))]), advance @ force]),
        shift=np.zeros(4),
        lift=advance @ walls,
        weights=np.outer([1.0, -1.0], np.append(TIP, 0.0)),
        biases=np.full(2, -WALL),
    )


def balance() -> FloatArray:
    """Return the gains of the linear-quadratic regulator that balances the pole away from walls, shape (1, 4)."""
    step = cartpole_walls().weights[-1]
    a, b = step[:, :4], step[:, 4:5]
    value = np.eye(4)
    for _ in range(400):  # the Riccati recursion, long after it stands still
        gains = np.linalg.solve(0.1 + b.T @ value @ b, b.T @ value @ a)
        value = np.eye(4) + a.T @ value @ (a - b @ gains)
    return np.asarray(gains)


def random_start(rng: np.random.Generator) -> FloatArray:
    """Return a state from which the regulator touches a wall and keeps all limits: control is possible."""
    net, gains = cartpole_walls(), balance()
    while True:
        states = starts = rng.uniform(-RANGE, RANGE, (TRIALS, 4))
        kept, touched = np.abs(starts @ TIP) <= WALL, np.zeros(TRIALS, dtype=bool)
        for _ in range(TRIAL_STEPS):
            forces = np.clip(-states @ gains.T, -FORCE, FORCE)
            states = net.forward(np.hstack([states, forces]))
            kept &= (np.abs(states) <= LIMITS).all(axis=1)
            touched |= np.abs(states @ TIP) > WALL
        good = kept & touched & (np.abs(states) <= CLOSE).all(axis=1)
        if good.any():
            return np.asarray(starts[good.argmax()])
