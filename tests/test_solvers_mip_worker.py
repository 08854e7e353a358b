"""How the partner's worker narrows and widens neighbourhoods by what searching them gave."""

import threading
from typing import Any

import numpy as np
import pytest

from copt.problems.base import FloatArray
from copt.problems.mip import toy
from copt.solvers.mip.partner import Task
from copt.solvers.mip.submip import Outcome
from copt.solvers.mip.worker import Worker

SECONDS = 0.2  # of a first try


class Deaf:
    """The other end of a worker's line, which says nothing."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def send(self, message: Any) -> None: ...

    def recv(self) -> Any:
        self.over.wait()
        raise EOFError


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
    instance, line, now = toy().bare(), Deaf(), [0.0]
    worker = Worker(Task(instance, 1e9, 0), line, lambda: now[0])
    line.over.set()
    worker.state.add(10.0, np.zeros(instance.num_variables))

    class Scripted:
        def solve(self, *_: FloatArray, **__: Any) -> Outcome:
            now[0] += took
            if better:
                worker.state.add(9.0, np.ones(instance.num_variables))
            return Outcome(9.0, exhausted, took)

    worker._model = Scripted()  # type: ignore[assignment]
    worker._try(worker._arms["mutation"])
    record = worker._bandit.records["mutation"]
    assert record.share == pytest.approx(share)
    assert record.seconds == pytest.approx(seconds)
