"""The two plug-ins that tie SCIP to its partner: one hands points in, the other passes points on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pyscipopt import SCIP_RESULT, Eventhdlr, Heur
from pyscipopt.scip import PY_SCIP_EVENTTYPE as EVENT
from pyscipopt.scip import PY_SCIP_HEURTIMING as TIMING

from copt.problems.base import FloatArray
from copt.solvers.mip.partner import Found

__all__ = ["Mailbox", "Watch"]

TIMINGS = (
    TIMING.BEFORENODE
    | TIMING.DURINGLPLOOP
    | TIMING.AFTERLPLOOP
    | TIMING.AFTERLPNODE
    | TIMING.AFTERPSEUDONODE
    | TIMING.AFTERLPPLUNGE
)


class Mailbox(Heur):  # type: ignore[misc]
    """Tries the points of the partner in the original problem: SCIP alone decides what it takes.

    Args:
        variables: The original variables in the order of the points; SCIP's own order is another.
        fetch: Returns the points that are new.
    """

    def __init__(self, variables: list[Any], fetch: Callable[[], list[Found]]) -> None:
        self._variables, self._fetch = variables, fetch
        self.accepted: dict[str, int] = {}
        self.refused = 0

    def heurexec(self, heurtiming: int, nodeinfeasible: bool) -> dict[str, Any]:
        """Hand new points in."""
        result = SCIP_RESULT.DIDNOTRUN
        try:
            for found in self._fetch()[-3:]:
                result = SCIP_RESULT.FOUNDSOL if self._offer(found) else SCIP_RESULT.DIDNOTFIND
        except Exception:
            self.refused += 1
        return {"result": result}

    def _offer(self, found: Found) -> bool:
        model = self.model
        solution = model.createOrigSol(self)
        for place, value in zip(found.places.tolist(), found.values.tolist(), strict=True):
            model.setSolVal(solution, self._variables[place], value)
        taken = bool(model.trySol(solution))
        if taken:
            self.accepted[found.source] = self.accepted.get(found.source, 0) + 1
        else:
            self.refused += 1
        return taken


class Watch(Eventhdlr):  # type: ignore[misc]
    """Hears of better points and of bounds.

    Args:
        variables: The original variables in the order that points have.
        point: Called with the values of each better point, in the original problem.
        look: Called often.
    """

    EVENTS = EVENT.NODESOLVED | EVENT.LPEVENT | EVENT.BESTSOLFOUND

    def __init__(self, variables: list[Any], point: Callable[[FloatArray], None], look: Callable[[Any], None]) -> None:
        self._variables, self._point, self._look = variables, point, look

    def eventinit(self) -> None:
        """Listen."""
        self.model.catchEvent(self.EVENTS, self)

    def eventexit(self) -> None:
        """Listen no more."""
        self.model.dropEvent(self.EVENTS, self)

    def eventexec(self, event: Any) -> None:
        """Pass on what happened."""
        if event.getType() == EVENT.BESTSOLFOUND:
            model = self.model
            best = model.getBestSol()
            self._point(np.array([model.getSolVal(best, variable) for variable in self._variables]))
        self._look(self.model)
