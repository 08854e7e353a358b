"""The partner process attached to somebody's own SCIP model."""

import functools
import weakref
from typing import Any

import numpy as np
from pyscipopt import SCIP_RESULT, Eventhdlr, Heur, Model
from pyscipopt.scip import PY_SCIP_EVENTTYPE as EVENT

from copt.instances.mip_scip import from_scip
from copt.solvers.mip.engine import unfit
from copt.solvers.mip.partner import Found, Partner, Task
from copt.solvers.mip.plugins import TIMINGS

__all__ = ["Attachment", "attach_scip", "detach_scip"]

NAME = "copt"
PRIORITY = 100_000  # before SCIP's own heuristics: what is handed in costs next to nothing
REFUSALS = 5  # better points refused in a row before the partner is sent home
FOREVER = 1e6  # seconds, where the model has no time limit

_attached: "weakref.WeakKeyDictionary[Model, Attachment]" = weakref.WeakKeyDictionary()


class Attachment:
    """What copt does for one model; made by ``copt.attach``.

    Nothing in it raises into the solve: whatever goes wrong ends the help, and ``notes`` say so.

    Args:
        model: The model.
        seed: Seed of every random choice.
        quiet: Whether nothing is printed at the end of a solve.
    """

    def __init__(self, model: Model, seed: int, quiet: bool) -> None:
        self.seed, self.quiet, self.active = seed, quiet, True
        self.accepted: dict[str, int] = {}
        self.refused = 0
        self.notes: list[str] = []
        self._variables: list[Any] = []
        self._partner: Partner | None = None
        model.includeEventhdlr(_Events(self), NAME, "tells the partner of better points")
        model.includeHeur(_Mailbox(self), NAME, "points of the partner", "c", PRIORITY, 1, 0, -1, TIMINGS, False)

    def summary(self) -> str:
        """Return in one line what copt contributed to the last solve."""
        if self.notes:
            return f"copt: {'; '.join(self.notes)}"
        if not self.accepted:
            return "copt: SCIP took no point of the partner"
        taken = ", ".join(f"{count} by {name}" for name, count in sorted(self.accepted.items()))
        return f"copt: SCIP took {sum(self.accepted.values())} points of the partner ({taken})"

    def begin(self, model: Model) -> None:
        """Start the partner, unless the model has something that its copy cannot hold."""
        self.accepted, self.refused, self.notes = {}, 0, []
        if not self.active:
            return
        foreign = strangers(model)
        if foreign:
            self.notes.append(f"no partner: {', '.join(foreign)} may know more than the rows say")
            return
        instance = from_scip(model, "attached")
        reason = None if instance.integer.any() else "there are no integer variables"
        reason = reason or unfit(instance)
        if reason is not None:
            self.notes.append(f"no partner: {reason}")
            return
        self._variables = sorted(model.getVars(), key=lambda variable: variable.getIndex())
        self._partner = Partner(Task(instance.bare(), min(FOREVER, model.getParam("limits/time")), self.seed))

    def end(self) -> None:
        """End the partner."""
        if self._partner is not None:
            self._partner.end()
            self._partner, self._variables = None, []
            if not self.quiet:
                print(self.summary(), flush=True)

    def give_up(self, error: Exception) -> None:
        """End the help after an error of its own."""
        self.notes.append(f"help ended early: {type(error).__name__}: {error}")
        partner, self._partner = self._partner, None
        if partner is not None:
            partner.end()

    def tell(self, model: Model) -> None:
        """Let the partner know SCIP's best point."""
        if self._partner is not None:
            best = model.getBestSol()
            self._partner.tell(np.array([model.getSolVal(best, variable) for variable in self._variables]))

    def hand_in(self, model: Model, heuristic: Heur) -> bool | None:
        """Try the newest points of the partner; return whether one was taken, None if there was none."""
        found = [] if self._partner is None else self._partner.found()
        taken = [self._try(model, heuristic, point) for point in found[-3:]]
        if self.refused >= REFUSALS and self._partner is not None:
            self._partner.end()
            self._partner = None
            self.notes.append(f"the partner was sent home: SCIP refused {self.refused} of its points")
        return any(taken) if taken else None

    def _try(self, model: Model, heuristic: Heur, found: Found) -> bool:
        solution = model.createOrigSol(heuristic)
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


class _Events(Eventhdlr):  # type: ignore[misc]
    """Begins and ends with the solve, and hears of better points."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment

    def eventinit(self) -> None:
        """Begin."""
        self.model.catchEvent(EVENT.BESTSOLFOUND, self)
        try:
            self._attachment.begin(self.model)
        except Exception as error:
            self._attachment.give_up(error)

    def eventexit(self) -> None:
        """End."""
        self.model.dropEvent(EVENT.BESTSOLFOUND, self)
        try:
            self._attachment.end()
        except Exception as error:
            self._attachment.give_up(error)

    def eventexec(self, event: Any) -> None:
        """Pass a better point on."""
        try:
            self._attachment.tell(self.model)
        except Exception as error:
            self._attachment.give_up(error)


class _Mailbox(Heur):  # type: ignore[misc]
    """Hands the partner's points in."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment

    def heurexec(self, heurtiming: int, nodeinfeasible: bool) -> dict[str, Any]:
        """Hand new points in."""
        taken = None
        try:
            taken = self._attachment.hand_in(self.model, self)
        except Exception as error:
            self._attachment.give_up(error)
        results = {None: SCIP_RESULT.DIDNOTRUN, False: SCIP_RESULT.DIDNOTFIND, True: SCIP_RESULT.FOUNDSOL}
        return {"result": results[taken]}


def attach_scip(model: Model, *, seed: int, quiet: bool) -> Attachment:
    """Attach a partner to ``model``; again after ``detach_scip``, or with other settings, if it was there before."""
    attachment = _attached.get(model)
    if attachment is None:
        attachment = _attached[model] = Attachment(model, seed, quiet)
    attachment.seed, attachment.quiet, attachment.active = seed, quiet, True
    model.setParam(f"heuristics/{NAME}/freq", 1)
    return attachment


def detach_scip(model: Model) -> None:
    """Switch the plug-ins of ``model`` off; SCIP keeps their names, and never calls them again."""
    attachment = _attached.get(model)
    if attachment is not None:
        attachment.active = False
        model.setParam(f"heuristics/{NAME}/freq", -1)


def strangers(model: Model) -> list[str]:
    """Return the pricers and constraint handlers of ``model`` that SCIP itself does not have."""
    return sorted(_handlers(model) - _own_handlers())


@functools.cache
def _own_handlers() -> frozenset[str]:
    return _handlers(Model())


def _handlers(model: Model) -> frozenset[str]:
    """Return the names of pricers and constraint handlers, as the names of their parameters tell."""
    parts = (name.split("/") for name in model.getParams())
    return frozenset(f"{part[0][:-1]} {part[1]}" for part in parts if part[0] in ("pricers", "constraints"))
