"""What the planner makes of its time."""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
import pytest

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.control import toy
from copt.result import StopReason
from copt.solvers.control import planner as module
from copt.solvers.control.planner import Planner
from copt.solvers.control.swarm import Found
from copt.stop import Stop


class Scripted:
    """Samplers that break limits less from search to search, and not at all in the third one; time is theirs alone."""

    searches = 0
    now = 0.0

    def __init__(self, _problem: object, _seed: int) -> None:
        Scripted.searches = 0

    def search(self, seconds: float, _means: Sequence[FloatArray] = (), **_clock: object) -> list[Found]:
        Scripted.searches += 1
        Scripted.now += seconds
        action, violation = ((0.0, 1.0), (0.0, 0.5), (-0.75, 0.0))[Scripted.searches - 1]
        return [Found(15.0, violation, np.full((3, 1), action))]


def planned(x_upper: float, monkeypatch: pytest.MonkeyPatch) -> tuple[Planner, Monitor]:
    """Plan for the toy, whose action of a step is its state after it, below a limit of states."""
    monkeypatch.setattr(module, "Portfolio", Scripted)
    monkeypatch.setattr(time, "perf_counter", lambda: Scripted.now)
    planner, monitor = Planner(0), Monitor(Stop(seconds=60.0), Silent(), Scripted.now)
    planner.run(dataclasses.replace(toy(), x_upper=np.array([x_upper])), monitor)
    return planner, monitor


def test_samplers_go_on_until_some_plan_keeps_all_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    _, monitor = planned(-0.5, monkeypatch)
    assert Scripted.searches == 3
    assert monitor.best == pytest.approx(3 * 3.5)
    assert monitor.reason() is StopReason.PROVED


def test_limits_that_cannot_be_kept_are_broken_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    planner, monitor = planned(-9.0, monkeypatch)
    assert monitor.bound == np.inf
    assert (planner.best.violation, Scripted.searches) == (1.0, 1)  # type: ignore[union-attr]
    planner.relent(monitor)
    assert planner.best.violation == 0.5  # type: ignore[union-attr]
