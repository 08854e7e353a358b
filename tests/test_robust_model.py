"""Models of one's own: their arrays mean what was written, and values find their way back."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robust_cases import random_knapsack, random_loans
from robust_model_cases import COST, DEMAND, OPENING, PENALTY, Facility, respond

import copt
from copt.errors import CoptError
from copt.instances.robust_generators import capital_budgeting
from copt.problems.base import FloatArray
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.robust import Cells, RobustSolution, check, objective, recourse
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import Box, Budget, Product, Scenarios
from copt.registry import family_of


def numbers(data: st.DataObject, *shape: int) -> FloatArray:
    size = int(np.prod(shape))
    drawn = data.draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))
    return np.array(drawn, dtype=np.float64).reshape(shape)


@given(data=st.data())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_arrays_are_worth_what_was_written(data: st.DataObject) -> None:
    a, b, c, d = (numbers(data, *shape) for shape in ((2, 3), (2, 2), (2, 3), (2,)))
    m = copt.RobustModel()
    late, early = m.wait_and_see((2, 3), lower=-9), m.here_and_now(2, lower=-9, kind="integer")
    one, more = m.uncertain(Box(-np.ones(2), np.ones(2))), m.here_and_now()
    last, two = m.wait_and_see(kind="binary"), m.uncertain(Budget(1, 1))

    def cost(late: Any, early: Any, one: Any, more: Any, last: Any, two: Any) -> Any:
        return (a * late).sum() * one[1] + early @ b @ one + more * (two[0] - 3) + 5 + last - d @ one + d @ early

    def sides(late: Any, early: Any, one: Any, more: Any, last: Any, two: Any) -> tuple[Any, ...]:
        bilinear = (one[:, None] * c * late).sum(axis=1) - early * two
        return bilinear, early + 2 * more - d * two, late @ a.T @ d, last * one + early[0]

    variables = (late, early, one, more, last, two)
    left = sides(*variables)
    m.add(left[0] <= d)
    m.add([left[1] >= d, left[2] == more])
    m.add(constraint for constraint in (d <= left[3],))
    sign = data.draw(st.sampled_from((1, -1)))
    (m.minimize if sign == 1 else m.maximize)(cost(*variables))
    values = [numbers(data, *variable.shape) for variable in variables]
    y, x = np.append(values[0], values[4]), np.append(values[1], values[3])
    u = np.append(values[2], values[5])
    problem = m.two_stage()
    assert (problem.sign, m.sign) == (sign, sign)
    assert problem.cost(x, y, u) == sign * cost(*values)
    constants, slopes = problem.row_terms(x, y)
    first, second, third, fourth = sides(*values)
    excess = np.concatenate([first - d, d - second, third - values[3], values[3] - third, d - fourth])
    np.testing.assert_array_equal(constants + slopes @ u, excess)  # small whole numbers: exact
    np.testing.assert_array_equal(problem.x.integer, [True, True, False])
    np.testing.assert_array_equal(problem.y.lower, [-9] * 6 + [0])
    np.testing.assert_array_equal(problem.y.upper, [np.inf] * 6 + [1])
    assert isinstance(problem.uncertainty, Product)
    assert problem.dimensions == m.dimensions == "3x7x3"


def knapsack_model(instance: RobustKnapsack) -> copt.RobustModel:
    n = instance.num_items
    m = copt.RobustModel(instance.name)
    chosen = m.here_and_now(n, kind="binary")
    produced, repaired = m.wait_and_see((2, n), kind="binary")
    degraded = m.uncertain(Budget(n, instance.budget))
    m.add(instance.weights @ produced + instance.repair_weights @ repaired <= instance.capacity)
    m.add([repaired <= produced, produced <= chosen])
    loss = instance.degradations * degraded * (produced - repaired)
    m.maximize((instance.profits * chosen - instance.outsourcing * (chosen - produced) - loss).sum())
    return m


def budgeting_model(instance: CapitalBudgeting) -> copt.RobustModel:
    n, k = instance.num_projects, instance.num_factors
    m = copt.RobustModel(instance.name)
    early, loan = m.here_and_now(n, kind="binary"), m.here_and_now(kind="binary") if instance.loans else 0
    late, late_loan = m.wait_and_see(n, kind="binary"), m.wait_and_see(kind="binary") if instance.loans else 0
    u = m.uncertain(Box(-np.ones(k), np.ones(k)))
    costs, profits = (
        (1 + factors @ u / 2) * nominal
        for factors, nominal in (
            (instance.cost_factors, instance.costs),
            (instance.profit_factors, instance.profits),
        )
    )
    funds: Any = instance.budget
    earned = profits @ (early + instance.late * late)
    if instance.loans:
        funds = funds + instance.loans.early_amount * loan
        earned = earned - instance.loans.early_cost * loan - instance.loans.late_cost * late_loan
    m.add(early + late <= 1)
    m.add(costs @ early <= funds)
    m.add(costs @ (early + late) <= funds + (instance.loans.late_amount * late_loan if instance.loans else 0))
    m.maximize(earned)
    return m


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["knapsack", "budgeting", "loans"])
def test_known_problems_have_the_same_arrays(kind: str, seed: int) -> None:
    instance: RobustKnapsack | CapitalBudgeting
    if kind == "knapsack":
        instance = random_knapsack(5, seed)
        model = knapsack_model(instance)
    else:
        instance = random_loans(6, seed) if kind == "loans" else capital_budgeting(projects=6, seed=seed)
        model = budgeting_model(instance)
    wanted, found = instance.two_stage(), model.two_stage()
    for stage in ("x", "y"):
        for field in ("lower", "upper", "integer"):
            np.testing.assert_array_equal(getattr(getattr(found, stage), field), getattr(getattr(wanted, stage), field))
    for field in ("cost_x", "cost_y", "cost_u", "cost_ux", "cost_uy", "constant"):
        np.testing.assert_allclose(getattr(found, field), getattr(wanted, field), rtol=1e-15, atol=0)
    np.testing.assert_allclose(whole_rows(found), whole_rows(wanted), rtol=1e-15, atol=0)
    assert (found.sign, found.name, found.dimensions) == (wanted.sign, wanted.name, wanted.dimensions)
    for mine, theirs in zip(found.uncertainty.bounds(), wanted.uncertainty.bounds(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def whole_rows(problem: TwoStage) -> FloatArray:
    """All that the rows are made of, rows in sorted order."""
    r, k = len(problem.limits), problem.uncertainty.size
    parts = [problem.limits[:, None], problem.rows_x, problem.rows_y, problem.rows_u]
    for entry in np.eye(k):
        parts += [problem.products_x.at(entry, r, problem.x.size), problem.products_y.at(entry, r, problem.y.size)]
    rows = np.hstack([np.asarray(part) for part in parts])
    return rows[np.lexsort(np.round(rows, 9).T)]


def test_the_arrays_of_facility_location_cost_what_is_calculated_by_hand() -> None:
    problem = Facility().model.two_stage()
    worst = {}
    scenarios = np.vstack([np.zeros(3), np.eye(3), [[0.3, 0.2, 0.5]]])
    for site in itertools.product((0.0, 1.0), repeat=3):
        x = np.array(site)
        costs = [respond(problem, x, u)[0] for u in scenarios]
        np.testing.assert_allclose(costs, [Facility.by_hand(x, u) for u in scenarios], rtol=1e-9)
        worst[site] = max(costs)
    assert min(worst, key=lambda site: worst[site]) == (1, 1, 1)
    assert worst[1, 1, 1] == pytest.approx(310)
    assert worst[1, 1, 0] == pytest.approx(375)


def test_without_uncertain_entries_there_is_one_scenario() -> None:
    m = copt.RobustModel()
    x = m.here_and_now(upper=4)
    y = m.wait_and_see(kind="integer", upper=9.5)
    m.add(x + 2 * y == 7.5)
    m.maximize(3 * x + y)
    problem = m.two_stage()
    assert isinstance(problem.uncertainty, Scenarios)
    assert respond(problem, np.array([3.5]), np.zeros(1)) == (-12.5, np.array([2.0]))
    assert respond(problem, np.array([3.0]), np.zeros(1))[0] == np.inf
    solution = RobustSolution(x=np.array([3.5]), plans=np.array([[2.0]]), worst=np.zeros(1), proof="scenarios")
    assert check(m, solution) == []
    assert objective(m, solution) == 12.5
    assert m.value(x + y, solution) == 5.5


def test_a_stage_without_decisions_has_one_that_is_0() -> None:
    for late in (False, True):
        m = copt.RobustModel()
        x = m.wait_and_see(2) if late else m.here_and_now(2)
        u = m.uncertain(Box(np.ones(1), np.full(1, 2.0)))
        m.minimize(u * x.sum())
        m.add(x >= 3)
        problem = m.two_stage()
        assert problem.dimensions == ("1x2x1" if late else "2x1x1")
        none, both = np.zeros(1), np.full(2, 3.0)
        first, plan = (none, both) if late else (both, none)
        assert respond(problem, first, np.array([2.0]))[0] == 12
        solution = RobustSolution(x=first, plans=plan[None], worst=np.array([2.0]), proof="adversary", value=12.0)
        assert check(m, solution) == []
        np.testing.assert_array_equal(m.value(x, solution, [2.0]), both)


def test_arrays_are_built_anew_after_a_change() -> None:
    m = copt.RobustModel()
    x = m.here_and_now(2)
    m.minimize(x.sum())
    first = m.two_stage()
    assert m.two_stage() is first
    m.add(x[0] >= 1)
    assert m.two_stage().limits.tolist() == [-1.0]
    m.maximize(x[1])
    assert m.two_stage().cost_x.tolist() == [0.0, -1.0]
    m.uncertain(Budget(2, 1))
    assert m.two_stage().uncertainty.size == 2
    m.here_and_now()
    assert m.two_stage().x.size == 3
    assert m.sign == -1


def facility_solution() -> RobustSolution:
    problem, x = Facility().model.two_stage(), np.ones(3)
    found = [respond(problem, x, u) for u in np.eye(3)]
    plans = np.array([plan for _, plan in found])
    return RobustSolution(x=x, plans=plans, worst=np.eye(3)[0], proof="adversary", value=max(cost for cost, _ in found))


def test_values_find_their_way_back() -> None:
    f, solution = Facility(), facility_solution()
    m = f.model
    assert check(m, solution) == []
    assert objective(m, solution) == pytest.approx(310)
    np.testing.assert_array_equal(m.value(f.site, solution), [1, 1, 1])
    assert m.value(OPENING @ f.site, solution) == 155
    for k, u in enumerate(np.eye(3)):
        ship = m.value(f.ship, solution, u)
        assert ship.shape == (3, 4)
        np.testing.assert_allclose(ship[k], 0, atol=1e-9)
        np.testing.assert_allclose(ship.sum(axis=0) + m.value(f.lost, solution, u), DEMAND)
        np.testing.assert_array_equal(m.value(f.site * (1 - f.down), solution, u), 1 - u)
    cheapest = m.value(155 + (COST * f.ship).sum() + PENALTY * f.lost.sum(), solution, np.zeros(3))
    assert cheapest == pytest.approx(min(m.two_stage().cost(solution.x, y, np.zeros(3)) for y in solution.plans))


def test_a_tree_of_cells_names_its_plan() -> None:
    m = copt.RobustModel()
    y, u = m.wait_and_see(), m.uncertain(Box(np.zeros(1), np.ones(1)))
    m.add(y >= u)
    m.minimize(y)
    tree = Cells(np.array([0, -1, -1]), np.array([0.5, 0, 0]), np.array([[1, 2], [0, -1], [1, -1]]))
    solution = RobustSolution(
        x=np.zeros(1), plans=np.array([[0.5], [1.0]]), worst=np.ones(1), proof="cells", cells=tree
    )
    assert check(m, solution) == []
    assert [float(m.value(y, solution, [u])) for u in (0.2, 0.5, 0.6)] == [0.5, 0.5, 1.0]


def test_decisions_are_assigned_by_variable_or_in_parts() -> None:
    m = copt.RobustModel()
    late, first, second = m.wait_and_see(), m.here_and_now((2, 2), name="first"), m.here_and_now(name="second")
    found = m.decisions({second: 5, first[0]: [1, 2], first[1]: 3})
    np.testing.assert_array_equal(found, [1, 2, 3, 3, 5])
    wrong: list[tuple[Any, str]] = [
        ({first: np.ones((2, 2))}, "second has no value; assign all variables"),
        ({first[0]: 1, second: 1}, r"first\[1, 0\] has no value"),
        ({first: [1, 2], second: 1}, r"values of shape \(2,\) for variables of shape \(2, 2\)"),
        ({late: 1}, "values are assigned to here-and-now variables or parts of them"),
        ({2 * first: 1}, "here-and-now variables or parts"),
        ({first + 1: 1}, "here-and-now variables or parts"),
        ({"first": 1}, "here-and-now variables or parts of them, got 'first'"),
        ({copt.RobustModel().here_and_now(): 1}, "the expression is not of model unnamed"),
    ]
    for values, message in wrong:
        with pytest.raises(CoptError, match=message):
            m.decisions(values)


def complete(**changes: Any) -> copt.RobustModel:
    m = copt.RobustModel("mine")
    m.here_and_now(2, **changes)
    return m


def without_decisions() -> copt.RobustModel:
    m = copt.RobustModel("empty")
    m.minimize(1)
    return m


OTHER = copt.RobustModel("other").here_and_now(2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: complete(kind="bool"), "unknown kind 'bool'; a variable is one of continuous, integer, binary"),
        (lambda: complete(kind="binery"), "did you mean 'binary'"),
        (lambda: complete(lower=[1, 2, 3]), r"lower and upper must be numbers or arrays of shape \(2,\)"),
        (lambda: complete(lower="low"), "lower and upper must be numbers"),
        (lambda: complete(lower=[0, 3], upper=2), "variable 1 has lower = 3.0 above upper = 2.0"),
        (lambda: complete(upper=np.nan), "variable 0 has lower = 0.0 above upper = nan"),
        (lambda: copt.RobustModel().wait_and_see((2, 0)), r"shape must hold whole numbers from 1 on, got \(2, 0\)"),
        (lambda: copt.RobustModel().wait_and_see(2.5), "shape must hold whole numbers from 1 on, got 2.5"),  # type: ignore[arg-type]
        (lambda: complete().uncertain(3), "uncertain takes a set such as copt.uncertainty.Budget.*, got 3"),  # type: ignore[arg-type]
        (lambda: complete().add(True), "add takes constraints such as x <= 3, got True; one side must hold"),  # type: ignore[arg-type]
        (lambda: complete().add([np.bool_(True)]), "add takes constraints such as x <= 3, got"),
        (lambda: complete().add(OTHER), "add takes constraints such as x <= 3, got <expression"),
        (lambda: complete().add(OTHER <= 1), "the expression is not of model mine; declare its variables there"),
        (lambda: complete().minimize(OTHER.sum()), "the expression is not of model mine"),
        (lambda: complete().minimize([1, 2]), r"the objective must be one number, got shape \(2,\); sum it"),
        (lambda: complete().minimize(np.nan), "coefficients must be finite, got nan"),
        (lambda: complete().two_stage(), "model mine has no objective; call minimize or maximize"),
        (lambda: without_decisions().two_stage(), "model empty has no decisions; declare some with here_and_now"),
    ],
)
def test_what_is_wrong_with_a_model_is_said(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(CoptError, match=message):
        wrong()


def test_values_that_cannot_be_told_are_refused() -> None:
    f, solution = Facility(), facility_solution()
    m, u = f.model, np.eye(3)
    nominal = RobustSolution(x=np.ones(3), plans=solution.plans[:1], worst=u[0], proof="adversary", value=310.0)
    wrong: Callable[[], object]
    for wrong, message in (
        (lambda: m.value(f.ship, solution), "the expression depends on the scenario; name one, such as solution.worst"),
        (lambda: m.value(f.down, solution), "the expression depends on the scenario"),
        (lambda: m.value(f.ship, solution, [1, 1, 0]), "is not in the uncertainty set"),
        (lambda: m.value(f.ship, solution, [1, 0]), r"scenario must have shape \(3,\)"),
        (lambda: m.value(f.ship, nominal, u[1]), "no plan of the solution fits this scenario; find one with copt.eval"),
        (lambda: m.value(OTHER, solution), "the expression is not of model facility"),
        (lambda: m.value(f.site, None), "value takes a solution, such as result.solution, got None"),  # type: ignore[arg-type]
    ):
        with pytest.raises(CoptError, match=message):
            wrong()
    m.here_and_now()
    with pytest.raises(CoptError, match="the solution has 3 first decisions, the model 4; solve the model anew"):
        m.value(f.site, solution)


def test_a_model_is_an_instance_of_the_family() -> None:
    m = Facility().model
    assert family_of(m).name == m.family == "robust"
    assert (m.name, m.sign, m.dimensions) == ("facility", 1, "3x16x3")
    np.testing.assert_array_equal(recourse(m, facility_solution(), np.eye(3)[2])[8:12], 0)
