"""The solver of the two-stage robust knapsack: optima of small instances, published ones, limits."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from robust_cases import watched
from robust_twins import all_plans, best_decisions, random_knapsack, worst_case

import copt
from copt.instances.robust_generators import Correlation, robust_knapsack
from copt.problems.robust import check, objective
from copt.problems.robust_knapsack import toy_knapsack
from copt.result import StopReason
from copt.solvers.robust.knapsack import solve_knapsack
from copt.solvers.robust.knapsack_descent import start_static
from copt.solvers.robust.knapsack_game import KnapsackGame, plain_solution
from copt.solvers.robust.knapsack_primal import Primal, greedy_plan
from copt.solvers.robust.knapsack_static import solve_static
from copt.solvers.robust.knapsack_tree import Tree
from copt.stop import Stop

FILES = Path(os.environ.get("COPT_BENCHMARKS", "benchmarks")) / "robust" / "kp"


@pytest.mark.parametrize("seed", range(40))
def test_optimum_of_a_small_instance_is_that_of_brute_force(seed: int) -> None:
    instance = random_knapsack(seed)
    monitor = watched(Stop(seconds=60))
    solve_knapsack(instance, monitor, workers=1 + seed % 2, seed=seed)
    assert monitor.reason() is StopReason.PROVED
    assert monitor.best == pytest.approx(best_decisions(instance), rel=1e-6, abs=1e-4)
    assert monitor.lower_bound == monitor.best
    assert check(instance, monitor.solution) == []
    assert monitor.best == -objective(instance, monitor.solution)


def test_toy() -> None:
    result = copt.solve(toy_knapsack(), seconds=30)
    assert result.status is copt.Status.OPTIMAL
    assert result.objective == pytest.approx(-best_decisions(toy_knapsack()))


@pytest.mark.parametrize("seed", range(10))
def test_static_start_is_the_best_single_plan(seed: int) -> None:
    instance = random_knapsack(seed)
    sold = [objective(instance, plain_solution(instance, plan)) for plan in all_plans(instance)]
    monitor = watched(Stop(seconds=30))
    start_static(KnapsackGame(instance, 0), Primal(instance, monitor))
    assert monitor.objective is not None
    assert monitor.objective >= max(sold) - 1e-6


def test_greedy_plan_fits_and_its_value_holds() -> None:
    instance = random_knapsack(3)
    plan = greedy_plan(instance)
    solution = plain_solution(instance, plan)
    assert check(instance, solution) == []
    assert -objective(instance, solution) >= worst_case(instance, (plan > 0).astype(np.float64)) - 1e-9


def test_an_ended_solve_keeps_what_there_is() -> None:
    monitor = watched(Stop(seconds=60))
    monitor.end(StopReason.USER)
    solve_knapsack(random_knapsack(5), monitor, workers=2, seed=0)
    assert monitor.reason() is StopReason.USER
    assert monitor.solution is not None


@pytest.mark.skipif(not FILES.exists(), reason="needs the published instances of Arslan and Detienne")
@pytest.mark.parametrize("correlation", ["UN", "SC", "WC", "ASC"])
def test_published_optimum_of_twenty_items(correlation: str) -> None:
    name = f"RKP_{correlation}_n20_R1000_H100_h40_dev0.15_d0.5"
    with (FILES / "published_results.csv").open() as lines:
        published = next(row for row in csv.DictReader(lines) if row["instance"] == name)
    assert published["bp_solved_opt"] == "1"
    result = copt.solve(copt.read(FILES / "instances" / name), seconds=60)
    assert result.status is copt.Status.OPTIMAL
    assert result.objective == pytest.approx(float(published["bp_obj"]), rel=5e-6)


@pytest.mark.parametrize("seed", range(10))
def test_static_program_finds_the_best_single_plan(seed: int) -> None:
    instance = random_knapsack(seed)
    sold = [objective(instance, plain_solution(instance, plan)) for plan in all_plans(instance)]
    monitor = watched(Stop(seconds=30))
    solve_static(Primal(instance, monitor), lambda: False)
    assert monitor.objective == pytest.approx(max(sold), abs=1e-6)
    assert check(instance, monitor.solution) == []


@pytest.mark.parametrize("correlation", ["WC", "ASC", "SC"])
def test_few_nodes_prove_the_optimum_of_items_that_are_alike(correlation: Correlation) -> None:
    instance = robust_knapsack(items=30, correlation=correlation, seed=1)
    monitor = watched(Stop(seconds=60))
    game, primal = KnapsackGame(instance, 0), Primal(instance, monitor)
    start_static(game, primal)
    tree = Tree(primal)
    tree.plant(game)
    assert monitor.bound is not None and monitor.objective is not None
    assert monitor.bound > 1.01 * monitor.objective  # what is left to the tree is no trifle
    nodes = 0
    while tree.work(game):
        nodes += 1
    assert monitor.reason() is StopReason.PROVED
    assert nodes <= 150  # far fewer than without cuts of the price
