"""Plans before a deadline: samplers first, then the whole program where few ReLUs can change sides, or samplers on."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, Plan, check, objective
from copt.solvers.control.horizon import Horizon
from copt.solvers.control.portfolio import Portfolio
from copt.solvers.control.program import Program, solve_program

if TYPE_CHECKING:
    from copt.solvers.control.swarm import Found

__all__ = ["Planner"]

FEW, MANY = 50, 80  # unstable ReLUs up to which the whole program is solved at all times, or where there is time
TIME = 2.0  # seconds from which there is; programs that are larger still get half of them
SHARE = 0.25  # of the time that samplers get
LONG = 0.1  # seconds that they get at most before the program
SLICE = 0.5  # seconds after which they report where there is no program


class Planner:
    """Plans for one problem after the other, all alike but for start, goal and limits.

    Args:
        seed: Seed of every random choice.

    Attributes:
        best: The best plan for the last problem; it breaks limits if no other is known.
        times: Seconds that each stage took.
    """

    def __init__(self, seed: int) -> None:
        self.best: Found | None = None
        self.times: dict[str, float] = {}
        self._seed = seed
        self._horizon: Horizon | None = None

    def run(self, problem: ControlProblem, monitor: Monitor, means: Sequence[FloatArray] = ()) -> None:
        """Search until the monitor says stop or nothing is left to do.

        Args:
            problem: The problem.
            monitor: Takes plans and bounds.
            means: Plans to begin with, each of shape (horizon, actions).
        """
        self.best, self.times = None, {}
        self._seed += 1
        portfolio = Portfolio(problem, self._seed)
        self._sample(portfolio, problem, monitor, min(SHARE * monitor.remaining, LONG), means)
        with self._stage("bounds"):
            self._horizon = horizon = Horizon(problem, self._horizon)
            reach = horizon.reach(*horizon.box())
        if reach is None:
            monitor.prove(np.inf, "bounds")
            return
        monitor.prove(horizon.least_cost(reach), "bounds")
        unstable, left = int(reach.bounds.unstable(horizon.net).sum()), monitor.remaining
        if monitor.reason() is None and (unstable <= FEW or left >= TIME):
            with self._stage("program"):
                program = Program(horizon, reach)
                if monitor.best is not None:
                    program.limit(monitor.best)
                solve_program(program, monitor, seconds=math.inf if unstable <= MANY else left / 2)
        while monitor.reason() is None:
            self._sample(portfolio, problem, monitor, min(SLICE, monitor.remaining))

    def _sample(
        self,
        portfolio: Portfolio,
        problem: ControlProblem,
        monitor: Monitor,
        seconds: float,
        means: Sequence[FloatArray] = (),
    ) -> None:
        with self._stage("samplers"):
            self.best = portfolio.search(seconds, means)[0]
            offer(problem, monitor, Plan(self.best.actions), "samplers")

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.times[name] = self.times.get(name, 0.0) + time.perf_counter() - began


def offer(problem: ControlProblem, monitor: Monitor, found: Plan, source: str) -> bool:
    """Offer a plan at what it costs on the model if it keeps all limits; return whether it is the best one now."""
    value = objective(problem, found)
    if (monitor.best is not None and value >= monitor.best) or check(problem, found):
        return False
    return monitor.offer(value, found, source)
