"""What samplers draw, learn and find."""

from itertools import count

import numpy as np
import pytest
from control_rollout_cases import random_actions, random_problem

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, Plan, check, objective, toy
from copt.solvers.control.descent_kernels import descend
from copt.solvers.control.flat import flatten, gradient, rollout
from copt.solvers.control.sampler_kernels import Swarm, draw, explore, fit, normal, select, soften
from copt.solvers.control.samplers import ICEM, MPPI, GradientDescent, Method, plan
from copt.solvers.control.swarm import coloured, descent, elite, swarm
from copt.solvers.randomness import random_state

METHODS: list[Method] = [MPPI(), ICEM(), GradientDescent()]


def small_swarm(seed: int = 0, samples: int = 128) -> Swarm:
    flat = flatten(random_problem(5))
    room = swarm(flat, samples, 1.0, random_state(seed))
    room.mean[:] = random_actions(random_problem(5), 1)
    room.spread[:] = 0.7
    return room


def ticks(step: float) -> "count[float]":
    """Seconds that pass by ``step`` at every look."""
    return count(0.0, step)


def test_noise_has_mean_zero_and_variance_one() -> None:
    random = random_state(1)
    values = np.array([normal(random) for _ in range(40_000)])
    assert abs(values.mean()) < 0.02 and abs(values.var() - 1.0) < 0.03  # four standard errors
    assert abs((values**4).mean() - 2.7) < 0.12  # the fourth moment of four uniform numbers; 3 for normal ones
    assert abs(values).max() < 2.0 * np.sqrt(3.0) + 1e-6


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0])
def test_coloured_noise_has_variance_one_and_is_smoother_the_greater_the_exponent(exponent: float) -> None:
    factor = coloured(12, exponent)
    covariance = factor @ factor.T
    assert np.diag(covariance) == pytest.approx(np.ones(12), abs=1e-6)
    assert np.allclose(np.triu(factor, 1), 0.0)
    if exponent == 0.0:
        assert covariance == pytest.approx(np.eye(12), abs=1e-6)
    else:
        assert covariance[0, 1] > (coloured(12, exponent - 1.0) @ coloured(12, exponent - 1.0).T)[0, 1]


def test_plans_are_drawn_as_the_swarm_says() -> None:
    flat, room = flatten(random_problem(5)), small_swarm()
    draw(flat, room, room.plans[0])
    random = random_state(0)
    white = np.array([normal(random) for _ in range(room.plans[0].size)]).reshape(room.plans[0].shape)
    noise = np.einsum("ts,sai->tai", room.colour, white)
    expected = np.clip(room.mean[:, :, None] + room.spread[:, :, None] * noise, -1.0, 1.0)
    assert room.plans[0] == pytest.approx(expected, abs=1e-12)


def test_plans_are_judged_and_the_best_is_noted() -> None:
    flat, room = flatten(random_problem(5)), small_swarm()
    explore(flat, room, 0, 2)
    assert np.array_equal(room.plans[0, :, :, 0], room.mean)
    judged = [
        (*rollout(flat, room.plans[b, :, :, i])[:2], (b, i)) for b in range(2) for i in range(room.plans.shape[3])
    ]
    for cost, violation, place in judged:
        assert room.costs[place] == pytest.approx(cost, rel=1e-12)
        assert room.scores[place] == pytest.approx(cost + flat.penalty * violation, rel=1e-12)
    cost, violation, (block, lane) = min(judged, key=lambda x: (x[1] > 0, x[0] + flat.penalty * x[1]))
    assert room.record.known == pytest.approx([cost, violation, cost + flat.penalty * violation])
    assert np.array_equal(room.record.actions, room.plans[block, :, :, lane])


def test_the_mean_is_softened_as_by_hand() -> None:
    flat, room = flatten(random_problem(5)), small_swarm()
    explore(flat, room, 0, 2)
    scores, plans = room.scores.ravel(), room.plans.transpose(1, 2, 0, 3).reshape(4, 2, -1)
    above = scores - scores.min()
    weights = np.exp(-above / (0.1 * above.mean()))
    expected = (plans * weights).sum(axis=2) / weights.sum()
    soften(room, 2, 0.1)
    assert room.mean == pytest.approx(expected, rel=1e-9)


def test_elites_are_the_best_plans_and_the_swarm_is_fitted_to_them() -> None:
    flat, room = flatten(random_problem(5)), small_swarm()
    best = elite(flat, 5)
    known: list[tuple[float, FloatArray]] = []
    for kept in (0, 2):
        explore(flat, room, 0, 2)
        select(room, 2, best, kept)
        known = sorted(known, key=lambda x: x[0])[:kept]
        known += [(float(room.scores[b, i]), room.plans[b, :, :, i].copy()) for b, i in np.ndindex(*room.scores.shape)]
    expected = sorted(known, key=lambda x: x[0])[:5]
    assert best.scores.tolist() == [score for score, _ in expected]
    assert np.array_equal(best.plans, [actions for _, actions in expected])
    mean, spread = room.mean.copy(), room.spread.copy()
    fit(room, best, 0.25)
    assert room.mean == pytest.approx(0.25 * mean + 0.75 * best.plans.mean(axis=0))
    assert room.spread == pytest.approx(0.25 * spread + 0.75 * best.plans.std(axis=0))


