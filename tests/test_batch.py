import importlib.util
import multiprocessing
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from scripted import Scripted, offer, prove

from copt import CoptError, solve_many
from copt.batch import RayExecutor
from copt.errors import MissingExtraError
from copt.problems.jobshop import check, toy

PLAYS = [Scripted((offer(value), prove(value)), name=f"play{value}") for value in (3, 1, 2)]


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_results_come_in_the_order_of_the_instances(threads: int | None) -> None:
    executor = None if threads is None else ThreadPoolExecutor(threads)
    results = solve_many(iter(PLAYS), executor=executor, seed=7)
    assert [(r.instance, r.objective, r.seed) for r in results] == [("play3", 3, 7), ("play1", 1, 7), ("play2", 2, 7)]


def test_no_instances_no_results() -> None:
    assert solve_many([], executor=ThreadPoolExecutor(1)) == []


class Waiting(Executor):
    """Never starts anything but the first call."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if not self.futures:
            try:
                future.set_result(fn(*args, **kwargs))
            except CoptError as error:
                future.set_exception(error)
        self.futures.append(future)
        return future


@pytest.mark.usefixtures("scripted")
def test_the_first_error_cancels_the_rest() -> None:
    executor = Waiting()
    with pytest.raises(CoptError, match="seconds must be a non-negative number, got -1"):
        solve_many(PLAYS, executor=executor, seconds=-1)
    assert [future.cancelled() for future in executor.futures] == [False, True, True]


def test_processes_solve_too() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        (result,) = solve_many([toy()], executor=executor, policy=None, seconds=30)
    assert result.objective == 11
    assert check(toy(), result.solution) == []


def test_ray_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'copt-solver\[ray\]'"):
        RayExecutor()


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_ray_solves_too() -> None:
    import ray

    ray.init(num_cpus=1, include_dashboard=False)
    try:
        (result,) = solve_many([toy()], executor=RayExecutor(num_cpus=1), policy=None, seconds=30)
    finally:
        ray.shutdown()
    assert result.objective == 11
