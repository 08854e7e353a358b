"""The search of plain shops: how it divides its moves, its threads, its partner, and what it reports."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from jobshop_twins import KINDS, plain, rough_shop, sequences_of, state_of, successors_of
from scheduling_cases import STEADY, shops
from solvers_cases import optimum, unlimited

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.jobshop import JobShop, Schedule, check, objective, toy
from copt.result import StopReason
from copt.solvers.jobshop import search as module
from copt.solvers.jobshop.relink_kernels import relink
from copt.solvers.jobshop.search import Effort, effort_for, prove_beside, search
from copt.solvers.jobshop.shop import LARGE, schedule_from
from copt.stop import Stop

BRISK = Effort(capacity=4, patience=60, short=10, span=200, tenure=(10, 14))


def monitor(moves: int | None = None, seconds: float = 600.0) -> Monitor:
    return Monitor(Stop(seconds=seconds, moves=moves), Silent())


def slow_start() -> Schedule:
    """A poor schedule of the toy: one operation after the other."""
    return Schedule(np.array([0, 3, 5, 7, 9, 10, 14, 18]), toy().machines)


@pytest.mark.parametrize(
    ("jobs", "machines", "tenure"),
    [(10, 10, (11, 15)), (20, 10, (12, 16)), (30, 10, (13, 19)), (50, 5, (20, 30)), (3, 12, (10, 14))],
)
def test_tenures_grow_with_jobs_per_machine(jobs: int, machines: int, tenure: tuple[int, int]) -> None:
    """Peng, Lu, Cheng: L = 10 + n/m, up to 1.4 L, or 1.5 L above two jobs a machine."""
    assert effort_for(rough_shop("classic", jobs, machines, 0)).tenure == tenure


def test_larger_shops_have_smaller_pools_and_the_largest_none() -> None:
    sizes = [400, 1500, 5000, LARGE]
    efforts = [
        effort_for(JobShop.from_arrays(np.zeros((n, 1)).astype(int), np.ones((n, 1)).astype(int))) for n in sizes
    ]
    capacities = [effort.capacity for effort in efforts]
    assert capacities == sorted(set(capacities), reverse=True)
    assert (capacities[2] > 1, capacities[3]) == (True, 0)
    assert efforts[3].span < efforts[2].span


def test_limits_in_the_order_of_the_kernels() -> None:
    effort = Effort(capacity=5, patience=70, short=8, span=9, tenure=(2, 3))
    assert effort.limits(effort.patience, 40).tolist() == [70, 40, 2, 3, 9]
    assert effort.limits(effort.patience, 40).dtype == np.int64


@given(shops(max_jobs=4, max_operations=3))
@settings(STEADY, max_examples=25)
def test_tiny_shops_are_solved(instance: JobShop) -> None:
    watch = monitor(200)
    search(instance, watch)
    assert watch.best == optimum(instance)
    assert check(instance, watch.solution) == []
    assert objective(instance, watch.solution) == watch.best
    assert watch.reason() is StopReason.MOVES
    assert watch.lower_bound is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [1, 2])
def test_every_incumbent_is_feasible_better_and_worth_what_it_says(kind: str, workers: int) -> None:
    instance = rough_shop(kind, 8, 6, seed=1)
    heard: list[tuple[float, Any]] = []

    class Listener(Silent):
        def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
            heard.append((objective, watch.solution))

    watch = Monitor(Stop(seconds=600, moves=2000), Listener())
    search(instance, watch, workers=workers, effort=BRISK)
    values = [value for value, _ in heard]
    assert len(values) > 1
    assert values == sorted(set(values), reverse=True)
    assert [objective(instance, solution) for _, solution in heard] == values
    assert all(check(instance, solution) == [] for _, solution in heard)


def test_the_seed_decides_with_one_worker_and_a_move_limit() -> None:
    instance = rough_shop("classic", 10, 8, seed=2)

    def run(seed: int) -> tuple[list[int], list[float]]:
        watch = monitor(3000)
        search(instance, watch, seed=seed, effort=BRISK)
        return watch.solution.start.tolist(), [value for _, value in watch.trace().incumbents]

    assert run(1) == run(1)
    assert len({str(run(seed)) for seed in range(4)}) > 1


def test_elites_are_relinked_once_the_starts_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int]] = []

    def counted(shop: Any, order: Any, memory: Any, succ: Any, place: Any, apart: int, *rest: Any) -> int:
        value = int(relink(shop, order, memory, succ, place, apart, *rest))
        made.append((apart, value))
        return value

    monkeypatch.setattr(module, "relink", counted)
    instance = rough_shop("classic", 10, 8, seed=3)
    watch = monitor(4000)
    search(instance, watch, effort=BRISK)
    assert len(made) >= 3
    assert all(apart >= 10 for apart, _ in made)
    assert watch.best is not None
    assert all(value >= watch.best for _, value in made)


def test_more_moves_do_not_make_it_worse() -> None:
    instance = rough_shop("classic", 10, 8, seed=4)
    best = []
    for moves in (1, 300, 5000):
        watch = monitor(moves)
        search(instance, watch, seed=5, effort=BRISK)
        best.append(watch.best or 0)
    assert best[0] >= best[1] >= best[2]
    assert best[0] > best[2]


def test_a_start_is_where_the_first_thread_begins() -> None:
    """With two moves it has not yet made a start of its own."""
    watch = monitor(2)
    search(toy(), watch, start=slow_start())
    first = state_of(toy(), start=slow_start())
    begun = schedule_from(first.shop, first.order.end)
    assert watch.trace().incumbents[0][1] == objective(toy(), begun)
    assert sequences_of(first.shop, successors_of([[0, 3], [1, 5, 6], [2, 4, 7]], 8)) == first.sequences


@pytest.mark.parametrize("jobs", [[[(0, 9)], [(1, 1)]], [[(0, 0)], [(1, 0)]]])
def test_restarts_without_a_move_end_by_the_move_limit(jobs: list[Any]) -> None:
    """One operation is the critical path, or nothing is."""
    watch = monitor(50)
    search(JobShop.from_jobs(jobs), watch)
    assert (watch.best, watch.reason()) == (jobs[0][0][1], StopReason.MOVES)


def test_a_met_bound_ends_the_search() -> None:
    watch = monitor()
    watch.prove(11, "somebody")
    search(toy(), watch)
    assert (watch.best, watch.reason()) == (11, StopReason.PROVED)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_of_a_listener_ends_all_threads(workers: int) -> None:
    class Picky(Silent):
        def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
            raise RuntimeError(f"not {threading.current_thread().name}'s business")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="business"):
        search(rough_shop("classic", 10, 8, seed=6), Monitor(Stop(seconds=600), Picky()), workers=workers)
    assert threading.active_count() == before


def test_ending_from_outside_keeps_the_incumbent() -> None:
    class Impatient(Silent):
        def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
            watch.end(StopReason.USER)

    instance = rough_shop("classic", 10, 8, seed=6)
    watch = Monitor(Stop(seconds=600), Impatient())
    search(instance, watch)
    assert watch.reason() is StopReason.USER
    assert check(instance, watch.solution) == []


def test_cp_sat_proves_what_the_bounds_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy's bounds are 10; only a complete search proves 11."""
    monkeypatch.setattr(module, "SETTLE", 0.0)
    watch = monitor()
    search(toy(), watch)
    assert (watch.best, watch.lower_bound, watch.reason()) == (11, 11, StopReason.PROVED)


def test_with_a_move_limit_cp_sat_takes_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE", 0.0)
    watch = monitor(500)
    search(toy(), watch)
    assert (watch.best, watch.lower_bound, watch.reason()) == (11, None, StopReason.MOVES)


def test_the_partner_proves_the_incumbent_or_finds_a_better_one() -> None:
    for given_schedule in (slow_start(), plain(toy())):
        watch = unlimited()
        watch.offer(objective(toy(), given_schedule), given_schedule, "start")
        prove_beside(toy(), watch, np.zeros(1, dtype=np.int32), 0, None)
        assert (watch.best, watch.lower_bound) == (11, 11)


@pytest.mark.parametrize(("halt", "seconds"), [(1, None), (0, 0.0)])
def test_the_partner_stands_back_when_halted_or_out_of_time(halt: int, seconds: float | None) -> None:
    watch = unlimited()
    watch.offer(20, slow_start(), "start")
    prove_beside(toy(), watch, np.full(1, halt, dtype=np.int32), 0, seconds)
    assert (watch.best, watch.lower_bound) == (20, None)
