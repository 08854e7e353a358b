"""Several basins from one search."""

import time
from itertools import count

import control_cases
import numpy as np
import pytest
from control_rollout_cases import on_a_line, random_actions, random_problem

from copt.problems.control import ControlProblem, KeepOut, Plan, check, objective, toy
from copt.problems.control_cost import Cost
from copt.problems.relu import ReluNet
from copt.solvers.control.samplers import Portfolio, warm


def wall() -> ControlProblem:
    """A point before a box that it has to go round, above or, a little longer, below."""
    free = ReluNet(4, (np.hstack([np.eye(2), np.eye(2)]),), (np.zeros(2),))
    return ControlProblem(
        dynamics=free,
        start=np.array([-1.5, 0.0]),
        horizon=5,
        cost=Cost(goal=np.array([1.5, 0.0]), state=np.ones(2)),
        u_lower=np.full(2, -1.0),
        u_upper=np.ones(2),
        keep_out=(KeepOut(np.vstack([np.eye(2), -np.eye(2)]), np.array([1.0, 0.6, 1.0, 0.7])),),
    )


def test_both_ways_round_a_box_are_found() -> None:
    plans = Portfolio(wall()).search(3.0, clock=count(0.0, 0.01).__next__)
    best = {side: min((p for p in plans if np.sign(p.actions[0, 1]) == side), key=lambda p: p.rank) for side in (1, -1)}
    # At -0.5 and 0.5 beside the box, then at the goal: 2 + 1, and the height of the box twice.
    assert best[1].cost == pytest.approx(3.0 + 1.2, abs=1e-4)
    assert best[-1].cost == pytest.approx(3.0 + 1.4, abs=1e-4)
    assert plans[0].cost == best[1].cost


def test_plans_are_sorted_and_apart() -> None:
    problem = random_problem(8)
    plans = Portfolio(problem, apart=0.25).search(3.0, clock=count(0.0, 0.01).__next__)
    assert len(plans) > 1
    for plan in plans:
        assert plan.cost == pytest.approx(objective(problem, Plan(plan.actions)), rel=1e-9)
        assert (plan.violation == 0.0) == (check(problem, Plan(plan.actions)) == [])
    assert [p.rank for p in plans] == sorted(p.rank for p in plans)
    for i, plan in enumerate(plans):
        for other in plans[:i]:
            assert np.sqrt(((plan.actions - other.actions) ** 2).mean()) > 0.25


@pytest.mark.parametrize("seed", range(6))
def test_the_best_plan_is_the_optimum_of_small_problems(seed: int) -> None:
    problem = control_cases.random_problem(seed, units=2, horizon=3)
    best = Portfolio(problem).search(3.0, clock=count(0.0, 0.01).__next__)[0]
    assert best.cost == pytest.approx(control_cases.optimum(problem), rel=1e-5)


def test_without_time_the_best_mean_is_returned() -> None:
    problem = toy()
    means = [np.full((3, 1), 0.5), np.ones((3, 1)), np.full((3, 1), 7.0)]
    plans = Portfolio(problem).search(0.0, means, clock=time.perf_counter)
    assert plans[0].cost == 3.0
    assert np.array_equal(plans[0].actions, np.ones((3, 1)))


def test_a_mean_is_improved_on() -> None:
    problem = random_problem(2)
    mean = random_actions(problem, 3)
    portfolio = Portfolio(problem)
    start = portfolio.search(0.0, [mean], clock=time.perf_counter)[0]
    assert portfolio.search(3.0, clock=count(0.0, 0.01).__next__)[0].rank < start.rank


def test_everything_compiles() -> None:
    warm()


def test_a_descent_begins_with_the_best_of_many_random_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """No action but those near 0.9 moves anything, so that slopes tell nothing elsewhere."""
    narrow = ReluNet.residual(
        skip=[[1.0, 0.0]],
        shift=[0.0],
        lift=[[40.0, -80.0, 40.0]],  # a hat of height 1 over 0.875 < u < 0.925
        weights=[[0.0, 1.0]] * 3,
        biases=[-0.875, -0.9, -0.925],
    )
    problem = on_a_line(narrow, goal=1.0)
    seen = []
    portfolio = Portfolio(problem)
    monkeypatch.setattr(
        "copt.solvers.control.portfolio.descend", lambda _flat, room, *_: seen.append(room.plans[0, 0].copy())
    )
    portfolio.search(0.02, clock=count(0.0, 0.001).__next__)
    costs = np.array([objective(problem, Plan(np.array([[u]]))) for u in seen[0][1:]])  # the middle comes first
    assert costs.size == 63
    assert (costs < 1.0).sum() >= 10  # of 1024 random plans about 14 are there
    assert (np.diff(costs) >= 0.0).all()


def test_without_time_for_a_step_the_best_random_plan_is_kept() -> None:
    problem = random_problem(2)
    middle = Portfolio(problem).search(0.0, clock=time.perf_counter)[0]
    ticks = iter([0.0, 0.5, 0.5, *([9.0] * 9)])  # the time is up after the first block of random plans
    found = Portfolio(problem).search(1.0, clock=ticks.__next__)[0]
    assert found.rank < middle.rank
    assert found.cost == pytest.approx(objective(problem, Plan(found.actions)), rel=1e-9)
