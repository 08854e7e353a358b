"""The worst case as an expression of a program: it is the support function of the set."""

import numpy as np
import pytest
from general_cases import continuous, random_problem

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.uncertainty import Box, Budget, Ellipsoid, Polyhedron, Product, Scenarios, UncertaintySet
from copt.solvers.robust.program import Program
from copt.solvers.scip import dual_bound, run
from copt.stop import Stop

ELLIPSOID = Ellipsoid(np.array([1.0, -1.0]), np.array([[1.0, 0.5], [0.0, 2.0]]))
SETS: list[UncertaintySet] = [
    Box(np.array([-1.0, 0.5]), np.array([2.0, 0.5])),
    Budget(4, 2.5),
    Budget(3, 0.5),
    Polyhedron(np.array([[1.0, 1.0], [-1.0, 0.0]]), np.array([1.5, -0.25]), Box(-np.ones(2), np.ones(2))),
    ELLIPSOID,
    Scenarios(np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 1.0]])),
    Product((Budget(2, 1.0), ELLIPSOID, Scenarios(np.eye(2)))),
]


@pytest.mark.parametrize("uncertainty", SETS, ids=lambda part: type(part).__name__)
def test_support(uncertainty: UncertaintySet) -> None:
    for direction in np.random.default_rng(0).normal(size=(3, uncertainty.size)):
        program = Program(random_problem(0, uncertainty))
        slopes = [float(value) + 0.0 * program.nothing for value in direction]
        largest = program.free()
        program.add(program.support(slopes, uncertainty) - largest, 0.0)
        program.model.setObjective(largest, "minimize")
        run(program.model, Monitor(Stop(), Silent()))
        expected = direction @ uncertainty.worst(direction)
        assert program.model.getObjVal() == pytest.approx(expected, abs=1e-5)
        assert dual_bound(program.model) <= expected + 1e-9


def test_decisions_are_within_bounds() -> None:
    program = Program(random_problem(0, SETS[0], x=continuous(3, 2.0)))
    assert program.decisions() is None
    program.add(-program.x[0], -1.5)
    program.model.setObjective(program.x[0] - program.x[1])
    run(program.model, Monitor(Stop(), Silent()))
    found = program.decisions()
    assert found is not None
    assert found[:2] == pytest.approx([1.5, 2.0])
    assert (found <= 2.0).all()
