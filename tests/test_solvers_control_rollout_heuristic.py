"""Plans handed to SCIP: their points satisfy its rows at the roll-out's cost, and SCIP takes what is better."""

from typing import Any

import numpy as np
import pytest
from control_cases import random_cost, random_problem
from pyscipopt.scip import PY_SCIP_PARAMSETTING as SETTING

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut, Plan, check, objective
from copt.problems.control_cost import NORMS, Norm
from copt.solvers.control.engine import _solve_plainly
from copt.solvers.control.horizon import Horizon
from copt.solvers.control.program import Program, solve_program
from copt.solvers.control.rollout_heuristic import RollOut
from copt.solvers.relu_scip import ENCODINGS, Encoding
from copt.stop import Stop

CLOSE = 1e-6  # SCIP's tolerance


def program_of(problem: ControlProblem, encoding: Encoding = "sos1") -> Program:
    horizon = Horizon(problem)
    reach = horizon.reach(*horizon.box(), compiled=False)
    assert reach is not None
    program = Program(horizon, reach, encoding=encoding)
    program.model.setHeuristics(SETTING.OFF)  # those that are there so far: all of SCIP's own
    return program


def same(actions: FloatArray) -> FloatArray:
    return actions


def some_plan(problem: ControlProblem, seed: int) -> FloatArray:
    """Return a random plan that keeps all limits."""
    rng = np.random.default_rng(seed)
    while True:
        actions = rng.uniform(problem.u_lower, problem.u_upper, (problem.horizon, problem.num_actions))
        if not check(problem, Plan(actions)):
            return actions


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(3))
def test_the_point_of_a_plan_is_a_solution_at_its_cost(seed: int, norm: Norm, encoding: Encoding) -> None:
    square = KeepOut(np.vstack([np.eye(2), -np.eye(2)]), np.array([1.0, 1.0, -0.7, -0.7]))
    problem = random_problem(seed, cost=random_cost(seed, 2, 1, norm=norm), keep_out=(square,), units=3)
    program, actions = program_of(problem, encoding), some_plan(problem, seed)
    solution = program.model.createSol()
    for variable, value in program.point(actions):
        program.model.setSolVal(solution, variable, value)
    assert program.model.checkSol(solution)
    assert program.model.getSolObjVal(solution) == pytest.approx(objective(problem, Plan(actions)), rel=CLOSE)
    np.testing.assert_allclose(program.actions_of(solution), actions)


def test_plans_to_begin_with_are_solutions_at_the_first_node() -> None:
    problem = random_problem(1, units=8, horizon=5, actions=2)
    costs = {objective(problem, Plan(plan)): plan for plan in (some_plan(problem, seed) for seed in range(3))}
    alone, helped = program_of(problem), program_of(problem)
    heuristic = RollOut(helped, list(costs.values()), same)
    for program in (alone, helped):
        program.model.setParam("limits/nodes", 1)
        program.model.optimize()
    best = helped.model.getObjVal()
    assert heuristic.taken >= 1
    assert best <= min(costs) + CLOSE
    assert alone.model.getNSols() == 0 or alone.model.getObjVal() > best


def test_plans_of_relaxations_are_improved_before_they_are_handed_in() -> None:
    problem = random_problem(2, units=6, horizon=4)
    target = some_plan(problem, 5)
    program = program_of(problem)
    seen: list[FloatArray] = []

    def improve(actions: FloatArray) -> FloatArray:
        seen.append(actions)
        return target

    RollOut(program, [], improve)
    program.model.setParam("limits/nodes", 1)
    program.model.optimize()
    assert seen
    assert all(plan.shape == target.shape for plan in seen)
    found = program.plan()
    assert found is not None
    np.testing.assert_allclose(found.actions, target, atol=CLOSE)


def test_while_kernels_compile_scip_is_helped_by_proposals() -> None:
    problem = random_problem(3, units=4, horizon=3)
    best = some_plan(problem, 1)

    class Known:
        def stranger(self, problem: ControlProblem) -> str | None:
            return None

        def plans(self, problem: ControlProblem) -> list[FloatArray]:
            return [best]

    monitor = Monitor(Stop(seconds=60.0), Silent())
    _solve_plainly(problem, monitor, Known())
    assert monitor.best is not None
    assert monitor.best <= objective(problem, Plan(best)) + CLOSE
    assert monitor.solution is not None
    assert check(problem, monitor.solution) == []


@pytest.mark.parametrize(("error", "noted"), [("SCIP: error in LP solver!", True), ("broken", False)])
def test_what_scip_found_before_it_gave_up_is_kept(monkeypatch: pytest.MonkeyPatch, error: str, noted: bool) -> None:
    problem = random_problem(4, units=3, horizon=3)
    plan = some_plan(problem, 1)
    program = program_of(problem)
    RollOut(program, [plan], same)
    program.model.setParam("limits/nodes", 1)
    model, whole = program.model, program.model.optimizeNogil

    class Failing:
        def __getattr__(self, name: str) -> Any:
            return getattr(model, name)

        def optimizeNogil(self) -> None:
            whole()
            raise Exception(error)

    monkeypatch.setattr(program, "model", Failing())
    monitor = Monitor(Stop(seconds=60.0), Silent())
    if noted:
        solve_program(program, monitor)
        assert monitor.notes == ["SCIP gave up: error in LP solver!"]
        assert monitor.best is not None
        assert monitor.best <= objective(problem, Plan(plan)) + CLOSE
    else:
        with pytest.raises(Exception, match="broken"):
            solve_program(program, monitor)
