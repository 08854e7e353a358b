"""The partner process attached to somebody's own SCIP model."""

import contextlib
import functools
import threading
import weakref
from typing import Any

import numpy as np
from pyscipopt import Model

from copt.errors import CoptError
from copt.instances.mip_scip import from_scip, ordered
from copt.solvers.mip.corner import from_corner
from copt.solvers.mip.engine import unfit
from copt.solvers.mip.partner import Found, Partner, Task
from copt.solvers.mip.plugins import EVENT, NAME, Mailbox, Watch, best_values

__all__ = ["Attachment", "attach_scip", "detach_scip"]

PRIORITY = 100_000  # before SCIP's own heuristics: what is handed in costs next to nothing
REFUSALS = 5  # better points refused in a row before the partner is sent home
FOREVER = 1e6  # seconds, where the model has no time limit
UNLIMITED = 1e12  # megabytes from which on the model has no memory limit
SHARE = 0.5  # of it for the partner, until SCIP needs more than the rest
LITTLE = 128.0  # megabytes without which a partner does not get far
POLL = 0.05  # seconds between two looks whether the solve goes on
FREQUENCY = f"heuristics/{NAME}/freq"

# Model and plug-ins hold each other; one strong reference from here, and no model would ever be freed.
_attached: "weakref.WeakKeyDictionary[Model, weakref.ref[Attachment]]" = weakref.WeakKeyDictionary()


class Attachment:
    """What copt does for one model; made by ``copt.attach``.

    Nothing in it raises into the solve: whatever goes wrong ends the help, and ``notes`` say so.

    Args:
        model: The model.
        seed: Seed of every random choice.
    """

    def __init__(self, model: Model, seed: int) -> None:
        self.seed, self.active = seed, True
        self.notes: list[str] = []
        self._variables: list[Any] = []
        self._partner: Partner | None = None
        self._early: list[Found] = []  # what is known before the partner finds anything
        self._paused = False
        self._rest = np.inf  # megabytes that SCIP may need beside the partner
        self._model = weakref.ref(model)
        self._mailbox = Mailbox(self._fetch, self._give_up)
        watch = Watch(EVENT.BESTSOLFOUND, self._tell, self._give_up, begun=self._begin, over=lambda _: self.end())
        try:
            watch.include(model)
            self._mailbox.include(model, PRIORITY)
        except Exception:  # pyscipopt raises several types, and tells little
            stage = model.getStageName().lower()
            raise CoptError(f"copt.attach: SCIP takes no plug-ins in stage {stage}; attach before optimize") from None

    @property
    def accepted(self) -> dict[str, int]:
        """How many points of the partner SCIP took in the last solve, by what found them."""
        return dict(self._mailbox.accepted)

    def summary(self) -> str:
        """Return in one line what copt contributed to the last solve."""
        return f"copt: {'; '.join([*self.notes, self._mailbox.taken()])}"

    def end(self) -> None:
        """End the partner."""
        partner, self._partner = self._partner, None
        if partner is not None:
            partner.end()

    def _begin(self, model: Any) -> None:
        """Begin to help with a solve."""
        self.end()
        self.notes, self._paused, self._variables = [], False, ordered(model)
        self._mailbox.clear(self._variables)
        if self.active:
            reason = _strange(model)
            if reason is None:
                self._start(model)
            else:
                self.notes.append(f"no partner: {reason}")

    def _start(self, model: Any) -> None:
        """Start the partner, unless its copy of the model could not be true."""
        self._paused = False
        instance, limit = from_scip(model, "attached"), float(model.getParam("limits/memory"))
        reason = unfit(instance) or _cramped(limit)
        if reason is not None:
            self.notes.append(f"no partner: {reason}")
            return
        share, self._rest = SHARE * limit if limit < UNLIMITED else np.inf, (1.0 - SHARE) * limit
        seconds = min(FOREVER, float(model.getParam("limits/time")) - model.getSolvingTime())
        self._partner = Partner(Task(instance.bare(), seconds, self.seed, memory=share))
        point = from_corner(instance)
        self._early = [] if point is None else [Found.of("corner", point.values)]
        threading.Thread(target=self._guard, args=(self._partner,), name="copt-guard", daemon=True).start()

    def _guard(self, partner: Partner) -> None:
        """End the partner with the solve: SCIP tells no plug-in of a limit that is met."""
        over = threading.Event()
        while self._partner is partner:
            over.wait(POLL)
            model = self._model()
            if model is None or model.getStatus() != "unknown":
                self._paused = self._partner is partner
                break
            del model
        if self._partner is partner:
            self.end()

    def _give_up(self, error: Exception) -> None:
        """End the help after an error of its own."""
        self.notes.append(f"help ended early: {type(error).__name__}: {error}")
        with contextlib.suppress(Exception):
            self.end()

    def _tell(self, model: Any, kind: int) -> None:
        """Let the partner know SCIP's best point."""
        partner = self._partner
        if partner is not None:
            partner.tell(best_values(model, self._variables))

    def _fetch(self, model: Any) -> list[Found]:
        """Return the new points of the partner."""
        if self._paused:  # the solve goes on after a limit
            self._start(model)
        partner = self._partner
        reason = self._unwelcome(model)
        if partner is not None and reason is not None:
            self.end()
            self.notes.append(f"the partner was sent home: {reason}")
            return []
        early, self._early = self._early, []
        return early if partner is None else early + partner.found()

    def _unwelcome(self, model: Any) -> str | None:
        """Return why a partner should go, None if all is well."""
        if self._mailbox.refused >= REFUSALS:
            return f"SCIP refused {self._mailbox.refused} of its points"
        if model.getMemUsed() > self._rest * 2**20:
            return "SCIP needs its part of limits/memory"
        return None


def attach_scip(model: Model, *, seed: int) -> Attachment:
    """Attach a partner to ``model``; again after ``detach_scip``, or with another seed, if it was there before.

    Raises:
        CoptError: If the model is being solved, or is solved and not freed.
    """
    attachment = _attachment(model)
    if attachment is None:
        attachment = Attachment(model, seed)
        _attached[model] = weakref.ref(attachment)
    attachment.seed, attachment.active = seed, True
    model.setParam(FREQUENCY, 1)
    return attachment


def detach_scip(model: Model) -> None:
    """Switch the plug-ins of ``model`` off; SCIP keeps their names, and never calls the heuristic again."""
    attachment = _attachment(model)
    if attachment is not None:
        attachment.active = False
        attachment.end()
        model.setParam(FREQUENCY, -1)


def _attachment(model: Model) -> Attachment | None:
    known = _attached.get(model)
    return None if known is None else known()


def _strange(model: Any) -> str | None:
    """Return why a copy of ``model`` cannot be true or is not wanted, None if all is well."""
    foreign = sorted(_handlers(model) - _own_handlers())
    if foreign:
        return f"{', '.join(foreign)} may know more than the rows say"
    if model.getParam(FREQUENCY) < 0:
        return "heuristics are switched off"
    return None


def _cramped(limit: float) -> str | None:
    """Return why so many megabytes are too few for SCIP and a partner, None if they are not."""
    if SHARE * limit >= LITTLE:
        return None
    return f"limits/memory of {limit:g} MB is too little for two, set {LITTLE / SHARE:g}"


@functools.cache
def _own_handlers() -> frozenset[str]:
    return _handlers(Model())


def _handlers(model: Any) -> frozenset[str]:
    """Return the names of pricers and constraint handlers, as the names of their parameters tell."""
    parts = (name.split("/") for name in model.getParams())
    return frozenset(f"{part[0][:-1]} {part[1]}" for part in parts if part[0] in ("pricers", "constraints"))
