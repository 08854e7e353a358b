"""Solving shops from end to end: optima, limits, starts, threads, and what happens while kernels load."""

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from jobshop_twins import KINDS, plain, rough_shop
from scheduling_cases import STEADY, shops
from solvers_cases import optimum

import copt
from copt import Result, Status, StopReason
from copt.errors import InvalidInstanceError
from copt.events import Silent
from copt.problems.jobshop import JobShop, Schedule, check, objective, toy
from copt.solvers.jobshop import engine
from copt.solvers.jobshop import search as search_module
from copt.solvers.loading import Loading

HARD = rough_shop("classic", 20, 15, seed=1)  # nothing proves its optimum within seconds


def solve(instance: JobShop, **options: Any) -> Result:
    """Solve without a policy, by default in one thread."""
    return copt.solve(instance, policy=None, **{"workers": 1, "seconds": 300.0, **options})


def solve_at_once(instance: JobShop, **options: Any) -> Result:
    """Solve with CP-SAT as partner from the beginning."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "SETTLE", 0.0)
        return solve(instance, **options)


class Listener(Silent):
    """Calls ``heard`` with source and value of every incumbent."""

    def __init__(self, heard: Callable[[str, float], object]) -> None:
        self.heard = heard

    def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
        self.heard(source, objective)


def assert_optimal(result: Result, value: int) -> None:
    assert (result.objective, result.bound, result.status) == (value, value, Status.OPTIMAL)
    assert result.stopped_by is StopReason.PROVED


def test_the_toy_is_proved() -> None:
    result = solve(toy())
    assert_optimal(result, 11)
    assert (result.solver, result.family, result.policy) == ("jobshop", "jobshop", None)
    assert objective(toy(), result.solution) == 11


@given(shops(max_jobs=4, max_operations=3))
@settings(STEADY, max_examples=60)
def test_tiny_shops_are_proved(instance: JobShop) -> None:
    """Re-entrant, with releases, jobs without operations and operations without duration."""
    assert_optimal(solve_at_once(instance), optimum(instance))


@given(shops(max_jobs=3, max_operations=3, min_duration=1))
@settings(STEADY, max_examples=40)
def test_tiny_shops_are_solved_by_search_alone(instance: JobShop) -> None:
    result, best = solve(instance, moves=1000), optimum(instance)
    assert result.objective == best
    assert result.bound is not None
    assert result.bound <= best
    assert result.stopped_by is (StopReason.PROVED if result.bound == best else StopReason.MOVES)


@given(shops(max_jobs=3, max_operations=2, flexible=True))
@settings(STEADY, max_examples=40)
def test_tiny_flexible_shops_are_solved(instance: JobShop) -> None:
    result, best = solve(instance, moves=600), optimum(instance)
    assert result.objective == best
    assert result.bound is not None
    assert result.bound <= best
    assert result.stopped_by is (StopReason.PROVED if result.bound == best else StopReason.MOVES)


@given(shops(max_jobs=3, max_operations=2, flexible=True, ordered=False))
@settings(STEADY, max_examples=25)
def test_tiny_open_shops_are_proved(instance: JobShop) -> None:
    assert_optimal(solve(instance), optimum(instance))


@given(shops(max_jobs=3, max_operations=2, flexible=True, due=True))
@settings(STEADY, max_examples=25)
def test_tiny_shops_with_weighted_tardiness_are_proved(instance: JobShop) -> None:
    assert_optimal(solve(instance), optimum(instance))


def test_weighted_tardiness_of_an_open_shop_is_refused() -> None:
    instance = JobShop.from_jobs([[(0, 1), (1, 1)]], ordered=False, due=[1], criterion="weighted_tardiness")
    with pytest.raises(InvalidInstanceError, match="minimise the makespan"):
        solve(instance)


def test_an_operation_without_duration_may_run_inside_another() -> None:
    """Job 1 passes machine 0 at 5, while job 0 is on it; in a sequence with it, 14 could not be reached."""
    instance = JobShop.from_jobs([[(0, 10), (1, 4)], [(2, 5), (0, 0), (3, 9)]])
    assert_optimal(solve(instance), 14)


def test_a_shop_without_any_duration_takes_no_time() -> None:
    assert_optimal(solve(JobShop.from_jobs([[(0, 0), (1, 0)], [], [(1, 0), (0, 0)]])), 0)


def test_a_bound_that_is_the_optimum_ends_a_large_shop() -> None:
    """Fifty jobs on five machines, as in Taillard's long instances: the busiest machine is the optimum."""
    instance = rough_shop("classic", 50, 5, seed=2)
    load = np.bincount(instance.machines, instance.durations).max()
    assert_optimal(solve(instance), int(load))


def test_restarts_without_a_move_end_by_the_move_limit() -> None:
    """No move on the critical path of any start keeps its order feasible for certain."""
    instance = JobShop.from_jobs([[(1, 3), (0, 5)], [(2, 2)], [(0, 2), (1, 2), (1, 4), (0, 6)], [(1, 2)]])
    result = solve(instance, moves=60)
    assert (result.objective, result.bound, result.stopped_by) == (15, 14, StopReason.MOVES)


