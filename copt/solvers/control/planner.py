"""Plans before a deadline: samplers, then the best of all plans, or of ever new neighbourhoods where these are many."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, Plan, check, objective
from copt.result import StopReason
from copt.solvers.control.horizon import Horizon, Reach
from copt.solvers.control.neighbourhoods import Descent
from copt.solvers.control.portfolio import Portfolio
from copt.solvers.control.program import Program, solve_program
from copt.solvers.control.region import Walker
from copt.solvers.control.rollout_heuristic import RollOut
from copt.solvers.control.search import Search
from copt.solvers.control.swarm import Deadline, Found

__all__ = ["Planner", "Proposer", "proposals"]

FEW, FEWER = 80, 50  # unstable units up to which SCIP is asked where costs are quadratic; and where time is short
TIME = 2.0  # seconds from which it is not; programs that are larger still get half of them
MANY = 70  # unstable units and regions from which on neighbourhoods are searched before all plans are
SOON, WAYS, SHARE = 0.05, 0.4, 0.8  # of the time, for samplers: all plans are searched next; many regions; many units
BRIEF, LONG = 0.03, 4.0  # most seconds for them
RATE, SMALL = 3e8, 0.05  # products of bounds a second, and the share of the time that bounds may take
WALK = 0.05  # most seconds of a walk from the plan of a relaxation
BASINS = 3  # plans to go on from
STALE = 6  # neighbourhoods without a better plan after which a descent rests
PATIENCE, PATIENT = 0.5, 0.3  # share of the time, and most seconds, of sampling until some plan keeps all limits
PAUSE = 0.5  # seconds after which samplers report
JUDGED = 3.0  # how often a plan is still judged after samplers end, here and by whoever asked for it
CLOSE = 1e-6  # relative, between a proved plan and the bound


class Proposer(Protocol):
    """Knows plans to begin with, such as ``phases.Predictor``."""

    def stranger(self, problem: ControlProblem) -> str | None:
        """Return what tells a problem from those that plans are known of, or None."""

    def plans(self, problem: ControlProblem) -> list[FloatArray]:
        """Return plans for a problem that is no stranger, each of shape (horizon, actions)."""


def proposals(proposer: Proposer | None, problem: ControlProblem, monitor: Monitor) -> list[FloatArray]:
    """Return plans to begin with; if they are known of other problems only, none, and tell why."""
    if proposer is None:
        return []
    strange = proposer.stranger(problem)
    if strange is None:
        return proposer.plans(problem)
    monitor.note(f"the policy is left aside, as it was trained on other problems: {strange}")
    return []


class Planner:
    """Plans for one problem after the other, all alike but for dynamics, start, goal and limits.

    Args:
        seed: Seed of every random choice.
        proposer: Proposes plans to begin with, None if nobody does.

    Attributes:
        best: The best plan for the last problem; it breaks limits if no other is known.
        times: Seconds that each stage took.
    """

    def __init__(self, seed: int, *, proposer: Proposer | None = None) -> None:
        self.best: Found | None = None
        self.times: dict[str, float] = {}
        self._seed, self._proposer = seed, proposer
        self._problem: ControlProblem | None = None
        self._judging: float | None = None  # seconds that the last offer took
        self._planting = 0.0  # seconds that the last tree took to begin
        self._horizon: Horizon | None = None

    def run(self, problem: ControlProblem, monitor: Monitor, means: Sequence[FloatArray] = ()) -> None:
        """Search until the monitor says stop or nothing is left to do.

        Args:
            problem: The problem.
            monitor: Takes plans and bounds.
            means: Plans to begin with, each of shape (horizon, actions).
        """
        self.times = {}
        self._seed += 1
        self._problem = problem
        means = [*means, *proposals(self._proposer, problem, monitor)]
        self._portfolio = portfolio = Portfolio(problem, self._seed)
        if _work(problem) > SMALL * RATE * monitor.remaining:
            monitor.prove(0.0, "bounds")
            self._sample(portfolio, monitor, np.inf, means)
            return
        reach, unstable, entered = self._bounds(problem, monitor)
        few = unstable + entered <= MANY
        share, most = (SOON, BRIEF) if few else (WAYS if unstable <= MANY else SHARE, LONG)
        brief, end = min(share * monitor.remaining, most), monitor.elapsed + min(PATIENCE * monitor.remaining, PATIENT)
        basins = self._sample(portfolio, monitor, brief, means)
        while monitor.solution is None and monitor.elapsed < end and monitor.reason() is None:
            basins = self._sample(portfolio, monitor, brief)
        if reach is None or monitor.reason() is not None:
            return
        assert self._horizon is not None
        if problem.cost.norm == "quadratic":
            self._ask(self._horizon, reach, monitor, unstable, means)
        elif few or self._descend(self._horizon, basins, monitor):
            if monitor.remaining >= self._planting:
                with self._stage("tree"):
                    self._search(self._horizon, reach, monitor)
                return
            self._planting /= 2.0  # it may have been an exception
        self._sample(portfolio, monitor, np.inf)

    def relent(self, monitor: Monitor) -> None:
        """Go on until the time is up to break limits less, where the last run has proved that no plan keeps them."""
        with self._stage("samplers"):
            self.best = self._portfolio.search(monitor.remaining, clock=lambda: monitor.elapsed)[0]

    def _bounds(self, problem: ControlProblem, monitor: Monitor) -> tuple[Reach | None, int, int]:
        """Return what actions lead to, None if none keep the limits, and what is to be chosen.

        That is the number of units that may be on either side, and of regions, at all steps, that states may be in.
        """
        with self._stage("bounds"):
            self._horizon = horizon = Horizon(problem, self._horizon)
            reach = horizon.reach(*horizon.box())
            monitor.prove(np.inf if reach is None else horizon.least_cost(reach), "bounds")
        if reach is None:
            return None, 0, 0
        return reach, int(reach.bounds.unstable(horizon.net).sum()), len(horizon.entered(reach))

    def _descend(self, horizon: Horizon, basins: Sequence[Found], monitor: Monitor) -> bool:
        """Go from the best plans to better ones; return whether all descents rest before the time is up."""
        feasible = [found for found in basins if found.violation == 0.0][:BASINS]
        descents = [Descent(horizon, found.actions, found.cost, self._seed) for found in feasible]

        def left() -> float:
            return monitor.remaining if monitor.reason() is None else 0.0

        longest = 0.0
        with self._stage("neighbourhoods"):
            while going := [descent for descent in descents if descent.stale < STALE]:
                began = monitor.elapsed
                if left() <= longest:
                    return False
                descent = min(going, key=lambda known: (known.steps > 0, known.value))  # each once, then the best
                if descent.step(left):
                    self._offer(monitor, descent.actions, "neighbourhoods")
                longest = max(longest, monitor.elapsed - began)
        return True

    def _search(self, horizon: Horizon, reach: Reach, monitor: Monitor) -> None:
        """Search all plans; end when they are, or when there is no time for another moment."""
        known, began = monitor.solution, monitor.elapsed
        search = Search(
            horizon,
            reach,
            start=None if known is None else known.actions,
            value=np.inf if monitor.best is None else monitor.best,
            gap=monitor.stop.gap,
            clock=lambda: monitor.elapsed,
        )
        self._planting = monitor.elapsed - began
        value = np.inf
        while True:
            actions = search.actions
            if actions is not None and search.value < value:
                value = search.value
                self._offer(monitor, actions, "tree")
            self._prove(monitor, search)
            if search.done or monitor.reason() is not None:
                return
            if monitor.remaining < search.took:
                monitor.end(StopReason.TIME)
                return
            search.advance(monitor.remaining - self._planting)

    def _prove(self, monitor: Monitor, search: Search) -> None:
        """Pass the bound on; up to rounding, it is not above the incumbent."""
        best = monitor.best
        if best is not None and search.done and search.bound >= best - CLOSE * max(1.0, abs(best)):
            monitor.prove(best, "tree")
        elif best is not None or search.done:
            monitor.prove(search.bound if best is None else min(search.bound, best), "tree")

    def _ask(
        self, horizon: Horizon, reach: Reach, monitor: Monitor, unstable: int, means: Sequence[FloatArray]
    ) -> None:
        """Let SCIP solve the whole program if it is small, or there is time; plans of its relaxations are walked on."""
        left = monitor.remaining
        if unstable <= FEWER or left >= TIME:
            with self._stage("program"):
                program, walker = Program(horizon, reach), Walker(self._portfolio.flat)

                def walk(actions: FloatArray) -> FloatArray:
                    deadline = Deadline(lambda: monitor.elapsed, monitor.elapsed + WALK)
                    return walker.walk(walker.judge(actions), deadline).actions

                RollOut(program, means, walk)
                if monitor.best is not None:
                    program.limit(monitor.best)
                solve_program(program, monitor, seconds=np.inf if unstable <= FEW else left / 2)

    def _sample(
        self, portfolio: Portfolio, monitor: Monitor, seconds: float, means: Sequence[FloatArray] = ()
    ) -> list[Found]:
        """Sample for some time; return the best plans of all basins."""
        end = monitor.elapsed + seconds
        with self._stage("samplers"):
            while True:
                left = 0.0  # one plan tells how long judging takes
                if self._judging is not None:
                    left = min(PAUSE, end - monitor.elapsed, monitor.remaining - JUDGED * self._judging)
                found, means = portfolio.search(left, means, clock=lambda: monitor.elapsed), ()
                self.best = found[0]
                self._offer(monitor, found[0].actions, "samplers")
                if monitor.remaining <= JUDGED * (self._judging or 0.0):
                    monitor.end(StopReason.TIME)
                if monitor.elapsed >= end or monitor.reason() is not None:
                    return found

    def _offer(self, monitor: Monitor, actions: FloatArray, source: str) -> None:
        """Offer a plan at what it costs on the model if it keeps all limits."""
        assert self._problem is not None
        problem, found, began = self._problem, Plan(actions), monitor.elapsed
        value = objective(problem, found)
        if monitor.best is None or value < monitor.best:
            if not check(problem, found):
                monitor.offer(value, found, source)
            self._judging = monitor.elapsed - began

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.times[name] = self.times.get(name, 0.0) + time.perf_counter() - began


def _work(problem: ControlProblem) -> float:
    """Return about how many products it takes to bound what can enter the units of all steps."""
    net = problem.dynamics
    return float(sum(np.count_nonzero(w) for w in net.weights) * (net.units + net.outputs) * problem.horizon**2)
