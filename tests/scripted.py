"""A family whose solver does what its instance says: solve, monitor and command line are tested with it.

A solution of a scripted instance is a number; it is feasible unless negative, and worth itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from copt.monitor import Monitor
from copt.problems.base import Violation

NAME = "actor"


@dataclass(frozen=True)
class Scripted:
    """An instance and what its solver does, line by line."""

    lines: tuple[Callable[[Monitor], object], ...] = ()
    name: str = "play"
    sign: int = 1
    family: ClassVar[str] = "scripted"


def offer(value: float, solution: float | None = None) -> Callable[[Monitor], object]:
    return lambda monitor: monitor.offer(value, abs(value) if solution is None else solution, "actor")


def prove(value: float) -> Callable[[Monitor], object]:
    return lambda monitor: monitor.prove(value, "actor")


def wait(monitor: Monitor) -> None:
    while monitor.wait(10.0) is None:
        pass


def check(instance: Scripted, solution: float) -> list[Violation]:
    return [Violation("sign", f"{solution} is negative")] if solution < 0 else []


def objective(instance: Scripted, solution: float) -> float:
    return solution


def solve(instance: Scripted, monitor: Monitor, **options: Any) -> None:
    monitor.note(f"workers={options['workers']} seed={options['seed']} start={options['start']}")
    for line in instance.lines:
        if monitor.reason() is not None:
            return
        line(monitor)
