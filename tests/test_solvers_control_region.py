"""Programs over regions, and walks between them."""

import dataclasses
import time
from itertools import count

import control_cases
import numpy as np
import pytest
from control_rollout_cases import on_a_line, random_actions, random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut, Plan, check, objective, states_of
from copt.problems.control_cost import NORMS, Cost, Norm
from copt.problems.relu import ReluNet
from copt.solvers.control.flat import flatten, rollout
from copt.solvers.control.region import Walker
from copt.solvers.control.swarm import Deadline, Found


def judged(problem: ControlProblem, actions: FloatArray) -> Found:
    cost, violation, _ = rollout(flatten(problem), actions)
    return Found(cost, violation, actions)


def walked(problem: ControlProblem, actions: FloatArray) -> Found:
    return Walker(flatten(problem)).walk(judged(problem, actions), Deadline(time.process_time, np.inf))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(NORMS), st.integers(1, 4), st.booleans(), st.booleans())
def test_a_walk_is_never_worse_than_its_start(seed: int, norm: Norm, horizon: int, limited: bool, narrow: bool) -> None:
    problem = random_problem(seed, norm=norm, horizon=horizon, limited=limited, narrow=narrow)
    flat, start = flatten(problem), judged(problem, random_actions(problem, seed))
    found = walked(problem, start.actions)
    assert found.cost + flat.penalty * found.violation <= start.cost + flat.penalty * start.violation
    assert found.cost == pytest.approx(objective(problem, Plan(found.actions)), rel=1e-9)
    assert (found.violation == 0.0) == (check(problem, Plan(found.actions)) == [])
    assert np.all(found.actions >= problem.u_lower) and np.all(found.actions <= problem.u_upper)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(NORMS), st.booleans(), st.booleans())
def test_no_plan_of_the_region_is_better_than_its_program(seed: int, norm: Norm, limited: bool, narrow: bool) -> None:
    problem = random_problem(seed, norm=norm, limited=limited, regions=1, narrow=narrow)
    flat, actions, rng = flatten(problem), random_actions(problem, seed), np.random.default_rng(seed)
    walker = Walker(flat)
    score = walker._enter(actions)
    found = walker._plan(walker._bends.point)
    reached = found.cost + flat.penalty * found.violation
    # Beyond the program's own faces, states may be nearer to others of a region.
    assert reached == pytest.approx(score, rel=1e-7, abs=1e-7) or reached < score
    for centre in (actions, found.actions):
        for _ in range(50):
            other = centre + rng.normal(size=centre.shape) * 10.0 ** rng.uniform(-4, 0)
            other = np.clip(other, problem.u_lower, problem.u_upper)
            if _phases(problem, other) == _phases(problem, actions):
                cost, violation, _ = rollout(flat, other)
                assert score <= cost + flat.penalty * violation + 1e-6 * max(1.0, abs(cost))


def _phases(problem: ControlProblem, actions: FloatArray) -> list[float]:
    """Of all ReLUs of all steps, and the faces that states are beyond."""
    states = states_of(problem, Plan(actions))
    before = np.vstack([problem.start, states[:-1]])
    faces = [np.argmin(region.limits - states @ region.rows.T, axis=1) for region in problem.keep_out]
    return [*problem.dynamics.folded().phases(np.hstack([before, actions])).ravel(), *np.ravel(faces)]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_many_walks_is_the_optimum(norm: Norm, seed: int) -> None:
    problem = control_cases.random_problem(seed, units=2, horizon=3)
    problem = dataclasses.replace(problem, cost=dataclasses.replace(problem.cost, norm=norm))
    best = min(walked(problem, random_actions(problem, k)).cost for k in range(12))
    assert best == pytest.approx(control_cases.optimum(problem), rel=1e-5)


def test_a_walk_leaves_the_region_that_it_begins_in() -> None:
    """|u - 1| of two ReLUs, from the wrong side of a kink at which the cost goes on to fall."""
    bent = ReluNet.residual(skip=[[0.0, 1.0]], shift=[0.0], lift=[[1.0]], weights=[[0.0, 1.0]], biases=[0.0])
    problem = on_a_line(bent, goal=1.0, reach=2.0)
    walker = Walker(flatten(problem))
    found = walker.walk(judged(problem, np.array([[-1.5]])), Deadline(time.process_time, np.inf))
    assert found.actions == pytest.approx(np.array([[0.5]]))  # the state is 2 u where u is positive
    assert found.cost == pytest.approx(0.0, abs=1e-9)
    assert walker.programs == 2


def test_a_walk_turns_round_the_corner_of_a_region() -> None:
    """A point that is to go from the left of a box to its right, above it: one face after the other."""
    free = ReluNet(4, (np.hstack([np.eye(2), np.eye(2)]),), (np.zeros(2),))
    box = KeepOut(np.vstack([np.eye(2), -np.eye(2)]), np.array([1.0, 0.5, 1.0, 2.0]))
    problem = ControlProblem(
        dynamics=free,
        start=np.array([-1.5, 0.0]),
        horizon=4,
        cost=Cost(goal=np.array([1.5, 0.0]), state=np.ones(2)),
        u_lower=np.full(2, -1.0),
        u_upper=np.ones(2),
        keep_out=(box,),
    )
    up = np.array([[0.2, 0.9], [0.9, 0.1], [0.9, 0.0], [0.9, 0.0]])
    found = walked(problem, up)
    assert found.violation == 0.0
    # Over the box at a height of 0.5, at -0.5 and at 0.5, then to the goal.
    assert found.cost == pytest.approx(2.5 + 1.5, abs=1e-5)


def test_a_plan_that_breaks_limits_is_mended() -> None:
    free = ReluNet(2, (np.array([[1.0, 1.0]]),), (np.zeros(1),))
    problem = dataclasses.replace(on_a_line(free, goal=5.0, horizon=2), x_upper=np.array([1.2]))
    found = walked(problem, np.ones((2, 1)))
    assert found.violation == 0.0 and check(problem, Plan(found.actions)) == []
    assert found.cost == pytest.approx(4.0 + 3.8, abs=1e-5)


def test_a_walk_without_time_returns_at_once() -> None:
    problem = random_problem(1)
    start = judged(problem, random_actions(problem, 0))
    looks = count(0.0, 1.0)
    walker = Walker(flatten(problem))
    walker.walk(start, Deadline(looks.__next__, 0.0))
    assert walker.programs == 1
