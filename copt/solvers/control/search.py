"""The best of all plans within reach, with a proof, by branch and bound in slices."""

import time
from collections.abc import Callable

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import TOLERANCE
from copt.solvers.control.horizon import Horizon, Reach
from copt.solvers.control.open_kernels import OPEN
from copt.solvers.control.relaxation import Relaxation
from copt.solvers.control.tighten_kernels import tighten
from copt.solvers.control.tree import model_of, roomier, tree_of
from copt.solvers.control.tree_kernels import (
    ABOVE,
    DONE,
    FLOOR,
    FULL,
    GAP,
    PIVOTS,
    VALUE,
    WORKING,
    Tree,
    grow,
    plant,
    target,
)
from copt.solvers.simplex_kernels import copy

__all__ = ["Search"]

PATIENT = 1500  # pivots of branching after which bounds are tightened, and the tree begins anew
SLICE, INTERVAL = 500, 2e-3  # most pivots of a moment, and about how many seconds it takes at most
PACE = 1e-4  # seconds that a pivot may take at first
SHARE = 2.0  # pivots that tightening may take, in those of branching before


class Search:
    """The tree over all actions within reach.

    Args:
        horizon: The problem over its horizon; its cost is linear in pieces.
        reach: Bounds of its network.
        start: A plan that keeps all limits, shape (horizon, actions), or None.
        value: What it costs.
        gap: Relative gap that will do.
        clock: Seconds now.

    Attributes:
        done: Whether nothing is open.
        took: Seconds that the last pivots took.
    """

    _tree: Tree

    def __init__(
        self,
        horizon: Horizon,
        reach: Reach,
        *,
        start: FloatArray | None = None,
        value: float = np.inf,
        gap: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._horizon, self._reach = horizon, reach
        self._model = model_of(horizon)
        self._known = value
        self._tightened, self._clock = False, clock
        self.took, self._pace = 0.0, PACE
        self._plant(reach, horizon.inputs(reach.lower if start is None else start), value, gap)

    @property
    def value(self) -> float:
        """Cost of the best plan known."""
        return float(self._tree.numbers[VALUE])

    @property
    def pivots(self) -> int:
        """Pivots so far, since bounds were tightened."""
        return int(self._tree.counters[PIVOTS])

    @property
    def bound(self) -> float:
        """What no plan within reach costs less than."""
        numbers, pool = self._tree.numbers, self._tree.pool
        least = min(float(numbers[FLOOR]), target(numbers))
        if self._tree.counters[WORKING]:
            least = min(least, float(numbers[ABOVE]))
        if pool.counts[OPEN]:
            least = min(least, float(pool.costs[pool.heap[0]]))
        return min(max(least, self._proved), self.value)

    @property
    def actions(self) -> FloatArray | None:
        """The best plan found here, shape (horizon, actions), or None if there is none better than the known one."""
        if self.value >= self._known:
            return None
        problem = self._horizon.problem
        return self._tree.best[problem.num_states :].reshape(problem.horizon, problem.num_actions).copy()

    def advance(self, seconds: float) -> None:
        """Go on for a moment, ``INTERVAL`` or ``SLICE`` pivots; bounds are tightened only if ``seconds`` will do."""
        self.run(min(SLICE, max(1, int(INTERVAL / self._pace))), seconds=seconds)

    def run(self, pivots: int, *, seconds: float = np.inf) -> None:
        """Go on for about so many pivots, and tighten bounds if it is time and ``seconds`` will do."""
        began, before = self._clock(), self.pivots
        state = grow(self._tree, self._model, pivots)
        self.took = max(self._clock() - began, 1e-9)
        self._pace = self.took / (self.pivots - before + 1)
        self.done = state == DONE
        if state == FULL:
            self._tree = roomier(self._tree)
        elif not self.done and not self._tightened and PATIENT < self.pivots < seconds / (SHARE * self._pace):
            self.tighten()

    def _plant(self, reach: Reach, best: FloatArray, value: float, gap: float) -> None:
        self._relaxation = Relaxation(self._horizon, reach)
        self._tree = tree_of(self._relaxation, self._horizon.net.inputs)
        self._tree.numbers[:] = value, np.inf, np.inf, gap
        self._tree.best[:] = self._model.inputs[:] = best
        self._proved = float(plant(self._tree, self._model))
        self.done = self._tree.pool.counts[OPEN] == 0

    def tighten(self) -> None:
        """Begin anew with what is known of all plans that are better than the best one."""
        self._tightened = True
        tree, reach, units = self._tree, self._reach, self._tree.program.units
        proved, beyond = self.bound, target(tree.numbers)
        copy(tree.root, tree.work)
        tree.trial[:] = tree.program.bounds
        tree.trial[1, -1] = min(tree.trial[1, -1], beyond / self._relaxation.cost_size)
        ends = np.stack([np.concatenate(reach.bounds.lower)[units], np.concatenate(reach.bounds.upper)[units]])
        tighten(tree.program, tree.work, tree.trial, ends, int(SHARE * tree.counters[PIVOTS]), tree.room)
        limits = self._horizon.limits.copy()
        limits[:, units] = ends
        crossed = (ends[0] > ends[1] + TOLERANCE * np.fmax(1.0, np.abs(ends[1]))).any()
        tighter = None if crossed else self._horizon.reach(reach.lower, reach.upper, limits=limits)
        if tighter is None:
            self._proved, self.done = beyond, True
        else:
            self._plant(tighter, tree.best, self.value, float(tree.numbers[GAP]))
            self._proved = max(min(self._proved, beyond), proved)  # of plans that are better, nothing else is known
