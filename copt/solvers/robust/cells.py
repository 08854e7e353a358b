"""What decisions cost where rows are uncertain and recourse is integer: a tree of boxes, each with one plan.

In a box of scenarios one plan that is feasible all over it costs no more than its worst corner: a mixed-integer program
by duality (Bertsimas and Sim 2004). The box that costs most is cut in two, until no box costs more than some scenario
in which the recourse was solved, which is what finite adaptability (Bertsimas and Caramanis 2010) can reach in the
limit. Few entries can be cut often enough. Recourse that must follow the scenario exactly, as in an equation with a
continuous variable, has no plan for a box: nothing is proved then.
"""

import heapq
import math

import numpy as np

from copt.monitor import Monitor
from copt.problems.robust import Cells, RobustSolution
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.box_plans import BoxProgram, Pool
from copt.solvers.robust.ccg import Verdict
from copt.solvers.robust.offers import offer
from copt.solvers.robust.recourse import Recourse, least_cost

__all__ = ["CellTrees"]

FIRST = 100  # boxes of the first look at decisions; each further one gets twice as many
SAME = 1e-6  # relative
SAMPLES = 20  # random scenarios in which the recourse to decisions is solved first
TINY = 1e-3  # share of the whole width from which on rows may be missed by a little
NARROW = 1e-6  # share at which cutting ends
HALVINGS = 20  # steps of a search along a line
MOST = 20_000  # nodes of a tree
MANY = 100  # plans that one tree takes from another


class CellTrees:
    """Proves what decisions cost, a while for each; goes on where it stopped when it is asked again.

    Args:
        problem: The problem.
        monitor: Takes decisions and the trees that prove what they cost.
        seed: Of random scenarios.
    """

    tolerance = 1e-5  # rows that are missed by what is forgiven move the boundary where a plan gives out

    def __init__(self, problem: TwoStage, monitor: Monitor, seed: int) -> None:
        self._problem, self._monitor = problem, monitor
        self._samples = problem.uncertainty.sample(np.random.default_rng(seed), SAMPLES)
        self._trees: dict[bytes, _Tree] = {}
        self._last: _Tree | None = None

    def judge(self, x: FloatArray, known: list[FloatArray]) -> Verdict:
        """Cut boxes for a while."""
        if x.tobytes() not in self._trees:
            plans = self._last.plans[-MANY:] if self._last is not None else []
            self._trees[x.tobytes()] = _Tree(self._problem, self._monitor, x, plans)
            self._trees[x.tobytes()].probe([*known, *self._samples])
        tree = self._last = self._trees[x.tobytes()]
        tree.work(FIRST * 2**tree.visits)
        if tree.upper < math.inf and (self._monitor.best is None or tree.upper < self._monitor.best):
            offer(self._problem, self._monitor, tree.solution(), "cells")
        return Verdict([tree.worst], tree.closed or tree.stuck)

    def finish(self) -> None:
        """If nothing was proved of any decisions, offer those that look best, as no more than that."""
        hopeful = [tree for tree in self._trees.values() if -math.inf < tree.lower < math.inf]
        if self._monitor.solution is not None or not hopeful:
            return
        tree = min(hopeful, key=lambda tree: tree.lower)
        self._monitor.note(
            "the value is that of the worst scenario found and no guarantee: nothing worse was proved away"
        )
        offer(self._problem, self._monitor, tree.sampled(), "sample")


