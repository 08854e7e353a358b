"""SCIP as the exact side of a solve: whatever others find, only what it accepts counts, and all bounds are its own."""

import threading
from collections import deque
from typing import Any

import numpy as np

from copt.instances.mip_scip import to_scip
from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, objective, settled
from copt.solvers.mip.bandit import Record
from copt.solvers.mip.partner import Found, Partner, Task
from copt.solvers.mip.plugins import TIMINGS, Mailbox, Watch
from copt.solvers.mip.settings import DEFAULT, SETTINGS

__all__ = ["Master"]

POLL = 0.02  # seconds between two looks at the stop conditions
CLOSE = 1e-6  # relative difference of values that SCIP takes for equal


class Master:
    """One solve by SCIP.

    Args:
        instance: The program.
        monitor: Told of points and bounds.
        seed: Shift of SCIP's random seeds.
        setting: Name of one of SETTINGS.
    """

    def __init__(self, instance: MIP, monitor: Monitor, seed: int, setting: str = DEFAULT) -> None:
        self.instance, self.monitor = instance, monitor
        self.model, self.variables = to_scip(instance)
        self.model.setParam("misc/catchctrlc", False)
        self.model.setParam("randomization/randomseedshift", seed % 2**31)
        SETTINGS[setting](self.model)
        self._error: BaseException | None = None
        self._partner: Partner | None = None
        self._waiting: deque[Found] = deque()

    def run(self, task: Task | None, start: Point | None) -> dict[str, Record]:
        """Solve until the monitor says stop; return what the partner's neighbourhoods did.

        Args:
            task: What a partner is asked to do, None if there is none.
            start: A point to begin with.
        """
        model, mailbox = self.model, Mailbox(self.variables, self._handed)
        model.includeHeur(mailbox, "copt", "points of the partner", "c", 10**6, 1, 0, -1, TIMINGS, False)
        model.includeEventhdlr(Watch(self.variables, self._hear, self._look), "copt", "tells of points and bounds")
        if start is not None:
            self._offer_start(start)
        model.setParam("limits/time", max(0.01, self.monitor.remaining))
        thread = threading.Thread(target=self._optimise, name="copt-scip", daemon=True)
        thread.start()
        try:
            if task is not None:
                self._partner = Partner(task)
            while thread.is_alive():
                self._receive()
                if self.monitor.wait(POLL) is not None:
                    model.interruptSolve()
                    thread.join(POLL)
        finally:
            if self._partner is not None:
                self._partner.end()
        if self._error is not None:
            raise self._error
        self._conclude()
        self._report(mailbox)
        return {} if self._partner is None else self._partner.records

    def _report(self, mailbox: Mailbox) -> None:
        """Tell the user whose points SCIP took."""
        if mailbox.accepted:
            taken = ", ".join(f"{count} by {name}" for name, count in sorted(mailbox.accepted.items()))
            self.monitor.note(f"points of the partner that SCIP took: {taken}")

    def _optimise(self) -> None:
        try:
            self.model.optimizeNogil()
        except BaseException as error:
            self._error = error

    def _offer_start(self, start: Point) -> None:
        solution = self.model.createOrigSol()
        for variable, value in zip(self.variables, start.values.tolist(), strict=True):
            self.model.setSolVal(solution, variable, value)
        self.model.addSol(solution)

    def _receive(self) -> None:
        """Offer what the partner has found; SCIP hears of it when it next looks, which may be after its first node."""
        for found in [] if self._partner is None else self._partner.found():
            point = settled(self.instance, found.dense(self.instance.num_variables))
            if point is not None:
                self.monitor.offer(self.instance.sign * objective(self.instance, point), point, found.source)
                self._waiting.append(found)

    def _handed(self) -> list[Found]:
        """Return what SCIP has not seen yet, the best last."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def _hear(self, values: FloatArray) -> None:
        point = settled(self.instance, values)
        if point is not None:
            self.monitor.offer(self.instance.sign * objective(self.instance, point), point, "scip")
        if self._partner is not None:
            self._partner.tell(values if point is None else point.values)

    def _look(self, model: Any) -> None:
        bound = float(model.getDualbound())
        if abs(bound) < model.infinity():
            self.monitor.prove(self.instance.sign * bound, "scip")
        if self.monitor.reason() is not None:
            model.interruptSolve()

    def _conclude(self) -> None:
        """Tell what SCIP's final status proves."""
        status, monitor = self.model.getStatus(), self.monitor
        if status == "infeasible":
            monitor.prove(np.inf, "scip")
        elif status == "optimal" and monitor.best is not None:
            value = self.instance.sign * float(self.model.getPrimalbound())
            if abs(monitor.best - value) <= CLOSE * max(1.0, abs(value)):
                monitor.prove(monitor.best, "scip")
