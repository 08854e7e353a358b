"""What a caller can listen to while a solve runs."""

from typing import Any, Protocol

from copt.result import Result

__all__ = ["Events", "Silent"]


class Events(Protocol):
    """A listener. Calls come one at a time, in order; times are seconds since the call of ``solve``.

    An exception raised by a listener ends the solve and reaches the caller.
    """

    def on_start(self, instance: Any, solver: str, policy: str | None) -> None:
        """The search is about to begin."""

    def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
        """A better solution was found; ``source`` says by which part of the solver."""

    def on_bound(self, seconds: float, bound: float, objective: float | None, source: str) -> None:
        """A better bound was proved."""

    def on_note(self, seconds: float, text: str) -> None:
        """The solver has something to tell the user, such as a compilation on first use."""

    def on_end(self, result: Result) -> None:
        """The solve has ended; ``result`` is what the caller gets."""


class Silent:
    """A listener that hears nothing."""

    def on_start(self, instance: Any, solver: str, policy: str | None) -> None:
        """Do nothing."""

    def on_incumbent(self, seconds: float, objective: float, bound: float | None, source: str) -> None:
        """Do nothing."""

    def on_bound(self, seconds: float, bound: float, objective: float | None, source: str) -> None:
        """Do nothing."""

    def on_note(self, seconds: float, text: str) -> None:
        """Do nothing."""

    def on_end(self, result: Result) -> None:
        """Do nothing."""
