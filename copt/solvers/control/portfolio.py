"""Several plans at once: descent from many starts, then walks from the best that differ."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.solvers.control.descent_kernels import descend
from copt.solvers.control.flat import flatten
from copt.solvers.control.region import Walker
from copt.solvers.control.sampler_kernels import draw
from copt.solvers.control.swarm import Deadline, Found, descent, swarm
from copt.solvers.randomness import random_state

__all__ = ["Portfolio"]


class Portfolio:
    """Searches plans of one problem from many starts, and keeps the best of each basin.

    Args:
        problem: The problem.
        seed: Of all random choices.
        basins: Most plans to keep.
        walks: Most plans of a descent to walk on from.
        apart: Root mean square by which actions of two basins differ, as a share of half their range.
        steps: Of each descent.
        length: First step of a descent, as a share of half the range of an action.
        spread: Standard deviation of the starts of a descent, likewise.
        colour: Exponent of their noise.
    """

    def __init__(
        self,
        problem: ControlProblem,
        seed: int = 0,
        *,
        basins: int = 8,
        walks: int = 3,
        apart: float = 0.1,
        steps: int = 60,
        length: float = 0.2,
        spread: float = 1.0,
        colour: float = 2.0,
    ) -> None:
        self.flat = flat = flatten(problem)
        self._basins, self._walks, self._apart = basins, walks, apart
        self._steps, self._length = steps, length
        self._half = (flat.u_upper - flat.u_lower) / 2
        self._room = descent(flat)
        self._swarm = swarm(flat, 1, colour, random_state(seed))
        self._swarm.mean[:] = (flat.u_lower + flat.u_upper) / 2
        self._swarm.spread[:] = spread * self._half
        self._walker = Walker(flat)
        self._kept: list[Found] = []

    def search(
        self,
        seconds: float,
        means: Sequence[FloatArray] = (),
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> list[Found]:
        """Return the best plans found so far, each of another basin, best first: at least the means.

        Args:
            seconds: Time.
            means: Plans to begin with, each of shape (horizon, actions).
            clock: Seconds now.
        """
        deadline = Deadline(clock, clock() + seconds)
        starts = [np.clip(mean, self.flat.u_lower, self.flat.u_upper) for mean in [*means, self._swarm.mean]]
        self._keep([self._walker.judge(start) for start in starts])
        while not deadline.over():
            known = self._kept
            self._keep(self._descend(starts, deadline))
            for plan in [plan for plan in self._kept if not any(plan is other for other in known)][: self._walks]:
                if not deadline.over():
                    self._keep([self._walker.walk(plan, deadline)])
            starts = []
        return list(self._kept)

    def _descend(self, starts: Sequence[FloatArray], deadline: Deadline) -> list[Found]:
        """Return the best plans of a descent from some starts and from random ones."""
        room, flat = self._room, self.flat
        draw(flat, self._swarm, room.plans)
        for lane, start in enumerate(starts[: room.costs.size]):
            room.plans[:, :, lane] = start
        room.known[:] = np.inf
        deadline.run(lambda begin, end: descend(flat, room, begin, end, self._steps, self._length), self._steps)
        return [
            Found(cost, violation, room.tops[:, :, lane].copy())
            for lane, (cost, violation, score) in enumerate(room.known.T.tolist())
            if score < np.inf
        ]

    def _keep(self, plans: Sequence[Found]) -> None:
        """Keep the best plan of each basin, of those that are kept and others."""
        kept: list[Found] = []
        for plan in sorted([*plans, *self._kept], key=lambda plan: plan.rank):
            if all(self._distance(plan, other) > self._apart for other in kept):
                kept.append(plan)
            if len(kept) == self._basins:
                break
        self._kept = kept

    def _distance(self, plan: Found, other: Found) -> float:
        away = (plan.actions - other.actions) / np.where(self._half > 0.0, self._half, 1.0)
        return float(np.sqrt((away**2).mean()))
