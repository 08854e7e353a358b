"""Any two-stage robust problem is solved: the optimum by brute force, for every structure and every kind of set."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from general_cases import best_listed, columns, continuous, corners, facility, grid, random_problem
from robust_cases import optimum, random_loans
from robust_twins import random_knapsack

import copt
from copt import Status
from copt.errors import CoptError
from copt.instances.robust_generators import capital_budgeting
from copt.problems.robust import check, objective
from copt.problems.two_stage import Columns, Products, TwoStage
from copt.problems.uncertainty import Box, Budget, Ellipsoid, Polyhedron, Product, Scenarios, UncertaintySet
from copt.result import Result
from copt.solvers.robust import general
from copt.solvers.robust.listing import count_vertices, vertices

UNIT = Box(np.zeros(2), np.ones(2))


def solved(problem: TwoStage, best: float, proof: str | None = None, rel: float = 1e-5) -> Result:
    """Solve, and compare with the least cost (minimised) by brute force; infinity stands for no solution."""
    result = copt.solve(problem, seconds=120, workers=1)
    if best == np.inf:
        assert (result.status, result.solution, result.bound) == (Status.INFEASIBLE, None, None)
        return result
    assert result.status is Status.OPTIMAL
    assert cost(result, problem.sign) == pytest.approx(best, rel=rel, abs=rel)
    assert check(problem, result.solution) == []
    assert objective(problem, result.solution) == result.objective
    assert result.notes == ()
    assert proof is None or result.solution.proof == proof
    return result


def cost(result: Result, sign: int = 1) -> float:
    """What the solution costs; minimised."""
    assert result.objective is not None
    return sign * result.objective


def three_sites(**more: Any) -> TwoStage:
    """Two sites must be left to meet a demand of 8, so that three must be open: 18, and 8 for shipping."""
    return facility([5, 6, 7], np.ones((3, 3)), [2, 3, 3], 1, 4.0, **more)


@pytest.fixture(params=["list", "adversary"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let extreme points be listed, or not."""
    monkeypatch.setattr(general, "FEW", 256 if request.param == "list" else 0)
    return str(request.param)


@pytest.mark.usefixtures("method")
def test_sites_that_may_be_lost() -> None:
    result = solved(three_sites(), 26.0, "adversary")
    assert result.solution.x.tolist() == [1, 1, 1]
    assert best_listed(three_sites(), vertices(Budget(3, 1))) == 26
    ship = np.array([[1.0, 2, 3], [2, 1, 2], [3, 2, 1]])
    large = facility([5, 6, 7], ship, [1, 2, 1], 1, 10.0)
    solved(large, best_listed(large, vertices(Budget(3, 1))))


@pytest.mark.usefixtures("method")
def test_sites_that_are_too_few_are_infeasible() -> None:
    solved(facility([5, 6, 7], np.ones((3, 3)), [2, 3, 3], 2, 4.0), np.inf)


SETS: list[UncertaintySet] = [
    Box(-np.ones(2), np.ones(2)),
    Budget(3, 1.5),
    Product((Budget(2, 1.0), Box(np.zeros(1), np.full(1, 2.0)))),
    Product((Scenarios(np.array([[0.0, 1.0], [1.0, -1.0]])), Box(np.zeros(1), np.ones(1)))),
]


@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.usefixtures("method")
def test_uncertain_right_hand_sides(kind: int, seed: int) -> None:
    problem = random_problem(10 * kind + seed, SETS[kind])
    solved(problem, best_listed(problem, vertices(SETS[kind])))


@pytest.mark.parametrize("kind", ["polyhedron", "ellipsoid"])
def test_uncertain_right_hand_sides_in_other_sets(kind: str) -> None:
    members = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 1.0], [1.0, 0.5]])  # corners of the polyhedron
    uncertainty: UncertaintySet = Polyhedron(np.ones((1, 2)), np.array([1.5]), UNIT)
    if kind == "ellipsoid":
        angles = np.linspace(0, 2 * np.pi, 60)
        members = np.stack([np.cos(angles), 0.5 * np.sin(angles)], axis=1)
        uncertainty = Ellipsoid(np.zeros(2), np.diag([1.0, 0.5]))
    problem = random_problem(5, uncertainty)
    # 60 points of a circle miss at most 1.4e-3 of its radius
    solved(problem, best_listed(problem, members), "adversary", rel=1e-5 if kind == "polyhedron" else 5e-3)


