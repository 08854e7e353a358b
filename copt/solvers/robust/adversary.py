"""The worst case of continuous recourse over a set, by SCIP, without bounds on dual variables that are not there.

Whether some scenario costs more than a target is a question of feasibility: it does if, and only if, the rows of
recourse and the row "costs at most the target" cannot hold together. By how much they must be missed at least, all by
the same amount, is a linear program whose multipliers are shares: not negative, with sum 1. So its dual is a bounded
program, whatever the recourse (compare the feasibility problem of Zeng and Zhao 2013; the multipliers of the least cost
itself have no bounds that are known). The largest miss over scenarios is a program with products of multipliers and
scenario. If the scenario is in no coefficient of recourse, the miss is convex in it, extreme points suffice, and where
these are made of binary variables the program is a linear one.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from copt.monitor import Monitor
from copt.problems.robust import RobustSolution
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import Box, Budget, Ellipsoid, FloatArray, Product, Scenarios, UncertaintySet
from copt.solvers.robust.ccg import MEET, Verdict
from copt.solvers.robust.mixture import linear_rows
from copt.solvers.robust.offers import offer
from copt.solvers.robust.program import FEASIBILITY
from copt.solvers.robust.recourse import Recourse, least_cost
from copt.solvers.scip import linear, new_model, run

__all__ = ["Adversary", "at_extremes"]

SOURCE = "adversary"
MISS = 1e-6  # by which rows, scaled to coefficients of 1, must be missed for a scenario to count as worse
GAP = 0.1  # a scenario that misses by nearly the most is good enough
SAME = 1e-7  # relative


def at_extremes(problem: TwoStage) -> bool:
    """Return whether the least cost of continuous recourse is convex in the scenario."""
    assert problem.cost_uy is not None
    return problem.products_y.size == 0 and not problem.cost_uy.any()


class Adversary:
    """Looks for the worst scenario of decisions.

    Args:
        problem: Its recourse must be continuous.
        monitor: Takes decisions and what they cost.
    """

    tolerance = MEET

    def __init__(self, problem: TwoStage, monitor: Monitor) -> None:
        self._problem, self._monitor = problem, monitor

    def judge(self, x: FloatArray, known: list[FloatArray]) -> Verdict:
        """Climb from the worst of the ``known`` scenarios until no scenario is worse, or ``x`` is not the best."""
        problem, monitor = self._problem, self._monitor
        answers = [least_cost(problem, x, scenario) for scenario in known]
        at = int(np.argmax([answer.bound for answer in answers]))
        answer, worst = answers[at], known[at]
        if answer.bound == math.inf:
            return Verdict([worst], True)
        found: list[FloatArray] = []
        while True:
            question = _Question(problem, x, answer.value)
            run(question.model, monitor)
            scenario = question.scenario()
            if scenario is None:
                if question.model.getStatus() != "infeasible":
                    return Verdict(found, False)
                break
            again = least_cost(problem, x, scenario)
            if again.bound <= answer.value + SAME * max(1.0, abs(answer.value)):
                break
            found.insert(0, scenario)
            if again.bound == math.inf or (monitor.best is not None and again.value >= monitor.best):
                return Verdict(found, True)
            answer, worst = again, scenario
        self._offer(x, answer, worst)
        return Verdict([*found, worst], True)

    def _offer(self, x: FloatArray, answer: Recourse, worst: FloatArray) -> None:
        if answer.plan is not None:
            solution = RobustSolution(x=x, plans=answer.plan[None], worst=worst, proof="adversary", value=answer.value)
            offer(self._problem, self._monitor, solution, SOURCE)


class _Terms(NamedTuple):
    """Rows of recourse and of its cost, scaled: constants + slopes @ u + (matrix + products at u) @ y <= miss."""

    constants: FloatArray  # (rows,)
    slopes: FloatArray  # (rows, entries)
    matrix: FloatArray  # (rows, variables)
    products: dict[tuple[int, int], list[tuple[int, float]]]  # (row, entry) -> variables and factors


def _terms(problem: TwoStage, x: FloatArray, target: float) -> _Terms:
    assert problem.cost_uy is not None
    nothing = np.zeros(problem.y.size)
    constants, slopes = problem.row_terms(x, nothing)
    known, slope = problem.cost_terms(x, nothing)
    matrix = np.vstack([problem.rows_y, problem.cost_y])
    last, terms = len(constants), problem.products_y
    products: dict[tuple[int, int], list[tuple[int, float]]] = {}
    entries, variables = np.nonzero(problem.cost_uy)
    triples = [
        *zip(terms.rows, terms.entries, terms.variables, terms.coefficients, strict=True),
        *((last, k, j, problem.cost_uy[k, j]) for k, j in zip(entries, variables, strict=True)),
    ]
    scale = np.abs(matrix).max(axis=1, initial=0.0)
    for row, entry, variable, factor in triples:
        products.setdefault((int(row), int(entry)), []).append((int(variable), float(factor)))
        scale[row] = max(scale[row], abs(factor))
    constants, slopes = np.append(constants, known - target), np.vstack([slopes, slope])
    scale = np.where(scale > 0, scale, np.maximum(1.0, np.abs(slopes).max(axis=1, initial=0.0)))
    products = {key: [(j, a / scale[key[0]]) for j, a in pairs] for key, pairs in products.items()}
    return _Terms(constants / scale, slopes / scale[:, None], matrix / scale[:, None], products)


class _Question:
    """The program that asks for the scenario in which ``x`` costs more than ``target`` by most, or has no recourse."""

    def __init__(self, problem: TwoStage, x: FloatArray, target: float) -> None:
        self._problem, self._terms = problem, _terms(problem, x, target)
        self.model = new_model()
        self.model.setParam("numerics/feastol", FEASIBILITY)
        self.model.setParam("limits/gap", GAP)
        self.model.setObjlimit(MISS)
        self._sets = _Members(self.model, problem.uncertainty, at_extremes(problem))
        rows = np.flatnonzero(~np.append(problem.first_rows, False))
        self._shares = {int(row): self.model.addVar(lb=0.0, ub=1.0) for row in rows}
        self.model.addCons(linear(np.ones(len(rows)), self._shares.values()) == 1.0)
        self._products: dict[tuple[int, int], Any] = {}
        self._build()

    def scenario(self) -> FloatArray | None:
        """Return the scenario found, or None."""
        return self._sets.member() if self.model.getNSols() > 0 else None

    def _build(self) -> None:
        """Add what the multipliers must keep to, and what they earn."""
        terms, model = self._terms, self.model
        earned = linear(terms.constants[list(self._shares)], self._shares.values())
        reduced: list[Any] = [
            linear(terms.matrix[list(self._shares), j], self._shares.values()) for j in range(terms.matrix.shape[1])
        ]
        for row in self._shares:
            for entry in np.flatnonzero(terms.slopes[row]):
                earned += float(terms.slopes[row, entry]) * self._product(row, int(entry))
        for (row, k), pairs in terms.products.items():
            for j, factor in pairs:
                reduced[j] = reduced[j] + factor * self._product(row, k)
        columns = self._problem.y
        for j, cost in enumerate(reduced):
            low, high = float(columns.lower[j]), float(columns.upper[j])
            positive = model.addVar(lb=0.0, ub=None if np.isfinite(low) else 0.0)
            negative = model.addVar(lb=0.0, ub=None if np.isfinite(high) else 0.0)
            model.addCons(cost == positive - negative)
            if np.isfinite(low):
                earned += low * positive
            if np.isfinite(high):
                earned -= high * negative
        model.setObjective(earned, "maximize")

    def _product(self, row: int, entry: int) -> Any:
        """Return an expression for the share of ``row`` times ``entry`` of the scenario."""
        if (row, entry) not in self._products:
            self._products[row, entry] = self._sets.times(self._shares[row], entry)
        return self._products[row, entry]


class _Members:
    """Variables for a member of a set; where extreme points suffice, binary ones as far as the set allows.

    Args:
        model: Gets the variables.
        uncertainty: The set.
        extremes: Whether extreme points suffice.
    """

    def __init__(self, model: Any, uncertainty: UncertaintySet, extremes: bool) -> None:
        self._model, self._uncertainty = model, uncertainty
        self._pieces: list[tuple[float, list[tuple[float, Any]], Any]] = []  # offset, steps of binaries, or a variable
        self._add(uncertainty, extremes)

    def member(self) -> FloatArray:
        """Return the member in the best solution."""
        best = self._model.getBestSol()

        def value(variable: Any) -> float:
            return float(self._model.getSolVal(best, variable))

        return np.array(
            [
                offset + sum(step * round(value(switch)) for step, switch in steps)
                if variable is None
                else value(variable)
                for offset, steps, variable in self._pieces
            ]
        )

    def times(self, share: Any, entry: int) -> Any:
        """Return an expression for ``share``, from 0 to 1, times an entry."""
        offset, steps, variable = self._pieces[entry]
        if variable is not None:
            product = self._model.addVar(lb=None, ub=None)
            self._model.addCons(product == share * variable)
            return product
        total = offset * share
        for step, switch in steps:
            both = self._model.addVar(lb=0.0, ub=1.0)
            self._model.addCons(both <= share)
            self._model.addCons(both <= switch)
            self._model.addCons(both >= share + switch - 1.0)
            total += step * both
        return total

    def _binary(self) -> Any:
        return self._model.addVar(vtype="B")

    def _add(self, part: UncertaintySet, extremes: bool) -> None:
        if isinstance(part, Product):
            for inner in part.sets:
                self._add(inner, extremes)
        elif isinstance(part, Scenarios):
            chosen = [self._binary() for _ in part.members]
            self._model.addCons(linear(np.ones(len(chosen)), chosen) == 1.0)
            self._pieces += [
                (0.0, list(zip(map(float, column), chosen, strict=True)), None) for column in part.members.T
            ]
        elif isinstance(part, Box) and extremes:
            for low, high in zip(part.lower, part.upper, strict=True):
                self._pieces.append((float(low), [(float(high - low), self._binary())] if high > low else [], None))
        elif isinstance(part, Budget) and extremes:
            self._add_budget(part)
        else:
            self._add_continuous(part)

    def _add_budget(self, part: Budget) -> None:
        """Let each entry be 0 or 1, and one of them the rest of a budget that is not whole."""
        whole = min(part.size, int(part.budget))
        rest = part.budget - whole
        full = [self._binary() for _ in range(part.size)]
        steps: list[list[tuple[float, Any]]] = [[(1.0, switch)] for switch in full]
        self._model.addCons(linear(np.ones(part.size), full) <= float(whole))
        if rest > 0 and whole < part.size:
            last = [self._binary() for _ in range(part.size)]
            self._model.addCons(linear(np.ones(part.size), last) <= 1.0)
            for own, switch, other in zip(steps, full, last, strict=True):
                self._model.addCons(switch + other <= 1.0)
                own.append((rest, other))
        self._pieces += [(0.0, own, None) for own in steps]

    def _add_continuous(self, part: UncertaintySet) -> None:
        lower, upper = part.bounds()
        entries = [self._model.addVar(lb=float(low), ub=float(high)) for low, high in zip(lower, upper, strict=True)]
        self._pieces += [(0.0, [], entry) for entry in entries]
        if not isinstance(part, Ellipsoid):
            for row, limit in zip(*linear_rows(part), strict=True):
                if row.any():
                    self._model.addCons(linear(row, entries) <= float(limit))
            return
        inner = [self._model.addVar(lb=-1.0, ub=1.0) for _ in entries]
        for entry, row, centre in zip(entries, part.shape, part.centre, strict=True):
            self._model.addCons(entry == linear(row, inner) + float(centre))
        length: Any = 0.0
        for z in inner:
            length = length + z * z
        self._model.addCons(length <= 1.0)
