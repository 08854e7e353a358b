"""The two plug-ins that tie a partner to SCIP: one hands its points in, the other tells it what SCIP finds."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pyscipopt.scip import PY_SCIP_EVENTTYPE as EVENT
from pyscipopt.scip import PY_SCIP_HEURTIMING as TIMING
from pyscipopt.scip import PY_SCIP_RESULT as RESULT
from pyscipopt.scip import Eventhdlr, Heur

from copt.problems.base import FloatArray
from copt.solvers.mip.partner import Found

__all__ = ["EVENT", "Mailbox", "Watch", "best_values"]

NAME = "copt"  # of both plug-ins
NEWEST = 3  # points tried at once: the older ones are worse
TIMINGS = (
    TIMING.BEFORENODE
    | TIMING.DURINGLPLOOP
    | TIMING.AFTERLPLOOP
    | TIMING.AFTERLPNODE
    | TIMING.AFTERPSEUDONODE
    | TIMING.AFTERLPPLUNGE
)

Failed = Callable[[Exception], None]


def best_values(model: Any, variables: list[Any]) -> FloatArray:
    """Return the values of original variables at SCIP's best point, shape (variables,)."""
    best = model.getBestSol()
    return np.array([model.getSolVal(best, variable) for variable in variables], dtype=np.float64)


class Mailbox(Heur):
    """Tries points in the original problem: SCIP alone decides what it takes.

    Args:
        fetch: Called with the model; returns the points that are new, the best last.
        failed: Told of errors, none of which reaches SCIP: it would end the solve.
    """

    def __init__(self, fetch: Callable[[Any], list[Found]], failed: Failed) -> None:
        self._fetch, self._failed = fetch, failed
        self.clear([])

    def clear(self, variables: list[Any]) -> None:
        """Begin to count anew.

        Args:
            variables: The original variables in the order that points have.
        """
        self._variables = variables
        self.accepted: dict[str, int] = {}  # points that SCIP took, by their source
        self.refused = 0  # better points refused since the last that was taken

    def include(self, model: Any, priority: int) -> None:
        """Make it a heuristic of ``model``."""
        model.includeHeur(self, NAME, "points of a partner process", "c", priority, 1, 0, -1, TIMINGS, False)

    def taken(self) -> str:
        """Return in words whose points SCIP took."""
        sources = ", ".join(f"{count} by {name}" for name, count in sorted(self.accepted.items()))
        return f"SCIP took {sum(self.accepted.values())} points of the partner{f': {sources}' if sources else ''}"

    def heurexec(self, heurtiming: int, nodeinfeasible: bool) -> dict[str, Any]:
        """Hand new points in."""
        result = RESULT.DIDNOTRUN
        try:
            for found in self._fetch(self.model)[-NEWEST:]:
                taken = self._offer(found)
                result = RESULT.FOUNDSOL if taken or result == RESULT.FOUNDSOL else RESULT.DIDNOTFIND
        except Exception as error:
            self._failed(error)
        return {"result": result}

    def _offer(self, found: Found) -> bool:
        model = self.model
        solution = model.createOrigSol(self)
        for place, value in zip(found.places.tolist(), found.values.tolist(), strict=True):
            model.setSolVal(solution, self._variables[place], value)
        sign = 1.0 if model.getObjectiveSense() == "minimize" else -1.0
        better = sign * model.getSolObjVal(solution) < sign * model.getPrimalbound()
        if model.trySol(solution):
            self.accepted[found.source] = self.accepted.get(found.source, 0) + 1
            self.refused = 0
            return True
        self.refused += better
        return False


class Watch(Eventhdlr):
    """Listens to SCIP.

    Args:
        events: Kinds of events, of ``EVENT``.
        heard: Called with the model and the kind of each of them.
        failed: Told of errors, none of which reaches SCIP.
        begun: Called with the model when a solve begins.
        over: Called with the model when what a solve has left is freed.
    """

    def __init__(
        self,
        events: int,
        heard: Callable[[Any, int], None],
        failed: Failed,
        *,
        begun: Callable[[Any], None] = lambda _: None,
        over: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self._events, self._heard, self._failed, self._begun, self._over = events, heard, failed, begun, over

    def include(self, model: Any) -> None:
        """Make it an event handler of ``model``."""
        model.includeEventhdlr(self, NAME, "tells a partner process of better points")

    def eventinit(self) -> None:
        """Listen."""
        self.model.catchEvent(self._events, self)
        self._safely(self._begun, self.model)

    def eventexit(self) -> None:
        """Listen no more."""
        self.model.dropEvent(self._events, self)
        self._safely(self._over, self.model)

    def eventexec(self, event: Any) -> None:
        """Pass on what happened."""
        self._safely(self._heard, self.model, event.getType())

    def _safely(self, call: Callable[..., None], *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception as error:
            self._failed(error)
