"""The arrays of a relaxation: duality, and what SCIP says of single columns."""

from typing import Any

import numpy as np
import pytest
from pyscipopt import Branchrule
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from copt.instances.mip_features import ROW_FEATURES, VARIABLE_FEATURES, row_features, variable_features
from copt.instances.mip_generators import assignment, auction, knapsacks
from copt.instances.mip_relaxation import Relaxation, places_of, relaxation_of, unsolved
from copt.instances.mip_scip import to_scip
from copt.problems.mip import MIP, toy


class Look(Branchrule):
    """Takes the relaxation of the first nodes, and what SCIP says itself."""

    def __init__(self, originals: list[Any]) -> None:
        self.originals = originals
        self.seen: list[tuple[Relaxation, float, list[float]]] = []

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        if len(self.seen) < 5:
            lp = relaxation_of(self.model, places_of(self.model, self.originals))
            reduced = [self.model.getColRedCost(column) for column in self.model.getLPColsData()]
            self.seen.append((lp, self.model.getLPObjVal(), reduced))
        return {"result": SCIP_RESULT.DIDNOTRUN}

    def branchexecps(self, allowaddcons: bool) -> dict[str, Any]:
        return {"result": SCIP_RESULT.DIDNOTRUN}


PROGRAMS = [
    knapsacks(items=15, constraints=5, seed=0),
    assignment(agents=4, jobs=10, difficulty="D", seed=1),
    auction(items=20, bids=80, seed=0),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_relaxation_is_solved_to_optimality(program: MIP) -> None:
    model, originals = to_scip(program)
    look = Look(originals)
    for name in ("presolving/maxrounds", "separating/maxroundsroot"):
        model.setParam(name, 0)
    model.includeBranchrule(look, "look", "", 10_000_000, -1, 1.0)
    model.optimizeNogil()
    assert look.seen
    for lp, bound, reduced in look.seen:
        size = float(np.linalg.norm(lp.objective))
        np.testing.assert_allclose(lp.reduced, reduced, atol=1e-7 * size)
        assert (lp.value >= lp.lower - 1e-6).all() and (lp.value <= lp.upper + 1e-6).all()
        sums = np.bincount(lp.rows, lp.coefficients * lp.value[lp.columns], lp.starts.size - 1)
        np.testing.assert_allclose(sums, lp.activity, atol=1e-6)
        assert (sums >= lp.row_lower - 1e-6).all() and (sums <= lp.row_upper + 1e-6).all()
        # Strong duality: every dual value earns the limit that it presses on.
        earned = np.where(lp.dual > 0, lp.row_lower, lp.row_upper)[np.abs(lp.dual) > 1e-9]
        rest = np.where(lp.reduced > 0, lp.lower, lp.upper)[np.abs(lp.reduced) > 1e-9]
        dual = lp.dual[np.abs(lp.dual) > 1e-9] @ earned + lp.reduced[np.abs(lp.reduced) > 1e-9] @ rest
        assert dual == pytest.approx(lp.objective @ lp.value, rel=1e-6)
        assert np.bincount(lp.basis, minlength=4)[1] + np.bincount(lp.row_basis, minlength=4)[1] == lp.starts.size - 1
        assert sorted(lp.place.tolist()) == list(range(program.num_variables))
        np.testing.assert_array_equal(lp.objective, program.sign * program.costs[lp.place])
        assert bound == pytest.approx(lp.objective @ lp.value, rel=1e-6)


def test_before_anything_is_solved_the_solution_is_empty() -> None:
    lp = unsolved(toy())
    assert lp.objective.tolist() == [-10.0, -4.0, -1.0]
    assert lp.kind.tolist() == [1, 2, 0]
    table = dict(zip(VARIABLE_FEATURES, variable_features(lp).T, strict=True))
    assert table["has_upper"].tolist() == [1, 1, 0]
    assert not any(table[name].any() for name in VARIABLE_FEATURES[VARIABLE_FEATURES.index("at_lower") :])
    rows = dict(zip(ROW_FEATURES, row_features(lp).T, strict=True))
    np.testing.assert_allclose(rows["norm"], [np.sqrt(35), np.sqrt(5)])
    np.testing.assert_allclose(rows["bias"], [12 / np.sqrt(35), 4 / np.sqrt(5)])
    np.testing.assert_allclose(rows["objective_cosine"], [-63 / np.sqrt(35 * 117), -6 / np.sqrt(5 * 117)])
    assert rows["nonzeros"].tolist() == [1.0, 2 / 3]
