"""What every solver looks like from outside."""

from typing import Any, Protocol

from copt.monitor import Monitor
from copt.policy import Policy

__all__ = ["Solver"]


class Solver(Protocol):
    """A module of ``copt.solvers`` with these two names.

    ``solve`` reports incumbents and bounds to the monitor (minimising sense) and returns when ``monitor.reason()``
    is not None, or when it can do no more; it never raises on a time limit or Ctrl-C.
    """

    NAME: str

    def solve(
        self,
        instance: Any,
        monitor: Monitor,
        *,
        start: Any | None,
        policy: Policy | None,
        workers: int,
        seed: int,
    ) -> None:
        """Search until the monitor says stop."""
