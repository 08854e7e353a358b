"""What a peer hands back: its solution and what it claims about it."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Answer"]


@dataclass(frozen=True)
class Answer:
    """The outcome of one peer on one instance; every claim is checked by whoever receives it.

    Args:
        solution: Solution in the form of the instance's family, or None.
        objective: Value that the peer claims for it, or None.
        bound: Bound on the optimum that the peer claims, or None.
        incumbents: Pairs (seconds since the call, objective); empty if the peer does not tell.
    """

    solution: Any = None
    objective: float | None = None
    bound: float | None = None
    incumbents: tuple[tuple[float, float], ...] = ()
