"""How the partner's worker narrows and widens neighbourhoods by what searching them gave."""

import resource
from typing import Any

import numpy as np
import pytest
from mip_cases import Deaf

from copt.problems.base import FloatArray
from copt.problems.mip import toy
from copt.solvers.mip.partner import Task
from copt.solvers.mip.submip import Outcome
from copt.solvers.mip.worker import Worker, _allow

SECONDS = 0.2  # of a first try
FREE = resource.RLIM_INFINITY


class Scripted:
    """Stands for the search of neighbourhoods: each takes so long, and tells of the next of these costs."""

    def __init__(self, took: float, exhausted: bool, costs: list[float]) -> None:
        instance = toy().bare()
        self.now, self._took, self._exhausted, self._costs = 0.0, took, exhausted, costs
        line = Deaf()
        self.worker = Worker(Task(instance, 1e9, 0), line, lambda: self.now)
        line.over.set()
        self.worker.then()
        self.worker._until = 1e9  # the line is dead, but there is work to do
        self.worker._model = self  # type: ignore[assignment]
        self.worker.state.add(10.0, np.zeros(instance.num_variables))

    def solve(self, *_: FloatArray, **__: Any) -> Outcome:
        self.now += self._took
        cost = self._costs.pop(0) if self._costs else 10.0
        self.worker.state.add(cost, np.full(toy().num_variables, cost))
        return Outcome(cost, self._exhausted, self._took)


@pytest.mark.parametrize(
    ("took", "exhausted", "better", "share", "seconds"),
    [
        (0.01, True, False, 0.75, SECONDS),  # nothing there, and soon: much wider
        (0.01, True, True, 0.85, SECONDS),  # something there: a little wider
        (0.2, True, True, 0.87, SECONDS),  # as wide as there is time for
        (0.2, True, False, 0.87, SECONDS),
        (0.3, False, True, 0.9, SECONDS),  # better points came: the same again
        (0.3, False, False, 0.93, 0.32),  # too wide for the time: narrower, and longer
    ],
)
def test_the_next_try_holds_less_after_an_exhausted_one_and_more_after_one_in_vain(
    took: float, exhausted: bool, better: bool, share: float, seconds: float
) -> None:
    worker = Scripted(took, exhausted, [9.0] if better else []).worker
    worker._try(worker._arms["mutation"])
    record = worker._bandit.records["mutation"]
    assert record.share == pytest.approx(share)
    assert record.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(("took", "weight"), [(0.01, 1.0), (0.8, 4.0)])
def test_an_arm_is_paid_by_the_second_and_counts_by_how_long_it_took(took: float, weight: float) -> None:
    worker = Scripted(took, False, [9.0]).worker
    worker._try(worker._arms["mutation"])
    record = worker._bandit.records["mutation"]
    assert record.tries == pytest.approx(weight)
    assert record.mean == pytest.approx(0.1 / (took + 0.05))


def test_what_first_dives_earn_is_not_expected_of_later_ones() -> None:
    worker = Scripted(0.01, True, [9.0, 8.0, 7.0]).worker
    worker._descend("everything")
    record = worker._bandit.records["everything"]
    assert worker.state.best == 7.0
    assert (record.tries, record.mean) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("megabytes", "limits", "after"),
    [
        (2.0, (FREE, FREE), (2 * 2**20, FREE)),
        (2.0, (2**20, 2**30), (2**20, 2**30)),  # what the system allows stays the most
        (2.0, (2**30, 2**30), (2 * 2**20, 2**30)),
        (np.inf, (2**20, FREE), (2**20, FREE)),
    ],
)
def test_a_memory_limit_never_grows(
    megabytes: float, limits: tuple[int, int], after: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [limits]
    monkeypatch.setattr(resource, "getrlimit", lambda _: now[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: now.append(wanted))
    _allow(megabytes)
    assert now[-1] == after
