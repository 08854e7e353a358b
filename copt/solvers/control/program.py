"""A control problem as a mixed-integer program in SCIP: the network over the horizon, its cost and its limits."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from pyscipopt import quicksum

from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.control import Plan, check, objective
from copt.solvers.control.horizon import Horizon, Reach
from copt.solvers.relu_scip import Encoding, embed, light
from copt.solvers.scip import dual_bound, new_model, run

__all__ = ["Program", "solve_program"]

SOURCE = "scip"
CLOSE = 1e-6  # relative, between SCIP's value of a plan and that of its roll-out
FEASIBILITY = 1e-7  # of SCIP, below the checker's, as the roll-out of actions adds to what rows miss


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
        self.model.setParam("numerics/feastol", FEASIBILITY)
        pairs = zip(reach.lower.ravel(), reach.upper.ravel(), strict=True)
        self.actions = [float(a) if a == b else self.model.addVar(lb=float(a), ub=float(b)) for a, b in pairs]
        inputs = [*map(float, problem.start), *self.actions]
        self.embedding = embed(self.model, horizon.net, inputs, bounds=reach.bounds, encoding=encoding)
        self._sizes: list[tuple[Any, slice]] = []
        self._sides: list[tuple[Any, int, int]] = []
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
        if self.model.getNSols() == 0:
            return None
        problem, best = self.horizon.problem, self.model.getBestSol()
        values = [v if isinstance(v, float) else self.model.getSolVal(best, v) for v in self.actions]
        shaped = np.array(values).reshape(problem.horizon, problem.num_actions)
        return Plan(np.clip(shaped, problem.u_lower, problem.u_upper))

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
        pairs = zip(self.embedding.outputs[terms], self.horizon.offsets[terms], strict=True)
        parts = [output + float(offset) for output, offset in pairs]
        if not parts:
            return 0.0
        if norm == "quadratic":
            return quicksum(self._square(part) for part in parts)
        if norm == "linf":
            largest = self.model.addVar()
            for part in parts:
                self._cover(largest, part)
            return largest
        sizes = [self.model.addVar() for _ in parts]
        for size, part in zip(sizes, parts, strict=True):
            self._cover(size, part)
        return quicksum(sizes)

    def _cover(self, size: Any, part: Any) -> None:
        """Let ``size`` be at least the absolute value of ``part``."""
        self.model.addCons(size >= part)
        self.model.addCons(size >= -part)

    def _square(self, part: Any) -> Any:
        """Return a variable that is at least the square of ``part``."""
        size = self.model.addVar()
        self.model.addCons(part * part <= size)
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

    run(program.model, monitor, seconds=seconds, hear=hear)
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


def _prove(monitor: Monitor, bound: float) -> None:
    """Pass on a bound that says something; up to rounding, it is not above the incumbent."""
    if bound > -math.inf:
        monitor.prove(bound if monitor.best is None else min(bound, monitor.best), SOURCE)
