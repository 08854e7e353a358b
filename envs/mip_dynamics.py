"""Which decisions of a solve an agent takes: the variable to branch on, or the settings of the whole solve."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pyscipopt import Branchrule
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from copt.envs.actions import LegalActions
from copt.envs.mip_search import Parameters, Search

__all__ = ["SETTINGS", "Branching", "Configure", "MipDynamics"]

PRIORITY = 10_000_000  # above SCIP's own branching rules

SETTINGS: tuple[Parameters, ...] = (
    {},
    {"separating/maxroundsroot": 0, "separating/maxrounds": 0},
    {"separating/maxrounds": 10, "separating/maxroundsroot": -1},
    {"presolving/maxrounds": 0},
    {"heuristics/feaspump/freq": -1, "heuristics/rins/freq": -1, "heuristics/alns/freq": -1},
    {"heuristics/rins/freq": 5, "heuristics/alns/freq": 5, "heuristics/crossover/freq": 5},
    {"branching/pscost/priority": 100_000},
    {"branching/inference/priority": 100_000},
    {"nodeselection/dfs/stdpriority": 1_000_000},
)
"""Nine ways to solve: as always; without cuts; with more; without presolving; without and with more large
neighbourhoods; branching by pseudocosts or by inference; depth first."""


class MipDynamics(Protocol):
    """Which decisions are asked for. A value without state of its own; all that changes is in ``Search``."""

    def actions(self, variables: int) -> LegalActions:
        """Return the space of actions with room for ``variables``."""

    def play(self, search: Search, variables: int) -> None:
        """Solve ``search.model``, asking ``search`` at every decision; called in the thread of the solve."""


@dataclass(frozen=True)
class Branching:
    """Branching at every node whose relaxation is fractional: action j takes variable j of the instance.

    Where only variables are fractional that presolving made, SCIP branches by itself.
    """

    def actions(self, variables: int) -> LegalActions:
        """Return one action a variable."""
        return LegalActions(variables)

    def play(self, search: Search, variables: int) -> None:
        """Solve with a branching rule that asks."""
        rule = _AskingRule(search)
        search.model.includeBranchrule(rule, "copt-ask", "asks the agent", PRIORITY, -1, 1.0)
        search.model.optimizeNogil()


class _AskingRule(Branchrule):
    """Asks the agent for the variable to branch on."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        """Branch on the agent's variable."""
        return self._search.guarded(self._branch, {"result": SCIP_RESULT.DIDNOTRUN})

    def branchexecext(self, allowaddcons: bool) -> dict[str, Any]:
        """Leave it to SCIP: there are no external candidates in a linear program."""
        return {"result": SCIP_RESULT.DIDNOTRUN}

    def branchexecps(self, allowaddcons: bool) -> dict[str, Any]:
        """Leave it to SCIP: there is no solved relaxation to look at."""
        return {"result": SCIP_RESULT.DIDNOTRUN}

    def _branch(self) -> dict[str, Any]:
        search = self._search
        search.find_candidates()
        if not search.candidates:
            return {"result": SCIP_RESULT.DIDNOTRUN}
        choice = search.ask(np.array(list(search.candidates)))
        self.model.branchVar(search.candidates[choice])
        return {"result": SCIP_RESULT.BRANCHED}


@dataclass(frozen=True)
class Configure:
    """One decision before the solve: action k solves with ``settings[k]``.

    Args:
        settings: Parameters of SCIP by name, one mapping an action.
    """

    settings: tuple[Parameters, ...] = SETTINGS

    def actions(self, variables: int) -> LegalActions:
        """Return one action a setting."""
        return LegalActions(len(self.settings))

    def play(self, search: Search, variables: int) -> None:
        """Ask, and solve."""
        choice = search.ask(np.arange(len(self.settings)))
        search.configure(self.settings[choice])
        search.model.optimizeNogil()
