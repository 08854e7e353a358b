"""When to stop: a frozen value without a clock, reusable from one solve to the next."""

import math
from dataclasses import dataclass

from copt.errors import CoptError

__all__ = ["Stop"]


@dataclass(frozen=True)
class Stop:
    """Limits of one solve; the first that is met ends it.

    Args:
        seconds: Wall time after the call, everything included.
        gap: Relative gap between objective and bound at which the incumbent is good enough.
        stall: Seconds without a better incumbent.
        target: Objective value, in the instance's own sense, at which to stop.
        moves: Number of local-search moves per worker. With ``workers=1`` a solve that ends by this limit
            depends on the seed alone.

    Raises:
        CoptError: If a limit is negative or not a number.
    """

    seconds: float = 60.0
    gap: float = 0.0
    stall: float | None = None
    target: float | None = None
    moves: int | None = None

    def __post_init__(self) -> None:
        for name in ("seconds", "gap", "stall", "moves"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise CoptError(f"{name} must be a non-negative number, got {value!r}")
        if self.target is not None and math.isnan(self.target):
            raise CoptError("target must be a number, got nan")
