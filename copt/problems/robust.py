"""Solutions of two-stage robust problems: what they are worth, and whether they are right.

The value of a solution is the cost that it does not exceed in any scenario, as far as its proof goes. The checker
knows the problem only in the form of ``copt.problems.two_stage``, and no solver.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from copt.errors import InvalidSolutionError
from copt.problems.base import IntArray, Violation
from copt.problems.two_stage import TOLERANCE, TwoStage
from copt.problems.uncertainty import FloatArray, Scenarios

__all__ = ["Cells", "Proof", "Robust", "RobustSolution", "check", "objective", "recourse", "toy"]

Proof = Literal["mixture", "scenarios", "cells", "adversary", "sample"]
PROOFS: tuple[Proof, ...] = ("mixture", "scenarios", "cells", "adversary", "sample")
SAMPLES = 10  # scenarios at which the claim of a solver is put to the test
CHUNK = 1_000_000  # numbers of the rows of plans that are looked at together
PATIENCE = 0.5  # seconds for each of them


class Robust(Protocol):
    """What every problem of the family has."""

    @property
    def name(self) -> str:
        """Name for tables and files."""

    @property
    def sign(self) -> int:
        """1 if it minimises, -1 if it maximises."""

    def two_stage(self) -> TwoStage:
        """Return the problem in arrays."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A tree that cuts the uncertainty set into boxes, each with a plan that is feasible all over it.

    Args:
        entry: Entry of the scenario that an inner node asks about, -1 at a leaf, shape (nodes,); node 0 is the root.
        cut: Where it cuts: below or at it the first child, shape (nodes,).
        child: Its two children, or the plan of a leaf and -1, shape (nodes, 2). A leaf outside the set has plan -1.
    """

    entry: IntArray
    cut: FloatArray
    child: IntArray

    def plan_at(self, scenario: FloatArray) -> int:
        """Return the plan for ``scenario``."""
        node = 0
        while self.entry[node] >= 0:
            node = int(self.child[node, int(scenario[self.entry[node]] > self.cut[node])])
        return int(self.child[node, 0])


@dataclass(frozen=True, eq=False, kw_only=True)
class RobustSolution:
    """First-stage decisions and what is known of their worst case.

    Args:
        x: First-stage decisions, shape (n,).
        plans: Recourse decisions, shape (plans, m).
        worst: The worst scenario that was found, shape (k,).
        proof: Why the value holds in every scenario. ``mixture``: a convex mix of plans costs no more, and the best of
            them is at least as good (rows must be certain); ``scenarios``: plan k answers the k-th of finitely many
            scenarios; ``cells``: each box of a tree has a plan; ``adversary``: a solver proved that no scenario costs
            more; ``sample``: nothing worse was found, which is no proof.
        weights: Share of each plan in the mixture, shape (plans,).
        cells: The tree.
        value: Cost in the worst scenario as far as known, for ``adversary`` and ``sample``; minimised.
    """

    x: FloatArray
    plans: FloatArray
    worst: FloatArray
    proof: Proof
    weights: FloatArray | None = None
    cells: Cells | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if self.proof not in PROOFS:
            raise InvalidSolutionError(f"proof must be one of {', '.join(PROOFS)}, got {self.proof!r}")

    @property
    def proved(self) -> bool:
        """Whether the value is a guarantee for every scenario."""
        return self.proof != "sample"


def objective(instance: Robust, solution: RobustSolution) -> float:
    """Return the cost that ``solution`` keeps to in every scenario, as far as its proof goes, in the instance's sense.

    Weak duality gives it for a mixture: whatever the scenario, the best of some plans costs no more than a convex mix
    of them, whose worst case the support function of the set has in closed form.

    Raises:
        InvalidSolutionError: If something that its proof needs is missing.
    """
    problem = instance.two_stage()
    return problem.sign * _worst_cost(problem, solution)


def _worst_cost(problem: TwoStage, solution: RobustSolution) -> float:
    if solution.proof == "mixture":
        constant, slope = problem.cost_terms(solution.x, _needed(solution, "weights") @ solution.plans)
        return constant + float(slope @ problem.uncertainty.worst(slope))
    if solution.proof == "scenarios":
        members = _members(problem)
        return max(problem.cost(solution.x, y, u) for y, u in zip(solution.plans, members, strict=True))
    if solution.proof == "cells":
        plans, lower, upper = _leaves(problem, _needed(solution, "cells"))
        plans, lower, upper = plans[plans >= 0], lower[plans >= 0], upper[plans >= 0]
        constants, slopes = problem.cost_terms_of_plans(solution.x, solution.plans)
        slope = slopes[plans]
        return float((constants[plans] + np.where(slope > 0, slope * upper, slope * lower).sum(axis=1)).max())
    return float(_needed(solution, "value"))


def _needed(solution: RobustSolution, field: str) -> Any:
    found = getattr(solution, field)
    if found is None:
        raise InvalidSolutionError(f"a solution with proof {solution.proof!r} needs {field}")
    return found


def _members(problem: TwoStage) -> FloatArray:
    if not isinstance(problem.uncertainty, Scenarios):
        raise InvalidSolutionError("proof 'scenarios' needs an uncertainty set of finitely many scenarios")
    return problem.uncertainty.members


def _leaves(problem: TwoStage, cells: Cells) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return plan, lower and upper corner of each leaf of the tree; together they cover the uncertainty set."""
    low, high = problem.uncertainty.bounds()
    nodes = len(cells.entry)
    lower, upper = np.empty((nodes, low.size)), np.empty((nodes, low.size))
    lower[0], upper[0] = low, high
    level = np.zeros(1, dtype=np.int64)  # nodes of one depth at a time: trees are large
    while level.size:
        level = level[cells.entry[level] >= 0]
        entry, (below, above) = cells.entry[level], cells.child[level].T
        for child in (below, above):
            lower[child], upper[child] = lower[level], upper[level]
        upper[below, entry] = lower[above, entry] = cells.cut[level]
        level = np.concatenate([below, above])
    leaf = np.flatnonzero(cells.entry < 0)
    return cells.child[leaf, 0], lower[leaf], upper[leaf]