@pytest.mark.parametrize("seed", range(3))
def test_recourse_whose_coefficients_are_uncertain(seed: int) -> None:
    rng = np.random.default_rng(seed)
    terms = Products(np.array([0, 1]), np.array([0, 1]), np.array([0, 2]), np.array([-0.5, 0.5]))
    problem = random_problem(seed + 4, UNIT, products_y=terms, cost_uy=rng.integers(-1, 3, (2, 3)).astype(float))
    listed = best_listed(problem, grid(UNIT, 5))
    result = copt.solve(problem, seconds=120, workers=1)
    assert result.status is Status.OPTIMAL
    assert check(problem, result.solution) == []
    assert listed - 1e-5 <= cost(result) <= listed + 0.8  # costs change by less from one point to the next


@pytest.mark.parametrize("kind", ["box", "ellipsoid"])
def test_continuous_recourse_with_uncertain_costs(kind: str) -> None:
    rng = np.random.default_rng(1)
    costs = rng.integers(-3, 4, (2, 3)).astype(float)
    uncertainty: UncertaintySet = UNIT if kind == "box" else Ellipsoid(np.full(2, 0.5), 0.5 * np.eye(2))
    problem = random_problem(2, uncertainty, rows_u=None, cost_uy=costs, cost_ux=costs, cost_u=np.ones(2))
    members = grid(UNIT, 6)
    members = members if kind == "box" else members[((members - 0.5) ** 2).sum(axis=1) <= 0.25]
    listed = best_listed(problem, members)
    result = copt.solve(problem, seconds=120, workers=1)
    assert (result.status, result.solution.proof) == (Status.OPTIMAL, "mixture")
    assert listed - 1e-5 <= cost(result) <= listed + 2.0  # slopes are at most 20, and points 0.2 apart


def test_knapsacks_as_by_their_own_solver() -> None:
    for seed in (1, 6):
        knapsack = random_knapsack(seed, 4)
        own = copt.solve(knapsack, seconds=60)
        assert own.status is Status.OPTIMAL
        solved(knapsack.two_stage(), cost(own, -1), "mixture")


def test_loans_as_by_brute_force() -> None:
    loans = random_loans(3, 0)
    result = copt.solve(loans.two_stage(), seconds=60, workers=1)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(-optimum(loans.two_stage()), rel=1e-5)


def test_integer_recourse_with_costs_in_an_ellipsoid() -> None:
    knapsack = random_knapsack(1, 3).two_stage()
    size = knapsack.uncertainty.size
    wide = dataclasses.replace(knapsack, uncertainty=Ellipsoid(np.full(size, 0.5), 0.5 * np.eye(size)))
    result = copt.solve(wide, seconds=60, workers=1)
    assert (result.status, result.solution.proof) == (Status.OPTIMAL, "mixture")
    # the ellipsoid lies in the unit box, and has the middle of the box in it
    assert (
        optimum(dataclasses.replace(knapsack, uncertainty=Box(np.full(size, 0.5), np.full(size, 0.5))))
        <= cost(result, -1) + 1e-5
    )
    assert (
        cost(result, -1)
        <= optimum(dataclasses.replace(knapsack, uncertainty=Box(np.zeros(size), np.ones(size)))) + 1e-5
    )


@pytest.mark.parametrize("whole", [False, True])
def test_finitely_many_scenarios(whole: bool) -> None:
    members = np.random.default_rng(4).normal(size=(4, 2)).round(1)
    recourse = Columns.binary(3) if whole else continuous(3)
    terms = Products(np.array([0]), np.array([1]), np.array([2]), np.array([1.0]))
    problem = random_problem(4, Scenarios(members), y=recourse, products_y=terms, limits=np.zeros(3))
    solved(problem, best_listed(problem, members), "scenarios")


