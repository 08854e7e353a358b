"""Neighbourhoods, and the searches in them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, best_binary, dense, make_mip

from copt.instances.mip_generators import facility_location, item_placement, set_cover
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, check, objective, settled, toy
from copt.solvers.mip.arms import ARMS, POOL, Arm, Hold, State, greedy
from copt.solvers.mip.controls import RandomGuide
from copt.solvers.mip.submip import Mask, SubMIP

COVER = set_cover(rows=40, columns=80, density=0.1, seed=1)
SITES = facility_location(customers=8, facilities=5, seed=1)


def search_of(instance: MIP) -> tuple[SubMIP, list[FloatArray]]:
    """Return a search and the points that it tells of."""
    found: list[FloatArray] = []

    def tell(values: FloatArray) -> bool:
        found.append(values)
        return True

    return SubMIP(instance, tell, lambda: False, 0), found


@pytest.mark.parametrize("best", [False, True])
def test_patience_counts_from_the_last_point_that_is_the_best_known(best: bool) -> None:
    instance = item_placement(seed=0)
    ticks = itertools.count()
    told: list[int] = []  # when; time is how often the clock was looked at

    def tell(_: FloatArray) -> bool:
        told.append(next(ticks))
        return best

    search = SubMIP(instance, tell, lambda: False, 0, lambda: float(next(ticks)))
    nothing = np.zeros(instance.num_variables, dtype=np.bool_)
    began = next(ticks)
    outcome = search.solve(nothing, np.zeros(instance.num_variables), seconds=1e6, patience=20.0)
    assert not outcome.exhausted
    last = told[-2] if best else began  # the very last is told when all is over
    assert 20.0 <= next(ticks) - last <= 30.0
    assert (outcome.seconds > 30.0) == best


def test_highs_keeps_to_the_patience_where_it_does_not_ask() -> None:
    instance = item_placement(seed=0)
    # A clock that stands still: whenever HiGHS asks, there is time left. Within linear programs it never asks.
    search = SubMIP(instance, lambda _: False, lambda: False, 0, lambda: 0.0)
    nothing = np.zeros(instance.num_variables, dtype=np.bool_)
    assert not search.solve(nothing, np.zeros(instance.num_variables), seconds=1e6, patience=0.2).exhausted


def informed(instance: MIP) -> State:
    """Return what is known after the relaxation and two points."""
    search, found = search_of(instance)
    state = State(instance, np.random.default_rng(0))
    state.relaxed = search.relax(30.0)
    nothing = np.zeros(instance.num_variables, dtype=np.bool_)
    search.solve(nothing, np.zeros(instance.num_variables), seconds=30.0)
    for values in found:
        point = settled(instance, values)
        if point is not None:
            state.add(instance.sign * objective(instance, point), point.values)
    other = state.points.jump(np.ones(instance.num_variables), np.array([5], dtype=np.uint64), 10.0)
    assert other is not None
    state.add(instance.sign * objective(instance, Point(other)), other)
    return state


@pytest.mark.parametrize("arm", ARMS, ids=[arm.name for arm in ARMS])
@pytest.mark.parametrize("instance", [COVER, SITES], ids=["cover", "sites"])
@pytest.mark.parametrize("share", [0.1, 0.7, 0.95])
def test_what_an_arm_holds(arm: Arm, instance: MIP, share: float) -> None:
    state = informed(instance)
    state.guess = RandomGuide(1).probabilities(instance, None)
    for _ in range(3):
        hold = arm.hold(state, share)
        assert hold is not None
        held = np.flatnonzero(hold.fixed)
        assert instance.integer[held].all()
        assert (hold.values[held] == np.round(hold.values[held])).all()
        assert ((hold.values[held] >= instance.lower[held]) & (hold.values[held] <= instance.upper[held])).all()
        if arm.points:
            best = state.pool[0][1]
            assert hold.values[held].tolist() == best[held].tolist()
            assert hold.start is best
        if arm.name in ("rins", "crossover", "mutation", "rows", "prices"):
            assert held.size <= np.ceil(share * instance.integer.sum())
        if arm.name in ("mutation", "prices", "doubt"):
            assert held.size == int(share * instance.integer.sum())


def greedy_hold(instance: MIP, share: float) -> Hold | None:
    return greedy(State(instance, np.random.default_rng(0)), share)


def test_greed_takes_the_most_profitable_in_first() -> None:
    # Profits for what the row gives: 3, 4.5 and 1. The first no longer fits beside the second, nor does the third.
    pack = make_mip([[3.0, 2.0, 2.0]], costs=np.array([9.0, 9.0, 2.0]), row_upper=np.array([3.0]), maximise=True)
    hold = greedy_hold(pack, 1 / 3 + 1e-9)
    assert hold is not None
    assert hold.fixed.all()
    assert hold.values.tolist() == [0.0, 1.0, 0.0]


def test_greed_leaves_the_dearest_out_first() -> None:
    cover = make_mip(
        [[1.0, 1.0, 1.0]], costs=np.array([2.0, 7.0, 5.0]), row_lower=np.ones(1), row_upper=np.full(1, np.inf)
    )
    hold = greedy_hold(cover, 1 / 3 + 1e-9)
    assert hold is not None
    assert (hold.fixed.tolist(), hold.values[1]) == ([False, True, False], 0.0)
    hold = greedy_hold(cover, 2 / 3 + 1e-9)  # by then the row asks for the last
    assert hold is not None
    assert hold.fixed.all()
    assert hold.values.tolist() == [1.0, 0.0, 0.0]


def test_greed_knows_nothing_where_costs_say_nothing() -> None:
    assert greedy_hold(make_mip([[1.0, 1.0]], costs=np.zeros(2)), 1.0) is None


def test_what_agrees_is_held() -> None:
    state = informed(COVER)
    assert state.relaxed is not None
    best, other = state.pool[0][1], state.pool[-1][1]
    arms = {arm.name: arm for arm in ARMS}
    rins, crossover = (arms[name].hold(state, 1.0) for name in ("rins", "crossover"))
    assert rins is not None and crossover is not None
    assert rins.fixed.tolist() == (np.abs(best - state.relaxed.values) < 1e-6).tolist()
    if len(state.pool) == 2:
        assert crossover.fixed.tolist() == (best == other).tolist()


def test_the_pool_keeps_the_best_points_once() -> None:
    state = State(toy(), np.random.default_rng(0))
    assert state.best == np.inf
    assert state.add(-1.0, np.array([0.0, 0.0, 1.0]))
    assert not state.add(-1.0, np.array([0.0, 0.0, 1.0]))
    assert state.add(-2.0, np.array([0.0, 0.0, 2.0]))  # the same integers, but cheaper
    for k in range(30):
        state.add(float(k), np.array([float(k), 0.0, 0.0]))
    assert len(state.pool) == POOL
    assert [value for value, _ in state.pool] == sorted(value for value, _ in state.pool)
    assert state.best == -2.0


binaries = st.integers(0, 10_000)


def random_binary(seed: int) -> MIP:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 8)), int(rng.integers(1, 4))
    matrix = rng.integers(-3, 5, (m, n))
    return make_mip(
        matrix,
        costs=rng.integers(-9, 10, n),
        row_lower=np.full(m, -3.0),
        row_upper=rng.integers(0, 8, m),
        offset=float(rng.integers(-5, 6)),
        maximise=bool(rng.random() < 0.5),
    )


@settings(deadline=None, max_examples=60)
@given(binaries)
def test_a_neighbourhood_is_searched_to_the_end(seed: int) -> None:
    instance, rng = random_binary(seed), np.random.default_rng(seed)
    n = instance.num_variables
    search, found = search_of(instance)
    fixed, values = rng.random(n) < 0.4, rng.integers(0, 2, n).astype(float)
    for mask in (fixed, np.zeros(n, dtype=np.bool_)):  # the second one sees nothing of the first
        found.clear()
        outcome = search.solve(mask, values, seconds=60.0)
        expected = best_binary(held(instance, mask, values))
        assert outcome.exhausted
        if expected is None:
            assert outcome.value == np.inf
            assert found == []
        else:
            assert instance.sign * outcome.value == pytest.approx(expected, abs=1e-6)
            point = settled(instance, found[-1])
            assert point is not None and check(instance, point) == []
            assert objective(instance, point) == pytest.approx(expected, abs=1e-6)


def held(instance: MIP, mask: Mask, values: FloatArray) -> MIP:
    """Return the program with a row more for each variable that is held."""
    rows = np.eye(instance.num_variables)[mask]
    return make_mip(
        np.vstack([dense(instance), rows]),
        costs=instance.costs,
        row_lower=np.concatenate([instance.row_lower, values[mask]]),
        row_upper=np.concatenate([instance.row_upper, values[mask]]),
        offset=instance.offset,
        maximise=instance.maximise,
    )


@settings(deadline=None, max_examples=60)
@given(any_mips)
def test_the_relaxation_is_a_bound_and_its_prices_are_those_of_its_corner(instance: MIP) -> None:
    search, _ = search_of(instance)
    relaxed = search.relax(60.0)
    if relaxed is not None:
        inside = np.full(instance.num_variables, False)
        loose = make_mip(
            dense(instance),
            lower=instance.lower,
            upper=instance.upper,
            integer=inside,
            row_lower=instance.row_lower,
            row_upper=instance.row_upper,
        )
        assert check(loose, Point(relaxed.values)) == []
        cost = instance.sign * (instance.costs @ relaxed.values + instance.offset)
        assert relaxed.bound == pytest.approx(cost, abs=1e-6)
        at_lower = np.isclose(relaxed.values, instance.lower)
        at_upper = np.isclose(relaxed.values, instance.upper)
        assert relaxed.prices[~at_lower & ~at_upper] == pytest.approx(0.0, abs=1e-6)
        nothing = np.zeros(instance.num_variables, dtype=np.bool_)
        outcome = search.solve(nothing, np.zeros(instance.num_variables), seconds=60.0)
        assert outcome.value >= relaxed.bound - 1e-6


def test_a_relaxation_with_held_variables_leaves_no_trace() -> None:
    search, _ = search_of(COVER)
    before = search.relax(60.0)
    assert before is not None
    place = int(np.argmax(before.values > 0.5))
    fixed = np.arange(COVER.num_variables) == place
    held = search.relax(60.0, fixed, np.zeros(COVER.num_variables))
    assert held is not None
    assert held.values[place] == 0.0
    assert held.bound > before.bound
    again = search.relax(60.0)
    assert again is not None
    assert again.bound == pytest.approx(before.bound)


def test_a_search_without_time_or_after_a_halt_ends() -> None:
    search, _ = search_of(SITES)
    nothing = np.zeros(SITES.num_variables, dtype=np.bool_)
    assert not search.solve(nothing, np.zeros(SITES.num_variables), seconds=0.0).exhausted
    halted = SubMIP(COVER, lambda _: None, lambda: True, 0)
    assert halted.relax(0.0) is None


@pytest.mark.parametrize(("gain", "better"), [(0.0, False), (1e-6, False), (2e-3, True)])
def test_what_rounding_makes_is_no_better_point(gain: float, better: bool) -> None:
    """Differences count from a billionth of the cost on."""
    state = State(toy(), np.random.default_rng(0))
    assert state.add(1e6, np.zeros(toy().num_variables))
    assert state.add(1e6 - gain, np.ones(toy().num_variables)) == better