def recourse(instance: Robust, solution: RobustSolution, scenario: FloatArray) -> FloatArray:
    """Return the cheapest of the plans of ``solution`` that fit ``scenario``, shape (m,).

    Raises:
        InvalidSolutionError: If the scenario is not in the uncertainty set, or no plan fits.
    """
    problem, plans = instance.two_stage(), solution.plans
    if not problem.uncertainty.contains(scenario):
        raise InvalidSolutionError(f"the scenario {scenario} is not in the uncertainty set")
    if solution.cells is not None:  # there may be very many
        plans = plans[[solution.cells.plan_at(scenario)]]
    constants, slopes = problem.row_terms_of_plans(solution.x, plans)
    slack = TOLERANCE * np.maximum(1.0, np.abs(problem.limits))
    plans = plans[(constants + slopes @ scenario <= slack).all(axis=1)]
    if not len(plans):
        raise InvalidSolutionError(
            "no plan of the solution fits this scenario; find one with copt.evaluate(instance, x, scenario=scenario)"
        )
    constants, slopes = problem.cost_terms_of_plans(solution.x, plans)
    cheapest: FloatArray = plans[int((constants + slopes @ scenario).argmin())]
    return cheapest


def check(instance: Robust, solution: RobustSolution) -> list[Violation]:
    """Return what is wrong with ``solution``: bounds, rows, shares of plans, gaps in its proof.

    Where the proof is the word of a solver (``adversary``), or none (``sample``), the claim is put to the test at the
    worst scenario known and at random ones.
    """
    problem = instance.two_stage()
    found = _shapes(problem, solution)
    if found:
        return found
    found = problem.x.violations("first stage", solution.x) + problem.y.violations("recourse", solution.plans)
    constants, _ = problem.row_terms(solution.x, np.zeros(problem.y.size))
    found += _missed("first stage", np.where(problem.first_rows, constants, -np.inf)[None], problem)
    if not problem.uncertainty.contains(solution.worst):
        found.append(Violation("scenario", "the worst scenario is not in the uncertainty set"))
    if found:
        return found
    return {"mixture": _mixture, "scenarios": _scenarios, "cells": _cells}.get(solution.proof, _claim)(
        problem, solution
    )


def _shapes(problem: TwoStage, solution: RobustSolution) -> list[Violation]:
    wanted = {"x": (problem.x.size,), "plans": (len(solution.plans), problem.y.size)}
    wanted |= {"worst": (problem.uncertainty.size,)}
    if solution.weights is not None:
        wanted["weights"] = (len(solution.plans),)
    return [
        Violation("shape", f"{name} has shape {np.shape(getattr(solution, name))} instead of {shape}")
        for name, shape in wanted.items()
        if np.shape(getattr(solution, name)) != shape
    ]


def _missed(what: str, excess: FloatArray, problem: TwoStage) -> list[Violation]:
    """Return the row that is exceeded most, where ``excess``, shape (plans, r), is beyond the tolerance."""
    slack = TOLERANCE * np.maximum(1.0, np.abs(problem.limits))
    if excess.size == 0 or (excess <= slack).all():
        return []
    plan, row = np.unravel_index(int((excess - slack).argmax()), excess.shape)
    return [Violation("row", f"{what} {plan}: row {row} is exceeded by {excess[plan, row]:.6g}")]


def _mixture(problem: TwoStage, solution: RobustSolution) -> list[Violation]:
    weights = _needed(solution, "weights")
    if not problem.certain_rows:
        return [Violation("proof", "a mixture proves nothing where rows depend on the scenario")]
    if (weights < 0).any() or abs(weights.sum() - 1.0) > 1e-9:
        return [Violation("proof", f"weights must be shares, got a sum of {weights.sum():.12g}")]
    excess = np.array([problem.row_terms(solution.x, y)[0] for y in solution.plans])
    return _missed("plan", excess, problem)