@pytest.mark.parametrize("alternatives", [1, 2])
def test_one_seed_gives_one_result(alternatives: int) -> None:
    instance = rough_shop("classic", 10, 8, seed=3, alternatives=alternatives)
    results = [solve(instance, moves=1500, seed=seed) for seed in (5, 5, 6, 7)]
    solutions = [(r.solution.start.tolist(), r.solution.machine.tolist()) for r in results]
    assert solutions[0] == solutions[1]
    assert len({str(solution) for solution in solutions}) > 1
    assert all(r.stopped_by is StopReason.MOVES for r in results)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alternatives", [1, 2])
def test_two_workers(kind: str, alternatives: int) -> None:
    instance = rough_shop(kind, 8, 6, seed=4, alternatives=alternatives)
    result = solve(instance, moves=1000, workers=2)
    assert check(instance, result.solution) == []
    assert result.objective == objective(instance, result.solution) <= objective(instance, plain(instance))
    assert result.bound is not None
    assert result.bound <= result.objective


@pytest.mark.parametrize("alternatives", [1, 3])
@pytest.mark.parametrize("moves", [0, 50])
def test_the_result_is_never_worse_than_the_start(alternatives: int, moves: int) -> None:
    instance = rough_shop("released", 10, 8, seed=5, alternatives=alternatives)
    good = solve(instance, moves=20_000, seed=1)
    result = solve(instance, moves=moves, seed=2, start=good.solution)
    assert result.trace.incumbents[0][1] == good.objective
    assert result.objective is not None
    assert result.objective <= (good.objective or 0) < objective(instance, plain(instance))


@pytest.mark.parametrize("fields", [{"ordered": False}, {"due": [1] * 4, "criterion": "weighted_tardiness"}])
def test_a_start_of_a_shop_for_cp_sat_is_kept(fields: dict[str, Any]) -> None:
    instance = JobShop.from_jobs([[(0, 2), (1, 3)], [(1, 2), (0, 4)], [(0, 1)], [(1, 5)]], **fields)
    best = solve(instance)
    again = solve(instance, start=best.solution)
    assert_optimal(again, optimum(instance))
    assert [value for _, value in again.trace.incumbents] == [best.objective]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"target": 10**6}, StopReason.TARGET),
        ({"gap": 0.9}, StopReason.GAP),
        ({"moves": 100}, StopReason.MOVES),
        ({"stall": 0.05}, StopReason.STALLED),
        ({"seconds": 0.2}, StopReason.TIME),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_every_limit_ends_the_search_with_an_incumbent(options: Any, reason: StopReason, workers: int) -> None:
    result = solve(HARD, workers=workers, **options)
    assert (result.stopped_by, result.status) == (reason, Status.FEASIBLE)
    assert check(HARD, result.solution) == []


@pytest.mark.parametrize(("jobs", "policy"), [(9, "jobshop-v1"), (10, None)])
def test_wide_shops_are_left_to_priority_rules(jobs: int, policy: str | None) -> None:
    shop = rough_shop("classic", jobs, 2, seed=1)
    assert copt.solve(shop, moves=10).policy == policy
    assert copt.solve(shop, moves=10, policy="jobshop-v1").policy == "jobshop-v1"


@pytest.mark.parametrize("fields", [{"ordered": False}, {"due": [1] * 4, "criterion": "weighted_tardiness"}])
def test_no_policy_is_named_where_none_is_used(fields: dict[str, Any]) -> None:
    jobs = [[(0, 2), (1, 3)], [(1, 2), (0, 4)], [(0, 1)], [(1, 5)]]
    assert copt.solve(JobShop.from_jobs(jobs, **fields)).policy is None
    assert copt.solve(JobShop.from_jobs([[[(0, 3), (1, 4)]]])).policy is None


def test_without_time_nothing_is_found() -> None:
    result = solve(HARD, seconds=0.0)
    assert (result.stopped_by, result.status, result.solution) == (StopReason.TIME, Status.UNKNOWN, None)


def test_a_target_is_reached_by_search() -> None:
    target = 0.9 * objective(HARD, plain(HARD))
    result = solve(HARD, target=target)
    assert result.stopped_by is StopReason.TARGET
    assert (result.objective or 10**6) <= target


@pytest.mark.parametrize("fields", [{"ordered": False}, {"due": [0] * 20, "criterion": "weighted_tardiness"}])
def test_time_ends_cp_sat_without_a_claim_of_proof(fields: dict[str, Any]) -> None:
    """A plain schedule comes first, however large the shop and whatever is already compiled."""
    instance = JobShop.from_arrays(HARD.machines.reshape(20, 15), HARD.durations.reshape(20, 15), **fields)
    heard: list[str] = []
    result = solve(instance, seconds=0.3, events=Listener(lambda source, _: heard.append(source)))
    assert (result.stopped_by, result.status) == (StopReason.TIME, Status.FEASIBLE)
    assert heard[0] == "plain dispatch"


