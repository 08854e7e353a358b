"""Several plans at once: descents from the best of many starts and from children of the best plans, then walks."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.solvers.control.descent_kernels import descend
from copt.solvers.control.flat import flatten
from copt.solvers.control.region import Walker
from copt.solvers.control.sampler_kernels import explore, select
from copt.solvers.control.swarm import Deadline, Found, coloured, descent, elite, found, swarm
from copt.solvers.randomness import random_state

__all__ = ["Portfolio"]


PARENTS = 4  # plans that have children
WIDEST, NARROWEST, CROSSED = 0.5, 0.09, 0.05  # noise of children, as a share of half the range; and of those of two
DRAWN = 16  # random plans, of which the best is the start of a descent: a tenth of the time that it takes
BRIEF = 0.6  # share of the steps and of their length in descents where there are children


class Portfolio:
    """Searches plans of one problem from many starts, and keeps the best of each basin.

    The first descent is from the best of many random plans. From then on half the starts are children of the best
    plans: one plan with noise, or the first steps of one and the last steps of another.

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
        self._rng = np.random.default_rng(seed)
        self._room = descent(flat)
        lanes = self._room.costs.size
        self._swarm = swarm(flat, DRAWN * lanes, colour, random_state(seed))
        self._elite = elite(flat, lanes)
        self._swarm.mean[:] = (flat.u_lower + flat.u_upper) / 2
        self._swarm.spread[:] = spread * self._half
        self._walker = Walker(flat)
        self._kept: list[Found] = []
        self._starts: list[FloatArray] = [self._swarm.mean.copy()]  # of the next descent

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
        self._starts = [*(np.clip(mean, self.flat.u_lower, self.flat.u_upper) for mean in means), *self._starts]
        self._keep([self._walker.judge(start) for start in self._starts])
        while not deadline.over():
            known = self._kept
            self._keep(self._descend(deadline))
            for plan in [plan for plan in self._kept if not any(plan is other for other in known)][: self._walks]:
                if not deadline.over():
                    self._keep([self._walker.walk(plan, deadline)])
        return list(self._kept)

    def _descend(self, deadline: Deadline) -> list[Found]:
        """Return the best plans of a descent from the starts at hand, else from children, and from random ones.

        If there is time for no step of it, that is the best random one.
        """
        room, flat, steps, length = self._room, self.flat, self._steps, self._length
        starts, self._starts = self._starts, []
        if not starts:
            starts = [self._child() for _ in range(room.costs.size // 2)]
            steps, length = max(1, round(BRIEF * steps)), BRIEF * length
        starts += self._random(max(0, room.costs.size - len(starts)), deadline)
        for lane in range(room.costs.size):
            room.plans[:, :, lane] = starts[lane % len(starts)]
        room.known[:] = np.inf
        if not deadline.run(lambda begin, end: descend(flat, room, begin, end, steps, length), steps):
            return found(self._swarm.record)
        return [
            Found(cost, violation, room.tops[:, :, lane].copy())
            for lane, (cost, violation, score) in enumerate(room.known.T.tolist())
            if score < np.inf
        ]

    def _random(self, count: int, deadline: Deadline) -> list[FloatArray]:
        """Return the best of ``DRAWN`` times as many random plans, fewer if the time is up."""
        blocks = -(-count * DRAWN // self._swarm.scores.shape[1])
        done = deadline.run(lambda begin, end: explore(self.flat, self._swarm, begin, end), blocks)
        select(self._swarm, done, self._elite, 0)
        return list(self._elite.plans[:count][self._elite.scores[:count] < np.inf])

    def _child(self) -> FloatArray:
        """Return a plan that is like one or two of the best."""
        rng, flat, kept = self._rng, self.flat, self._kept
        plan = kept[rng.integers(min(PARENTS, len(kept)))].actions
        noise = self._half * rng.normal(size=plan.shape)
        if rng.random() < 0.5:
            cut = int(rng.integers(flat.horizon))
            child = np.vstack([plan[:cut], kept[rng.integers(len(kept))].actions[cut:]]) + CROSSED * noise
        else:
            size = np.exp(rng.uniform(np.log(NARROWEST), np.log(WIDEST)))
            child = plan + size * coloured(flat.horizon, 1.0) @ noise
        return np.clip(child, flat.u_lower, flat.u_upper)

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
