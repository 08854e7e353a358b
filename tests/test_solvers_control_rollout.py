"""Rollouts and gradients against the problem's own objective, check and finite differences."""

import dataclasses

import numpy as np
import pytest
from control_rollout_cases import broken, on_a_line, penalised, random_actions, random_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from copt.problems.base import FloatArray
from copt.problems.control import TOLERANCE, ControlProblem, KeepOut, Plan, check, objective, states_of, toy
from copt.problems.control_cost import NORMS, Norm
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet
from copt.solvers.control.flat import WITHIN, flatten, gradient, rollout, tables
from copt.solvers.control.rollout_kernels import roll

problems = st.builds(
    random_problem,
    st.integers(0, 10_000),
    norm=st.sampled_from(NORMS),
    hidden=st.sampled_from([(), (1,), (4,), (5, 3), (2, 3, 4)]),
    states=st.integers(2, 5),
    actions=st.integers(1, 3),
    horizon=st.integers(1, 4),
    limited=st.booleans(),
    regions=st.integers(0, 2),
    terminal=st.booleans(),
    narrow=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(problems, st.integers(0, 100))
def test_rollouts_agree_with_the_problem(problem: ControlProblem, seed: int) -> None:
    actions = random_actions(problem, seed)
    cost, violation, states = rollout(flatten(problem), actions)
    # Sums in another order: a few hundred terms of size one to a hundred.
    assert states == pytest.approx(states_of(problem, Plan(actions)), rel=1e-9, abs=1e-9)
    assert cost == pytest.approx(objective(problem, Plan(actions)), rel=1e-9)
    assert violation == pytest.approx(broken(problem, actions, WITHIN * TOLERANCE), rel=1e-9, abs=1e-9)
    assert (violation == 0.0) == (check(problem, Plan(actions)) == [])


@settings(max_examples=60, deadline=None)
@given(problems, st.integers(0, 100))
def test_gradients_agree_with_finite_differences(problem: ControlProblem, seed: int) -> None:
    actions, flat, step = random_actions(problem, seed), flatten(problem), 1e-6
    found = gradient(flat, actions)
    for place in np.ndindex(actions.shape):
        there = [penalised(problem, _moved(actions, place, d), flat.penalty, WITHIN * TOLERANCE) for d in _around(step)]
        left, right = (there[1] - there[0]) / step, (there[2] - there[1]) / step
        size = max(1.0, float(abs(found[place])))
        if abs(left - right) < 1e-3 * size:  # no kink within the step
            assert found[place] == pytest.approx((left + right) / 2, rel=1e-3, abs=1e-3 * size)


def _around(step: float) -> tuple[float, float, float]:
    return -step, 0.0, step


def _moved(actions: FloatArray, place: tuple[int, ...], by: float) -> FloatArray:
    moved = actions.copy()
    moved[place] += by
    return moved


@pytest.mark.parametrize("lanes", [1, 3, 8, 64])
@pytest.mark.parametrize("norm", NORMS)
def test_plans_side_by_side_are_rolled_out_as_alone(lanes: int, norm: Norm) -> None:
    problem = random_problem(7, norm=norm)
    flat = flatten(problem)
    plans = np.stack([random_actions(problem, seed) for seed in range(lanes)], axis=2)
    costs, violations = np.zeros(lanes), np.zeros(lanes)
    roll(flat, plans, tables(flat, lanes), costs, violations)
    for i in range(lanes):
        cost, violation, _ = rollout(flat, plans[:, :, i])
        assert costs[i] == pytest.approx(cost, rel=1e-12)
        assert violations[i] == pytest.approx(violation, rel=1e-12, abs=1e-12)


def test_units_that_are_not_relus_are_folded_away() -> None:
    kinds = [np.array([RELU, IDENTITY, ZERO, RELU]), np.array([IDENTITY, RELU])]
    rng = np.random.default_rng(3)
    net = ReluNet.mlp(
        [rng.normal(size=s) for s in ((4, 3), (2, 4), (2, 2))], [np.ones(4), np.ones(2), np.ones(2)], kinds=kinds
    )
    problem = dataclasses.replace(random_problem(0, states=2, actions=1, horizon=3), dynamics=net)
    actions = random_actions(problem, 0)
    flat = flatten(problem)
    assert flat.ends[1] - flat.ends[0] == 4  # two ReLUs in the first layer, one in the second, in pairs
    assert rollout(flat, actions)[0] == pytest.approx(objective(problem, Plan(actions)), rel=1e-9)


def test_units_that_hand_on_values_stay_where_they_save_weights() -> None:
    # |u|, 2 |u| and 3 |u| of one unit with |u|: 2 + 2 + 3 + 3 weights and a copy of x; 2 + 6 + 3 + 1 without that unit.
    net = ReluNet.mlp(
        [[[0.0, 1.0], [0.0, -1.0]], [[1.0, 1.0]], [[1.0], [2.0], [3.0]], [[1.0, 1.0, 1.0]]],
        [np.zeros(2), np.zeros(1), np.zeros(3), np.zeros(1)],
        kinds=[[RELU, RELU], [IDENTITY], [RELU] * 3],
        skip=[[1.0, 0.0]],
    )
    problem = dataclasses.replace(toy(), dynamics=net)
    flat = flatten(problem)
    assert flat.floors.tolist() == [0.0, 0.0, -np.inf, 0.0, 0.0, 0.0, 0.0, 0.0]  # each layer in pairs
    _, _, states = rollout(flat, np.array([[-0.5], [0.25], [1.0]]))
    assert (states[:, 0] - problem.start[0]).tolist() == [3.0, 4.5, 10.5]


def test_the_same_dynamics_are_flattened_for_each_problem_that_they_are_part_of() -> None:
    problem = random_problem(5)
    other = dataclasses.replace(random_problem(6, regions=1, terminal=False), dynamics=problem.dynamics)
    for own in (problem, other, dataclasses.replace(other, dynamics=random_problem(7).dynamics)):
        actions = random_actions(own, 0)
        assert rollout(flatten(own), actions)[0] == pytest.approx(objective(own, Plan(actions)), rel=1e-9)


def test_the_toys_plan_by_hand() -> None:
    cost, violation, states = rollout(flatten(toy()), np.ones((3, 1)))
    assert (cost, violation, states.ravel().tolist()) == (3.0, 0.0, [1.0, 2.0, 3.0])
    assert gradient(flatten(toy()), np.full((3, 1), 0.5)).ravel().tolist() == [-3.0, -2.0, -1.0]


def test_touching_a_region_is_free_and_entering_counts_its_depth() -> None:
    still = ReluNet(2, (np.array([[1.0, 1.0]]),), (np.zeros(1),))
    between = KeepOut(np.array([[1.0], [-1.0]]), np.array([0.5, -0.1]))  # 0.1 < x < 0.5
    flat = flatten(on_a_line(still, keep_out=(between,)))
    assert rollout(flat, np.array([[0.1]]))[1] == 0.0
    assert rollout(flat, np.array([[0.4]]))[1] == pytest.approx(0.1, abs=TOLERANCE)
    assert rollout(flat, np.array([[0.2]]))[1] == pytest.approx(0.1, abs=TOLERANCE)


def test_values_that_overflow_show_in_the_cost() -> None:
    grow = ReluNet(2, (np.array([[1e200, 1.0]]),), (np.zeros(1),))
    problem = on_a_line(grow, start=1.0, horizon=3)
    assert not rollout(flatten(problem), np.zeros((3, 1)))[0] < 1e300
