"""The one place where a running solve keeps its incumbent, its bound and its clock."""

import math
import threading
import time
from typing import Any

from copt.events import Events
from copt.result import StopReason, Trace, relative_gap
from copt.stop import Stop

__all__ = ["Monitor"]


class Monitor:
    """Collects incumbents and bounds from all threads of a solve and says when to stop.

    Solvers minimise: they report values in the minimising sense, and the monitor turns them into the
    instance's own sense by ``sign``.

    Args:
        stop: The limits.
        events: The listener.
        started: ``time.perf_counter()`` at the call of ``solve``.
        sign: 1 if the instance minimises, -1 if it maximises.
    """

    def __init__(self, stop: Stop, events: Events, started: float | None = None, sign: int = 1) -> None:
        self.stop = stop
        self.solution: Any = None
        self.notes: list[str] = []
        self._events = events
        self._started = time.perf_counter() if started is None else started
        self._sign = sign
        self._objective: float | None = None
        self._bound: float | None = None
        self._improved = 0.0
        self._incumbents: list[tuple[float, float]] = []
        self._bounds: list[tuple[float, float]] = []
        self._reason: StopReason | None = None
        self._unbounded = False
        self._closed = False
        self._condition = threading.Condition(threading.RLock())

    @property
    def elapsed(self) -> float:
        """Seconds since the call."""
        return time.perf_counter() - self._started

    @property
    def remaining(self) -> float:
        """Seconds until the time limit, at least 0."""
        return max(0.0, self.stop.seconds - self.elapsed)

    @property
    def best(self) -> float | None:
        """The incumbent's value in the minimising sense, or None."""
        return self._objective

    @property
    def lower_bound(self) -> float | None:
        """The bound in the minimising sense, or None."""
        return self._bound

    @property
    def objective(self) -> float | None:
        """The incumbent's value in the instance's own sense, or None."""
        return None if self._objective is None else self._sign * self._objective

    @property
    def bound(self) -> float | None:
        """The bound in the instance's own sense, or None."""
        return None if self._bound is None else self._sign * self._bound

    @property
    def unbounded(self) -> bool:
        """Whether the objective was proved to be unbounded."""
        return self._unbounded

    def trace(self) -> Trace:
        """Return the incumbents and bounds so far."""
        return Trace(tuple(self._incumbents), tuple(self._bounds))

    def offer(self, value: float, solution: Any, source: str) -> bool:
        """Take ``solution`` as incumbent if its ``value`` (minimising sense) is better; return whether it was."""
        with self._condition:
            if self._closed or (self._objective is not None and value >= self._objective):
                return False
            self._objective, self.solution, self._improved = value, solution, self.elapsed
            self._incumbents.append((self._improved, self._sign * value))
            self._events.on_incumbent(self._improved, self._sign * value, self.bound, source)
            self._condition.notify_all()
            return True

    def prove(self, value: float, source: str) -> bool:
        """Take ``value`` (minimising sense) as lower bound if it is better; return whether it was."""
        with self._condition:
            if self._closed or (self._bound is not None and value <= self._bound):
                return False
            self._bound = value
            now = self.elapsed
            self._bounds.append((now, self._sign * value))
            self._events.on_bound(now, self._sign * value, self.objective, source)
            self._condition.notify_all()
            return True

    def declare_unbounded(self) -> None:
        """Take the objective for proved to be unbounded, and end the solve."""
        with self._condition:
            self._unbounded = True
            self.end(StopReason.PROVED)

    def note(self, text: str) -> None:
        """Tell the user something, once."""
        with self._condition:
            if text not in self.notes:
                self.notes.append(text)
                self._events.on_note(self.elapsed, text)

    def end(self, reason: StopReason) -> None:
        """End the solve for ``reason`` (the first reason stands): Ctrl-C, a move limit, an exhausted search."""
        with self._condition:
            self._reason = self._reason or reason
            self._condition.notify_all()

    def close(self) -> None:
        """Take nothing any more: the result is about to be written, and a thread may still be winding down."""
        with self._condition:
            self._closed = True

    def reason(self) -> StopReason | None:
        """Return why the solve must end now, or None while it may go on."""
        with self._condition:
            self._reason = self._reason or self._limit()
            return self._reason

    def wait(self, seconds: float) -> StopReason | None:
        """Sleep until something happens or ``seconds`` have passed, then return ``reason()``."""
        with self._condition:
            if self.reason() is None:
                self._condition.wait(min(seconds, self.remaining))
            return self.reason()

    def _limit(self) -> StopReason | None:
        stop, best, bound = self.stop, self._objective, self._bound
        if best is not None:
            if bound is not None and bound >= best:
                return StopReason.PROVED
            gap = relative_gap(best, bound)
            if gap is not None and gap <= stop.gap:
                return StopReason.GAP
            if stop.target is not None and best <= self._sign * stop.target:
                return StopReason.TARGET
            if stop.stall is not None and self.elapsed - self._improved >= stop.stall:
                return StopReason.STALLED
        elif bound == math.inf:
            return StopReason.PROVED
        if self.elapsed >= stop.seconds:
            return StopReason.TIME
        return None
