"""The plan of a benchmark: which solver runs on which instance, and what is left to do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from copt.bench.entries import Entry
from copt.bench.peers import Peer
from copt.bench.records import Key
from copt.errors import CoptError

__all__ = ["Run", "left_of", "plan", "require_sensible"]


@dataclass(frozen=True)
class Run:
    """One cell of the plan: a solver on an instance with a seed and a time limit."""

    entry: Entry
    peer: Peer
    seed: int
    seconds: float
    workers: int

    @property
    def key(self) -> Key:
        """The key of the row that it will give."""
        return (self.entry.name, self.peer.name, self.seed, self.seconds, self.workers)

    @property
    def longest(self) -> float:
        """Seconds that it may take."""
        return self.entry.calls * self.seconds


def plan(
    solvers: Sequence[Peer], entries: Sequence[Entry], limits: Sequence[float], seeds: int, workers: int
) -> list[Run]:
    """List all runs. Every instance gets its first seed before any gets its second, in case time runs out."""
    return [
        Run(entry, peer, seed, value, workers)
        for seed in range(1, seeds + 1)
        for entry in entries
        for value in limits
        for peer in solvers
    ]


def left_of(runs: Sequence[Run], done: Collection[Key]) -> list[Run]:
    """Return the runs that have no row yet."""
    return [run for run in runs if run.key not in done]


def require_sensible(limits: Sequence[float], seeds: int, workers: int, limit: int | None) -> None:
    """Check the numbers that a benchmark is asked for.

    Raises:
        CoptError: If one is out of range.
    """
    if not limits or not all(0 < value < float("inf") for value in limits):
        raise CoptError(f"seconds must be positive numbers, got {list(limits)}")
    for name, value in (("seeds", seeds), ("workers", workers), ("limit", limit)):
        if value is not None and value < 1:
            raise CoptError(f"{name} must be at least 1, got {value}")
