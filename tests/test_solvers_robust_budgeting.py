"""Capital budgeting: what is proved by boxes holds at every point, and bounds hold for every choice of projects."""

import dataclasses
import itertools
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import copt
from copt.events import Silent
from copt.instances.robust_generators import capital_budgeting
from copt.monitor import Monitor
from copt.problems.capital_budgeting import CapitalBudgeting, Loans
from copt.problems.robust import check, objective
from copt.problems.uncertainty import FloatArray
from copt.result import Status, StopReason
from copt.solvers.robust.boxes import Boxes, Desk, boxes_apply, different, one_box, sampled_value
from copt.solvers.robust.boxes_kernels import Flags
from copt.solvers.robust.budgeting import solve_budgeting
from copt.solvers.robust.candidates import Candidates
from copt.solvers.robust.scenario_master import ScenarioMaster
from copt.stop import Stop

FILES = Path(os.environ.get("COPT_BENCHMARKS", "benchmarks")) / "robust" / "cb" / "instances"


def small(seed: int, projects: int = 5, factors: int = 2, negative: bool = False) -> CapitalBudgeting:
    """Return a random problem; its factors may act both ways."""
    rng = np.random.default_rng(seed)
    effects = rng.dirichlet(np.ones(factors), size=(2, projects))
    if negative:
        effects *= rng.choice([-1.0, 1.0], size=effects.shape)
    costs = rng.uniform(1, 10, projects)
    return CapitalBudgeting(
        costs=costs,
        profits=costs * rng.uniform(0.1, 0.3, projects),
        cost_factors=effects[0],
        profit_factors=effects[1],
        budget=0.5 * costs.sum(),
    )


def grid(factors: int, steps: int = 21) -> FloatArray:
    """Return points that are spread evenly, and the same moved a little: boundaries of plans lie on the even ones."""
    even = np.array(list(itertools.product(np.linspace(-1, 1, steps), repeat=factors)))
    return np.vstack([even, np.clip(even + 1e-7, -1, 1)])


def earned(instance: CapitalBudgeting, x: Flags, points: FloatArray) -> FloatArray:
    """Return what ``x`` earns in each scenario, by all plans there are; -inf where it cannot be paid."""
    costs = instance.costs * (1 + 0.5 * points @ instance.cost_factors.T)
    profits = instance.profits * (1 + 0.5 * points @ instance.profit_factors.T)
    plans = np.array(list(itertools.product([0, 1], repeat=len(x))))
    plans = plans[(plans + x <= 1).all(axis=1)]
    paid = costs @ (x + plans).T <= instance.budget
    found: FloatArray = np.where(paid, profits @ (x + instance.late * plans).T, -np.inf).max(axis=1)
    return found


def payable(instance: CapitalBudgeting) -> list[Flags]:
    """Return the early projects that can be paid in every scenario, by the corners."""
    corners = np.array(list(itertools.product([-1, 1], repeat=instance.num_factors)))
    costs = instance.costs * (1 + 0.5 * corners @ instance.cost_factors.T)
    sets = np.array(list(itertools.product([0, 1], repeat=instance.num_projects)), dtype=np.uint8)
    return list(sets[(sets @ costs.T <= instance.budget).all(axis=1)])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.booleans())
def test_recourse_is_the_best_plan(seed: int, negative: bool) -> None:
    instance = small(seed, negative=negative)
    desk, rng = Desk(instance), np.random.default_rng(seed)
    for x in payable(instance)[:4]:
        points = rng.uniform(-1, 1, (3, 2))
        for u, expected in zip(points, earned(instance, x, points), strict=True):
            assert desk.recourse(x, u) == pytest.approx(expected, abs=1e-9)
            assert desk.recourse(x, u, slack=0.1) >= expected


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.booleans())
def test_sets_listed_are_those_that_can_be_paid(seed: int, negative: bool) -> None:
    instance = small(seed, negative=negative)
    desk, expected = Desk(instance), payable(instance)
    assert sorted(map(tuple, desk.subsets())) == sorted(map(tuple, expected))
    assert all(desk.keeps_budget(x) for x in expected)
    x = expected[-1]
    near = [y for y in expected if (y != x).sum() == 1 or ((y != x).sum() == 2 and y.sum() == x.sum())]
    assert sorted(map(tuple, desk.neighbours(x))) == sorted(map(tuple, near))


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 10_000), st.booleans())
def test_proofs_hold_at_every_point(seed: int, negative: bool) -> None:
    instance = small(seed, negative=negative)
    for x in payable(instance)[::4]:
        boxes = Boxes(Desk(instance), x)
        boxes.seek(500)
        boxes.refine(20_000, 1e-3)
        solution = boxes.solution()
        assert check(instance, solution) == []
        assert objective(instance, solution) == pytest.approx(boxes.proved, abs=1e-9)
        least = earned(instance, x, grid(2)).min()
        assert boxes.proved <= least + 1e-9
        assert boxes.optimistic == pytest.approx(earned(instance, x, boxes.worst[None])[0], abs=1e-3)
        assert boxes.optimistic - boxes.proved <= 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_proved(seed: int) -> None:
    instance = small(seed)
    result = copt.solve(instance, seconds=30, workers=1)
    assert result.status is Status.OPTIMAL
    assert result.objective is not None
    points = grid(2)
    worst = {tuple(x): earned(instance, x, points).min() for x in payable(instance)}
    assert result.objective <= worst[tuple(np.round(result.solution.x).astype(int))] + 1e-9
    # A grid finds nearly the worst case of each choice, from above.
    assert result.objective <= max(worst.values()) + 1e-9
    assert result.objective >= max(worst.values()) - 0.05 * abs(max(worst.values()))
    for x in payable(instance):
        boxes = Boxes(Desk(instance), x)
        boxes.seek(3000)
        boxes.refine(20_000, 1e-5)
        assert boxes.proved <= result.objective * (1 + 2e-6)