def integer_rows(seed: int, uncertainty: UncertaintySet, **more: Any) -> TwoStage:
    """Binary recourse, uncertain rows and costs."""
    rng = np.random.default_rng(seed)
    k = uncertainty.size
    fields: dict[str, Any] = {
        "y": Columns.binary(3),
        "limits": np.full(3, 1.0),
        "rows_u": rng.uniform(-1, 2, (3, k)).round(1),
        "cost_u": rng.uniform(-1, 1, k).round(1),
    }
    return random_problem(seed, uncertainty, **fields | more)


@pytest.mark.parametrize("kind", ["random", "budgeting"])
def test_integer_recourse_in_uncertain_rows(kind: str) -> None:
    problem = integer_rows(1, UNIT) if kind == "random" else capital_budgeting(projects=3, factors=2).two_stage()
    assert isinstance(problem.uncertainty, Box)
    points = grid(problem.uncertainty, 41)
    low, high = problem.uncertainty.bounds()
    best = best_listed(problem, np.vstack([points, np.clip(points + 1e-6, low, high)]))  # just beyond where plans end
    result = copt.solve(problem, seconds=120, workers=1)
    assert (result.status, result.solution.proof) == (Status.OPTIMAL, "cells")
    value = cost(result, problem.sign)
    assert best - 1e-4 <= value <= best + 0.05  # a plan ends between points, whose costs differ by less
    assert check(problem, result.solution) == []


@pytest.mark.parametrize("seed", [0, 4])
def test_a_static_plan_that_is_the_best(seed: int) -> None:
    problem = integer_rows(seed, UNIT)
    solved(problem, best_listed(problem, grid(UNIT, 5)), "adversary")


def test_integer_recourse_that_is_infeasible() -> None:
    solved(integer_rows(0, UNIT, limits=np.full(3, -20.0)), np.inf)


def test_a_value_without_proof_is_called_so() -> None:
    # y + z = u for an integer y and a continuous z from 0 to 1: no plan serves more than one scenario.
    uncertainty = Box(np.zeros(1), np.full(1, 3.0))
    problem = TwoStage(
        x=Columns.binary(1),
        y=columns([0, 0], [3, 1], [True, False]),
        uncertainty=uncertainty,
        cost_x=np.ones(1),
        cost_y=np.array([2.0, 1.0]),
        rows_x=np.zeros((2, 1)),
        rows_y=np.array([[1.0, 1.0], [-1.0, -1.0]]),
        limits=np.zeros(2),
        rows_u=np.array([[-1.0], [1.0]]),
        name="follow",
    )
    result = copt.solve(problem, seconds=1.5, workers=1)
    assert (result.status, result.guaranteed, result.solution.proof) == (Status.FEASIBLE, False, "sample")
    assert result.objective == pytest.approx(5.0, abs=1e-4)  # u = 3: two whole units, and one that is not
    assert "no guarantee" in result.notes[0]
    assert "not guaranteed" in result.summary()
    assert result.to_dict()["guaranteed"] is False


def test_equations_between_stages() -> None:
    # x1 + x2 + y = 2 + u, as two rows: the cheap x up to 1 and y for what is left.
    problem = TwoStage(
        x=columns([0, 0], [1, 5], [True, False]),
        y=continuous(1),
        uncertainty=Box(np.zeros(1), np.ones(1)),
        cost_x=np.array([0.5, 2.0]),
        cost_y=np.array([3.0]),
        rows_x=np.array([[1.0, 1.0], [-1.0, -1.0]]),
        rows_y=np.array([[1.0], [-1.0]]),
        limits=np.array([2.0, -2.0]),
        rows_u=np.array([[-1.0], [1.0]]),
    )
    # u = 0 allows x1 + x2 <= 2, and u = 1 asks for y = 1 then: 0.5 + 2 + 3
    result = solved(problem, 5.5)
    assert result.solution.x == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("size", [0, 1])
