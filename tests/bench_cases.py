"""Peers whose answers are known beforehand, a suite for them, and rows made by hand."""

import os
import signal
import time
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from copt.bench.answer import Answer
from copt.bench.entries import Entry, Suite
from copt.bench.peers import Peer
from copt.bench.records import Row
from copt.bench.rules import dispatch
from copt.problems.jobshop import JobShop, Schedule, objective, toy

# An optimal schedule of the toy job shop, whose makespan is 11.
TOY_START = np.array([2, 5, 7, 0, 2, 7, 0, 4])
TOY_MACHINE = np.array([0, 1, 2, 0, 2, 1, 1, 2])

PREPARED: list[bool] = []  # by each ``warm_up`` of this process


def stretched_toy(factor: int) -> JobShop:
    """Return the toy with all durations multiplied, and so its optimum."""
    return replace(toy(), durations=toy().durations * factor, name=f"toy{factor}")


def best_schedule(instance: JobShop) -> Schedule:
    return Schedule(TOY_START * (instance.horizon // toy().horizon), TOY_MACHINE)


def answer_optimal(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    schedule = best_schedule(instance)
    value = float(objective(instance, schedule))
    return Answer(schedule, value, value, ((0.0, 2 * value), (0.0, value)))


def answer_by_rule(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    schedule = dispatch(instance, "most work remaining")
    return Answer(schedule, float(objective(instance, schedule)))


def answer_one_too_low(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    schedule = best_schedule(instance)
    return Answer(schedule, objective(instance, schedule) - 1.0)


def answer_bound_too_high(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    schedule = dispatch(instance, "most work remaining")
    value = float(objective(instance, schedule))
    return Answer(schedule, value, value)


def answer_infeasible(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    return Answer(Schedule(np.zeros(instance.num_operations), TOY_MACHINE), 5.0)


def answer_nothing(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    return Answer()


def print_much(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    os.write(1, b"noise from a library\n")
    print(f"noise, {workers} workers, seed {seed}")
    return Answer(None, seconds)


def report_cores(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    return Answer(sorted(os.sched_getaffinity(0)))


def raise_error(instance: Any, *, seconds: float, workers: int, seed: int) -> NoReturn:
    raise RuntimeError("out of tune\nand more")


def leave_quietly(instance: Any, *, seconds: float, workers: int, seed: int) -> NoReturn:
    os._exit(3)


def break_down(instance: Any, *, seconds: float, workers: int, seed: int) -> NoReturn:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("the signal comes first")


def warm_up() -> None:
    """Spend time that does not count, and leave something behind."""
    time.sleep(0.2)
    PREPARED.append(True)


def fail_to_warm_up() -> NoReturn:
    raise RuntimeError("cold")


def report_preparation(instance: Any, *, seconds: float, workers: int, seed: int) -> Answer:
    return Answer(len(PREPARED))


def never_stop(instance: Any, *, seconds: float, workers: int, seed: int) -> NoReturn:
    while True:
        time.sleep(0.01)


FAKES = {
    peer.name: peer
    for peer in (
        Peer("optimal", answer_optimal, "knows the answer"),
        Peer("by-rule", answer_by_rule, "one priority rule"),
        Peer("one-too-low", answer_one_too_low, "claims what it has not"),
        Peer("bound-too-high", answer_bound_too_high, "proves what is false"),
        Peer("infeasible", answer_infeasible, "ignores the constraints"),
        Peer("nothing", answer_nothing, "finds nothing"),
        Peer("raises", raise_error, "raises an error"),
    )
}

SUITE = Suite(
    "two-toys",
    "jobshop",
    "the toy and its double",
    lambda _folder: [
        Entry("toy", toy, 11, 11, "by hand (2026-01-01)"),
        Entry("toy2", lambda: stretched_toy(2), 22, 22, "by hand (2026-01-01)"),
    ],
    ("by-rule",),
)


def make_row(**fields: Any) -> Row:
    """Return a row of an imaginary run on ta01 whose best known value is 100, with ``fields`` changed.

    The gap and the time to best follow from the objective and the incumbents unless they are given.
    """
    values: dict[str, Any] = {
        "suite": "jobshop-ta",
        "instance": "ta01",
        "dimensions": "15x15",
        "sense": "min",
        "solver": "copt",
        "seed": 1,
        "seconds_limit": 60.0,
        "workers": 2,
        "seconds": 60.0,
        "process_seconds": 61.0,
        "objective": 101.0,
        "bound": 90.0,
        "best_known": 100.0,
        "proved": False,
        "primal_integral": None,
        "error": "",
        "versions": "copt 0.1.0",
        "machine": "abacus, 2 cores",
        "date": "2026-11-24",
    } | fields
    objective, known = values["objective"], values["best_known"]
    has_both = objective is not None and known is not None
    values.setdefault("gap_percent", 100 * (objective - known) / known if has_both else None)
    values.setdefault("incumbents", () if objective is None else ((values["seconds"], objective),))
    values.setdefault("time_to_best", values["incumbents"][-1][0] if values["incumbents"] else None)
    return Row(**values)
