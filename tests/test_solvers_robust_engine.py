"""Which algorithm solves which robust problem, end to end."""

import dataclasses

import numpy as np
import pytest
from robust_cases import optimum, random_knapsack, random_loans

import copt
from copt.problems.robust import check
from copt.solvers.robust import policy_pays


def test_a_small_knapsack_is_solved_as_by_brute_force() -> None:
    instance = random_knapsack(4, 2)
    result = copt.solve(instance, seconds=120)
    assert result.status is copt.Status.OPTIMAL
    assert result.objective == pytest.approx(-optimum(instance.two_stage()), rel=1e-6)
    assert check(instance, result.solution) == []
    assert instance.two_stage().uncertainty.contains(result.solution.worst)


def test_budgeting_with_loans_is_solved_as_by_brute_force() -> None:
    instance = random_loans(4, 1)
    result = copt.solve(instance, seconds=120)
    assert result.status is copt.Status.OPTIMAL
    assert result.objective == pytest.approx(-optimum(instance.two_stage()), rel=1e-6)
    assert check(instance, result.solution) == []


def test_a_kind_without_an_algorithm_of_its_own_is_solved_too() -> None:
    instance = dataclasses.replace(random_loans(3, 1), costs=np.array([1 / 3, 2.0, 4 / 3]), budget=2.5)
    result = copt.solve(instance, seconds=120)
    assert result.status is copt.Status.OPTIMAL
    assert result.objective == pytest.approx(-optimum(instance.two_stage()), rel=1e-5)


def test_knapsacks_take_the_learned_policy_by_default_and_budgeting_takes_none() -> None:
    assert policy_pays(random_knapsack(4, 2))
    assert not policy_pays(random_loans(4, 1))
    assert copt.solve(random_knapsack(4, 2), seconds=60).policy == "robust-moves-v1"
    assert copt.solve(random_knapsack(4, 2), seconds=60, policy=None).policy is None
