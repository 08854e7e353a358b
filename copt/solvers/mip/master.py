"""SCIP as the exact side of a solve: whatever others find, only what it accepts counts, and all bounds are its own."""

import contextlib
import threading
from collections import deque
from typing import Any

import numpy as np
from pyscipopt.scip import PY_SCIP_STAGE as STAGE

from copt.instances.mip_scip import to_scip
from copt.monitor import Monitor
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, objective, settled
from copt.solvers.mip.duality import bound_of
from copt.solvers.mip.history import pseudocosts, tell_pseudocosts
from copt.solvers.mip.partner import Found, Partner
from copt.solvers.mip.plugins import EVENT, Mailbox, Watch, best_values
from copt.solvers.mip.settings import DEFAULT, apply

__all__ = ["Master"]

POLL = 0.02  # seconds between two looks at the stop conditions
PRIORITY = 10**6  # before SCIP's own heuristics: what is handed in costs next to nothing
# Rounds of cuts at a node end in no event of a linear program, but in a better bound.
EVENTS = EVENT.NODESOLVED | EVENT.LPEVENT | EVENT.BESTSOLFOUND | EVENT.DUALBOUNDIMPROVED
CLOSE = 1e-6  # relative difference of values that SCIP takes for equal
REPAIR = 5.0  # seconds for the continuous part of a point that SCIP takes and the checker refuses
BETWEEN = (STAGE.TRANSFORMING, STAGE.INITPRESOLVE, STAGE.EXITPRESOLVE, STAGE.INITSOLVE, STAGE.EXITSOLVE)
STOPPED = ("userinterrupt", "timelimit")  # what SCIP says when the monitor ended it