@pytest.mark.parametrize("source", ["plain dispatch", "tabu search"])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_of_a_listener_reaches_the_caller_from_any_thread(source: str, workers: int) -> None:
    threads: list[bool] = []

    def refuse(given_source: str, value: float) -> None:
        if given_source == source:
            threads.append(threading.current_thread() is threading.main_thread())
            raise LookupError(f"{value} from {given_source}")

    with pytest.raises(LookupError, match=f"from {source}"):
        solve(HARD, workers=workers, moves=10**9, events=Listener(refuse))
    assert threads[0] is (source == "plain dispatch")


@pytest.mark.parametrize("source", ["plain dispatch", "tabu search"])
def test_control_c_returns_the_incumbent(source: str) -> None:
    heard: list[float] = []

    def interrupt(given_source: str, value: float) -> None:
        heard.append(value)
        if given_source == source and source not in sent:
            sent.append(source)
            signal.raise_signal(signal.SIGINT)

    sent: list[str] = []
    result = solve(HARD, moves=10**9, events=Listener(interrupt))
    assert (result.stopped_by, result.status) == (StopReason.USER, Status.FEASIBLE)
    assert result.objective == heard[-1] == objective(HARD, result.solution)


def test_bounds_come_before_any_schedule() -> None:
    result = solve(HARD, moves=10)
    first_incumbent, bounds = result.trace.incumbents[0][0], result.trace.bounds
    assert bounds[0][0] <= first_incumbent
    assert bounds[-1][1] == result.bound
    assert [value for _, value in bounds] == sorted({value for _, value in bounds})


def never() -> Loading:
    """Kernels that are still compiling after any test."""
    return Loading(lambda: threading.Event().wait(60))


def test_while_kernels_compile_cp_sat_searches_small_shops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PLAIN", never())
    monkeypatch.setattr(engine, "COLD", 0.0)
    result = solve(toy())
    assert_optimal(result, 11)
    assert "copt doctor --warm" in result.notes[0]


def test_while_kernels_compile_large_shops_get_a_plain_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PLAIN", never())
    monkeypatch.setattr(engine, "COLD", 0.0)
    monkeypatch.setattr(engine, "QUICK", 0)
    result = solve(HARD, seconds=1.0)
    assert (result.objective, result.stopped_by) == (objective(HARD, plain(HARD)), StopReason.TIME)


def test_with_a_move_limit_the_search_waits_for_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever CP-SAT might find meanwhile would make the result depend on the time that compiling takes."""
    expected = solve(HARD, moves=200)
    monkeypatch.setattr(engine, "PLAIN", Loading(lambda: threading.Event().wait(0.2)))
    monkeypatch.setattr(engine, "COLD", 0.0)
    result = solve(HARD, moves=200)
    assert result.solution.start.tolist() == expected.solution.start.tolist()
    assert len(result.notes) == 1


def test_kernels_are_loaded_once_and_faults_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise OSError("no room for compiled code")

    broken = Loading(fail)
    monkeypatch.setattr(engine, "PLAIN", broken)
    for _ in range(2):
        with pytest.raises(OSError, match="no room for compiled code"):
            solve(HARD)
    assert tries == [1]


def test_after_warming_nothing_is_left_to_compile() -> None:
    """Kernels get no new signature in solves that dispatch, search, relink, shake and bound."""
    script = textwrap.dedent("""
        import sys, copt
        from copt.solvers.compiled import Kernel
        from jobshop_twins import plain, rough_shop
        from copt.solvers.jobshop import warm
        from copt.solvers.jobshop import relink_kernels
        from copt.solvers.jobshop.search import Effort, search
        from copt.monitor import Monitor
        from copt.events import Silent
        from copt.stop import Stop

        def compiled():
            kernels = {
                (name, key): kernel
                for name, module in sys.modules.items() if name.startswith("copt.solvers.jobshop")
                for key, kernel in vars(module).items() if isinstance(kernel, Kernel)
            }
            return {key: len(kernel.signatures) for key, kernel in kernels.items() if kernel.signatures}

        warm()
        before = compiled()
        assert relink_kernels.relink.signatures
        shop, flexible = rough_shop("released", 9, 7, 1), rough_shop("classic", 9, 7, 1, alternatives=2)
        copt.solve(shop, policy=None, moves=500, workers=1, start=plain(shop))
        copt.solve(flexible, policy=None, moves=500, workers=2, start=plain(flexible))
        search(shop, Monitor(Stop(moves=3000), Silent()), effort=Effort(4, 60, 10, 200, (10, 14)))
        assert compiled() == before, set(compiled().items()) - set(before.items())
    """)
    path = [entry for entry in sys.path if entry]
    code = f"import sys; sys.path[:0] = {path!r}\n{script}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_schedule_is_int64_and_complete() -> None:
    solution = solve(HARD, moves=10).solution
    assert isinstance(solution, Schedule)
    assert (solution.start.dtype, solution.start.size) == (np.dtype(np.int64), HARD.num_operations)