@pytest.mark.parametrize("workers", [1, 2])
def test_many_projects_are_bounded_by_scenarios(workers: int) -> None:
    instance = capital_budgeting(projects=24, seed=3)
    result = copt.solve(instance, seconds=120, gap=0.05, workers=workers)
    assert check(instance, result.solution) == []
    assert result.objective is not None and result.bound is not None and result.gap is not None
    assert result.objective <= result.bound
    assert result.gap <= 0.05
    assert result.solution.proof == "cells"


def test_bounds_of_scip_and_of_the_list_agree() -> None:
    instance = small(1, projects=6)
    monitor = Monitor(Stop(), Silent(), sign=-1)
    master = ScenarioMaster(instance, monitor)
    master.solve(30.0)
    assert monitor.bound is not None
    best = max(earned(instance, x, np.array(master.scenarios)).min() for x in payable(instance))
    assert best <= monitor.bound <= best * 1.002
    master.add([np.array([0.3, -0.9]), np.full(2, -1.0)])
    assert len(master.scenarios) == 4


def test_candidates_dropped_for_promising_little_come_back_when_all_are_listed() -> None:
    instance = small(2, projects=6)
    monitor = Monitor(Stop(), Silent(), sign=-1)
    candidates = Candidates(Desk(instance), instance, monitor)
    every = candidates.desk.subsets()
    candidates.add(every)
    x = candidates.best()
    assert x is not None
    boxes = candidates.seek(x)
    candidates.work(boxes)
    monitor.prove(-1e6, "far")  # with so far a bound, nothing promises enough
    assert candidates.best() is None
    candidates.add_all()
    assert candidates.complete
    kept = {row.tobytes() for row in candidates.rows}
    for row in every:
        if row.tobytes() not in kept:
            assert Boxes(candidates.desk, row).proved <= candidates.floor
    best = max(earned(instance, row, grid(2)).min() for row in every)
    assert candidates.ceiling >= best - 0.05 * best


def test_the_end_comes_while_there_is_time_to_write_and_check_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = small(2, projects=6)
    monitor = Monitor(Stop(seconds=1000.0), Silent(), sign=-1)
    candidates = Candidates(Desk(instance), instance, monitor)
    candidates.add(candidates.desk.subsets())
    assert not candidates.ended()
    x = candidates.best()
    assert x is not None
    candidates.work(candidates.seek(x))
    assert not candidates.ended()
    monkeypatch.setattr("copt.solvers.robust.candidates.CHECKS", 1e12)
    assert candidates.ended()
    assert monitor.reason() is StopReason.TIME
    candidates.finish()
    assert monitor.solution is not None
    assert check(instance, monitor.solution) == []


def test_one_box_needs_no_kernel_and_is_proved() -> None:
    for seed in range(5):
        instance = small(seed, negative=seed % 2 == 1)
        solution = one_box(instance, np.zeros(5, dtype=np.uint8))
        assert check(instance, solution) == []
        assert objective(instance, solution) <= earned(instance, np.zeros(5, dtype=np.uint8), grid(2)).min()


def test_a_solve_without_time_still_has_a_solution() -> None:
    instance = capital_budgeting(projects=30, seed=1)
    monitor = Monitor(Stop(seconds=0.0), Silent(), sign=-1)
    solve_budgeting(instance, monitor, workers=2, seed=0)
    assert check(instance, monitor.solution) == []
    assert monitor.reason() is StopReason.TIME


def test_plans_that_are_the_same_are_listed_once() -> None:
    plans = np.random.default_rng(0).integers(0, 2, (200, 70)).astype(np.uint8)[np.arange(400) % 150 % 7]
    distinct, own = different(plans)
    assert len(distinct) == 7
    assert (distinct[own] == plans).all()


def test_kernels_do_not_know_loans_nor_negative_costs() -> None:
    instance = small(0)
    assert boxes_apply(instance)
    assert not boxes_apply(dataclasses.replace(instance, loans=Loans(1.0, 1.0, 0.1, 0.1)))
    assert not boxes_apply(dataclasses.replace(instance, cost_factors=3.0 * instance.cost_factors))


def test_the_sampled_value_is_the_least_of_many_scenarios() -> None:
    instance = small(4)
    x = payable(instance)[3]
    scenarios = np.random.default_rng(7).uniform(-1.0, 1.0, (50, 2))
    expected = earned(instance, x, scenarios).min()
    assert sampled_value(instance, x.astype(np.float64), samples=50, seed=7) == pytest.approx(expected, abs=1e-9)


@pytest.mark.skipif(not FILES.is_dir(), reason="the published instances are not shipped")
def test_a_published_instance_is_solved_to_optimality() -> None:
    instance = copt.read(FILES / "CB_n10_xi4_s1")
    result = copt.solve(dataclasses.replace(instance, budget=float(math.floor(instance.budget))), seconds=60)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(3.061667, abs=1e-5)
