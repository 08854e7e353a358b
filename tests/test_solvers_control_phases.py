"""Proposals of plans: what networks say, whom they are for, and what the planner makes of them."""

import dataclasses
import time
from itertools import count

import numpy as np
import phases_cases
import pytest
from control_cases import random_cost, random_dynamics, random_problem

import copt
from copt.control import MPC
from copt.errors import CoptError
from copt.events import Silent
from copt.models.store import StoredPolicy
from copt.monitor import Monitor
from copt.problems.control import ControlProblem, KeepOut, objective, toy
from copt.problems.planar import Planar, turned
from copt.solvers.control.flat import flatten
from copt.solvers.control.phases import Predictor, predictor_of
from copt.solvers.control.planner import Planner
from copt.solvers.control.region import Walker
from copt.solvers.control.swarm import Deadline
from copt.stop import Stop

HEADING = np.array([[1.0, 0.0], [0.0, 1.0]])  # states point where they are
PLANAR = Planar(random_dynamics(2, 2, 4, seed=3), HEADING)
HINT = np.full((1, 3, 1), 0.05)  # a plan of the toy with the phases of its optimum: beyond the wall after a step


def problem_at(angle: float) -> ControlProblem:
    """A planar problem whose start points in some direction."""
    start = np.array([np.cos(angle), np.sin(angle)])
    return ControlProblem(
        dynamics=PLANAR.at(start),
        start=start,
        horizon=2,
        cost=random_cost(1, 2, 2),
        u_lower=-np.ones(2),
        u_upper=np.ones(2),
    )


def planned(problem: ControlProblem, proposer: Predictor | None) -> float:
    """What the planner's plan costs if it has no time to search."""
    monitor = Monitor(Stop(seconds=0.0), Silent(), time.perf_counter())
    Planner(0, proposer=proposer).run(problem, monitor)
    assert monitor.best is not None
    assert monitor.best == pytest.approx(objective(problem, monitor.solution))
    return monitor.best


def test_a_network_proposes_the_plans_that_its_weights_stand_for() -> None:
    plans = np.array([[[0.5], [-0.25], [1.0]], [[0.0], [0.125], [-1.0]]])
    np.testing.assert_allclose(Predictor(phases_cases.constant(toy(), plans)).plans(toy()), plans)


def test_hidden_layers_see_start_and_way_to_the_goal() -> None:
    # The features of the toy are -2 and 5; a unit adds them up to 3 after they are scaled by 1 and 1.
    weights = phases_cases.constant(toy(), np.zeros((1, 3, 1))) | {
        "layers.0.weight": np.array([[1.0, 1.0], [1.0, 0.0]]),
        "layers.0.bias": np.zeros(2),
        "layers.1.weight": np.array([[0.1, 9.0], [-0.1, 9.0], [0.0, 9.0]]),  # the second unit is off
        "layers.1.bias": np.zeros(3),
    }
    (plan,) = Predictor(weights).plans(toy())
    np.testing.assert_allclose(plan[:, 0], [2 * np.tanh(0.3), -2 * np.tanh(0.3), 0.0])


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0])
def test_plans_turn_with_the_start(angle: float) -> None:
    plan = np.array([[[0.3, 0.1], [0.2, -0.2]]])
    predictor = Predictor(phases_cases.constant(problem_at(0.4), plan, HEADING))
    assert predictor.stranger(problem_at(angle)) is None
    np.testing.assert_allclose(
        predictor.plans(problem_at(angle))[0], turned(plan[0], np.cos(angle), np.sin(angle)), atol=1e-12
    )


def test_plans_are_cut_off_at_the_bounds() -> None:
    predictor = Predictor(phases_cases.constant(problem_at(0.0), np.full((1, 2, 2), 0.9), HEADING))
    (plan,) = predictor.plans(problem_at(np.pi / 4))
    np.testing.assert_allclose(plan, [[0.0, 1.0], [0.0, 1.0]], atol=1e-12)


def test_plans_are_cut_off_at_a_shorter_horizon() -> None:
    predictor = Predictor(phases_cases.constant(toy(), np.array([[[0.5], [-0.25], [1.0]]])))
    short = dataclasses.replace(toy(), horizon=2)
    assert predictor.stranger(short) is None
    np.testing.assert_allclose(predictor.plans(short), [[[0.5], [-0.25]]])


