"""The open nodes of a branch and bound: their order, what is proved of them, and what failures leave behind."""

import pytest

from copt.events import Silent
from copt.monitor import Monitor
from copt.solvers.robust.frontier import Entry, Frontier
from copt.stop import Stop


def make(best: float = 10.0, rounding: float = 0.0) -> tuple[Monitor, Frontier[str]]:
    monitor = Monitor(Stop(seconds=60), Silent())
    monitor.offer(best, None, "test")
    return monitor, Frontier[str](monitor, lambda: best - 0.5, rounding)


def test_best_node_comes_first_and_the_least_bound_left_is_proved() -> None:
    monitor, frontier = make(rounding=0.25)
    for bound, node in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
        frontier.add(bound, node)
    seen: list[str] = []

    def branch(entry: Entry[str]) -> bool:
        seen.append(entry.node)
        return True

    assert frontier.work(branch)
    assert monitor.lower_bound == 1.75
    while frontier.work(branch):
        pass
    assert seen == ["a", "b", "c"]
    assert monitor.lower_bound == 10.0


def test_nodes_beyond_the_cutoff_are_dropped() -> None:
    monitor, frontier = make()
    frontier.add(9.5, "late")
    assert frontier.work(lambda entry: pytest.fail(entry.node))
    assert not frontier.work(lambda entry: True)
    assert monitor.lower_bound == 10.0


def test_loose_decisions_stay_in_the_bound() -> None:
    monitor, frontier = make()
    frontier.add(1.0, "node")
    frontier.loosen(4.0)
    while frontier.work(lambda entry: True):
        pass
    assert monitor.lower_bound == 4.0


def test_a_node_that_was_not_finished_stays_open() -> None:
    monitor, frontier = make()
    frontier.add(1.0, "node")
    assert frontier.work(lambda entry: False)
    with pytest.raises(RuntimeError):
        frontier.work(lambda entry: _fail())
    assert monitor.lower_bound == 1.0
    assert frontier.work(lambda entry: entry.node == "node")
    assert not frontier.work(lambda entry: True)
    assert monitor.lower_bound == 10.0


def _fail() -> bool:
    raise RuntimeError
