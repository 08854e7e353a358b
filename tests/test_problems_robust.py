"""Two-stage robust problems: what solutions are worth, and what the checker finds."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from robust_cases import binary_vectors, make_budgeting, optimum, random_knapsack, random_loans, worst_case

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.robust import Cells, RobustSolution, check, objective, toy
from copt.problems.robust_knapsack import RobustKnapsack, toy_knapsack
from copt.problems.two_stage import Columns, TwoStage
from copt.problems.uncertainty import Box, Budget, Ellipsoid, Polyhedron, Product, Scenarios
from copt.solvers.robust.mixture import play

TOY = toy_knapsack()


def hand() -> RobustSolution:
    """Items 1 and 2 of the toy, both produced: 17 less the largest degradation of 3."""
    plan = np.array([[0, 1, 1, 0, 0, 0, 0, 0]], dtype=float)
    worst = np.array([0.0, 1.0, 0.0, 0.0])
    return RobustSolution(x=np.array([0.0, 1, 1, 0]), plans=plan, worst=worst, proof="mixture", weights=np.ones(1))


def broken(**fields: Any) -> list[str]:
    return [str(violation) for violation in check(TOY, dataclasses.replace(hand(), **fields))]


def test_the_toy_by_hand() -> None:
    assert objective(toy(), hand()) == 14
    assert check(toy(), hand()) == []
    assert optimum(TOY.two_stage()) == pytest.approx(-14)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": np.array([0, 1, 1.0])}, "shape: x has shape (3,) instead of (4,)"),
        ({"x": np.array([0, 1, 0.5, 0])}, "first stage: variable 2 = 0.5 is not whole"),
        ({"x": np.array([0, 1, 2.0, 0])}, "first stage: variable 2 = 2 is above its bound"),
        ({"plans": np.array([[1, 1, 1, 0, 0, 0, 0, 0.0]])}, "row: plan 0: row 0 is exceeded by 3"),
        ({"plans": np.array([[0, 1, 1, 0, 0, 1, 0, 0.0]])}, "row: plan 0: row 0 is exceeded by 1"),
        ({"plans": np.array([[0, 1, 0, 0, 0, 0, 1, 0.0]])}, "row: plan 0: row 3 is exceeded by 1"),
        ({"worst": np.array([1.0, 1, 0, 0])}, "scenario: the worst scenario is not in the uncertainty set"),
        ({"weights": np.array([0.9])}, "proof: weights must be shares, got a sum of 0.9"),
        ({"proof": "cells", "cells": None}, None),
    ],
)
def test_what_is_wrong_is_said(fields: dict[str, Any], message: str | None) -> None:
    if message is None:
        with pytest.raises(InvalidSolutionError, match="needs cells"):
            broken(**fields)
    else:
        assert message in broken(**fields)


def test_an_unknown_proof_is_refused() -> None:
    with pytest.raises(InvalidSolutionError, match="proof must be one of mixture"):
        broken(proof="trust me")


@pytest.mark.parametrize("seed", range(6))
def test_the_best_mix_of_all_recourses_is_worth_the_worst_case(seed: int) -> None:
    instance = random_knapsack(3, seed) if seed % 2 else random_loans(4, seed)
    problem = instance.two_stage()
    for x in binary_vectors(problem.x.size)[:: 3 - seed % 2]:
        plans = np.array([y for y in binary_vectors(problem.y.size) if (problem.row_terms(x, y)[0] <= 0).all()])
        if not plans.size:
            continue
        terms = [problem.cost_terms(x, y) for y in plans]
        game = play(np.array([c for c, _ in terms]), np.array([s for _, s in terms]), problem.uncertainty)
        solution = RobustSolution(x=x, plans=plans, worst=game.worst, proof="mixture", weights=game.weights)
        assert check(instance, solution) == []
        assert objective(instance, solution) == pytest.approx(-worst_case(problem, x), abs=1e-6)


def uncertain_budget() -> CapitalBudgeting:
    """Two projects; both fit together only while the factor is low."""
    return make_budgeting(
        costs=[4, 6], profits=[2, 3], cost_factors=[[1], [1]], profit_factors=[[0], [0]], budget=10, name="two"
    )


def cells(plan_above: int) -> RobustSolution:
    """Begin the first project early; late, the second one as long as the factor is at most 0."""
    return RobustSolution(
        x=np.array([1.0, 0]),
        plans=np.array([[0, 1.0], [0, 0]]),
        worst=np.array([1.0]),
        proof="cells",
        cells=Cells(np.array([0, -1, -1]), np.array([0.0, 0, 0]), np.array([[1, 2], [0, -1], [plan_above, -1]])),
    )


def test_cells_are_worth_their_worst_leaf() -> None:
    assert check(uncertain_budget(), cells(1)) == []
    assert objective(uncertain_budget(), cells(1)) == 2.0
    found = cells(1).cells
    assert found is not None
    assert [found.plan_at(np.array([u])) for u in (-1.0, 0.0, 0.1)] == [0, 0, 1]


def test_a_plan_must_fit_all_over_its_cell() -> None:
    (violation,) = check(uncertain_budget(), cells(0))
    assert str(violation) == "row: plan 0: row 3 is exceeded by 5"  # 10 * 1.5 - 10


@pytest.mark.parametrize(
    ("entry", "child", "message"),
    [
        ([0, -1, -1], [[1, 1], [0, -1], [1, -1]], "no tree"),
        ([0, -1, -1], [[1, 2], [0, -1], [2, -1]], "a cell has no plan"),
        ([-1], [[-1, -1]], "a cell has no plan"),
    ],
)
def test_cells_must_be_a_tree_with_plans(entry: list[int], child: list[list[int]], message: str) -> None:
    tree = Cells(np.array(entry), np.zeros(len(entry)), np.array(child))
    (violation,) = check(uncertain_budget(), dataclasses.replace(cells(1), cells=tree))
    assert message in str(violation)


def test_a_cut_outside_the_set_is_found() -> None:
    tree = Cells(np.array([0, -1, -1]), np.array([3.0, 0, 0]), np.array([[1, 2], [1, -1], [1, -1]]))
    (violation,) = check(uncertain_budget(), dataclasses.replace(cells(1), cells=tree))
    assert "cut outside" in str(violation)


def newsvendor(**fields: Any) -> TwoStage:
    """Order x at 1, then sell y at 3 of a demand u from 2 to 4."""
    values: dict[str, Any] = {
        "x": Columns(np.zeros(1), np.full(1, 10.0), np.zeros(1, dtype=bool)),
        "y": Columns(np.zeros(1), np.full(1, 10.0), np.zeros(1, dtype=bool)),
        "uncertainty": Box(np.array([2.0]), np.array([4.0])),
        "cost_x": [1.0],
        "cost_y": [-3.0],
        "rows_x": [[-1.0], [0.0]],
        "rows_y": [[1.0], [1.0]],
        "rows_u": [[0.0], [-1.0]],
        "limits": [0.0, 0.0],
    }
    return TwoStage(**values | fields)


@pytest.mark.parametrize("proof", ["adversary", "sample"])
def test_a_claim_is_put_to_the_test(proof: Any) -> None:
    solution = RobustSolution(
        x=np.array([2.0]), plans=np.array([[2.0]]), worst=np.array([2.0]), proof=proof, value=-4.0
    )
    assert check(newsvendor(), solution) == []
    assert objective(newsvendor(), solution) == -4.0
    assert solution.proved == (proof == "adversary")
    (violation,) = check(newsvendor(), dataclasses.replace(solution, value=-5.0))
    assert str(violation) == "value: a scenario costs -4, more than the claimed -5"
    (violation,) = check(newsvendor(cost_x=[0.0], rows_x=[[-1.0], [2.0]]), solution)  # 2 x + y <= u cannot be
    assert "inf" in str(violation)


def test_scenarios_have_a_plan_each() -> None:
    problem = newsvendor(uncertainty=Scenarios(np.array([[2.0], [4.0]])))
    solution = RobustSolution(
        x=np.array([3.0]), plans=np.array([[2.0], [3.0]]), worst=np.array([2.0]), proof="scenarios"
    )
    assert check(problem, solution) == []
    assert objective(problem, solution) == -3.0
    assert "1 plans for 2 scenarios" in str(check(problem, dataclasses.replace(solution, plans=np.array([[2.0]])))[0])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": [1.5, 2]}, "whole numbers"),
        ({"profits": [1.0, -1.0]}, r"profits\[1\] = -1.0 is negative"),
        ({"outsourcing": [1.0]}, r"outsourcing must have shape \(2,\)"),
        ({"capacity": -1}, "capacity = -1 is negative"),
        ({"budget": np.nan}, "budget must be a number"),
    ],
)
def test_bad_knapsacks_are_refused(fields: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {name: [1, 1] for name in ("profits", "degradations", "weights", "repair_weights")}
    values |= {"outsourcing": [1, 1], "capacity": 3, "budget": 1}
    with pytest.raises(InvalidInstanceError, match=message):
        RobustKnapsack(**values | fields)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Box(np.ones(2), np.zeros(2)), r"lower\[0\] = 1.0 exceeds upper\[0\] = 0.0"),
        (lambda: Budget(0, 1.0), "size must be at least 1"),
        (lambda: Ellipsoid(np.zeros(2), np.ones((2, 2))), "invertible"),
        (lambda: Scenarios(np.zeros((0, 2))), "a row for each scenario"),
        (lambda: Polyhedron(np.ones((1, 1)), -np.ones(1), Box(np.zeros(1), np.ones(1))), "is empty"),
        (lambda: Product(()), "at least one set"),
    ],
)
def test_bad_sets_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InvalidInstanceError, match=message):
        make()


@pytest.mark.parametrize(
    "uncertainty",
    [
        Box(np.array([-1.0, 0]), np.array([1.0, 2])),
        Budget(3, 1.5),
        Ellipsoid(np.array([1.0, 2]), np.array([[2.0, 0], [1, 1]])),
        Scenarios(np.array([[0.0, 1], [2, 3]])),
        Polyhedron(np.array([[1.0, 1]]), np.array([1.0]), Box(np.zeros(2), np.ones(2))),
        Product((Budget(2, 1.0), Box(np.zeros(1), np.ones(1)))),
    ],
)
def test_samples_are_members_and_none_is_worse_than_the_worst(uncertainty: Any) -> None:
    rng = np.random.default_rng(1)
    members = uncertainty.sample(rng, 50)
    assert members.shape == (50, uncertainty.size)
    lower, upper = uncertainty.bounds()
    for member in members:
        assert uncertainty.contains(member)
        assert (member >= lower - 1e-9).all()
        assert (member <= upper + 1e-9).all()
    for direction in rng.normal(size=(20, uncertainty.size)):
        worst = uncertainty.worst(direction)
        assert uncertainty.contains(worst)
        assert direction @ worst >= (members @ direction).max() - 1e-9
    assert not uncertainty.contains(upper + 1.0)
