"""Large neighbourhoods of a plan: a box around all actions, or some steps free and the others held."""

from collections.abc import Callable

import numpy as np

from copt.problems.base import FloatArray
from copt.solvers.control.horizon import Horizon, Reach
from copt.solvers.control.search import Search

__all__ = ["Descent"]

MOST = 60  # units that may be on either side in a neighbourhood
PIVOTS = 2000  # of its search
GROW, SHRINK, LEAST = 1.5, 0.6, 1e-3  # of sizes
GAIN = 1e-6  # relative, that counts as better


class Descent:
    """Goes from a plan to the best one in a neighbourhood, time after time.

    Args:
        horizon: The problem over its horizon; its cost is linear in pieces.
        actions: A plan that keeps all limits, shape (horizon, actions).
        value: What it costs.
        seed: Seed of every random choice.

    Attributes:
        actions: The best plan so far.
        value: What it costs.
        steps: Neighbourhoods searched.
        stale: Of these, the last ones without a better plan.
    """

    def __init__(self, horizon: Horizon, actions: FloatArray, value: float, seed: int) -> None:
        self.actions, self.value = actions, value
        self.steps = self.stale = 0
        self._horizon = horizon
        self._rng = np.random.default_rng(seed)
        self._sizes = [0.3, 0.3]  # radius of a box as a share of half the range, share of the steps that are free

    def step(self, left: Callable[[], float]) -> bool:
        """Search one neighbourhood while ``left()`` seconds are left; return whether the plan is better now."""
        kind = self.steps % 2
        self.steps += 1
        reach = self._reach(kind, left)
        before = self.value
        if reach is not None:
            self._search(reach, kind, left)
        better = self.value < before - GAIN * abs(before)
        self.stale = 0 if better else self.stale + 1
        return self.value < before

    def _reach(self, kind: int, left: Callable[[], float]) -> Reach | None:
        """Return a neighbourhood of which few units may be on either side, None if there is none in time."""
        draw, least = float(self._rng.random()), (LEAST, 1.0 / len(self.actions))[kind]
        while left() > 0.0:
            reach = self._horizon.reach(*self._box(kind, draw))
            if reach is None or reach.bounds.unstable(self._horizon.net).sum() <= MOST:
                return reach
            if self._sizes[kind] <= least:
                return None
            self._sizes[kind] = max(least, SHRINK * self._sizes[kind])
        return None

    def _box(self, kind: int, draw: float) -> tuple[FloatArray, FloatArray]:
        """Return least and greatest actions; ``draw``, from 0 to 1, places the steps that are free."""
        lower, upper = self._horizon.box()
        if kind == 0:
            radius = self._sizes[0] * (upper - lower) / 2
            return np.maximum(lower, self.actions - radius), np.minimum(upper, self.actions + radius)
        steps = len(self.actions)
        count = max(1, round(self._sizes[1] * steps))
        begin = int(draw * (steps - count + 1))
        low, high = self.actions.copy(), self.actions.copy()
        low[begin : begin + count], high[begin : begin + count] = lower[0], upper[0]
        return low, high

    def _search(self, reach: Reach, kind: int, left: Callable[[], float]) -> None:
        search, before = Search(self._horizon, reach, start=self.actions, value=self.value), self.value
        while not search.done and search.pivots < PIVOTS and left() > search.took:
            search.advance(left())
        if search.actions is not None:
            self.actions, self.value = search.actions, search.value
        if not search.done:
            self._sizes[kind] *= SHRINK
        elif self.value >= before:
            self._sizes[kind] = min(1.0, self._sizes[kind] * GROW)
