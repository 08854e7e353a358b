"""What early projects earn in the worst case, proved by boxes: the face of the kernels."""

from typing import Any

import numpy as np

from copt.problems.base import IntArray
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.robust import Cells, RobustSolution
from copt.problems.uncertainty import FloatArray
from copt.solvers.randomness import random_state
from copt.solvers.robust import boxes_kernels as kernels
from copt.solvers.robust.boxes_kernels import Flags

__all__ = ["Boxes", "Desk", "boxes_apply", "one_box", "risk_arrays", "sampled_value"]

NODES = 64  # of a new tree
LARGEST_TREE = 1_500_000  # nodes, so that a solution can still be written and checked
MOST_FACTORS = 6  # with more, boxes are too many


def boxes_apply(instance: CapitalBudgeting) -> bool:
    """Return whether the kernels know ``instance``: no loans, few factors, no cost or profit ever negative."""
    spread = max(np.abs(instance.cost_factors).sum(axis=1).max(), np.abs(instance.profit_factors).sum(axis=1).max())
    return instance.loans is None and instance.num_factors <= MOST_FACTORS and bool(spread <= 2.0)


def risk_arrays(instance: CapitalBudgeting) -> Any:
    """Return ``instance`` as the kernels read it."""
    rises, falls = (instance.cost_factors >= 0).all(axis=0), (instance.cost_factors <= 0).all(axis=0)
    return (
        instance.costs,
        0.5 * instance.costs[:, None] * instance.cost_factors,
        instance.profits,
        0.5 * instance.profits[:, None] * instance.profit_factors,
        np.array([instance.late]),
        np.array([instance.budget]),
        np.where(rises, 1, np.where(falls, -1, 0)),
    )


