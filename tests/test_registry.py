"""One set of tests for every family that is registered."""

import inspect

import pytest

import copt
from copt import Status
from copt.errors import UnknownNameError
from copt.registry import FAMILIES, family_of
from copt.solvers.base import Solver

OPTIMA = {"jobshop": 11, "routing": 36, "robust": 14, "control": 3, "mip": 19, "encoding": 11}  # of the toys
DIMENSIONS = {"jobshop": "3x3", "routing": "6", "robust": "4", "control": "1x1x3", "mip": "2x3", "encoding": "8"}

families = pytest.mark.parametrize("name", FAMILIES)


@families
def test_the_toy_belongs_to_its_family(name: str) -> None:
    toy = FAMILIES[name].load("problem").toy()
    assert family_of(toy) is FAMILIES[name]
    assert toy.sign in (1, -1)
    assert toy.dimensions == DIMENSIONS[name]


@families
def test_the_solver_proves_the_toy_optimal(name: str) -> None:
    family = FAMILIES[name]
    toy = family.load("problem").toy()
    result = copt.solve(toy, policy=None, seconds=60)
    assert (result.status, result.objective, result.bound) == (Status.OPTIMAL, OPTIMA[name], OPTIMA[name])
    assert result.solver == family.load("solver").NAME
    assert family.load("problem").check(toy, result.solution) == []


@families
def test_the_solver_keeps_the_protocol(name: str) -> None:
    solve = FAMILIES[name].load("solver").solve
    assert list(inspect.signature(solve).parameters) == list(inspect.signature(Solver.solve).parameters)[1:]


@families
def test_generators_make_instances_of_the_family_from_a_seed(name: str) -> None:
    family = FAMILIES[name]
    if family.instances is None:
        pytest.skip(f"family {name} has no files")
    for generator in family.load("instances").GENERATORS.values():
        assert {"seed"} <= set(inspect.signature(generator).parameters)


def test_a_stranger_is_told_what_there_is() -> None:
    with pytest.raises(UnknownNameError, match="takes one of: jobshop, routing, robust, control, mip, encoding"):
        family_of(3)
