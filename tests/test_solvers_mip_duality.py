"""Bounds by weak duality, by hand and against optima."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, best_binary, make_mip, solve_with_scip

from copt.instances.mip_generators import facility_location, knapsacks, set_cover
from copt.problems.mip import MIP
from copt.solvers.mip.duality import bound_of
from copt.solvers.mip.submip import SubMIP

COVER = make_mip([[1, 1, 0], [0, 1, 1]], costs=[2, 2.5, 3], row_lower=[1, 1], row_upper=[np.inf] * 2)


@pytest.mark.parametrize(
    ("duals", "bound"),
    [
        ([0, 0], 0),
        ([1, 1], 2),  # nothing is cheaper than its rows, so the two rows are paid
        ([2, 1], 2.5),  # the second variable earns 0.5
        ([2, 3], 2.5),
        ([-1, 2], 2),  # the first row has no upper limit, so its price tells nothing
        ([np.nan, 1], 1),
    ],
)
def test_by_hand(duals: list[float], bound: float) -> None:
    assert bound_of(COVER, np.array(duals, dtype=float)) == pytest.approx(bound, abs=1e-12)
    assert bound_of(COVER, np.array(duals, dtype=float)) <= bound


def test_whole_costs_round_it_up() -> None:
    whole = make_mip([[1, 1, 0], [0, 1, 1]], costs=[2, 3, 4], row_lower=[1, 1], row_upper=[np.inf] * 2)
    assert bound_of(whole, np.array([0.9, 0.4])) == 2
    shared = make_mip([[1, 1]], costs=[2, 3], integer=[True, False], row_lower=[1], row_upper=[np.inf])
    assert bound_of(shared, np.array([0.9])) == pytest.approx(0.9, abs=1e-12)


def test_a_variable_without_limit_leaves_no_bound_unless_its_price_is_right() -> None:
    open_ended = make_mip([[1, 1]], costs=[1, 1], upper=[np.inf] * 2, row_lower=[1], row_upper=[np.inf])
    assert bound_of(open_ended, np.array([0.5])) == 1  # 0.5, rounded up
    assert bound_of(open_ended, np.array([1.5])) == -np.inf


def test_the_sense_and_the_offset_count() -> None:
    packing = make_mip([[1, 1]], costs=[5, 6], row_upper=[1], maximise=True, offset=-1)
    assert bound_of(packing, np.array([-5.5])) == -5  # at most 6 - 1: 5.5 for the row, 0.5 for the second, 1 off


@settings(deadline=None, max_examples=60)
@given(any_mips, st.integers(0, 1000))
def test_no_optimum_is_below_it(instance: MIP, seed: int) -> None:
    optimum = None
    if np.isfinite(instance.lower).all() and np.isfinite(instance.upper).all():
        optimum = solve_with_scip(instance)
    if optimum is not None:
        duals = np.random.default_rng(seed).normal(0, 3, instance.num_rows)
        assert bound_of(instance, duals) <= instance.sign * optimum + 1e-6 * max(1.0, abs(optimum))  # SCIP's tolerance


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_no_binary_optimum_is_below_it_at_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-3, 4, (3, 7)) * rng.integers(0, 2, (3, 7))
    instance = make_mip(matrix, costs=rng.integers(-9, 10, 7), row_upper=rng.integers(0, 6, 3).astype(float))
    optimum = best_binary(instance)
    assert optimum is not None
    assert bound_of(instance, rng.normal(0, 2, 3)) <= optimum


@pytest.mark.parametrize(
    "instance",
    [
        set_cover(rows=60, columns=90, density=0.08, seed=3),
        facility_location(customers=8, facilities=6, seed=1),
        knapsacks(items=40, constraints=5, seed=1),
    ],
    ids=lambda instance: instance.name,
)
def test_prices_of_the_relaxation_give_its_value(instance: MIP) -> None:
    relaxed = SubMIP(instance, lambda _: None, lambda: False, 0).relax(60.0)
    assert relaxed is not None
    assert relaxed.duals is not None
    bound = bound_of(instance, relaxed.duals)
    assert relaxed.bound - 1e-6 * abs(relaxed.bound) <= bound <= np.ceil(relaxed.bound)  # HiGHS' tolerance