class _Tree:
    """A tree of boxes for one x.

    Args:
        problem: The problem.
        monitor: Says when to stop, and what is good enough.
        x: First-stage decisions.
        plans: Plans that were good for others.
    """

    def __init__(self, problem: TwoStage, monitor: Monitor, x: FloatArray, plans: list[FloatArray]) -> None:
        self._problem, self._monitor, self._x = problem, monitor, x
        self._program, self._pool = BoxProgram(problem, x), Pool(problem, x)
        for plan in plans:
            self._pool.add(plan)
        low, high = problem.uncertainty.bounds()
        self._width = np.maximum(high - low, 1e-300)
        ends = [problem.uncertainty.worst(np.ones(len(low))), problem.uncertainty.worst(-np.ones(len(low)))]
        middle = 0.5 * (ends[0] + ends[1])
        self._inner = middle if problem.uncertainty.contains(middle) else ends[0]
        self._boxes: list[tuple[FloatArray, FloatArray]] = []
        self._entry, self._cut, self._child = list[int](), list[float](), list[tuple[int, int]]()
        self._open: list[tuple[float, int, bool]] = []  # less the cost, node, whether its plan is the best
        self._grow(low, high)
        self._answer = Recourse(-math.inf, -math.inf, None)
        self._narrow = -math.inf  # what the costliest box costs that is too small to be cut
        self.worst, self.visits = ends[0], 0

    @property
    def lower(self) -> float:
        """Cost in the worst scenario that was looked at; infinity if it has no recourse."""
        return self._answer.bound

    @property
    def upper(self) -> float:
        """What no scenario costs more than."""
        return max(self._narrow, self._most)

    @property
    def stuck(self) -> bool:
        """Whether nothing more can be done."""
        return not self._open or len(self._boxes) > MOST

    @property
    def _most(self) -> float:
        """What the box costs that is to be cut next."""
        return -self._open[0][0] if self._open else -math.inf

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to know: both are one, or ``x`` is not the best."""
        best, slack = self._monitor.best, SAME * max(1.0, abs(self.lower))
        return (
            self.lower == math.inf
            or self._most - self.lower <= slack
            or (best is not None and self.lower >= best - slack)
        )

    @property
    def plans(self) -> list[FloatArray]:
        """All plans known."""
        return self._pool.plans

    def probe(self, scenarios: list[FloatArray]) -> None:
        """Solve the recourse in ``scenarios`` of the set, unless a plan that is known costs less than the worst."""
        for scenario in scenarios:
            if self.lower == math.inf or self._monitor.reason() is not None:
                return
            if self._pool.best(scenario, scenario)[0] <= self.lower:
                continue
            answer = least_cost(self._problem, self._x, scenario, self._monitor.remaining, loose=True)
            if answer.plan is not None:
                self._pool.add(answer.plan)
            if answer.bound > self.lower:
                self._answer, self.worst = answer, scenario

    def work(self, boxes: int) -> None:
        """Cut the box that costs most, again and again, until there are so many ``boxes`` more."""
        self.visits += 1
        until = len(self._boxes) + boxes
        while not (self.closed or self.stuck or self._monitor.reason() is not None or len(self._boxes) > until):
            _, node, best = self._open[0]
            if best:
                self._split(node)
            else:
                self._solve(node)

    def solution(self) -> RobustSolution:
        """Return the proof so far."""
        cells = Cells(np.array(self._entry), np.array(self._cut), np.array(self._child).reshape(-1, 2))
        return RobustSolution(x=self._x, plans=np.array(self.plans), worst=self.worst, proof="cells", cells=cells)

    def sampled(self) -> RobustSolution:
        """Return the worst scenario looked at, which proves nothing."""
        plans = np.zeros((0, self._problem.y.size)) if self._answer.plan is None else self._answer.plan[None]
        return RobustSolution(x=self._x, plans=plans, worst=self.worst, proof="sample", value=self._answer.value)

    def _grow(self, low: FloatArray, high: FloatArray) -> None:
        """Add a box with the best plan known; none if it is outside the set."""
        outside = self._problem.uncertainty.misses(low, high)
        cost, plan = (math.inf, -1) if outside else self._pool.best(low, high)
        if not outside:
            heapq.heappush(self._open, (-cost, len(self._boxes), False))
        self._boxes.append((low, high))
        self._entry.append(-1)
        self._cut.append(0.0)
        self._child.append((plan, -1))

    def _solve(self, node: int) -> None:
        """Find the best plan for a box, and look at its worst corner and its centre."""
        low, high = self._boxes[node]
        cost, plan = self._pool.best(low, high)  # there may be more by now
        if cost < self._most:
            self._child[node] = (plan, -1)
            heapq.heapreplace(self._open, (-cost, node, False))
            return
        narrow = bool(((high - low) <= TINY * self._width).all())
        found, pressure = self._program.solve(low, high, narrow, self._monitor.remaining), self._program.pressure
        if found.plan is not None:
            constant, slope = self._problem.cost_terms(self._x, found.plan)
            value = constant + float(np.where(slope > 0, slope * high, slope * low).sum())
            if value < cost:
                cost, self._child[node] = value, (self._pool.add(found.plan), -1)
            pressure = slope
        heapq.heapreplace(self._open, (-cost, node, True))
        self.probe([self._member(np.where(pressure > 0, high, low)), self._member(0.5 * (low + high))])

    def _member(self, point: FloatArray) -> FloatArray:
        """Return the member next to ``point`` on the way from one inside the set."""
        step, contains = point - self._inner, self._problem.uncertainty.contains
        if contains(point):
            return point
        share, much = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = 0.5 * (share + much)
            share, much = (middle, much) if contains(self._inner + middle * step) else (share, middle)
        return self._inner + share * step

    def _split(self, node: int) -> None:
        """Cut a box across where it is widest."""
        low, high = self._boxes[node]
        k = int(np.argmax((high - low) * self._program.influence))
        cost = -heapq.heappop(self._open)[0]
        if high[k] - low[k] <= NARROW * self._width[k]:
            self._narrow = max(self._narrow, cost)
            return
        middle, first = 0.5 * (low[k] + high[k]), len(self._boxes)
        self._entry[node], self._cut[node], self._child[node] = k, float(middle), (first, first + 1)
        ends, starts = high.copy(), low.copy()
        ends[k] = starts[k] = middle
        self._grow(low, ends)
        self._grow(starts, high)