class Desk:
    """A problem with room to work in, for one thread at a time.

    Args:
        instance: The problem.
        seed: Seed of the random steps of searches.
    """

    def __init__(self, instance: CapitalBudgeting, seed: int = 0) -> None:
        n, k = instance.num_projects, instance.num_factors
        self.size, self.factors = n, k
        self.random = random_state(seed)
        self.risk = risk_arrays(instance)
        self.lower, self.upper = -np.ones(k), np.ones(k)
        self.room = (np.zeros((7, max(n, k))), np.arange(n), np.zeros((3, n), dtype=np.uint8))

    def keeps_budget(self, x: Flags) -> bool:
        """Return whether early projects ``x`` stay within the budget in every scenario."""
        return bool(kernels.keeps_budget(self.risk, x, self.lower, self.upper))

    def subsets(self) -> Flags:
        """Return all sets of projects that keep the budget, shape (sets, n)."""
        masks = np.empty(1 << self.size, dtype=np.int64)
        count = kernels.subsets(self.risk, self.lower, self.upper, masks, self.room)
        return ((masks[:count, None] >> np.arange(self.size)) & 1).astype(np.uint8)

    def neighbours(self, x: Flags) -> Flags:
        """Return the sets near ``x`` that keep the budget, shape (sets, n)."""
        rows = np.empty((self.size * (self.size + 1) // 2 + 1, self.size), dtype=np.uint8)
        return rows[: kernels.neighbours(self.risk, x, self.lower, self.upper, rows)]

    def harden(self, rows: Flags, bounds: FloatArray, scenario: FloatArray, floor: float) -> None:
        """Lower the ``bounds`` on the profits of ``rows`` by ``scenario``, of those that are above ``floor``."""
        kernels.harden(self.risk, rows, bounds, scenario, floor, self.room)

    def recourse(self, x: Flags, scenario: FloatArray, slack: float = 0.0) -> float:
        """Return what ``x`` earns in ``scenario`` at most, and exactly if its knapsack is small."""
        return float(kernels.recourse(self.risk, x, scenario, np.inf, slack, self.room))


class Boxes:
    """The proof of what one set of early projects earns, as far as it has come.

    Args:
        desk: The problem.
        x: Early projects that keep the budget, shape (n,).
    """

    def __init__(self, desk: Desk, x: Flags) -> None:
        self.x = np.array(x, dtype=np.uint8)
        self.worst = desk.upper.copy()
        self._desk = desk
        self._best, self._state = np.array([np.inf]), np.zeros(2, dtype=np.int64)
        self._tree = self._grown(NODES)
        self._tree[0][0], self._tree[1][0] = desk.lower, desk.upper
        kernels.root(desk.risk, self.x, self._tree, self._state, self._best, self.worst, desk.room)

    @property
    def optimistic(self) -> float:
        """What ``x`` earns in the worst scenario found."""
        return float(self._best[0])

    @property
    def proved(self) -> float:
        """What ``x`` earns in every scenario."""
        return float(self._tree[2][self._tree[7][0]]) if self._state[1] else self.optimistic

    @property
    def nodes(self) -> int:
        """Boxes so far, split ones included."""
        return int(self._state[0])

    @property
    def full(self) -> bool:
        """Whether the proof may not grow any more."""
        return self.nodes + 2 > LARGEST_TREE

    def refine(self, splits: int, tolerance: float, floor: float = -np.inf) -> None:
        """Split boxes until the two values differ by ``tolerance``, or ``x`` earns no more than ``floor``."""
        if self.nodes + 2 * splits > len(self._tree[2]):
            self._tree = self._grown(min(LARGEST_TREE, 2 * self.nodes + 2 * splits))
        kernels.refine(
            self._desk.risk,
            self.x,
            self._tree,
            self._state,
            self._best,
            self.worst,
            splits,
            tolerance,
            floor,
            self._desk.room,
        )

    def seek(self, tries: int) -> None:
        """Look for a worse scenario near the worst so far."""
        desk = self._desk
        kernels.seek(desk.risk, self.x, self._best, self.worst, tries, desk.random, desk.room)

    def solution(self) -> RobustSolution:
        """Return ``x`` with its proof."""
        count = self.nodes
        plans, entry, cut, child = (self._tree[place][:count] for place in (3, 4, 5, 6))
        leaf = entry < 0
        distinct, own = different(plans[leaf])
        child = child.copy()
        child[leaf, 0], child[leaf, 1] = own, -1
        return RobustSolution(
            x=self.x.astype(np.float64),
            plans=distinct.astype(np.float64),
            worst=self.worst.copy(),
            proof="cells",
            cells=Cells(entry.copy(), np.where(leaf, 0.0, cut), child),
        )

    def _grown(self, size: int) -> Any:
        """Return the tree with room for ``size`` boxes."""
        n, k = self._desk.size, self._desk.factors
        shapes = (
            ((size, k), np.float64),
            ((size, k), np.float64),
            ((size,), np.float64),
            ((size, n), np.uint8),
            ((size,), np.int64),
            ((size,), np.float64),
            ((size, 2), np.int64),
            ((size,), np.int64),
        )
        fresh = tuple(np.zeros(shape, dtype=kind) for shape, kind in shapes)
        if self._state[0]:
            for old, new in zip(self._tree, fresh, strict=True):
                new[: len(old)] = old
        return fresh


def different(plans: Flags) -> tuple[Flags, IntArray]:
    """Return the different rows of ``plans``, and which of them each row is."""
    bits = np.packbits(plans, axis=1)
    words = np.zeros((len(plans), -(-bits.shape[1] // 8) * 8), dtype=np.uint8)
    words[:, : bits.shape[1]] = bits
    keys = words.view(np.uint64)
    order = np.lexsort(keys.T)
    fresh = np.append(True, (keys[order[1:]] != keys[order[:-1]]).any(axis=1))
    own = np.empty(len(plans), dtype=np.int64)
    own[order] = np.cumsum(fresh) - 1
    return plans[order[fresh]], own


def one_box(instance: CapitalBudgeting, x: Flags) -> RobustSolution:
    """Return ``x`` with one plan for all scenarios, filled greedily; needs no kernel."""
    worst_costs = instance.costs * (1.0 + 0.5 * np.abs(instance.cost_factors).sum(axis=1))
    least = instance.profits * (1.0 - 0.5 * np.abs(instance.profit_factors).sum(axis=1))
    plan, left = np.zeros(instance.num_projects), instance.budget - float(worst_costs @ x)
    for i in np.argsort(-least / np.maximum(worst_costs, 1e-300), kind="stable"):
        if not x[i] and worst_costs[i] <= left:
            plan[i] = 1.0
            left -= worst_costs[i]
    return RobustSolution(
        x=np.asarray(x, dtype=np.float64),
        plans=plan[None],
        worst=np.ones(instance.num_factors),
        proof="cells",
        cells=Cells(np.array([-1]), np.zeros(1), np.array([[0, -1]])),
    )


def sampled_value(instance: CapitalBudgeting, x: FloatArray, *, samples: int = 10_000, seed: int = 0) -> float:
    """Return the least profit of ``x`` over random scenarios: what papers publish, and no guarantee.

    Args:
        instance: The problem.
        x: Early projects, shape (n,).
        samples: Number of scenarios, uniform in the box.
        seed: Seed of their choice.
    """
    desk, flags = Desk(instance), np.round(x[: instance.num_projects]).astype(np.uint8)
    scenarios = np.random.default_rng(seed).uniform(-1.0, 1.0, (samples, instance.num_factors))
    worst = np.array([np.inf])
    for scenario in scenarios:
        desk.harden(flags[None], worst, scenario, -np.inf)
    return float(worst[0])
