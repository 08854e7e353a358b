"""Run a SCIP model under a Monitor: limits go down, what SCIP proves comes up."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from pyscipopt import Eventhdlr, Model, quicksum
from pyscipopt.scip import PY_SCIP_EVENTTYPE as EVENT

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.problems.uncertainty import FloatArray

__all__ = ["TOLERANCE", "dual_bound", "linear", "new_model", "run"]

FAILED = "SCIP: "
TOLERANCE = 1e-6  # relative, by which SCIP may miss rows and so its bound


def new_model() -> Any:
    """Return an empty model that prints nothing."""
    model = Model()
    model.hideOutput()
    return model


def linear(coefficients: FloatArray, variables: Iterable[Any]) -> Any:
    """Return the sum of ``coefficients`` times ``variables``, without terms that are zero."""
    return quicksum(float(a) * v for a, v in zip(coefficients, variables, strict=True) if a != 0.0)


def dual_bound(model: Any) -> float:
    """Return what no solution is below, tolerance included; -inf if nothing is known. The model must minimise."""
    bound = float(model.getDualbound())
    if abs(bound) >= model.infinity():
        return math.copysign(math.inf, bound)
    return bound - TOLERANCE * max(1.0, abs(bound))


def run(
    model: Any,
    monitor: Monitor,
    *,
    seconds: float = math.inf,
    stall: float = math.inf,
    hear: Callable[[Any], None] | None = None,
) -> None:
    """Solve ``model`` once, until the monitor says stop or ``seconds`` have passed.

    Args:
        model: The model, not run before.
        monitor: Says when to stop.
        seconds: Limit on wall time beside the monitor's own.
        stall: Seconds without a better solution, once there is one, after which it ends as well.
        hear: Called with the model after nodes that leave it open, to report its bound.

    Raises:
        CoptError: If SCIP gives up, as where its relaxations are too badly scaled; what it found until then is there.
    """
    watch = _Watch(monitor, stall, hear)
    model.includeEventhdlr(watch, "watch", "reports bounds, and ends when the solve does")
    model.setParam("limits/time", max(0.01, min(seconds, monitor.remaining)))
    try:
        model.optimizeNogil()
    except Exception as error:  # pyscipopt has no type for what SCIP reports
        if not str(error).startswith(FAILED):
            raise
        raise CoptError(f"SCIP gave up: {str(error).removeprefix(FAILED)}") from None


class _Watch(Eventhdlr):
    """Reports while SCIP works, and stops it when the solve ends."""

    EVENTS = EVENT.NODESOLVED | EVENT.LPEVENT | EVENT.BESTSOLFOUND

    def __init__(self, monitor: Monitor, stall: float, hear: Callable[[Any], None] | None) -> None:
        self._monitor, self._stall, self._hear = monitor, stall, hear
        self._improved = monitor.elapsed

    def eventinit(self) -> None:
        """Listen."""
        self.model.catchEvent(self.EVENTS, self)

    def eventexit(self) -> None:
        """Listen no more."""
        self.model.dropEvent(self.EVENTS, self)

    def eventexec(self, event: Any) -> None:
        """Hear of a node, a relaxation or a solution."""
        if self._hear is not None and event.getType() in (EVENT.NODEFEASIBLE, EVENT.NODEBRANCHED):
            self._hear(self.model)
        if event.getType() == EVENT.BESTSOLFOUND:
            self._improved = self._monitor.elapsed
        stalled = self._monitor.elapsed - self._improved > self._stall and self.model.getNSols() > 0
        if stalled or self._monitor.reason() is not None:
            self.model.interruptSolve()
