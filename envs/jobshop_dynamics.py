"""Which decisions may be taken next, and what they do: two ways to build a schedule one task at a time."""

from dataclasses import dataclass
from typing import Protocol

from copt.envs.jobshop_state import NEVER, State

__all__ = ["Active", "Dispatching", "Dynamics"]


class Dynamics(Protocol):
    """The rules of the game. A value without state of its own; all that changes is in ``State``."""

    def legal(self, state: State) -> tuple[list[int], bool]:
        """Return the jobs whose next task may be fixed now, and whether waiting is allowed.

        There is at least one such job until all tasks are fixed.
        """

    def take(self, state: State, job: int) -> None:
        """Fix the next task of ``job``."""

    def wait(self, state: State) -> None:
        """Let time pass."""


@dataclass(frozen=True)
class Dispatching:
    """Time-stamped dispatching of the paper (Tassel, Gebser, Schekotihin, ICAPS 2023).

    The clock stands at the earliest start of any job's next task; the jobs that can start then are legal.
    Waiting moves every job's next task to the second smallest distinct start, and is allowed while there is
    one. It holds all resources at once, so an optimal schedule may be out of reach.
    """

    def legal(self, state: State) -> tuple[list[int], bool]:
        """Return the jobs that can start at the clock, and whether there is a later start to wait for."""
        if not state.remaining:
            return [], False
        starts = state.next_start
        now = min(starts)
        return [j for j, s in enumerate(starts) if s == now], any(now < s < NEVER for s in starts)

    def take(self, state: State, job: int) -> None:
        """Fix the next task of ``job`` at the clock, and move the clock on if nothing else can start now."""
        state.fix(job)
        state.floor = state.now

    def wait(self, state: State) -> None:
        """Move the clock to the next start."""
        now = state.now
        state.wait(min(s for s in state.next_start if s > now))


@dataclass(frozen=True)
class Active:
    """Branching of Giffler and Thompson (1960): exactly the active schedules can be built.

    Of all next tasks take the one that could end first. Some task that shares a resource with it must start
    before that end; the jobs of those tasks are legal. Every regular objective has an optimal active
    schedule, so an optimum is within reach, except that a task with an alternative always takes the option
    that would end first. There is no waiting.
    """

    def legal(self, state: State) -> tuple[list[int], bool]:
        """Return the conflict set of the task that could end first."""
        if not state.remaining:
            return [], False
        ends = state.next_end
        first = min(ends)
        winner = ends.index(first)
        mode = state.next_mode[winner]
        assert mode is not None
        contested = set(mode.resources)
        return [
            j
            for j, (start, rival) in enumerate(zip(state.next_start, state.next_mode, strict=True))
            if j == winner or (start < first and rival is not None and not contested.isdisjoint(rival.resources))
        ], False

    def take(self, state: State, job: int) -> None:
        """Fix the next task of ``job`` at its earliest start."""
        state.fix(job)

    def wait(self, state: State) -> None:
        """Never called: waiting is not legal."""
        raise NotImplementedError("active schedules are built without waiting")
