"""First-stage decisions of one's own are fixed, then solved."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from robust_cases import random_knapsack
from robust_model_cases import Facility, respond

import copt
from copt.errors import CoptError


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What copt.evaluate hands to copt.solve."""
    seen: list[Any] = []
    module = importlib.import_module("copt.evaluate")
    monkeypatch.setattr(module, "solve", lambda instance, **options: seen.append((instance, options)))
    return seen


def test_evaluation_fixes_the_decisions(solved: list[Any]) -> None:
    f = Facility()
    for x in ({f.site: [1, 1, 0]}, [1, 1 - 1e-9, 1e-9]):
        copt.evaluate(f.model, x, seconds=3)
        problem, options = solved.pop()
        assert options == {"seconds": 3}
        np.testing.assert_array_equal(problem.x.lower, [1, 1, 0])
        np.testing.assert_array_equal(problem.x.upper, [1, 1, 0])
        assert problem.uncertainty is f.model.two_stage().uncertainty
        assert respond(problem, problem.x.lower, np.eye(3)[0])[0] == pytest.approx(375)


def test_evaluation_can_look_at_one_scenario(solved: list[Any]) -> None:
    instance = random_knapsack(3, 0)
    copt.evaluate(instance, [1, 0, 1], scenario=[0, 1, 0])
    problem, _ = solved.pop()
    assert problem.uncertainty.members.tolist() == [[0, 1, 0]]
    assert (problem.name, problem.sign, problem.x.integer.all()) == (instance.name, -1, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: copt.evaluate(m, [1, 2, 0]),
            "x is not a decision of facility: first stage: variable 1 = 2 is above",
        ),
        (lambda m: copt.evaluate(m, [1, 0.5, 0]), "variable 1 = 0.5 is not whole"),
        (lambda m: copt.evaluate(m, [1, 1]), r"x must have shape \(3,\), got shape \(2,\)"),
        (lambda m: copt.evaluate(m, {}), r"site\[0\] has no value"),
        (lambda m: copt.evaluate(m, [1, 1, 1], scenario=[1]), r"scenario must have shape \(3,\)"),
        (
            lambda m: copt.evaluate(random_knapsack(3, 0), {}),
            "only decisions of a copt.RobustModel are given by a dict",
        ),
        (lambda m: copt.evaluate(copt.read("toy"), [1]), "evaluate takes a two-stage robust problem, got JobShop"),
    ],
)
def test_decisions_that_cannot_be_evaluated_are_refused(
    call: Callable[[copt.RobustModel], object], message: str
) -> None:
    with pytest.raises(CoptError, match=message):
        call(Facility().model)
