"""A primal heuristic of SCIP: where actions lead that a relaxation, or a network that knows good plans, proposes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pyscipopt.scip import PY_SCIP_HEURTIMING as TIMING
from pyscipopt.scip import PY_SCIP_RESULT as RESULT
from pyscipopt.scip import Heur

from copt.problems.base import FloatArray
from copt.solvers.control.program import Program

__all__ = ["RollOut"]

NAME, PRIORITY = "rollout", 100_000  # before SCIP's own heuristics: actions of a relaxation are there for nothing
SHARE = 0.1  # of the time
NEAR = 1e-3  # of the ranges, within which actions lead to what they led to before


class RollOut(Heur):
    """Rolls actions out, so that phases follow, improves the plan, and hands it to SCIP.

    What the relaxation of a node says of phases is of little use: most are fractional. Its actions are a plan all the
    same.

    Args:
        program: The program.
        plans: What to begin with, each of shape (horizon, actions).
        improve: Returns a plan that is not worse.
    """

    def __init__(
        self, program: Program, plans: Sequence[FloatArray], improve: Callable[[FloatArray], FloatArray]
    ) -> None:
        self._program, self._plans, self._improve = program, list(plans), improve
        self._tried: FloatArray | None = None
        self._spent = 0.0
        self.taken = 0
        timings = TIMING.BEFORENODE | TIMING.AFTERLPNODE
        program.model.includeHeur(self, NAME, "plans rolled out", "o", PRIORITY, 1, 0, -1, timings, False)

    def heurexec(self, heurtiming: int, nodeinfeasible: bool) -> dict[str, Any]:
        """Try the plans to begin with before the first node, then the actions of each node's relaxation."""
        began = self.model.getSolvingTime()
        if heurtiming == TIMING.BEFORENODE:
            plans, self._plans = self._plans, []
        else:
            plans = [self._program.actions_of(None)]
        if not plans or self._spent > SHARE * began:
            return {"result": RESULT.DIDNOTRUN}
        taken = sum([self._try(plan) for plan in plans])
        self.taken += taken
        self._spent += self.model.getSolvingTime() - began
        return {"result": RESULT.FOUNDSOL if taken else RESULT.DIDNOTFIND}

    def _try(self, actions: FloatArray) -> bool:
        """Hand a plan in; return whether SCIP takes it."""
        problem = self._program.horizon.problem
        near = NEAR * (problem.u_upper - problem.u_lower)
        if self._tried is not None and bool((np.abs(actions - self._tried) <= near).all()):
            return False
        self._tried = actions
        model = self.model
        solution = model.createOrigSol(self)
        for variable, value in self._program.point(self._improve(actions)):
            model.setSolVal(solution, variable, value)
        return bool(model.trySol(solution))