def test_strangers_are_told() -> None:
    known = random_problem(1)
    predictor = Predictor(phases_cases.constant(known, np.zeros((1, 2, 1))))
    elsewhere = dataclasses.replace(
        known, start=known.start + 1.0, cost=dataclasses.replace(known.cost, goal=known.cost.goal - 1.0)
    )
    assert predictor.stranger(elsewhere) is None
    changed = {
        "not 2x1x2": dataclasses.replace(known, horizon=3),
        "costs or bounds": dataclasses.replace(known, u_upper=np.full(1, 1.1)),
        "costs or bounds of": dataclasses.replace(known, cost=dataclasses.replace(known.cost, norm="linf")),
        "dynamics": random_problem(1, dynamics=random_dynamics(2, 1, 2, seed=9)),
        "keep out": dataclasses.replace(known, keep_out=(KeepOut(np.eye(2), np.full(2, -9.0)),)),
    }
    for words, problem in changed.items():
        strange = predictor.stranger(problem)
        assert strange is not None
        assert words in strange


def test_one_way_to_turn_dynamics_is_another_problem() -> None:
    predictor = Predictor(phases_cases.constant(problem_at(0.4), np.zeros((1, 2, 2)), HEADING))
    wrong = dataclasses.replace(problem_at(0.4), dynamics=PLANAR.at(np.array([0.0, 1.0])))
    assert predictor.stranger(wrong) == "the dynamics are others"


def test_the_optimum_is_in_the_region_of_a_plan_with_its_phases() -> None:
    (plan,) = Predictor(phases_cases.constant(toy(), HINT)).plans(toy())
    walker = Walker(flatten(toy()))
    assert walker.judge(plan).cost > 3.0
    assert walker.walk(walker.judge(plan), Deadline(count(0.0, 1e-3).__next__, 1.0)).cost == pytest.approx(3.0)


def test_without_time_the_planner_takes_a_proposal_that_is_better_than_its_own_start() -> None:
    alone = planned(toy(), None)
    best = Predictor(phases_cases.constant(toy(), np.ones((1, 3, 1))))
    assert planned(toy(), best) == pytest.approx(3.0)
    assert alone == pytest.approx(9.0)  # stays at the wall


def test_bad_proposals_do_no_harm() -> None:
    assert planned(toy(), Predictor(phases_cases.constant(toy(), -np.ones((4, 3, 1))))) == planned(toy(), None)


def test_a_policy_helps_to_solve_and_a_strange_one_is_told_once() -> None:
    policy = phases_cases.policy(phases_cases.constant(toy(), HINT))
    result = copt.solve(toy(), policy=policy, seconds=10.0)
    assert result.objective == pytest.approx(3.0)
    assert (result.policy, result.notes) == ("hand-made", ())
    other = random_problem(2)
    result = copt.solve(other, policy=policy, seconds=10.0)
    assert result.status == copt.Status.OPTIMAL
    (note,) = result.notes
    assert "the policy is left aside" in note
    assert "2x1x2" in note


def test_a_controller_takes_a_policy() -> None:
    cost, bounds = toy().cost, (-1.0, 1.0)
    policy = phases_cases.policy(phases_cases.constant(toy(), HINT))
    _, info = MPC(toy().dynamics, cost, horizon=3, u_bounds=bounds, seconds=10.0, policy=policy).command([-2.0])
    assert info.value == pytest.approx(3.0)
    assert info.notes == ()
    _, info = MPC(toy().dynamics, cost, horizon=4, u_bounds=bounds, seconds=10.0, policy=policy).command([-2.0])
    assert info.value == pytest.approx(3.0)
    assert len(info.notes) == 1


def test_other_policies_are_refused() -> None:
    with pytest.raises(CoptError, match="role 'dynamics' and proposes no plans; `copt train control-phases`"):
        predictor_of(StoredPolicy("drift", "control", {}, {"role": "dynamics"}))
    with pytest.raises(CoptError, match="'control-pusht-v1' has the role 'dynamics'"):
        copt.solve(toy(), policy="control-pusht-v1")
    assert predictor_of(None) is None
