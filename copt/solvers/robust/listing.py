"""The worst case among finitely many scenarios: all of a set, or its extreme points if no other can be worse."""

import itertools
import math

import numpy as np

from copt.monitor import Monitor
from copt.problems.robust import RobustSolution
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import Box, Budget, FloatArray, Product, Scenarios, UncertaintySet
from copt.solvers.robust.ccg import MEET, Verdict
from copt.solvers.robust.offers import offer
from copt.solvers.robust.recourse import Recourse, at_scenario, least_cost, minimise

__all__ = ["Listing", "count_vertices", "vertices"]

SOURCE = "listed scenarios"


def count_vertices(uncertainty: UncertaintySet) -> float:
    """Return how many extreme points ``vertices`` would list; infinity if it cannot."""
    if isinstance(uncertainty, Scenarios):
        return len(uncertainty.members)
    if isinstance(uncertainty, Box):
        return 2.0 ** int((uncertainty.lower < uncertainty.upper).sum())
    if isinstance(uncertainty, Budget):
        n, whole = uncertainty.size, min(uncertainty.size, int(uncertainty.budget))
        part = (n - whole) * math.comb(n, whole) if uncertainty.budget > whole else 0
        return float(sum(math.comb(n, k) for k in range(whole + 1)) + part)
    if isinstance(uncertainty, Product):
        return math.prod(count_vertices(part) for part in uncertainty.sets)
    return math.inf


def vertices(uncertainty: UncertaintySet) -> FloatArray:
    """Return the extreme points of a box, a budget, scenarios, or a product of them, shape (points, entries)."""
    if isinstance(uncertainty, Box):
        sides = [np.unique(pair) for pair in zip(uncertainty.lower, uncertainty.upper, strict=True)]
        return np.array(list(itertools.product(*sides))).reshape(-1, uncertainty.size)
    if isinstance(uncertainty, Budget):
        n, whole = uncertainty.size, min(uncertainty.size, int(uncertainty.budget))
        full = [set(chosen) for size in range(whole + 1) for chosen in itertools.combinations(range(n), size)]
        points = [[float(k in chosen) for k in range(n)] for chosen in full]
        rest = uncertainty.budget - whole
        if rest > 0:
            most = [chosen for chosen in full if len(chosen) == whole]
            points += [
                [1.0 if k in chosen else rest * (k == last) for k in range(n)]
                for chosen in most
                for last in set(range(n)) - chosen
            ]
        return np.array(points)
    if isinstance(uncertainty, Product):
        parts = [vertices(part) for part in uncertainty.sets]
        return np.array([np.concatenate(choice) for choice in itertools.product(*parts)])
    assert isinstance(uncertainty, Scenarios)
    return uncertainty.members


class Listing:
    """Solves the recourse to decisions in every one of some scenarios.

    Args:
        problem: The problem.
        monitor: Takes decisions and what they cost.
        members: The scenarios, shape (scenarios, entries).
    """

    tolerance = MEET

    def __init__(self, problem: TwoStage, monitor: Monitor, members: FloatArray) -> None:
        self._problem, self._monitor, self._members = problem, monitor, members
        self._hits = np.zeros(len(members))  # how often each was the worst: those come first

    def judge(self, x: FloatArray, known: list[FloatArray]) -> Verdict:
        """Solve all, unless there is one without a recourse."""
        found: dict[int, Recourse] = {}
        for index in np.argsort(-self._hits, kind="stable"):
            if self._monitor.reason() is not None:
                return Verdict([], False)
            answer = least_cost(self._problem, x, self._members[index], self._monitor.remaining)
            if answer.bound == math.inf:
                self._hits[index] += 1
                return Verdict([self._members[index]], True)
            found[int(index)] = answer
        worst = max(found, key=lambda index: found[index].value)
        value = found[worst].value
        if not math.isfinite(value):  # out of time, or costs fall without limit in every scenario
            return Verdict([], False)
        self._hits[worst] += 1
        self._offer(x, found, worst)
        return Verdict([self._members[worst]], True)

    def _offer(self, x: FloatArray, found: dict[int, Recourse], worst: int) -> None:
        scenario, value = self._members[worst], found[worst].value
        if not isinstance(self._problem.uncertainty, Scenarios):
            plan = found[worst].plan
            assert plan is not None
            solution = RobustSolution(x=x, plans=plan[None], worst=scenario, proof="adversary", value=value)
            offer(self._problem, self._monitor, solution, SOURCE)
            return
        plans = [self._plan(x, index, found[index], value) for index in range(len(self._members))]
        if all(plan is not None for plan in plans):
            solution = RobustSolution(x=x, plans=np.array(plans), worst=scenario, proof="scenarios")
            offer(self._problem, self._monitor, solution, SOURCE)

    def _plan(self, x: FloatArray, index: int, answer: Recourse, value: float) -> FloatArray | None:
        """Return the plan of ``answer``; where costs fall without limit, one that costs no more than ``value``."""
        if answer.plan is not None:
            return answer.plan
        fixed = at_scenario(self._problem, self._members[index])
        known = fixed.constant + float(fixed.cost_x @ x)
        rows = np.vstack([fixed.rows_y, fixed.cost_y])
        room = np.append(fixed.limits - fixed.rows_x @ x, value - known)
        return minimise(np.zeros(self._problem.y.size), rows, room, self._problem.y, self._monitor.remaining).plan
