"""The loop that divides, conquers and reunites."""

import threading
import time
from collections.abc import Sequence

import pytest

from copt.events import Silent
from copt.monitor import Monitor
from copt.result import StopReason
from copt.solvers.divide import divide_and_conquer, next_steps
from copt.stop import Stop


class Counter:
    """Adds up what its zones count; spent at ten."""

    def __init__(self, monitor: Monitor, fail: bool = False) -> None:
        self.monitor, self.fail = monitor, fail
        self.total, self.rounds, self.halted = 0, 0, False
        self.threads: set[str] = set()

    @property
    def spent(self) -> bool:
        return self.total >= 10

    def divide(self, parts: int) -> list[list[int]]:
        return [[0] for _ in range(parts)]

    def conquer(self, zone: list[int], deadline: float) -> None:
        if self.fail:
            raise LookupError("no way")
        self.threads.add(threading.current_thread().name)
        while time.perf_counter() < deadline and not self.halted:
            time.sleep(0.001)
        zone[0] += 1

    def reunite(self, zones: Sequence[list[int]]) -> None:
        self.rounds += 1
        self.total += sum(zone[0] for zone in zones)
        self.monitor.offer(-self.total, self.total, "counter")

    def halt(self) -> None:
        self.halted = True


def test_rounds_go_on_until_all_is_spent() -> None:
    counter = Counter(Monitor(Stop(seconds=60), Silent()))
    divide_and_conquer(counter, counter.monitor, 4)
    assert (counter.total, counter.rounds) == (12, 3)
    assert not counter.halted
    assert all(name.startswith("copt-zone") for name in counter.threads)


def test_the_monitor_ends_it_and_the_round_is_reunited() -> None:
    counter = Counter(Monitor(Stop(seconds=0.05), Silent()))
    divide_and_conquer(counter, counter.monitor, 2)
    assert counter.monitor.reason() is StopReason.TIME
    assert (counter.total, counter.rounds, counter.monitor.solution) == (2, 1, 2)


def test_a_stop_within_a_round_halts_the_zones() -> None:
    monitor = Monitor(Stop(seconds=60), Silent())
    counter = Counter(monitor)
    threading.Timer(0.02, lambda: monitor.end(StopReason.USER)).start()
    divide_and_conquer(counter, monitor, 1)
    assert counter.halted


def test_until_ends_it_between_rounds() -> None:
    counter = Counter(Monitor(Stop(seconds=60), Silent()))
    divide_and_conquer(counter, counter.monitor, 1, lambda: counter.rounds == 2)
    assert counter.total == 2


def test_what_a_zone_raises_arrives() -> None:
    counter = Counter(Monitor(Stop(seconds=60), Silent()), fail=True)
    with pytest.raises(LookupError, match="no way"):
        divide_and_conquer(counter, counter.monitor, 2)


def test_slices_last_a_fixed_time_and_grow_slowly() -> None:
    assert next_steps(1000, 0.06) == 500
    assert next_steps(1000, 0.02) == 1500
    assert next_steps(1000, 0.0) == 4000
    assert next_steps(12, 10.0) == 10
