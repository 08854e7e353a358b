"""What a solve returns: the solution, both bounds, why it ended, and how it got there."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from copt.errors import FormatError

__all__ = ["Result", "Status", "StopReason", "Trace", "relative_gap"]


class Status(Enum):
    """What is known about the solution."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    UNKNOWN = "unknown"


class StopReason(Enum):
    """Why the solve ended."""

    PROVED = "proved"
    GAP = "gap"
    TIME = "time"
    STALLED = "stalled"
    TARGET = "target"
    MOVES = "moves"
    USER = "user"
    EXHAUSTED = "exhausted"


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """Return ``|objective - bound| / |objective|``, or None while one of the two is unknown."""
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    return math.inf if objective == 0 else abs(objective - bound) / abs(objective)


@dataclass(frozen=True)
class Trace:
    """Incumbents and bounds as they came.

    Args:
        incumbents: Pairs (seconds since the call, objective), in the instance's own sense.
        bounds: Pairs (seconds since the call, bound).
    """

    incumbents: tuple[tuple[float, float], ...] = ()
    bounds: tuple[tuple[float, float], ...] = ()

    def to_csv(self) -> str:
        """Return the trace as csv text with the columns seconds, kind, value."""
        rows = [(t, "incumbent", v) for t, v in self.incumbents] + [(t, "bound", v) for t, v in self.bounds]
        return "seconds,kind,value\n" + "".join(f"{t:.4f},{kind},{v:.15g}\n" for t, kind, v in sorted(rows))

    @classmethod
    def from_csv(cls, path: str | Path) -> "Trace":
        """Read what ``to_csv`` wrote.

        Raises:
            FormatError: If the file cannot be read or is not such a table.
        """
        pairs: dict[str, list[tuple[float, float]]] = {"incumbent": [], "bound": []}
        try:
            lines = Path(path).read_text().splitlines()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise FormatError(path, None, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if not lines or lines[0] != "seconds,kind,value":
            raise FormatError(path, 1, "expected the header 'seconds,kind,value' of a trace")
        for number, line in enumerate(lines[1:], 2):
            try:
                seconds, kind, value = line.split(",")
                pairs[kind].append((float(seconds), float(value)))
            except (KeyError, ValueError):
                raise FormatError(path, number, "expected 'seconds,incumbent|bound,value'") from None
        return cls(tuple(pairs["incumbent"]), tuple(pairs["bound"]))

    def primal_integral(self, reference: float, seconds: float) -> float:
        """Return the time-average of the primal gap to ``reference``, in [0, 1].

        The gap is 1 before the first incumbent and ``|value - reference| / max(|value|, |reference|)`` after
        (Berthold 2013, Measuring the impact of primal heuristics).

        Args:
            reference: Best known objective value.
            seconds: End of the measured interval.
        """
        return _mean(((time, _apart(value, reference)) for time, value in self.incumbents), seconds)

    def primal_dual_integral(self, seconds: float) -> float:
        """Return the time-average of the gap between incumbent and bound, in [0, 1]; it is 1 until both are known.

        Args:
            seconds: End of the measured interval.
        """
        return _mean(self._gaps(), seconds)

    def _gaps(self) -> Iterator[tuple[float, float]]:
        """Yield when the gap between incumbent and bound changed, and to what."""
        known: list[float | None] = [None, None]
        courses = enumerate((self.incumbents, self.bounds))
        for time, kind, value in sorted((time, kind, value) for kind, pairs in courses for time, value in pairs):
            known[kind] = value
            best, bound = known
            yield time, 1.0 if best is None or bound is None else _apart(best, bound)


def _apart(one: float, other: float) -> float:
    """Return ``|one - other| / max(|one|, |other|)``, at most 1."""
    scale = max(abs(one), abs(other))
    return 0.0 if scale == 0 else min(1.0, abs(one - other) / scale)


def _mean(gaps: Iterable[tuple[float, float]], seconds: float) -> float:
    """Return the time-average over ``seconds`` of a gap that is 1 at first and then changes at the times given."""
    if seconds <= 0:
        return 1.0
    total, since, gap = 0.0, 0.0, 1.0
    for time, value in gaps:
        if time >= seconds:
            break
        total += gap * (time - since)
        since, gap = time, value
    return (total + gap * (seconds - since)) / seconds


@dataclass(frozen=True)
class Result:
    """The outcome of one solve. Its solution has passed the checker of its family.

    Args:
        instance: Name of the instance.
        family: Word for the problem, such as ``jobshop``.
        solution: Best solution found, or None.
        objective: Its value in the instance's own sense, or None.
        bound: Best proved bound on the optimum, or None.
        status: What is known about the solution.
        stopped_by: Why the solve ended.
        seconds: Wall time of the whole call.
        solver: Name of the solver that ran.
        policy: Name of the learned policy that took part, or None.
        seed: Seed of every random choice.
        trace: Incumbents and bounds over time.
        notes: What the solver wants the user to know, one sentence each.
        guaranteed: Whether the solution keeps to its objective for certain. Not so where it depends on scenarios of
            which only some were looked at; its status is then never optimal.
    """

    instance: str
    family: str
    solution: Any
    objective: float | None
    bound: float | None
    status: Status
    stopped_by: StopReason
    seconds: float
    solver: str
    policy: str | None
    seed: int
    trace: Trace = field(default_factory=Trace)
    notes: tuple[str, ...] = ()
    guaranteed: bool = True

    @property
    def gap(self) -> float | None:
        """Relative gap between objective and bound, or None while one of them is unknown."""
        return relative_gap(self.objective, self.bound)

    def to_dict(self) -> dict[str, Any]:
        """Return every field but the solution as plain values."""
        gap = self.gap
        return {
            "instance": self.instance,
            "family": self.family,
            "status": self.status.value,
            "stopped_by": self.stopped_by.value,
            "objective": self.objective,
            "bound": self.bound,
            "gap": None if gap is None or math.isinf(gap) else gap,
            "seconds": round(self.seconds, 4),
            "solver": self.solver,
            "policy": self.policy,
            "seed": self.seed,
            "guaranteed": self.guaranteed,
            "notes": list(self.notes),
            "incumbents": [[round(t, 4), value] for t, value in self.trace.incumbents],
            "bounds": [[round(t, 4), value] for t, value in self.trace.bounds],
        }

    def to_json(self) -> str:
        """Return ``to_dict()`` as one JSON object."""
        return json.dumps(self.to_dict())

    def summary(self) -> str:
        """Return one line for people."""
        if self.objective is None:
            ended = f"stopped by {self.stopped_by.value} after {self.seconds:.1f} s"
            return f"{self.instance}: no solution, {self.status.value}, {ended}"
        proof = "" if self.gap is None else f", bound {self.bound:.10g}, gap {100 * self.gap:.2f} %"
        doubt = "" if self.guaranteed else ", not guaranteed"
        return (
            f"{self.instance}: {self.objective:.10g} ({self.status.value}{doubt}{proof}), "
            f"stopped by {self.stopped_by.value} after {self.seconds:.1f} s"
        )

    def primal_integral(self, reference: float, seconds: float | None = None) -> float:
        """Return ``trace.primal_integral`` over ``seconds``, by default the duration of the solve."""
        return self.trace.primal_integral(reference, self.seconds if seconds is None else seconds)
