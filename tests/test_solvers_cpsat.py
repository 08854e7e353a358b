"""Running CP-SAT under a monitor."""

import math
import os
import signal
import threading
from typing import Any

import pytest
from ortools.sat.python import cp_model
from scheduling_cases import random_shop
from solvers_cases import unlimited

import copt
from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.encoding import encode
from copt.result import Status, StopReason
from copt.solvers import cpsat
from copt.solvers.encoding import EncodingModel
from copt.stop import Stop

HARD = encode(random_shop(30, 15, seed=0))  # far from proved when its first schedule comes


def knapsack() -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    """Minimise 3x + 2y over x + y >= 4, x <= 2, y <= 3; the optimum is x = 1, y = 3, value 9."""
    model = cp_model.CpModel()
    x, y = model.new_int_var(0, 2, "x"), model.new_int_var(0, 3, "y")
    model.add(x + y >= 4)
    model.minimize(3 * x + 2 * y)
    return model, [x, y]


def run_knapsack(monitor: Monitor, **options: Any) -> cpsat.Status:
    model, (x, y) = knapsack()

    def translate(read: cpsat.Reader) -> tuple[float, Any]:
        return 3 * read(x) + 2 * read(y), (read(x), read(y))

    return cpsat.run(model, monitor, translate, workers=1, seed=0, **options)


def test_optimum_and_bound_reach_the_monitor() -> None:
    monitor = unlimited()
    assert run_knapsack(monitor, source="knapsack") == cp_model.OPTIMAL
    assert (monitor.best, monitor.lower_bound, monitor.solution) == (9, 9, (1, 3))
    assert monitor.reason() is StopReason.PROVED


def test_an_infeasible_model_proves_infinity() -> None:
    monitor, model = unlimited(), cp_model.CpModel()
    x = model.new_int_var(0, 1, "x")
    model.add(x >= 2)
    model.minimize(x)
    assert cpsat.run(model, monitor, lambda read: (0, None), workers=1, seed=0) == cp_model.INFEASIBLE
    assert monitor.lower_bound == math.inf


def test_a_model_that_cp_sat_rejects_is_an_error() -> None:
    model = cp_model.CpModel()
    big = model.new_int_var(0, 2**60, "x")
    model.add(2**10 * big >= 1)
    with pytest.raises(ValueError, match="overflow"):
        cpsat.run(model, unlimited(), lambda read: (0, None), workers=1, seed=0)


def run_hard(monitor: Monitor, **options: Any) -> cpsat.Status:
    built = EncodingModel(HARD)
    return cpsat.run(built.model, monitor, built.read, workers=1, seed=0, **options)


def test_no_time_left_ends_at_once() -> None:
    monitor = unlimited()
    assert run_hard(monitor, seconds=0.0) == cp_model.UNKNOWN
    assert monitor.reason() is None


def test_the_stop_function_ends_the_search() -> None:
    monitor = unlimited()
    assert run_hard(monitor, stop=lambda: monitor.best is not None) == cp_model.FEASIBLE
    assert monitor.reason() is None


def test_the_monitor_ends_the_search() -> None:
    monitor = Monitor(Stop(seconds=600, target=10**6), Silent())
    assert run_hard(monitor) == cp_model.FEASIBLE
    assert monitor.reason() is StopReason.TARGET


def test_the_time_limit_is_the_monitors_reason() -> None:
    result = copt.solve(HARD, seconds=0.3, workers=1)
    assert (result.stopped_by, result.status is Status.OPTIMAL) == (StopReason.TIME, False)


@pytest.mark.parametrize("method", ["on_incumbent", "on_bound"])
def test_what_a_listener_raises_ends_the_search_and_arrives(method: str) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("listener failed")

    listener = Silent()
    setattr(listener, method, fail)
    with pytest.raises(RuntimeError, match="listener failed"):
        run_hard(Monitor(Stop(seconds=600), listener))


def test_what_the_stop_function_raises_arrives() -> None:
    def fail() -> bool:
        raise RuntimeError("stop failed")

    with pytest.raises(RuntimeError, match="stop failed"):
        run_hard(unlimited(), stop=fail)


def test_ctrl_c_returns_the_incumbent() -> None:
    class Interrupter(Silent):
        sent = False

        def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
            if source == "cp-sat" and not self.sent:
                assert threading.current_thread() is not threading.main_thread()
                self.sent = True
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    result = copt.solve(HARD, seconds=600, workers=1, events=Interrupter())
    assert result.stopped_by is StopReason.USER
    assert result.solution is not None
    assert signal.getsignal(signal.SIGINT) is before


def test_settings_reach_cp_sat(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[cp_model.CpSolver] = []

    class Recorder(cp_model.CpSolver):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(cp_model, "CpSolver", Recorder)
    model, _ = knapsack()
    monitor = Monitor(Stop(seconds=50), Silent())
    options: dict[str, Any] = {"workers": 3, "seed": 7, "parameters": {"linearization_level": 2}}
    cpsat.run(model, monitor, lambda read: (9, None), seconds=20, **options)
    settings = made[0].parameters
    assert (settings.num_workers, settings.random_seed, settings.max_time_in_seconds) == (3, 7, 20)
    assert settings.linearization_level == 2
    assert not settings.catch_sigint_signal
    model, _ = knapsack()
    cpsat.run(model, Monitor(Stop(seconds=50), Silent()), lambda read: (9, None), seconds=90, **options)
    assert made[1].parameters.max_time_in_seconds <= 51
