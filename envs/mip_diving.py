"""Diving for feasible points: an agent says which variable is rounded next, and where."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyscipopt import Heur
from pyscipopt.scip import PY_SCIP_HEURTIMING as SCIP_HEURTIMING
from pyscipopt.scip import PY_SCIP_LPSOLSTAT as SCIP_LPSOLSTAT
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from copt.envs.actions import LegalActions
from copt.envs.mip_search import Search

__all__ = ["Diving"]

PRIORITY = 100_000  # before SCIP's own heuristics


@dataclass(frozen=True)
class Diving:
    """Dives of a primal heuristic: bounds are changed and the relaxation solved again until it is integral.

    With room for n variables, action j rounds variable j down, action n + j rounds it up, and the last action, 2 n,
    ends the dive. Where the relaxation becomes infeasible or worse than the best point, the last rounding is taken back
    and the variable rounded the other way; after ``backtracks`` such turns the next one ends the dive. SCIP's conflict
    analysis is off.

    Args:
        frequency: Dives start at every so many levels of the tree; 0 means at the root alone.
        backtracks: Turns in a dive.
    """

    frequency: int = 10
    backtracks: int = 1

    def actions(self, variables: int) -> LegalActions:
        """Return two actions a variable, and the end of the dive."""
        return LegalActions(2 * variables + 1, spared=2 * variables)

    def play(self, search: Search, variables: int) -> None:
        """Solve with a heuristic that asks."""
        # With conflict analysis, a turn in a dive can make SCIP 10 stop with open nodes, and without a status.
        search.configure({"conflict/enable": False})
        search.model.includeHeur(
            _Dive(search, self, variables),
            "copt-dive",
            "asks the agent",
            "d",
            PRIORITY,
            self.frequency,
            0,
            -1,
            SCIP_HEURTIMING.AFTERLPNODE,
            False,
        )
        search.model.optimizeNogil()


class _Dive(Heur):
    """Asks the agent how to round."""

    def __init__(self, search: Search, rules: Diving, variables: int) -> None:
        self._search, self._rules, self._variables = search, rules, variables

    def heurexec(self, heurtiming: int, nodeinfeasible: bool) -> dict[str, Any]:
        """Dive from the relaxation of the node."""
        if nodeinfeasible:
            return {"result": SCIP_RESULT.DIDNOTRUN}
        return self._search.guarded(self._begin, {"result": SCIP_RESULT.DIDNOTRUN})

    def _begin(self) -> dict[str, Any]:
        model = self.model
        if model.getLPSolstat() != SCIP_LPSOLSTAT.OPTIMAL or not self._fractional():
            return {"result": SCIP_RESULT.DIDNOTRUN}
        model.startProbing()
        try:
            point = self._dive()
        finally:
            model.endProbing()
        found = point is not None and model.trySol(point, printreason=False)
        return {"result": SCIP_RESULT.FOUNDSOL if found else SCIP_RESULT.DIDNOTFIND}

    def _dive(self) -> Any:
        """Round until the relaxation is integral; return its solution, None if the dive ended before."""
        search, model, turns = self._search, self.model, 0
        while self._fractional():
            places = np.array(list(search.candidates))
            choice = search.ask(np.concatenate([places, self._variables + places, [2 * self._variables]]))
            if choice == 2 * self._variables:
                return None
            up, place = divmod(choice, self._variables)
            variable, value = search.candidates[place], search.candidates[place].getLPSol()
            model.newProbingNode()
            if self._round(variable, value, up=bool(up)):
                continue
            turns += 1
            if turns > self._rules.backtracks:
                return None
            model.backtrackProbing(model.getProbingDepth() - 1)
            model.newProbingNode()
            if not self._round(variable, value, up=not up):
                return None
        if model.getLPBranchCands()[3]:  # fractional variables that the instance does not know
            return None
        point = model.createSol(self)
        for variable in model.getVars(transformed=True):
            model.setSolVal(point, variable, variable.getLPSol())
        return point

    def _fractional(self) -> bool:
        """Find the fractional variables; return whether there are any that the instance knows."""
        self._search.find_candidates()
        return bool(self._search.candidates)

    def _round(self, variable: Any, value: float, *, up: bool) -> bool:
        """Change a bound, propagate, and solve the relaxation; return whether it is feasible and good enough."""
        model = self.model
        if up:
            model.chgVarLbProbing(variable, model.feasCeil(value))
        else:
            model.chgVarUbProbing(variable, model.feasFloor(value))
        cutoff, _ = model.propagateProbing(-1)
        if cutoff:
            return False
        failed, cutoff = model.solveProbingLP()
        return not (failed or cutoff)
