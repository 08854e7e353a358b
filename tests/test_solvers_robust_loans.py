"""Capital budgeting with certain costs: optima of small instances, published ones, limits."""

import csv
import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from loans_twins import random_budgeting
from robust_cases import optimum, watched

import copt
from copt.instances.robust_generators import capital_budgeting_loans
from copt.problems.robust import check, objective
from copt.result import StopReason
from copt.solvers.robust.loans import greedy, solve_loans
from copt.solvers.robust.loans_game import units
from copt.stop import Stop

FILES = Path(os.environ.get("COPT_BENCHMARKS", "benchmarks")) / "robust" / "cbl"


@pytest.mark.parametrize("seed", range(40))
def test_optimum_of_a_small_instance_is_that_of_brute_force(seed: int) -> None:
    instance = random_budgeting(seed)
    monitor = watched(Stop(seconds=120))
    solve_loans(instance, monitor, workers=1 + seed % 2, seed=seed)
    assert monitor.reason() is StopReason.PROVED
    assert monitor.best == pytest.approx(optimum(instance.two_stage()), rel=1e-6, abs=1e-5)
    assert monitor.lower_bound == monitor.best
    assert check(instance, monitor.solution) == []
    assert monitor.objective == objective(instance, monitor.solution)


def test_a_file_is_solved_and_its_solution_read_back(tmp_path: Path) -> None:
    copt.write(capital_budgeting_loans(projects=12, seed=3), tmp_path / "small.cbl")
    instance = copt.read(tmp_path / "small.cbl")
    result = copt.solve(instance, seconds=120)
    assert result.status is copt.Status.OPTIMAL
    assert check(instance, result.solution) == []
    assert result.objective == pytest.approx(objective(instance, result.solution))


def test_two_threads_and_one_find_the_same_value() -> None:
    instance = capital_budgeting_loans(projects=16, factors=6, seed=1, h=30)
    one, two = (copt.solve(instance, seconds=120, workers=workers) for workers in (1, 2))
    assert one.status is two.status is copt.Status.OPTIMAL
    assert one.objective == pytest.approx(two.objective, rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_greedy_solution_is_right(seed: int) -> None:
    instance = random_budgeting(seed)
    for early_loan in (False, True):
        solution = greedy(instance, early_loan)
        assert check(instance, solution) == []
        two_stage = instance.two_stage()
        worst = two_stage.sign * two_stage.cost(solution.x, solution.plans[0], solution.worst)
        assert worst == pytest.approx(objective(instance, solution))


def test_an_ended_solve_keeps_what_there_is() -> None:
    monitor = watched(Stop(seconds=60))
    monitor.end(StopReason.USER)
    solve_loans(random_budgeting(4), monitor, workers=2, seed=0)
    assert monitor.reason() is StopReason.USER
    assert monitor.solution is not None


def test_costs_have_units_if_they_have_few_decimals_and_are_not_huge() -> None:
    instance = random_budgeting(1)
    n = instance.num_projects
    assert units(instance) == 1
    assert units(dataclasses.replace(instance, costs=np.full(n, 2.25))) == 100
    assert units(dataclasses.replace(instance, costs=np.full(n, 1 / 3))) is None
    assert units(dataclasses.replace(instance, costs=np.full(n, 1e12))) is None


@pytest.mark.skipif(not FILES.exists(), reason="needs the published instances of Arslan and Detienne")
@pytest.mark.parametrize(("projects", "h", "factors"), [(10, 60, 8), (20, 40, 6), (30, 80, 4)])
def test_published_optimum(projects: int, h: int, factors: int) -> None:
    start = f"RC_N{projects}_R100_H100_h{h}_C1_0.2_C2_0.2_M{factors}_"
    path = min((FILES / "instances").glob(start + "*"))
    with (FILES / "bp_results.csv").open(encoding="utf-8-sig") as lines:
        published = next(row for row in csv.DictReader(lines) if row["File name"] == path.name)
    assert published["Solved to opt in one hour"] == "1"
    result = copt.solve(copt.read(path), seconds=60)
    assert result.status is copt.Status.OPTIMAL
    assert result.objective == pytest.approx(float(published["Best primal bound"]), rel=5e-6)
