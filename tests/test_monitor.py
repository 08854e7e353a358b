import threading
from typing import Any

import pytest

from copt import Stop, StopReason
from copt.events import Silent
from copt.monitor import Monitor


class Log(Silent):
    """Remembers what it hears, without the times."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
        self.heard.append(("incumbent", objective, bound, source))

    def on_bound(self, seconds: float, bound: float, objective: float | None, source: str) -> None:
        self.heard.append(("bound", bound, objective, source))

    def on_note(self, seconds: float, text: str) -> None:
        self.heard.append(("note", text))


def monitor(log: Log | None = None, sign: int = 1, **limits: Any) -> Monitor:
    return Monitor(Stop(**limits), log or Log(), sign=sign)


def test_only_better_values_count() -> None:
    log = Log()
    watch = monitor(log)
    assert [watch.offer(value, f"s{value}", "a") for value in (10, 12, 10, 8)] == [True, False, False, True]
    assert [watch.prove(value, "b") for value in (3, 2, 3, 5)] == [True, False, False, True]
    assert (watch.best, watch.lower_bound, watch.solution) == (8, 5, "s8")
    assert log.heard == [
        ("incumbent", 10, None, "a"),
        ("incumbent", 8, None, "a"),
        ("bound", 3, 8, "b"),
        ("bound", 5, 8, "b"),
    ]
    trace = watch.trace()
    assert [value for _, value in trace.incumbents] == [10, 8]
    assert [value for _, value in trace.bounds] == [3, 5]
    times = [time for time, _ in trace.incumbents]
    assert times == sorted(times)


def test_a_maximising_instance_sees_its_own_sense() -> None:
    log = Log()
    watch = monitor(log, sign=-1)
    watch.prove(-20, "b")
    watch.offer(-10, "s", "a")
    assert (watch.objective, watch.bound) == (10, 20)
    assert (watch.best, watch.lower_bound) == (-10, -20)
    assert log.heard == [("bound", 20, None, "b"), ("incumbent", 10, 20, "a")]
    assert watch.trace().incumbents[0][1] == 10


def test_notes_are_told_once() -> None:
    log = Log()
    watch = monitor(log)
    watch.note("hello")
    watch.note("hello")
    assert log.heard == [("note", "hello")]
    assert watch.notes == ["hello"]


@pytest.mark.parametrize(
    ("limits", "best", "bound", "reason"),
    [
        ({}, None, None, None),
        ({}, 10, 9, None),
        ({}, 10, 10, StopReason.PROVED),
        ({}, 10, 11, StopReason.PROVED),
        ({}, None, 10, None),
        ({"gap": 0.1}, 10, 9, StopReason.GAP),
        ({"gap": 0.05}, 10, 9, None),
        ({"target": 10}, 10, None, StopReason.TARGET),
        ({"target": 9}, 10, None, None),
        ({"stall": 0}, 10, None, StopReason.STALLED),
        ({"stall": 0}, None, None, None),
        ({"stall": 100}, 10, None, None),
        ({"seconds": 0}, None, None, StopReason.TIME),
        ({"seconds": 0}, 10, 10, StopReason.PROVED),
    ],
)
def test_reasons(limits: dict[str, Any], best: float | None, bound: float | None, reason: StopReason | None) -> None:
    watch = monitor(**limits)
    if best is not None:
        watch.offer(best, "s", "a")
    if bound is not None:
        watch.prove(bound, "b")
    assert watch.reason() is reason


def test_a_target_is_in_the_sense_of_the_instance() -> None:
    watch = monitor(sign=-1, target=10)
    watch.offer(-9, "s", "a")
    assert watch.reason() is None
    watch.offer(-10, "s", "a")
    assert watch.reason() is StopReason.TARGET


def test_the_first_reason_stands() -> None:
    watch = monitor()
    watch.end(StopReason.USER)
    watch.end(StopReason.MOVES)
    watch.offer(1, "s", "a")
    watch.prove(1, "b")
    assert watch.reason() is StopReason.USER


def test_time_left_is_never_negative() -> None:
    assert monitor(seconds=0).remaining == 0.0
    assert 0 < monitor(seconds=1000).remaining <= 1000


def test_wait_ends_at_the_time_limit() -> None:
    assert monitor(seconds=0.01).wait(1000.0) is StopReason.TIME


def test_wait_wakes_up_for_news_of_another_thread() -> None:
    watch = monitor(seconds=1000)

    def work() -> None:
        watch.prove(5, "b")
        watch.offer(5, "s", "a")

    thread = threading.Thread(target=work)
    thread.start()
    while watch.wait(1000.0) is None:
        pass
    thread.join()
    assert watch.reason() is StopReason.PROVED


def test_threads_agree_on_the_best() -> None:
    watch = monitor()
    threads = [
        threading.Thread(target=lambda k=k: [watch.offer(1000 - 7 * i - k, (i, k), "a") for i in range(100)])
        for k in range(7)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = [value for _, value in watch.trace().incumbents]
    assert watch.best == 1000 - 7 * 99 - 6
    assert watch.solution == (99, 6)
    assert values == sorted(values, reverse=True)
