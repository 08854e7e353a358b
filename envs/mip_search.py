"""A solve by SCIP that stops at decisions: it has a thread of its own, and only one side runs at a time."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from pyscipopt import Eventhdlr
from pyscipopt.scip import PY_SCIP_EVENTTYPE as EVENT
from pyscipopt.scip import PY_SCIP_STAGE as SCIP_STAGE

from copt.envs.mip_reward import Progress
from copt.errors import CoptError
from copt.instances.mip_relaxation import Relaxation, places_of, relaxation_of, unsolved
from copt.instances.mip_scip import to_scip
from copt.problems.base import IntArray
from copt.problems.mip import MIP, Point

__all__ = ["Ended", "Parameters", "Search"]

Parameters = Mapping[str, bool | int | float | str]

ALWAYS: Parameters = {"misc/catchctrlc": False}  # Ctrl-C is for Python, which ends the solve
INFINITE = 1e20  # SCIP's infinity
PATIENCE = 0.05  # seconds between two interrupts of a solve that shall end
PROVED = ("optimal", "infeasible", "unbounded", "inforunbd")  # statuses that no limit led to

Answer = TypeVar("Answer")


class Ended(Exception):
    """Unwinds a callback of SCIP because nobody will answer any more."""


class Search:
    """One solve of one instance. While the agent thinks, the solve waits inside a callback, and may be looked at.

    Args:
        instance: What is solved.
        parameters: Parameters of SCIP by name.
        seed: Seed of SCIP's random choices.

    Raises:
        CoptError: If SCIP has no such parameter, or does not take its value.
    """

    def __init__(self, instance: MIP, parameters: Parameters, seed: int) -> None:
        self.instance = instance
        self.model, self.originals = to_scip(instance)
        self.legal: IntArray = np.zeros(0, np.int64)  # actions that may be chosen now
        self.candidates: dict[int, Any] = {}  # fractional variables of the relaxation by their places in the instance
        self.over = False
        self.progress = Progress(instance.sign)
        self._choice = 0
        self._closing = False
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._agents_turn, self._solvers_turn = threading.Semaphore(0), threading.Semaphore(0)
        self.configure({**ALWAYS, "randomization/randomseedshift": seed, **parameters})
        self.model.includeEventhdlr(_Bounds(self), "copt-bounds", "keeps the bounds and when they changed")

    def configure(self, parameters: Parameters) -> None:
        """Set parameters of SCIP.

        Raises:
            CoptError: If SCIP has no such parameter, or does not take its value.
        """
        known = self.model.getParams()
        for name, value in parameters.items():
            if name not in known:
                raise CoptError(f"parameters: SCIP has none called {name!r}; see pyscipopt.Model().getParams()")
            try:
                self.model.setParam(name, value)
            except Exception as error:  # pyscipopt raises several types
                raise CoptError(f"parameters: SCIP does not take {name} = {value!r} ({error})") from None

    def start(self, play: Callable[["Search"], None]) -> None:
        """Let ``play`` solve the model in a thread, up to its first decision."""
        self._thread = threading.Thread(target=self._run, args=(play,), daemon=True, name="copt-search")
        self._thread.start()
        self._wait()

    def advance(self, choice: int) -> None:
        """Answer the decision at hand by ``choice``, and let the solve go on to the next one or to its end.

        Whatever is raised inside the solve is raised here.
        """
        self._choice = choice
        self._solvers_turn.release()
        self._wait()

    def close(self) -> None:
        """End the solve, wait for its thread and free the model; again without effect."""
        if self._closing:
            return
        self._closing = True
        if self._thread is not None:
            self._solvers_turn.release()
            while self._thread.is_alive():
                with contextlib.suppress(Exception):  # there may be nothing to interrupt yet, or any more
                    self.model.interruptSolve()
                self._thread.join(PATIENCE)
        self.candidates = {}
        self.model.free()

    def ask(self, legal: IntArray) -> int:
        """Return the agent's choice among the actions ``legal``; called by the side that solves.

        Raises:
            Ended: If the episode is over.
        """
        if self._closing:
            raise Ended
        self.legal = legal
        self.note()
        self.progress.stop()
        self._agents_turn.release()
        self._solvers_turn.acquire()
        if self._closing:
            raise Ended
        self.progress.go()
        return self._choice

    def guarded(self, decide: Callable[[], Answer], otherwise: Answer) -> Answer:
        """Return what ``decide`` returns inside a callback of SCIP; nothing may be raised there.

        After an exception the solve is interrupted, and the callback returns ``otherwise``.
        """
        if not self._closing and self._error is None:
            try:
                return decide()
            except Ended:
                pass
            except BaseException as error:
                self._error = error
        self.model.interruptSolve()
        return otherwise

    def note(self) -> None:
        """Keep the bounds and counters of this moment."""
        model = self.model
        if model.getStage() < SCIP_STAGE.SOLVING:
            return  # SCIP tells no counters before
        self.progress.note(
            primal=_finite(model.getPrimalbound()),
            dual=_finite(model.getDualbound()),
            nodes=model.getNTotalNodes(),
            lp_iterations=model.getNLPIterations(),
        )

    def find_candidates(self) -> None:
        """Keep the fractional variables of the relaxation that has just been solved, and that the instance knows."""
        places = places_of(self.model, self.originals)
        fractional = self.model.getLPBranchCands()
        found = {places.get(variable.getIndex(), -1): variable for variable in fractional[0][: fractional[4]]}
        found.pop(-1, None)  # made by presolving
        self.candidates = dict(sorted(found.items()))

    def relaxation(self) -> Relaxation:
        """Return the relaxation that has just been solved, or that of the instance if none has been."""
        if self.model.getStage() != SCIP_STAGE.SOLVING:
            return unsolved(self.instance)
        return relaxation_of(self.model, places_of(self.model, self.originals))

    @property
    def truncated(self) -> bool:
        """Whether the solve ended without a proof, at a limit."""
        return self.over and self.model.getStatus() not in PROVED

    def best(self) -> Point | None:
        """Return the best point found, or None."""
        if self.model.getNSols() == 0:
            return None
        best = self.model.getBestSol()
        return Point(np.array([self.model.getSolVal(best, variable) for variable in self.originals]))

    def _run(self, play: Callable[["Search"], None]) -> None:
        try:
            self.progress.go()
            play(self)
            self.note()
        except Ended:
            pass
        except BaseException as error:
            self._error = self._error or error
        finally:
            self.progress.stop()
            self.over = True
            self.legal, self.candidates = np.zeros(1, np.int64), {}
            self._agents_turn.release()

    def _wait(self) -> None:
        self._agents_turn.acquire()
        if self._error is not None:
            raise self._error


class _Bounds(Eventhdlr):
    """Keeps the bounds when they change."""

    CAUGHT = (EVENT.BESTSOLFOUND, EVENT.DUALBOUNDIMPROVED)

    def __init__(self, search: Search) -> None:
        self._search = search

    def eventinit(self) -> None:
        """Begin to listen."""
        for kind in self.CAUGHT:
            self.model.catchEvent(kind, self)

    def eventexit(self) -> None:
        """Stop listening."""
        for kind in self.CAUGHT:
            self.model.dropEvent(kind, self)

    def eventexec(self, event: Any) -> None:
        """Keep the bounds."""
        self._search.guarded(self._search.note, None)


def _finite(value: float) -> float:
    return float(np.sign(value)) * np.inf if abs(value) >= INFINITE else float(value)
