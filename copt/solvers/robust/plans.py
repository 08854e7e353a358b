"""What decisions cost where only costs are uncertain and recourse is integer: a game of plans and scenarios.

The scenarios form a convex set, so that in the worst case the best plan costs what the best mix of plans does (von
Neumann 1928). Plans are generated: the best one in the worst scenario of the game so far (Arslan and Detienne 2022 do
this inside branch and price). Decisions come from the program with the scenarios seen, and from one over the plans
known: decisions and the shares of plans that go with them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from copt.monitor import Monitor
from copt.problems.robust import RobustSolution
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.ccg import MEET, Verdict
from copt.solvers.robust.mixture import Game, play
from copt.solvers.robust.offers import offer
from copt.solvers.robust.program import Program
from copt.solvers.robust.recourse import allowance, least_cost
from copt.solvers.scip import linear, run

__all__ = ["PlanGame"]

SAME = 1e-7  # relative, within which both sides of the game are one
SMOOTH = 0.5  # weight of the best scenario so far in the one that is asked about next (Wentges 1997)
MOST = 150  # plans of the program over plans
SHARE, LEAST = 0.2, 0.2  # of the time for that program; seconds that it gets at least


class PlanGame:
    """Plays the game for decisions; keeps all plans.

    Args:
        problem: Its rows must be certain.
        monitor: Takes decisions and the mixes of plans that prove what they cost.
    """

    tolerance = MEET

    def __init__(self, problem: TwoStage, monitor: Monitor) -> None:
        self._problem, self._monitor = problem, monitor
        self._plans = np.zeros((0, problem.y.size))
        self._used: dict[bytes, FloatArray] = {}  # plans that had a share at the end of a game
        self._asked, self._spent = 0, 0.0

    def judge(self, x: FloatArray, known: list[FloatArray]) -> Verdict:
        """Play until both sides have one value, or ``x`` is not the best; then propose decisions by plans, and play."""
        verdict = self._play(x, known[0])
        proposal = self._propose() if verdict.complete else None
        if proposal is None or np.array_equal(proposal, x):
            return verdict
        second = self._play(proposal, known[0])
        return Verdict(verdict.scenarios + second.scenarios, True)

    def _play(self, x: FloatArray, some: FloatArray) -> Verdict:
        problem, monitor = self._problem, self._monitor
        if not self._feasible(x).any():
            first = least_cost(problem, x, some, monitor.remaining)
            if first.plan is None:
                return Verdict([some], first.bound == math.inf)
            self._add(first.plan)
        floor, worst = -math.inf, some
        while monitor.reason() is None:
            own = self._plans[self._feasible(x)]
            game = play(*problem.cost_terms_of_plans(x, own), problem.uncertainty)
            self._offer(x, own, game)
            for scenario in self._queries(game, worst, floor):
                answer = least_cost(problem, x, scenario, monitor.remaining)
                if answer.bound > floor:
                    floor, worst = answer.bound, scenario
                if answer.plan is not None and self._helps(x, answer.plan, game):
                    self._add(answer.plan)
                    break
            else:
                floor = game.value if answer.plan is not None else floor
            slack = SAME * max(1.0, abs(game.value))
            if game.value - floor <= slack or (monitor.best is not None and floor >= monitor.best - slack):
                self._used |= {plan.tobytes(): plan for plan, w in zip(own, game.weights, strict=True) if w > 0}
                return Verdict([worst], True)
            if answer.plan is None:
                break
        return Verdict([worst], False)

    def _queries(self, game: Game, worst: FloatArray, floor: float) -> list[FloatArray]:
        """Return the scenarios to ask about: one between the best and the newest, then the newest."""
        middle = SMOOTH * worst + (1.0 - SMOOTH) * game.worst
        smooth = floor > -math.inf and self._problem.uncertainty.contains(middle)
        return [middle, game.worst] if smooth else [game.worst]

    def _helps(self, x: FloatArray, plan: FloatArray, game: Game) -> bool:
        """Return whether ``plan`` costs less than the game in its worst scenario."""
        return self._problem.cost(x, plan, game.worst) < game.value - 0.1 * SAME * max(1.0, abs(game.value))

    def _feasible(self, x: FloatArray) -> NDArray[np.bool_]:
        room = self._problem.limits - self._problem.rows_x @ x + allowance(self._problem)
        kept: NDArray[np.bool_] = np.all(self._plans @ self._problem.rows_y.T <= room, axis=1)
        return kept

    def _add(self, plan: FloatArray) -> None:
        self._plans = np.vstack([self._plans, plan])

    def _offer(self, x: FloatArray, plans: FloatArray, game: Game) -> None:
        part = game.weights > 1e-12
        weights = game.weights[part] / game.weights[part].sum()
        solution = RobustSolution(x=x, plans=plans[part], worst=game.worst, proof="mixture", weights=weights)
        offer(self._problem, self._monitor, solution, "plans")

    def _propose(self) -> FloatArray | None:
        """Return the best decisions with the plans that were used, or None if it is not time to look for them."""
        monitor, began = self._monitor, self._monitor.elapsed
        if len(self._used) == self._asked or self._spent > SHARE * monitor.elapsed:
            return None
        self._asked = len(self._used)
        program = _plan_program(self._problem, list(self._used.values())[-MOST:])
        if monitor.best is not None:
            program.model.setObjlimit(monitor.best)
        run(program.model, monitor, seconds=max(LEAST, SHARE * monitor.elapsed))
        self._spent += monitor.elapsed - began
        return program.decisions()


def _plan_program(problem: TwoStage, plans: list[FloatArray]) -> Program:
    """Return the program over decisions and shares of ``plans``, each of which is used only if it is feasible."""
    assert problem.cost_u is not None and problem.cost_ux is not None and problem.cost_uy is not None
    program, table = Program(problem), np.array(plans)
    x, shares = program.x, [program.free(0.0) for _ in plans]
    program.model.addCons(linear(np.ones(len(plans)), shares) == 1.0)
    used = table @ problem.rows_y.T  # (plans, rows)
    low = np.where(problem.rows_x > 0, problem.x.lower, problem.x.upper)
    high = np.where(problem.rows_x > 0, problem.x.upper, problem.x.lower)
    with np.errstate(invalid="ignore"):
        least = np.where(problem.rows_x != 0, problem.rows_x * low, 0.0).sum(axis=1)
        most = np.where(problem.rows_x != 0, problem.rows_x * high, 0.0).sum(axis=1)
    switches = [program.model.addVar(vtype="B") for _ in plans]
    for share, switch in zip(shares, switches, strict=True):
        program.add(share - switch, 0.0)
    for row, limit in enumerate(problem.limits):
        of_x = linear(problem.rows_x[row], x)
        program.add(of_x + linear(used[:, row], shares), limit)
        if _mixes(problem, used[:, row], row):
            continue
        for plan, switch in enumerate(switches):
            excess = most[row] - (limit - used[plan, row])
            if excess == math.inf or least[row] > limit - used[plan, row]:
                program.add(switch, 0.0)
            elif excess > 0:
                program.add(of_x + float(excess) * switch, most[row])
    cost = linear(problem.cost_x, x) + linear(table @ problem.cost_y, shares)
    mixed = problem.cost_uy @ table.T  # (entries, plans)
    slopes = [
        linear(problem.cost_ux[k], x) + linear(mixed[k], shares) + float(problem.cost_u[k]) + 0.0 * program.nothing
        for k in range(len(mixed))
    ]
    worst = program.free()
    program.add(cost + program.support(slopes, problem.uncertainty) - worst, -problem.constant)
    program.model.setObjective(worst, "minimize")
    return program


def _mixes(problem: TwoStage, used: FloatArray, row: int) -> bool:
    """Return whether all plans with a share keep ``row`` if their mix does.

    So it is if all plans use the same, or if one binary variable decides: at each of its values all plans keep the
    row, or none uses less than there is.
    """
    if used.min() == used.max():
        return True
    columns = np.flatnonzero(problem.rows_x[row])
    if len(columns) == 0:
        return bool((used <= problem.limits[row]).all())
    j = int(columns[0])
    if len(columns) > 1 or not problem.x.integer[j] or problem.x.lower[j] < 0 or problem.x.upper[j] > 1:
        return False
    rooms = problem.limits[row] - problem.rows_x[row, j] * np.array([0.0, 1.0])
    return all((used <= room).all() or used.min() >= room for room in rooms)