class Master:
    """One solve by SCIP.

    Args:
        instance: The program.
        monitor: Told of points and bounds.
        seed: Shift of SCIP's random seeds.
        setting: Name of one of SETTINGS.
        partner: Who looks for points beside it, None if nobody does.
        told: What branching has cost before, NaN where that is not known, shape (2, variables). ``pseudocosts`` is then
            what it cost in this solve; None if nobody wants to know.
    """

    def __init__(
        self,
        instance: MIP,
        monitor: Monitor,
        seed: int,
        setting: str = DEFAULT,
        partner: Partner | None = None,
        told: FloatArray | None = None,
    ) -> None:
        self.instance, self.monitor, self.seed = instance, monitor, seed
        self._partner, self.pseudocosts = partner, told
        self.model, self.variables = to_scip(instance)
        self.model.setParam("misc/catchctrlc", False)
        self.model.setParam("randomization/randomseedshift", seed % 2**31)
        apply(setting, self.model, helped=partner is not None)
        self.mailbox = Mailbox(self._handed, self._fail)
        self.mailbox.clear(self.variables)
        self.mailbox.include(self.model, PRIORITY)
        Watch(EVENTS, self._heard, self._fail).include(self.model)
        self._thread = threading.Thread(target=self._optimise, name="copt-scip", daemon=True)
        self._costless = False  # whether SCIP is asked for any point, so that its bound is none
        self._priced = False  # whether the partner's prices have been made a bound
        self._error: BaseException | None = None
        self._waiting: deque[Found] = deque()

    def run(self, start: Point | None) -> None:
        """Solve until the monitor says stop, once.

        Args:
            start: A point to begin with.
        """
        try:
            self._solve(start)
            if self.pseudocosts is not None:
                self.pseudocosts = pseudocosts(self.model, self.variables)
            self._conclude()
        finally:
            # Model and plug-ins hold each other: much memory would wait for the garbage collector. After a second
            # Ctrl-C, SCIP may still be at work.
            if not self._thread.is_alive():
                self.model.free()
        if self.mailbox.accepted:
            self.monitor.note(self.mailbox.taken())

    def _solve(self, start: Point | None) -> None:
        if start is not None:
            self._offer_start(start)
        self.model.setParam("limits/time", max(0.01, self.monitor.remaining))
        self._thread.start()
        try:
            while self._thread.is_alive():
                self._receive()
                if self.monitor.wait(POLL) is not None or self._error is not None:
                    self._interrupt()
        finally:
            while self._thread.is_alive():
                self._interrupt()
        if self._error is not None:
            raise self._error

    def _interrupt(self) -> None:
        """Ask SCIP to end; before it has begun it forgets that."""
        _ask_to_end(self.model)
        self._thread.join(POLL)

    def _optimise(self) -> None:
        try:
            self.model.optimizeNogil()
        except BaseException as error:
            self._error = self._error or error

    def _fail(self, error: Exception) -> None:
        """End the solve because of an error in a plug-in, such as one that a listener raised."""
        self._error = self._error or error
        _ask_to_end(self.model)

    def _offer_start(self, start: Point) -> None:
        solution = self.model.createOrigSol()
        for variable, value in zip(self.variables, start.values.tolist(), strict=True):
            self.model.setSolVal(solution, variable, value)
        self.model.addSol(solution)

    def _offer(self, values: FloatArray, source: str) -> Point | None:
        """Offer a point to the monitor if the checker accepts it; return what it accepts."""
        point = settled(self.instance, values)
        if point is not None:
            self.monitor.offer(self.instance.sign * objective(self.instance, point), point, source)
        return point

    def _receive(self) -> None:
        """Offer what the partner has found; SCIP hears of it when it next looks, which may be after its first node."""
        partner = self._partner
        if partner is None:
            return
        for found in partner.found():
            if self._offer(found.dense(self.instance.num_variables), found.source) is not None:
                self._waiting.append(found)
        if partner.duals is not None and not self._priced:
            self._priced = True
            bound = bound_of(self.instance, partner.duals)
            if bound > -np.inf:
                self.monitor.prove(bound, "duals")

    def _handed(self, _: Any) -> list[Found]:
        """Return what SCIP has not seen yet, the best last."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def _heard(self, model: Any, kind: int) -> None:
        """Pass on better points and bounds, and look whether it is time to end."""
        if kind == EVENT.FIRSTLPSOLVED and self.pseudocosts is not None and model.getNNodes() == 1:
            tell_pseudocosts(model, self.variables, self.pseudocosts)
        if kind == EVENT.BESTSOLFOUND:
            values = best_values(model, self.variables)
            point = self._offer(values, "scip")
            if self._partner is not None:
                self._partner.tell(values if point is None else point.values)
        bound, sign = float(model.getDualbound()), self.instance.sign
        # When SCIP has been told to end it drops its nodes, and what is left of them bounds nothing; nor does no node.
        open_ended = model.getStatus() == "unknown" and sign * bound < sign * float(model.getPrimalbound())
        if open_ended and not self._costless and abs(bound) < model.infinity():
            self.monitor.prove(sign * bound, "scip")
        if self.monitor.reason() is not None:
            _ask_to_end(model)

    def _conclude(self) -> None:
        """Tell what SCIP's final status proves."""
        status, monitor = self.model.getStatus(), self.monitor
        if status == "infeasible":
            monitor.prove(np.inf, "scip")
        elif status == "unbounded":
            monitor.declare_unbounded()
        elif status == "inforunbd":
            self._tell_apart()
        elif status == "optimal":
            self._conclude_optimal()
        elif monitor.reason() is None and status not in STOPPED:
            monitor.note(f"SCIP ended early: {status}")

    def _conclude_optimal(self) -> None:
        """Prove the incumbent if it is worth what SCIP says, after a repair if it is not."""
        monitor = self.monitor
        value = self.instance.sign * float(self.model.getPrimalbound())
        near = CLOSE * max(1.0, abs(value))
        if monitor.best is None or monitor.best > value + near:
            self._repair(best_values(self.model, self.variables))
        if monitor.best is not None and abs(monitor.best - value) <= near:
            monitor.prove(monitor.best, "scip")
        else:
            if monitor.best is None or monitor.best > value:
                monitor.prove(value, "scip")
            monitor.note(f"SCIP's optimum, {self.instance.sign * value:.10g}, is no point that the checker accepts")

    def _repair(self, values: FloatArray) -> None:
        """Look for a point with the integers of ``values`` that misses no row by more than the checker allows."""
        instance = self.instance
        if not instance.beyond:
            from copt.solvers.mip.submip import SubMIP  # HiGHS is seldom needed here

            def offer(found: FloatArray) -> None:
                self._offer(found, "repair")

            search = SubMIP(instance, offer, lambda: False, self.seed)
            seconds = min(REPAIR, self.monitor.remaining)
            search.solve(instance.integer, np.where(instance.integer, np.round(values), values), seconds=seconds)

    def _tell_apart(self) -> None:
        """Find out whether the program is infeasible or unbounded: it is the latter if it has any point."""
        model, self._costless = self.model, True
        model.freeTransform()
        model.setObjective(0.0)
        model.setParam("limits/time", max(0.01, self.monitor.remaining))
        model.optimizeNogil()
        if model.getStatus() == "infeasible":
            self.monitor.prove(np.inf, "scip")
        elif model.getNSols():
            self.monitor.declare_unbounded()
        else:
            self.monitor.note("the program is infeasible or unbounded: there was no time to find out which")


def _ask_to_end(model: Any) -> None:
    """Ask SCIP to end, unless it is on its way from one stage to the next, where it must not be asked."""
    if model.getStage() not in BETWEEN:
        with contextlib.suppress(Exception):  # the stage may have changed since
            model.interruptSolve()
