"""Costs of branching, read from one solve by SCIP and told to the next."""

from typing import Any

import numpy as np
import pytest
from pyscipopt.scip import PY_SCIP_BRANCHDIR as DIRECTION
from pyscipopt.scip import PY_SCIP_EVENTTYPE as EVENT

from copt.instances.mip_generators import knapsacks, set_cover
from copt.instances.mip_scip import to_scip
from copt.instances.mip_varied import varied
from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.history import pseudocosts, tell_pseudocosts
from copt.solvers.mip.kin import Kin
from copt.solvers.mip.plugins import Watch, best_values
from copt.solvers.mip.settings import apply

PLAIN = "lean, no cuts, pseudocosts, best bound"
COVERS = [varied(set_cover(rows=200, columns=400, density=0.05, seed=10000), seed) for seed in range(6)]


def solve(instance: MIP, told: FloatArray | None = None, nodes: int = -1) -> tuple[Any, list[Any]]:
    """Return a solved model and its variables, told the costs at the first relaxation."""
    model, variables = to_scip(instance)
    apply(PLAIN, model, helped=True)
    model.setParam("limits/totalnodes", nodes)
    errors: list[Exception] = []

    def hear(model: Any, _: int) -> None:
        if told is not None and model.getNNodes() == 1:
            tell_pseudocosts(model, variables, told)

    Watch(EVENT.FIRSTLPSOLVED, hear, errors.append).include(model)
    model.optimizeNogil()
    assert errors == []
    return model, variables


def test_what_is_told_is_read_again_in_the_units_of_the_program() -> None:
    """SCIP multiplies costs with two decimals by a hundred for itself."""
    told = np.full((2, 400), np.nan)
    told[0, [5, 6]], told[1, [7, 8]] = [3.0, 9.0], [4.0, 8.0]
    model, variables = solve(COVERS[0], told, nodes=1)
    assert model.getNTotalNodes() == 1
    seen = pseudocosts(model, variables)
    assert model.getVarPseudocost(variables[5], DIRECTION.DOWNWARDS) == pytest.approx(300)
    assert seen[0, 5] == pytest.approx(3.0)
    assert seen[1, 7] == pytest.approx(4.0)


def test_nothing_is_known_before_a_solve_nor_of_what_was_not_branched_on() -> None:
    model, variables = to_scip(COVERS[0])
    assert np.isnan(pseudocosts(model, variables)).all()
    model, variables = solve(COVERS[0])
    known = np.isfinite(pseudocosts(model, variables)).sum()
    assert 0 < known < 100


@pytest.mark.parametrize(
    "stream",
    [COVERS, [varied(knapsacks(items=30, constraints=5, seed=1), seed, limits=0.0) for seed in range(6)]],
    ids=["covers", "knapsacks"],
)
def test_trees_are_smaller_with_what_the_ones_before_cost(stream: list[MIP]) -> None:
    kin = Kin(stream[0].num_rows, stream[0].num_variables)
    for instance in stream[:3]:
        model, variables = solve(instance)
        kin.add(best_values(model, variables), None, pseudocosts(model, variables))
    known = kin.pseudocosts()
    plain = [solve(instance)[0] for instance in stream[3:]]
    told = [solve(instance, known)[0] for instance in stream[3:]]
    assert [model.getObjVal() for model in told] == pytest.approx([model.getObjVal() for model in plain])
    assert sum(model.getNTotalNodes() for model in told) < 0.9 * sum(model.getNTotalNodes() for model in plain)
