"""Random control problems. One seed, one instance."""

from collections.abc import Callable

import numpy as np

from copt.errors import CoptError
from copt.instances.control_cartpole import FORCE, LIMITS, cartpole_walls, random_start
from copt.problems.control import ControlProblem
from copt.problems.control_cost import Cost, Norm
from copt.problems.relu import ReluNet

__all__ = ["GENERATORS", "cartpole", "piecewise_affine"]

LARGEST = 1_000
GROWTH, LINEAR = 0.95, 0.5  # by which a step may stretch differences of states, all in all and its linear part


def _generator(seed: int, **counts: int) -> np.random.Generator:
    if seed < 0:
        raise CoptError(f"seed must be at least 0, got {seed}")
    for name, count in counts.items():
        if not 1 <= count <= LARGEST:
            raise CoptError(f"{name} must be from 1 to {LARGEST}, got {count}")
    return np.random.default_rng(seed)


def cartpole(*, horizon: int = 20, seed: int = 0, norm: Norm = "l1") -> ControlProblem:
    """Return the task of bringing the cart-pole between soft walls upright to the middle, from a random start.

    Starts are such that a plan within all limits exists for up to 60 steps.

    Args:
        horizon: Number of steps of 0.05 seconds.
        seed: Seed of every random choice.
        norm: Norm of the cost: l1, linf or quadratic.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _generator(seed, horizon=horizon)
    return ControlProblem(
        dynamics=cartpole_walls(),
        start=random_start(rng),
        horizon=horizon,
        cost=Cost(
            goal=np.zeros(4),
            state=np.array([1.0, 1.0, 0.1, 0.1]),
            action=np.array([0.01]),
            terminal=np.array([10.0, 10.0, 1.0, 1.0]),
            norm=norm,
        ),
        u_lower=np.array([-FORCE]),
        u_upper=np.array([FORCE]),
        x_lower=-LIMITS,
        x_upper=LIMITS,
        name=f"cartpole-walls-{horizon}{'' if norm == 'l1' else f'-{norm}'}-{seed}",
    )


def piecewise_affine(
    *, states: int = 2, actions: int = 1, units: int = 8, horizon: int = 5, seed: int = 0, norm: Norm = "l1"
) -> ControlProblem:
    """Return a random contracting system with one layer of ReLUs, to be brought where random actions lead it.

    Args:
        states: Number of states.
        actions: Number of actions, each from -1 to 1.
        units: Number of ReLUs.
        horizon: Number of steps.
        seed: Seed of every random choice.
        norm: Norm of the cost: l1, linf or quadratic.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _generator(seed, states=states, actions=actions, units=units, horizon=horizon)
    skip, weights = rng.normal(size=(states, states + actions)), rng.normal(size=(units, states + actions))
    lift = rng.normal(size=(states, units))
    own, through = np.linalg.norm(skip[:, :states], 2), np.linalg.norm(lift, 2) * np.linalg.norm(weights[:, :states], 2)
    skip[:, :states] *= LINEAR / own
    dynamics = ReluNet.residual(
        skip=skip,
        shift=np.zeros(states),
        lift=(GROWTH - LINEAR) / through * lift,
        weights=weights,
        biases=0.5 * rng.normal(size=units),
    )
    start = x = rng.uniform(-1.0, 1.0, states)
    for u in rng.uniform(-1.0, 1.0, (horizon, actions)):
        x = dynamics.forward(np.concatenate([x, u])[None])[0]
    size = "x".join(map(str, (states, actions, units, horizon)))
    return ControlProblem(
        dynamics=dynamics,
        start=start,
        horizon=horizon,
        cost=Cost(goal=x, state=np.ones(states), action=np.full(actions, 0.01), norm=norm),
        u_lower=np.full(actions, -1.0),
        u_upper=np.full(actions, 1.0),
        name=f"piecewise-affine-{size}{'' if norm == 'l1' else f'-{norm}'}-{seed}",
    )


GENERATORS: dict[str, Callable[..., ControlProblem]] = {
    "cartpole-walls": cartpole,
    "piecewise-affine": piecewise_affine,
}