def _scenarios(problem: TwoStage, solution: RobustSolution) -> list[Violation]:
    members = _members(problem)
    if len(members) != len(solution.plans):
        return [Violation("proof", f"{len(solution.plans)} plans for {len(members)} scenarios")]
    terms = (problem.row_terms(solution.x, y) for y in solution.plans)
    excess = [constant + slope @ u for (constant, slope), u in zip(terms, members, strict=True)]
    return _missed("scenario", np.array(excess), problem)


def _cells(problem: TwoStage, solution: RobustSolution) -> list[Violation]:
    cells: Cells = _needed(solution, "cells")
    nodes = np.arange(len(cells.entry))
    inner = cells.entry >= 0
    children = np.sort(cells.child[inner].ravel())
    if not (np.array_equal(children, nodes[1:]) and (cells.child[inner] > nodes[inner, None]).all()):
        return [Violation("proof", "the cells are no tree whose nodes come after their parents")]
    if not ((cells.child[~inner, 0] >= -1) & (cells.child[~inner, 0] < len(solution.plans))).all():
        return [Violation("proof", "a cell has no plan")]
    plans, lower, upper = _leaves(problem, cells)
    if (lower > upper).any():
        return [Violation("proof", "a cell is cut outside its bounds")]
    bare = np.flatnonzero(plans < 0)
    if len(bare) == len(plans) or not all(problem.uncertainty.misses(lower[k], upper[k]) for k in bare):
        return [Violation("proof", "a cell has no plan and is not outside the uncertainty set")]
    answered = plans >= 0
    most = _most(problem, solution, plans[answered], lower[answered], upper[answered])
    return _missed("plan", most, problem)


def _most(
    problem: TwoStage, solution: RobustSolution, plans: IntArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """Return by how much each plan exceeds each row at most in the boxes that it answers, shape (plans, r)."""
    most = np.full((len(solution.plans), len(problem.limits)), -np.inf)
    order = np.argsort(plans, kind="stable")  # boxes of one plan after the other, as many plans at once as fit
    used, first = np.unique(plans[order], return_index=True)
    last = np.append(first[1:], len(order))
    step = max(1, CHUNK // (problem.limits.size * problem.uncertainty.size + 1))
    for begin in range(0, len(used), step):
        chosen, start = used[begin : begin + step], first[begin : begin + step]
        own = order[start[0] : last[begin : begin + step][-1]]
        constants, slopes = problem.row_terms_of_plans(solution.x, solution.plans[chosen])
        place = np.searchsorted(chosen, plans[own])
        for row in np.flatnonzero(slopes.any(axis=(0, 2))):
            slope = slopes[place, row]
            excess = (np.maximum(slope, 0.0) * upper[own] + np.minimum(slope, 0.0) * lower[own]).sum(axis=1)
            constants[:, row] += np.maximum.reduceat(excess, start - start[0])
        most[chosen] = constants
    return most


def _claim(problem: TwoStage, solution: RobustSolution) -> list[Violation]:
    claimed, rng = float(_needed(solution, "value")), np.random.default_rng(0)
    slack = 1e-4 * max(1.0, abs(claimed))  # solvers of mixed-integer programs stop at a relative gap of that order
    for u in (solution.worst, *problem.uncertainty.sample(rng, SAMPLES)):
        least = _least_cost(problem, solution.x, u)
        if least > claimed + slack:
            return [Violation("value", f"a scenario costs {least:.10g}, more than the claimed {claimed:.10g}")]
    return []


def _least_cost(problem: TwoStage, x: FloatArray, scenario: FloatArray) -> float:
    """Return a lower bound on the cost of ``scenario``, infinity if no recourse is feasible (by HiGHS).

    Decisions that a solver made feasible must not seem infeasible: then rows may be missed by the tolerance.
    """
    m = problem.y.size
    base, slope = problem.row_terms(x, np.zeros(m))
    constant, factor = problem.cost_terms(x, np.zeros(m))
    room, slack = -(base + slope @ scenario), TOLERANCE * np.maximum(1.0, np.abs(problem.limits))
    if m == 0:
        least = 0.0 if (room >= -slack).all() else np.inf
    else:
        least = _least_recourse(problem, scenario, room)
        least = _least_recourse(problem, scenario, room + slack) if least == np.inf else least
    return constant + float(factor @ scenario) + least


def _least_recourse(problem: TwoStage, scenario: FloatArray, room: FloatArray) -> float:
    from scipy.optimize import Bounds, LinearConstraint, milp

    assert problem.cost_uy is not None
    found = milp(
        problem.cost_y + scenario @ problem.cost_uy,
        constraints=LinearConstraint(
            problem.rows_y + problem.products_y.at(scenario, problem.limits.size, problem.y.size), ub=room
        ),
        bounds=Bounds(problem.y.lower, problem.y.upper),
        integrality=problem.y.integer.astype(int),
        options={"time_limit": PATIENCE},
    )
    if found.status == 2:
        return np.inf
    least = found.mip_dual_bound if problem.y.integer.any() else found.fun  # there is no such bound of a linear program
    return -np.inf if least is None else float(least)


def toy() -> Robust:
    """Return a knapsack of four items whose optimum is known by hand, for tests and examples."""
    from copt.problems.robust_knapsack import toy_knapsack

    return toy_knapsack()
