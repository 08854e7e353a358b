"""Column-and-constraint generation (Zeng and Zhao 2013): a program with the scenarios seen, and a judge of decisions.

The program has a copy of the recourse for each scenario seen, so that what SCIP proves of it holds for all scenarios.
Its decisions go to a judge, who knows the worst case, and the worst scenario comes back into the program. A scenario
in which decisions have no feasible recourse comes back likewise: recourse need not be relatively complete.
"""

import math
from typing import NamedTuple, Protocol

import numpy as np

from copt.monitor import Monitor
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import FloatArray, Scenarios, UncertaintySet
from copt.solvers.robust.offers import refuse_boundless
from copt.solvers.robust.program import Program
from copt.solvers.robust.recourse import at_scenario
from copt.solvers.scip import dual_bound, linear, run

__all__ = ["MEET", "Judge", "Master", "Verdict", "close", "generate", "seeds"]

SOURCE = "scenarios"
START_GAP, SHARE = 1e-2, 0.2  # of SCIP: at first, and of the whole gap
MEET = 3e-6  # relative, within which value and bound are one: the tolerances of SCIP and of the judge
EXTREMES = 4  # scenarios to begin with, beside the centre


class Verdict(NamedTuple):
    """What a judge says of decisions.

    Args:
        scenarios: Those that the program should have: the worst first.
        complete: Whether their worst case is known, or known to be no better than the incumbent.
    """

    scenarios: list[FloatArray]
    complete: bool


class Judge(Protocol):
    """Knows the worst case of decisions; value and bound are one within its relative ``tolerance``."""

    tolerance: float

    def judge(self, x: FloatArray, known: list[FloatArray]) -> Verdict:
        """Offer ``x`` to the monitor with what is proved of it; ``known`` are the scenarios of the program."""


class Candidate(NamedTuple):
    """What a program has to say.

    Args:
        bound: What no decisions cost less than in their worst case; infinity if none are feasible.
        x: The best decisions found, or None.
    """

    bound: float
    x: FloatArray | None


class Master:
    """The program with the scenarios seen so far."""

    def __init__(self, problem: TwoStage, monitor: Monitor) -> None:
        self.scenarios: list[FloatArray] = []
        self._problem, self._monitor, self._fineness = problem, monitor, 1.0

    def add(self, scenarios: list[FloatArray]) -> bool:
        """Take more scenarios; return whether any was new."""
        before = len(self.scenarios)
        for scenario in scenarios:
            if not any(np.allclose(scenario, known, rtol=1e-9, atol=1e-9) for known in self.scenarios):
                self.scenarios.append(scenario.copy())
        return len(self.scenarios) > before

    def refine(self) -> bool:
        """Let the next search end with no gap; return whether the last one did already."""
        finest, self._fineness = self._gap() == 0.0, 0.0
        return finest

    def solve(self) -> Candidate:
        """Search until SCIP's gap is small in comparison with that of the whole problem.

        Raises:
            CoptError: If costs have no lower bound.
        """
        program = self._program()
        program.model.setParam("limits/gap", self._gap())
        best = self._monitor.best
        if best is not None:  # decisions that cost no less in the scenarios seen need no judge
            program.model.setObjlimit(best)
        run(program.model, self._monitor, hear=self._hear)
        status = program.model.getStatus()
        if status in ("unbounded", "inforunbd"):
            refuse_boundless(self._problem, self._program(), self._monitor)
            return Candidate(-math.inf if self._monitor.reason() is not None else math.inf, None)
        if status == "infeasible":
            return Candidate(math.inf if best is None else best, None)
        return Candidate(dual_bound(program.model), program.decisions())

    def _hear(self, model: object) -> None:
        bound = dual_bound(model)
        if math.isfinite(bound):
            self._monitor.prove(bound, SOURCE)

    def _gap(self) -> float:
        """Return the gap at which another scenario helps more than a better solution with these."""
        best, bound = self._monitor.best, self._monitor.lower_bound
        gap = START_GAP
        if best is not None and bound is not None:
            gap = min(gap, SHARE * (best - bound) / max(1e-9, abs(best)))
        gap *= self._fineness
        return 0.0 if gap < 1e-8 else gap

    def _program(self) -> Program:
        """Return the program."""
        problem = self._problem
        program = Program(problem)
        worst = program.free()
        for index, scenario in enumerate(self.scenarios):
            fixed, y = at_scenario(problem, scenario), program.columns(problem.y)
            cost = linear(fixed.cost_x, program.x) + linear(fixed.cost_y, y)
            program.add(cost - worst, -fixed.constant)
            for row in np.flatnonzero(~problem.first_rows) if index else range(len(fixed.limits)):
                program.add(linear(fixed.rows_x[row], program.x) + linear(fixed.rows_y[row], y), fixed.limits[row])
        program.model.setObjective(worst, "minimize")
        return program


def seeds(uncertainty: UncertaintySet) -> list[FloatArray]:
    """Return scenarios to begin with: one near the centre, and extreme ones."""
    ones = np.ones(uncertainty.size)
    lower, upper = uncertainty.bounds()
    found = [] if isinstance(uncertainty, Scenarios) else [0.5 * (lower + upper)]
    found = [centre for centre in found if uncertainty.contains(centre)]
    found += [uncertainty.worst(ones), uncertainty.worst(-ones)]
    rng = np.random.default_rng(0)
    return found + [uncertainty.worst(rng.normal(size=len(ones))) for _ in range(EXTREMES - 2)]


def close(monitor: Monitor, tolerance: float = MEET) -> bool:
    """Say that the optimum is proved if value and bound are one, but for a relative tolerance; return whether so."""
    best, bound = monitor.best, monitor.lower_bound
    if best is None or bound is None or best - bound > tolerance * max(1.0, abs(best)):
        return False
    monitor.prove(best, SOURCE)
    return True


def generate(master: Master, judge: Judge, monitor: Monitor) -> None:
    """Let program and judge work in turn until nothing is left to do."""
    while monitor.reason() is None:
        candidate = master.solve()
        if candidate.bound > -math.inf:
            monitor.prove(candidate.bound, SOURCE)
        if candidate.x is None or close(monitor, judge.tolerance) or monitor.reason() is not None:
            return
        verdict = judge.judge(candidate.x, master.scenarios)
        if close(monitor, judge.tolerance):
            return
        if not master.add(verdict.scenarios) and verdict.complete and master.refine():
            return
