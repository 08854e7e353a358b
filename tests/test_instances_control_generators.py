"""Random control problems, and the physics behind the cart-pole."""

from typing import Any

import numpy as np
import pytest

from copt.errors import CoptError
from copt.instances.control import GENERATORS
from copt.instances.control_cartpole import FORCE, WALL, balance, cartpole_walls
from copt.instances.control_generators import cartpole, piecewise_affine
from copt.problems.base import FloatArray, same
from copt.problems.control import Plan, check, states_of
from copt.problems.control_cost import NORMS


def step(state: FloatArray, force: float) -> list[float]:
    """The cart-pole by Newton's law with all constants written out: masses and length 1, gravity 10, stiffness 100."""
    cart, angle, cart_velocity, angle_velocity = state
    tip = cart - angle
    wall = -100 * (tip - 0.5) if tip > 0.5 else 100 * (-0.5 - tip) if tip < -0.5 else 0.0
    # ((mc + mp) x'' - mp l a'' = force + wall) and (-mp l x'' + mp l^2 a'' = mp g l a - l wall)
    cart_acceleration, angle_acceleration = np.linalg.solve(
        [[2.0, -1.0], [-1.0, 1.0]], [force + wall, 10 * angle - wall]
    )
    cart_velocity += 0.05 * cart_acceleration
    angle_velocity += 0.05 * angle_acceleration
    return [cart + 0.05 * cart_velocity, angle + 0.05 * angle_velocity, cart_velocity, angle_velocity]


def test_the_cart_pole_obeys_newton() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 5)) * (0.6, 0.4, 2, 2, 3)
    net = cartpole_walls()
    tips = x[:, 0] - x[:, 1]
    assert ((tips < -WALL).sum() > 10, (tips > WALL).sum() > 10) == (True, True)
    assert net.forward(x) == pytest.approx(np.array([step(row[:4], row[4]) for row in x]), abs=1e-12)
    assert net.units == 2
    assert net.phases(x).tolist() == np.stack([tips > WALL, tips < -WALL], axis=1).astype(float).tolist()


@pytest.mark.parametrize("start", [[0.45, 0.0, 0.0, -1.0], [0.45, 0.05, 0.0, -2.0], [0.4, 0.0, 0.5, -1.0]])
def test_walls_neither_add_nor_take_energy(start: list[float]) -> None:
    """With the explicit method of Euler the energy would be four times as much after the contact."""
    net, mass = cartpole_walls(), np.array([[2.0, -1.0], [-1.0, 1.0]])
    x, energies, inside = np.array(start), [], []
    for _ in range(10):
        energies.append(x[2:] @ mass @ x[2:] / 2 - 10 * x[1] ** 2 / 2)
        inside.append(abs(x[0] - x[1]) > WALL)
        x = net.forward(np.append(x, 0.0)[None])[0]
    assert inside == [False] * 2 + [True] * 6 + [False] * 2
    assert energies[8] == pytest.approx(energies[0], rel=0.1)  # a method of first order: to within a step's share


def feedback(problem: Any) -> tuple[Plan, FloatArray]:
    """The plan of the regulator, and the places of the tip."""
    x, actions = problem.start, []
    for _ in range(problem.horizon):
        actions.append(np.clip(-balance() @ x, -FORCE, FORCE))
        x = problem.dynamics.forward(np.append(x, actions[-1])[None])[0]
    plan = Plan(np.array(actions))
    states = states_of(problem, plan)
    return plan, states[:, 0] - states[:, 1]


@pytest.mark.parametrize("seed", range(10))
def test_every_start_of_the_cart_pole_has_a_plan_that_touches_a_wall(seed: int) -> None:
    problem = cartpole(horizon=60, seed=seed)
    plan, tips = feedback(problem)
    assert check(problem, plan) == []
    assert np.abs(tips).max() > WALL
    assert abs(problem.start[0] - problem.start[1]) <= WALL


def test_goals_of_random_systems_are_reached_by_some_plan() -> None:
    problem = piecewise_affine(states=3, actions=2, units=5, horizon=4, seed=1)
    rng = np.random.default_rng(1)
    rng.normal(size=(3, 5)), rng.normal(size=(5, 5)), rng.normal(size=(3, 5)), rng.normal(size=5), rng.uniform(size=3)
    plan = Plan(rng.uniform(-1, 1, (4, 2)))
    assert states_of(problem, plan)[-1] == pytest.approx(problem.cost.goal)
    assert (problem.dimensions, problem.dynamics.units) == ("3x2x4", 5)


def test_random_systems_bring_states_together() -> None:
    problem = piecewise_affine(states=4, actions=1, units=30, seed=5)
    rng = np.random.default_rng(0)
    left, right, u = rng.normal(size=(500, 4)), rng.normal(size=(500, 4)), rng.uniform(-1, 1, (500, 1))
    ends = [problem.dynamics.forward(np.hstack([x, u])) for x in (left, right)]
    ratio = np.linalg.norm(ends[0] - ends[1], axis=1) / np.linalg.norm(left - right, axis=1)
    assert ratio.max() <= 0.95
    assert 0.05 < problem.dynamics.phases(np.hstack([left, u])).mean() < 0.95  # units of both phases


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("norm", NORMS)
def test_one_seed_one_instance(kind: str, norm: str) -> None:
    make = GENERATORS[kind]
    assert same(make(seed=7, norm=norm), make(seed=7, norm=norm))
    assert not same(make(seed=7, norm=norm).start, make(seed=8, norm=norm).start)
    assert make(seed=7, norm=norm).cost.norm == norm
    assert len({make(seed=seed, norm=n).name for seed in (7, 8) for n in NORMS}) == 6


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("cartpole-walls", {"horizon": 0}, "horizon must be from 1 to 1000, got 0"),
        ("cartpole-walls", {"seed": -1}, "seed must be at least 0, got -1"),
        ("cartpole-walls", {"norm": "l3"}, "norm must be one of l1, linf, quadratic, got 'l3'"),
        ("piecewise-affine", {"units": 2000}, "units must be from 1 to 1000, got 2000"),
        ("piecewise-affine", {"states": 0}, "states must be from 1 to 1000, got 0"),
    ],
)
def test_arguments_out_of_range_are_named(kind: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CoptError, match=message):
        GENERATORS[kind](**arguments)
