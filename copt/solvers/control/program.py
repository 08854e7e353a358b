"""A control problem as a mixed-integer program in SCIP: the network over the horizon, its cost and its limits."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from pyscipopt import quicksum

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.control import Plan, check, objective
from copt.solvers.control.horizon import Horizon, Reach
from copt.solvers.relu_scip import Encoding, embed, light
from copt.solvers.scip import dual_bound, new_model, run

__all__ = ["Program", "solve_program"]

SOURCE = "scip"
CLOSE = 1e-6  # relative, between SCIP's value of a plan and that of its roll-out
FEASIBILITY = 1e-7  # of SCIP where costs are quadratic, as their rows miss more of the cost; elsewhere LPs get stuck


class Program:
    """The program over all actions that lead to what was found within reach.

    Args:
        horizon: The problem over its horizon.
        reach: Bounds of its network for a box of actions.
        encoding: How ReLUs are encoded.
    """

    def __init__(self, horizon: Horizon, reach: Reach, *, encoding: Encoding = "sos1") -> None:
        problem = horizon.problem
        self.horizon, self.cutoff = horizon, math.inf
        self.model = new_model()
        light(self.model)
        if problem.cost.norm == "quadratic":
            self.model.setParam("numerics/feastol", FEASIBILITY)
        pairs = zip(reach.lower.ravel(), reach.upper.ravel(), strict=True)
        self.actions = [float(a) if a == b else self.model.addVar(lb=float(a), ub=float(b)) for a, b in pairs]
        inputs = [*map(float, problem.start), *self.actions]
        self.embedding = embed(self.model, horizon.net, inputs, bounds=reach.bounds, encoding=encoding)
        self._others: list[tuple[Any, Callable[[FloatArray], float]]] = []  # variables, and their values by distances
        self.model.setObjective(quicksum(self._norm(terms) for terms in horizon.terms))
        for face in horizon.faces:
            self._keep_out(face, reach.bounds.lower[-1])

    def limit(self, cutoff: float) -> None:
        """Look for plans that cost less than ``cutoff`` only."""
        self.cutoff = cutoff
        if math.isfinite(cutoff):
            self.model.setObjlimit(cutoff)

    def plan(self) -> Plan | None:
        """Return the best plan found, its actions within their limits, or None."""
        return None if self.model.getNSols() == 0 else Plan(self.actions_of(self.model.getBestSol()))

    def actions_of(self, solution: Any) -> FloatArray:
        """Return the actions of a solution, within their limits, shape (horizon, actions).

        Args:
            solution: A solution of the model; None for the relaxation of the present node.
        """
        problem = self.horizon.problem
        values = [v if isinstance(v, float) else self.model.getSolVal(solution, v) for v in self.actions]
        shaped = np.array(values, dtype=np.float64).reshape(problem.horizon, problem.num_actions)
        return np.minimum(np.maximum(shaped, problem.u_lower), problem.u_upper)

    def point(self, actions: FloatArray) -> list[tuple[Any, float]]:
        """Return all variables with their values for actions of shape (horizon, actions)."""
        inputs = self.horizon.inputs(actions)
        distances = self.horizon.net.forward(inputs[None])[0] + self.horizon.offsets
        return [*self.embedding.start(inputs), *((variable, value(distances)) for variable, value in self._others)]

    def offer(self, monitor: Monitor) -> None:
        """Offer the best plan found, at what it costs on the model, if it keeps all limits."""
        found, problem = self.plan(), self.horizon.problem
        if found is not None:
            value = objective(problem, found)
            if (monitor.best is None or value < monitor.best) and not check(problem, found):
                monitor.offer(value, found, SOURCE)

    def _norm(self, terms: slice) -> Any:
        """Return the expression of one norm, by new variables that are at least what it needs."""
        norm = self.horizon.problem.cost.norm
        own = [[k] for k in range(terms.start, terms.stop)] if norm != "linf" else [[*range(terms.start, terms.stop)]]
        return quicksum(self._size(rows, squared=norm == "quadratic") for rows in own if rows)

    def _size(self, rows: list[int], *, squared: bool) -> Any:
        """Return a variable that is at least the absolute values, or squares, of some distances."""
        size = self.model.addVar()
        for row in rows:
            part = self.embedding.outputs[row] + float(self.horizon.offsets[row])
            if squared:
                self.model.addCons(part * part <= size)
            else:
                self.model.addCons(size >= part)
                self.model.addCons(size >= -part)
        self._others.append((size, partial(_largest, rows, 2 if squared else 1)))
        return size

    def _keep_out(self, face: slice, lower: FloatArray) -> None:
        """Let a state be beyond one face at least of a region."""
        limits = -self.horizon.offsets
        if (lower[face] >= limits[face]).any():
            return
        chosen = []
        for k in range(face.start, face.stop):
            beyond, least, limit = self.model.addVar(vtype="B"), float(lower[k]), float(limits[k])
            self.model.addCons(self.embedding.outputs[k] >= least + (limit - least) * beyond)
            self._others.append((beyond, partial(_is_beyond, k)))
            chosen.append(beyond)
        self.model.addCons(quicksum(chosen) >= 1)


def solve_program(
    program: Program, monitor: Monitor, *, seconds: float = math.inf, until: Callable[[], bool] = lambda: False
) -> None:
    """Run SCIP on the whole problem; offer the plans it finds, and prove what no plan costs less than.

    Args:
        program: The program, of all actions.
        monitor: Takes plans and bounds, and says when to stop.
        seconds: Limit on wall time beside the monitor's own.
        until: Says when to stop as well.
    """
    seen = 0

    def hear(model: Any) -> None:
        nonlocal seen
        if model.getNSolsFound() > seen:
            seen = model.getNSolsFound()
            program.offer(monitor)
        _prove(monitor, min(dual_bound(model), program.cutoff))
        if until():
            model.interruptSolve()

    try:
        run(program.model, monitor, seconds=seconds, hear=hear)
    except CoptError as error:
        monitor.note(str(error))
    hear(program.model)
    status, best = program.model.getStatus(), monitor.best
    if status == "infeasible":
        _prove(monitor, program.cutoff)
    elif status == "optimal":
        value = float(program.model.getPrimalbound())
        if best is None or best - value > CLOSE * max(1.0, abs(value)):
            monitor.note(f"SCIP's plan of cost {value:.9g} breaks limits when it is rolled out")
        else:
            _prove(monitor, best)


def _largest(rows: list[int], power: int, distances: FloatArray) -> float:
    return float(np.abs(distances[rows]).max() ** power)


def _is_beyond(row: int, distances: FloatArray) -> float:
    return float(distances[row] >= 0.0)


def _prove(monitor: Monitor, bound: float) -> None:
    """Pass on a bound that says something; up to rounding, it is not above the incumbent."""
    if bound > -math.inf:
        monitor.prove(bound if monitor.best is None else min(bound, monitor.best), SOURCE)