def test_fewer_plans_than_elites_leave_the_rest_empty() -> None:
    flat, room = flatten(random_problem(5)), small_swarm(samples=1)
    best = elite(flat, 100)
    explore(flat, room, 0, 1)
    select(room, 1, best, 0)
    fit(room, best, 0.0)
    assert np.isinf(best.scores[64:]).all() and np.isfinite(best.scores[:64]).all()
    assert room.mean == pytest.approx(best.plans[:64].mean(axis=0))


def test_descent_takes_the_steps_of_adam_and_remembers_the_best() -> None:
    problem = random_problem(11)
    flat = flatten(problem)
    room = descent(flat)
    for i in range(room.costs.size):
        room.plans[:, :, i] = random_actions(problem, i)
    expected = [_adam(problem, room.plans[:, :, i].copy(), 12, 0.3) for i in range(3)]
    descend(flat, room, 0, 5, 12, 0.3)
    descend(flat, room, 5, 12, 12, 0.3)
    for i, (actions, (cost, violation, score, top)) in enumerate(expected):
        assert room.plans[:, :, i] == pytest.approx(actions, abs=1e-9)
        assert room.known[:, i] == pytest.approx([cost, violation, score], rel=1e-9)
        assert room.tops[:, :, i] == pytest.approx(top, abs=1e-9)
    first = min(range(room.costs.size), key=lambda i: (room.known[1, i] > 0, room.known[2, i]))
    assert np.array_equal(room.record.known, room.known[:, first])


def _adam(
    problem: ControlProblem, actions: FloatArray, steps: int, length: float
) -> tuple[FloatArray, tuple[float, float, float, FloatArray]]:
    """Where Adam ends, and the best plan on the way."""
    flat = flatten(problem)
    half = (problem.u_upper - problem.u_lower) / 2
    first, second = np.zeros_like(actions), np.zeros_like(actions)
    seen = []
    for step in range(steps):
        cost, violation, _ = rollout(flat, actions)
        seen.append((cost, violation, cost + flat.penalty * violation, actions.copy()))
        slope = gradient(flat, actions)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        mean, square = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.99 ** (step + 1))
        actions = actions - length * (1 - step / steps) * half * mean / (np.sqrt(square) + 1e-12)
        actions = np.clip(actions, problem.u_lower, problem.u_upper)
    return actions, min(seen, key=lambda x: (x[1] > 0, x[2]))


@pytest.mark.parametrize("method", METHODS)
def test_the_toys_optimum_is_found(method: Method) -> None:
    best = plan(flatten(toy()), method, seconds=40.0, clock=ticks(0.1).__next__)[0]
    assert best.cost == pytest.approx(3.0, abs=0.05)
    assert best.cost == pytest.approx(objective(toy(), Plan(best.actions)), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_samplers_are_never_worse_than_the_plan_they_begin_with(method: Method, seed: int) -> None:
    problem = random_problem(seed)
    flat, mean = flatten(problem), random_actions(problem, seed)
    cost, violation, _ = rollout(flat, mean)
    best = plan(flat, method, seconds=2.0, means=[mean], seed=seed, clock=ticks(0.1).__next__)[0]
    assert (best.violation > 0.0) == (check(problem, Plan(best.actions)) != [])
    assert best.violation == 0.0 or violation > 0.0
    assert best.cost + flat.penalty * best.violation <= cost + flat.penalty * violation + 1e-9
    assert np.all(best.actions >= problem.u_lower) and np.all(best.actions <= problem.u_upper)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_finds_the_same_plan(method: Method) -> None:
    flat = flatten(random_problem(3))

    def run(seed: int) -> FloatArray:
        return plan(flat, method, seconds=2.0, seed=seed, clock=ticks(0.1).__next__)[0].actions

    assert np.array_equal(run(4), run(4))
    assert not np.array_equal(run(4), run(5))


@pytest.mark.parametrize("method", METHODS)
def test_a_sampler_stops_when_the_time_is_up(method: Method) -> None:
    looks: list[float] = []

    def clock() -> float:
        looks.append(0.1 * len(looks))
        return looks[-1]

    plan(flatten(random_problem(3)), method, seconds=1.0, clock=clock)
    assert 1.0 <= looks[-1] < 1.35  # it looks at most three times more
