"""Hints for CP-SAT models change no answer, and are feasible wherever rows say all."""

from collections.abc import Callable
from typing import Any

import pytest
from ortools.sat.python import cp_model

import copt
from copt.instances.mip_cpsat import from_cpsat

WEIGHTS = [23, 31, 29, 44, 53, 38, 63, 85, 89, 82]
WORTHS = [92, 57, 49, 68, 60, 43, 67, 84, 87, 72]


def knapsack() -> Any:
    """Return ten items for a sack of 165: the best are worth 309."""
    model = cp_model.CpModel()
    take = [model.new_bool_var(f"take{j}") for j in range(10)]
    model.add(sum(w * x for w, x in zip(WEIGHTS, take, strict=True)) <= 165)
    model.maximize(sum(v * x for v, x in zip(WORTHS, take, strict=True)))
    return model


def clauses() -> Any:
    """Return a program of clauses, with negations, and one row with a choice of ranges."""
    model = cp_model.CpModel()
    a, b, c = (model.new_bool_var(name) for name in "abc")
    x = model.new_int_var(-5, 7, "x")
    model.add_bool_or(a, b.negated())
    model.add_exactly_one(a, c.negated(), b)
    model.add_at_most_one(a, c)
    model.add(2 * x + 3 * a - b >= -4)
    model.minimize(x + 2 * a + 3 * b - c)
    return model


def holes() -> Any:
    """Return a program whose least value, 3, is the smallest one in a domain with holes."""
    model = cp_model.CpModel()
    x = model.new_int_var_from_domain(cp_model.Domain.from_values([1, 4, 9]), "x")
    y = model.new_int_var(0, 9, "y")
    model.add_all_different(x, y)
    model.add(x + y >= 3)
    model.minimize(x + y)
    return model


def loose() -> Any:
    """Return a program without rows and without objective."""
    model = cp_model.CpModel()
    model.new_int_var(2, 5, "x")
    return model


def impossible() -> Any:
    """Return a program that nothing satisfies."""
    model = cp_model.CpModel()
    x = model.new_int_var(0, 9, "x")
    model.add(2 * x == 5)
    return model


CASES: dict[str, Callable[[], Any]] = {
    "knapsack": knapsack,
    "clauses": clauses,
    "holes": holes,
    "loose": loose,
    "impossible": impossible,
}


def solved(model: Any, **parameters: Any) -> tuple[str, float | None]:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    for name, value in parameters.items():
        setattr(solver.parameters, name, value)
    status = solver.solve(model)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return solver.status_name(status), solver.objective_value if found else None


@pytest.mark.parametrize("name", CASES)
def test_status_and_optimum_are_the_same_with_and_without(name: str) -> None:
    model = CASES[name]()
    copt.attach(model)
    assert solved(model) == solved(CASES[name]())


@pytest.mark.parametrize("name", ["knapsack", "clauses", "loose"])
def test_where_rows_say_all_the_hint_is_a_feasible_point(name: str) -> None:
    model = CASES[name]()
    hint = copt.attach(model)
    variables = len(model.proto.variables)
    assert (hint.hinted, hint.complete) == (variables, True)
    assert hint.summary() == f"copt: hints for {variables} variables, a point that all linear constraints allow"
    assert solved(model, fix_variables_to_their_hinted_value=True)[0] in ("OPTIMAL", "FEASIBLE")


def test_what_rows_do_not_say_makes_it_a_guess() -> None:
    hint = copt.attach(holes())
    assert not hint.complete
    assert "a partial guess" in hint.summary() or hint.hinted == 0


def test_without_any_point_there_is_no_hint() -> None:
    model = impossible()
    assert copt.attach(model).hinted <= 1
    assert solved(model) == ("INFEASIBLE", None)


def test_hints_are_replaced_and_taken_away() -> None:
    model = knapsack()
    for _ in range(2):
        copt.attach(model)
        assert len(model.proto.solution_hint.vars) == 10
    copt.detach(model)
    assert len(model.proto.solution_hint.vars) == 0
    assert solved(model) == ("OPTIMAL", 309)


def test_rows_of_a_model() -> None:
    instance = from_cpsat(clauses())
    assert instance.lower.tolist() == [0, 0, 0, -5]
    assert instance.upper.tolist() == [1, 1, 1, 7]
    assert instance.costs.tolist() == [2, 3, -1, 1]
    assert instance.beyond == ()
    assert instance.row_lower.tolist() == [0, 0, -float("inf"), -4]
    assert instance.row_upper.tolist() == [float("inf"), 0, 1, float("inf")]
    assert from_cpsat(holes()).beyond == ("all_diff", "domain with holes")
