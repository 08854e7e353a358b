"""The whole program of control problems: optima by brute force, limits that cannot be kept."""

from typing import Any

import numpy as np
import pytest
from control_cases import optimum, random_cost, random_problem

import copt
from copt import Status, Stop
from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.control import ControlProblem, KeepOut, check, objective, toy
from copt.problems.control_cost import NORMS, Norm
from copt.result import Result
from copt.solvers.control import engine, warm
from copt.solvers.control.region_kernels import classify, settle, urge

pytestmark = pytest.mark.usefixtures("warmed")
EXACT = 1e-5  # relative: SCIP keeps rows to 1e-7 of their scale, and brute force to 1e-7 as well


@pytest.fixture(scope="module")
def warmed() -> None:
    warm()


def solved(problem: ControlProblem) -> Result:
    """Solve, and compare with the least cost by brute force."""
    best = optimum(problem)
    result = copt.solve(problem, seconds=60, workers=1)
    if best == np.inf:
        assert (result.status, result.solution, result.bound) == (Status.INFEASIBLE, None, None)
        return result
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(best, rel=EXACT, abs=EXACT)
    assert check(problem, result.solution) == []
    assert objective(problem, result.solution) == result.objective
    assert result.notes == ()
    return result


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_that_of_all_patterns(norm: Norm, seed: int) -> None:
    problem = random_problem(seed, cost=random_cost(seed, 2, 1, norm=norm))
    solved(problem)


@pytest.mark.parametrize("seed", range(6))
def test_limits_of_states_are_kept(seed: int) -> None:
    solved(random_problem(seed, actions=2, x_lower=[-1.0, -np.inf], x_upper=[np.inf, 0.5]))


@pytest.mark.parametrize("seed", range(6))
def test_regions_are_kept_out_of(seed: int) -> None:
    centre = np.random.default_rng(seed).normal(size=2)
    triangle = np.array([[1.0, 0.0], [-1.0, 1.0], [-0.5, -1.0]])
    region = KeepOut(triangle, triangle @ centre + 0.4)
    solved(random_problem(seed, keep_out=(region,)))


def test_limits_that_nothing_keeps_are_infeasible() -> None:
    far = random_problem(0, x_lower=[50.0, -np.inf])
    all_round = KeepOut(np.vstack([np.eye(2), -np.eye(2)]), np.full(4, 50.0))
    for problem in (far, random_problem(0, keep_out=(all_round,))):
        result = copt.solve(problem, seconds=60)
        assert (result.status, result.bound) == (Status.INFEASIBLE, None)
        assert result.trace.bounds == ((result.trace.bounds[0][0], np.inf),)


def test_doing_nothing_is_a_plan_at_once() -> None:
    monitor = Monitor(Stop(seconds=60.0), Silent())
    engine._offer_idle(toy(), monitor)
    monitor.close()
    assert monitor.objective == 9.0  # the wall throws it to zero, three from the goal for three steps


def test_warming_compiles_what_walks_need() -> None:
    kernels: tuple[Any, ...] = (classify, settle, urge)
    assert [len(kernel.signatures) for kernel in kernels] == [1, 1, 1]
