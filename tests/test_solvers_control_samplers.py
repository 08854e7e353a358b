"""What samplers draw, learn and find."""

from itertools import count

import numpy as np
import pytest
from control_rollout_cases import random_actions, random_problem

from copt.problems.base import FloatArray
from copt.problems.control import Plan, check, objective, toy
from copt.solvers.control.flat import flatten, rollout
from copt.solvers.control.sampler_kernels import Swarm, draw, explore, normal, soften
from copt.solvers.control.samplers import MPPI, Method, plan
from copt.solvers.control.swarm import coloured, swarm
from copt.solvers.randomness import random_state

METHODS: list[Method] = [MPPI()]


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
    assert room.known == pytest.approx([cost, violation, cost + flat.penalty * violation])
    assert np.array_equal(room.best, room.plans[block, :, :, lane])


def test_the_mean_is_softened_as_by_hand() -> None:
    flat, room = flatten(random_problem(5)), small_swarm()
    explore(flat, room, 0, 2)
    scores, plans = room.scores.ravel(), room.plans.transpose(1, 2, 0, 3).reshape(4, 2, -1)
    above = scores - scores.min()
    weights = np.exp(-above / (0.1 * above.mean()))
    expected = (plans * weights).sum(axis=2) / weights.sum()
    soften(room, 2, 0.1)
    assert room.mean == pytest.approx(expected, rel=1e-9)


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
