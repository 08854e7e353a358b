"""Terms of many plans at once are those of each, and the checker finds the box whose plan does not fit."""

import dataclasses

import numpy as np
import pytest

from copt.errors import InvalidSolutionError
from copt.instances.robust_generators import capital_budgeting
from copt.problems.robust import Cells, RobustSolution, check, objective


def test_terms_of_many_plans_are_those_of_each() -> None:
    problem = capital_budgeting(projects=7, factors=3, seed=1).two_stage()
    rng = np.random.default_rng(0)
    x, plans = rng.integers(0, 2, 7).astype(np.float64), rng.integers(0, 2, (5, 7)).astype(np.float64)
    constants, slopes = problem.row_terms_of_plans(x, plans)
    costs, cost_slopes = problem.cost_terms_of_plans(x, plans)
    for k, plan in enumerate(plans):
        for u in rng.uniform(-1, 1, (3, 3)):
            matrix_x, matrix_y = (part.at(u, 9, 7) for part in (problem.products_x, problem.products_y))
            rows = (problem.rows_x + matrix_x) @ x + (problem.rows_y + matrix_y) @ plan - problem.limits
            assert constants[k] + slopes[k] @ u == pytest.approx(rows)
            assert costs[k] + cost_slopes[k] @ u == pytest.approx(problem.cost(x, plan, u))


def cut_once(plans: np.ndarray) -> RobustSolution:
    """Return nothing early, and a plan on either side of the middle of the second factor."""
    cells = Cells(np.array([1, -1, -1]), np.zeros(3), np.array([[1, 2], [0, -1], [1, -1]]))
    return RobustSolution(x=np.zeros(6), plans=plans, worst=np.zeros(2), proof="cells", cells=cells)


def test_boxes_are_judged_by_their_worst_corners() -> None:
    instance = capital_budgeting(projects=6, factors=2, seed=2)
    one, none = np.eye(6)[0], np.zeros(6)
    good = cut_once(np.array([one, none]))
    assert check(instance, good) == []
    assert objective(instance, good) == 0.0
    both = dataclasses.replace(good, plans=np.array([one, one]))
    least = instance.late * instance.profits[0] * (1 - 0.5 * np.abs(instance.profit_factors[0]).sum())
    assert objective(instance, both) == pytest.approx(least)
    everything = dataclasses.replace(good, plans=np.array([one, np.ones(6)]))
    assert "plan 1: row 7 is exceeded" in str(check(instance, everything)[0])
    with pytest.raises(InvalidSolutionError, match="needs cells"):
        objective(instance, dataclasses.replace(good, cells=None))