def test_no_recourse_at_all(size: int) -> None:
    # x covers 1 + u: without recourse, or with one that is of no use
    problem = TwoStage(
        x=columns([0], [4], [True]),
        y=continuous(size, 1.0),
        uncertainty=Box(np.zeros(1), np.full(1, 1.5)),
        cost_x=np.ones(1),
        cost_y=np.ones(size),
        rows_x=-np.ones((1, 1)),
        rows_y=np.zeros((1, size)),
        limits=-np.ones(1),
        rows_u=np.ones((1, 1)),
    )
    solved(problem, 3.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"y": continuous(3, np.inf, -np.inf)},
        {"y": continuous(3, np.inf, -np.inf), "rows_u": None},
        {"y": continuous(3, np.inf, -np.inf), "uncertainty": Scenarios(np.eye(2))},
        {"x": continuous(3, np.inf, -np.inf), "y": Columns.binary(3)},
    ],
)
def test_costs_without_limit_are_an_error(fields: dict[str, Any]) -> None:
    costs: dict[str, Any] = {"cost_x": -np.ones(3), "cost_y": np.array([1.0, -9.0, 1.0]), "rows_x": np.zeros((3, 3))}
    with pytest.raises(CoptError, match="random-1: costs can fall without limit; give finite bounds"):
        copt.solve(random_problem(1, **costs | {"uncertainty": UNIT, "limits": np.full(3, 9.0)} | fields), seconds=60)


@pytest.mark.parametrize("uncertainty", [UNIT, Scenarios(np.eye(2))])
@pytest.mark.parametrize("whole", [False, True])
def test_a_contradiction_is_infeasible(uncertainty: UncertaintySet, whole: bool) -> None:
    recourse = Columns.binary(3) if whole else continuous(3)
    rows = np.vstack([np.ones(3), -np.ones(3), np.zeros(3)])
    limits = np.array([0.5, -0.75, 1.0])  # y sums to at most 0.5 and at least 0.75
    for more in ({}, {"rows_u": None, "cost_u": np.ones(2)}):
        fields = {
            "y": recourse,
            "rows_y": rows,
            "rows_x": np.zeros((3, 3)),
            "limits": limits,
            "rows_u": np.zeros((3, 2)),
        }
        solved(random_problem(7, uncertainty, **fields | more), np.inf)


def test_a_problem_that_maximises_shows_values_in_its_own_sense() -> None:
    shown = dataclasses.replace(three_sites(), maximise=True)
    result = copt.solve(shown, seconds=60, workers=1)
    assert (result.status, result.bound) == (Status.OPTIMAL, result.objective)
    assert result.objective == pytest.approx(-26)


def test_the_time_limit_keeps_the_best() -> None:
    result = copt.solve(three_sites(), seconds=0.0)
    assert (result.solution, result.status) == (None, Status.UNKNOWN)


@pytest.mark.parametrize(
    ("uncertainty", "count"),
    [
        (Box(np.zeros(3), np.array([1.0, 0.0, 2.0])), 4),
        (Budget(4, 2.0), 1 + 4 + 6),
        (Budget(4, 1.5), 1 + 4 + 4 * 3),
        (Budget(2, 5.0), 4),
        (Budget(3, 0.5), 1 + 3),
        (Product((Budget(2, 1.0), Box(np.zeros(1), np.ones(1)), Scenarios(np.eye(2)))), 3 * 2 * 2),
    ],
)
def test_extreme_points_are_counted_listed_and_the_worst(uncertainty: UncertaintySet, count: int) -> None:
    points = vertices(uncertainty)
    assert len(points) == len(np.unique(points, axis=0)) == count_vertices(uncertainty) == count
    assert all(uncertainty.contains(point) for point in points)
    for direction in np.random.default_rng(0).normal(size=(10, uncertainty.size)):
        assert (points @ direction).max() == pytest.approx(direction @ uncertainty.worst(direction))


def test_sets_without_a_list() -> None:
    assert count_vertices(Ellipsoid(np.zeros(2), np.eye(2))) == np.inf
    assert corners(np.zeros(2), np.ones(2)).tolist() == vertices(UNIT).tolist()
