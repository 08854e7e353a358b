"""Random control problems with every kind of limit and cost, and slow twins of what kernels compute."""

import numpy as np
from relu_cases import random_mlp

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut, Plan, objective, states_of
from copt.problems.control_cost import Cost, Norm
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet

NARROW = (np.full(9, RELU), np.array([IDENTITY, RELU, ZERO, IDENTITY, IDENTITY]), np.full(9, RELU))  # kinds of units


def on_a_line(
    dynamics: ReluNet,
    *,
    start: float = 0.0,
    goal: float = 0.0,
    reach: float = 1.0,
    horizon: int = 1,
    keep_out: tuple[KeepOut, ...] = (),
) -> ControlProblem:
    """A state that is to come to a goal, by actions that go so far either way."""
    return ControlProblem(
        dynamics=dynamics,
        start=np.full(1, start),
        horizon=horizon,
        cost=Cost(goal=np.full(1, goal), state=np.ones(1)),
        u_lower=np.full(1, -reach),
        u_upper=np.full(1, reach),
        keep_out=keep_out,
    )


def random_problem(
    seed: int,
    *,
    norm: Norm = "l1",
    hidden: tuple[int, ...] = (5, 3),
    states: int = 3,
    actions: int = 2,
    horizon: int = 4,
    limited: bool = True,
    regions: int = 2,
    terminal: bool = True,
    narrow: bool = False,
) -> ControlProblem:
    """Random dynamics and costs; limits and regions cut into what random plans reach.

    Where dynamics are narrow, hidden layers follow that would have more weights without units that hand on values.
    """
    rng = np.random.default_rng(seed)
    more = NARROW if narrow else ()
    kinds = [*(np.full(units, RELU) for units in hidden), *more]
    net = random_mlp([states + actions, *map(len, kinds), states], seed, kinds=kinds, scale=0.5)
    return ControlProblem(
        dynamics=net,
        start=rng.normal(size=states),
        horizon=horizon,
        cost=Cost(
            goal=rng.normal(size=states),
            state=rng.normal(size=(states + 1, states)),
            action=rng.normal(size=(3, actions)) if terminal else None,
            terminal=rng.normal(size=(2, states)) if terminal else None,
            norm=norm,
        ),
        u_lower=-np.ones(actions),
        u_upper=np.ones(actions),
        x_lower=np.where(np.arange(states) == 0, -0.5, -np.inf) if limited else None,
        x_upper=np.where(np.arange(states) == 1, 0.5, np.inf) if limited else None,
        keep_out=tuple(KeepOut(rng.normal(size=(3, states)), rng.uniform(0.2, 2.0, 3)) for _ in range(regions)),
    )


def random_actions(problem: ControlProblem, seed: int) -> FloatArray:
    """Actions drawn evenly from the box, shape (horizon, actions)."""
    shape = (problem.horizon, problem.num_actions)
    return np.random.default_rng(seed).uniform(problem.u_lower, problem.u_upper, shape)


def broken(problem: ControlProblem, actions: FloatArray, tolerance: float) -> float:
    """By how much the states of a plan break limits and regions in total; what is within the tolerance is free."""
    states = states_of(problem, Plan(actions))
    assert problem.x_lower is not None
    assert problem.x_upper is not None
    total = 0.0
    for x in states:
        for value, low, high in zip(x, problem.x_lower, problem.x_upper, strict=True):
            total += max(low - tolerance * max(1.0, abs(low)) - value, 0.0)
            total += max(value - high - tolerance * max(1.0, abs(high)), 0.0)
        for region in problem.keep_out:
            scale = max(1.0, max(abs(region.limits)))
            total += max(min(region.limits - region.rows @ x) - tolerance * scale, 0.0)
    return total


def penalised(problem: ControlProblem, actions: FloatArray, penalty: float, tolerance: float) -> float:
    """Cost plus penalty."""
    return objective(problem, Plan(actions)) + penalty * broken(problem, actions, tolerance)
