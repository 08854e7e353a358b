"""Relaxations whose short rows come in once they are violated."""

from typing import Any

import numpy as np
import pytest
from mip_cases import dense, make_mip

from copt.instances.mip_generators import facility_location, set_cover
from copt.problems.mip import MIP
from copt.solvers.mip import relaxation, submip
from copt.solvers.mip.relaxation import Growing, mostly_short
from copt.solvers.mip.submip import Relaxed, SubMIP

SITES = facility_location(customers=40, facilities=30, seed=2)


def relaxed(instance: MIP, *arguments: Any) -> Relaxed | None:
    """Return the relaxation whose rows come in one by one, even where all at once would be fast enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submip, "GROWN", submip.GROWN[1:])
        return SubMIP(instance, lambda _: None, lambda: False, 0).relax(60.0, *arguments)


def plainly(instance: MIP, monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> Relaxed | None:
    """Return the relaxation with all rows at once."""
    with monkeypatch.context() as patch:
        patch.setattr(submip, "mostly_short", lambda _: False)
        return SubMIP(instance, lambda _: None, lambda: False, 0).relax(60.0, *arguments)


def dual_bound(instance: MIP, found: Relaxed) -> float:
    """Return what the prices of the rows prove, without regard to who made them."""
    assert found.duals is not None
    costs = instance.sign * instance.costs
    reduced = costs - dense(instance).T @ found.duals
    low = np.where(np.isfinite(instance.row_lower), instance.row_lower, 0.0)
    high = np.where(np.isfinite(instance.row_upper), instance.row_upper, 0.0)
    rows = np.where(found.duals > 0, found.duals * low, found.duals * high).sum()
    return float(rows + np.minimum(reduced * instance.lower, reduced * instance.upper).sum())


def test_what_is_mostly_short() -> None:
    assert mostly_short(SITES)  # 1,200 links of two, 71 others
    assert not mostly_short(facility_location(customers=10, facilities=8, seed=2))
    assert not mostly_short(set_cover(rows=50, columns=100, seed=1))


def test_growing_relaxations_are_worth_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found, expected = relaxed(SITES), plainly(SITES, monkeypatch)
    assert found is not None
    assert expected is not None
    assert found.bound == pytest.approx(expected.bound, rel=1e-9)
    assert SITES.costs @ found.values == pytest.approx(found.bound, rel=1e-9)
    sums = dense(SITES) @ found.values
    assert (np.maximum(sums - SITES.row_upper, SITES.row_lower - sums) <= 1e-6).all()
    assert dual_bound(SITES, found) == pytest.approx(found.bound, rel=1e-6)


def test_growing_relaxations_hold_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = SITES.integer & (np.arange(SITES.num_variables) % 2 == 0)
    arguments = fixed, np.zeros(SITES.num_variables)
    found, expected = relaxed(SITES, *arguments), plainly(SITES, monkeypatch, *arguments)
    assert found is not None
    assert expected is not None
    assert found.bound == pytest.approx(expected.bound, rel=1e-9)
    assert not found.values[fixed].any()


def test_only_rows_that_matter_come_in() -> None:
    growing = Growing(SITES, SITES.lower, SITES.upper, lambda: False)
    assert growing.solve(60.0)
    assert 71 < len(growing._rows) < 500
    assert len(set(growing._rows.tolist())) == len(growing._rows)


def test_a_halt_ends_it() -> None:
    assert not Growing(SITES, SITES.lower, SITES.upper, lambda: True).solve(60.0)
    assert not Growing(SITES, SITES.lower, SITES.upper, lambda: False).solve(0.0)


def test_what_only_short_rows_bound_is_solved_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without x <= 3, which are rows of one, there is no optimum."""
    monkeypatch.setattr(relaxation, "MANY", 2)
    instance = make_mip([[1, 0], [0, 1], [1, 0]], lower=[0, 0], upper=[np.inf] * 2, row_upper=[3, 4, 5], costs=[-1, -2])
    assert mostly_short(instance)
    found = relaxed(instance)
    assert found is not None
    assert found.bound == pytest.approx(-11.0)
