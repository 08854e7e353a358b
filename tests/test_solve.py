import inspect
import math
import signal
import threading
from typing import Any

import pytest
from scripted import Scripted, offer, prove, wait

import copt
from copt import CoptError, Result, Status, StopReason
from copt.errors import InvalidSolutionError, UnknownNameError, WrongSolutionError
from copt.events import Silent
from copt.monitor import Monitor
from copt.policy import Policy

pytestmark = pytest.mark.usefixtures("scripted")


def play(*lines: Any, sign: int = 1, **options: Any) -> Result:
    return copt.solve(Scripted(lines, sign=sign), **options)


class Advice:
    """A policy without weights."""

    def __init__(self, family: str) -> None:
        self.name, self.family = "advice", family
        self.weights: dict[str, Any] = {}
        self.card: dict[str, Any] = {}


def test_the_result_says_what_happened() -> None:
    result = play(offer(10), prove(4), offer(7), prove(7), seed=5)
    assert (result.instance, result.family, result.solver, result.policy) == ("play", "scripted", "actor", None)
    assert (result.solution, result.objective, result.bound, result.gap, result.seed) == (7, 7, 7, 0.0, 5)
    assert (result.status, result.stopped_by) == (Status.OPTIMAL, StopReason.PROVED)
    assert [value for _, value in result.trace.incumbents] == [10, 7]
    assert [value for _, value in result.trace.bounds] == [4, 7]


def test_a_maximising_instance_reports_its_own_sense() -> None:
    result = play(offer(-10), prove(-12), sign=-1, target=10)
    assert (result.objective, result.bound, result.stopped_by) == (10, None, StopReason.TARGET)


def test_without_a_proof_it_is_feasible_and_stopped_by_time() -> None:
    result = play(offer(10), prove(4), wait, seconds=0.05)
    assert (result.status, result.stopped_by, result.gap) == (Status.FEASIBLE, StopReason.TIME, 0.6)
    assert result.seconds >= 0.05


def test_nothing_found_is_unknown() -> None:
    result = play(wait, seconds=0.01)
    assert (result.status, result.stopped_by, result.solution) == (Status.UNKNOWN, StopReason.TIME, None)


def test_an_infinite_bound_proves_that_there_is_no_solution() -> None:
    result = play(prove(math.inf))
    assert (result.status, result.bound, result.objective) == (Status.INFEASIBLE, None, None)


@pytest.mark.parametrize(
    ("line", "complaint"), [(offer(3, -1), "sign: -1 is negative"), (offer(3, 4), "it is worth 4, not 3")]
)
def test_a_wrong_solution_never_reaches_the_caller(line: Any, complaint: str) -> None:
    with pytest.raises(WrongSolutionError, match=f"actor returned a wrong solution of play: {complaint}"):
        play(line)


def test_a_start_is_the_first_incumbent_and_reaches_the_solver() -> None:
    result = play(offer(9), start=8)
    assert [value for _, value in result.trace.incumbents] == [8]
    assert "start=8" in result.notes[0]


def test_a_start_that_breaks_a_constraint_is_refused() -> None:
    with pytest.raises(InvalidSolutionError, match="start is not a solution of play: sign: -8 is negative"):
        play(start=-8)


def test_workers_and_seed_reach_the_solver() -> None:
    assert play(workers=7, seed=9).notes == ("workers=7 seed=9 start=None",)
    with pytest.raises(CoptError, match="workers must be at least 1, got 0"):
        play(workers=0)


def test_a_stranger_is_no_instance() -> None:
    with pytest.raises(CoptError, match="copt takes an instance, the path of a file, a name"):
        copt.solve(3.14)


def test_a_policy_serves_its_own_family() -> None:
    policy = Advice("scripted")
    assert isinstance(policy, Policy)
    assert play(policy=policy).policy == "advice"
    with pytest.raises(UnknownNameError, match="serves family routing, not scripted"):
        play(policy=Advice("routing"))


@pytest.mark.parametrize("policy", ["auto", None, "none"])
def test_learning_can_be_switched_off(policy: str | None) -> None:
    assert play(policy=policy).policy is None


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown policy 'nope'"):
        play(policy="nope")


def test_events_come_in_order() -> None:
    heard: list[str] = []

    class Log(Silent):
        def on_start(self, instance: Any, solver: str, policy: str | None) -> None:
            heard.append(f"start {instance.name} {solver} {policy}")

        def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
            heard.append(f"incumbent {objective} {source}")

        def on_bound(self, seconds: float, bound: float, objective: float | None, source: str) -> None:
            heard.append(f"bound {bound}")

        def on_end(self, result: Result) -> None:
            heard.append(f"end {result.objective}")

    play(prove(1), offer(5), start=8, events=Log())
    assert heard == ["start play actor None", "incumbent 8 start", "bound 1", "incumbent 5 actor", "end 5"]


def test_an_exception_of_a_listener_reaches_the_caller() -> None:
    class Picky(Silent):
        def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
            raise RuntimeError("I do not like it")

    with pytest.raises(RuntimeError, match="I do not like it"):
        play(offer(1), events=Picky())


def interrupt(_monitor: Monitor) -> None:
    signal.raise_signal(signal.SIGINT)


def test_control_c_keeps_the_incumbent() -> None:
    before = signal.getsignal(signal.SIGINT)
    result = play(offer(5), interrupt, offer(1), wait)
    assert (result.objective, result.stopped_by, result.status) == (5, StopReason.USER, Status.FEASIBLE)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_control_c_is_a_keyboard_interrupt() -> None:
    def stubborn(monitor: Monitor) -> None:
        interrupt(monitor)
        interrupt(monitor)

    with pytest.raises(KeyboardInterrupt):
        play(offer(5), stubborn)


def test_solves_in_other_threads_leave_signals_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: play(lambda _: seen.append(signal.getsignal(signal.SIGINT))))
    thread.start()
    thread.join()
    assert seen == [before]


def test_everything_but_the_instance_is_keyword_only_with_a_default() -> None:
    instance, *options = inspect.signature(copt.solve).parameters.values()
    assert instance.name == "instance"
    assert all(o.kind is o.KEYWORD_ONLY and o.default is not o.empty for o in options)
