"""Branch and bound on the first stage of the two-stage robust knapsack: the node of least bound first.

Each node is a relaxation that is solved by column generation (the branch and price of Arslan and Detienne 2022); what
its scenario proves fixes further decisions.
"""

import heapq
import itertools
import threading
from typing import NamedTuple

import numpy as np

from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.knapsack_game import KnapsackGame, Relaxation
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.knapsack_primal import Primal
from copt.solvers.robust.relaxation_kernels import BARRED, CHOSEN, FREE

__all__ = ["Tree"]

SHARE = 0.1  # of the gap at a node by which its bound may fall short
WHOLE = 1e-7  # shares nearer to 0 or 1 are whole
EAGER = 30  # nodes each of which is rounded; later only every tenth


class Node(NamedTuple):
    """An open subproblem; ordered by bound, then by age.

    Args:
        bound: Lower bound.
        age: Number of the node.
        fixed: BARRED, CHOSEN or FREE, shape (items,).
        game: Its relaxation.
    """

    bound: float
    age: int
    fixed: Bytes
    game: Relaxation


class Tree:
    """The open nodes, shared by threads.

    Args:
        primal: Values decisions and keeps the incumbent.
    """

    def __init__(self, primal: Primal) -> None:
        n = primal.instance.num_items
        self.nodes = 0
        self._primal = primal
        self._open: list[Node] = []
        self._busy: dict[int, float] = {}  # bounds of the nodes at which threads are
        self._ages = itertools.count()
        self._changes = threading.Condition()
        self._loose = np.inf  # least bound of decisions whose worst case was not found closely enough
        # What fixing an item has raised the bound by, per unit of share, and how often; barred and chosen.
        self._raised, self._times = np.zeros((2, n)), np.zeros((2, n))

    def plant(self, game: KnapsackGame) -> None:
        """Solve the root."""
        fixed = game.first_decisions()
        root = game.solve(fixed, stopped=self._primal.stopped)
        self._primal.monitor.prove(self._safe(root.bound), "root")
        self._round(game, fixed, root)
        self._push(game, root.bound, fixed, root)

    def work(self, game: KnapsackGame) -> bool:
        """Branch on one node; return whether nodes were left."""
        with self._changes:
            while not self._open and self._busy and not self._primal.stopped():
                self._changes.wait(0.05)
            if not self._open or self._primal.stopped():
                if not self._busy and not self._primal.stopped():
                    self._close()
                return False
            node = heapq.heappop(self._open)
            if node.bound >= self._primal.cutoff:
                self._open.clear()
                return True
            self._busy[threading.get_ident()] = node.bound
            self.nodes += 1
        try:
            self._branch(game, node)
        except BaseException:
            with self._changes:
                heapq.heappush(self._open, node)
            raise
        finally:
            with self._changes:
                del self._busy[threading.get_ident()]
                self._changes.notify_all()
                self._report()
        return True

    def _close(self) -> None:
        best = self._primal.monitor.best
        if best is not None:
            exact = self._loose >= self._primal.cutoff
            self._primal.monitor.prove(best if exact else self._safe(self._loose), "branch and price")

    def _report(self) -> None:
        bound = min([self._loose, *self._busy.values(), *(node.bound for node in self._open[:1])])
        if bound < self._primal.cutoff:
            self._primal.monitor.prove(self._safe(bound), "branch and price")

    def _safe(self, bound: float) -> float:
        """Return ``bound`` less what sums of rounded numbers may have added."""
        return bound - 1e-10 * self._primal.scale

    def _branch(self, game: KnapsackGame, node: Node) -> None:
        primal = self._primal
        shares = node.game.shares
        item = self._choose(node.fixed, shares)
        if node.age < EAGER or node.age % 10 == 0:
            self._round(game, node.fixed, node.game)
        for side in (BARRED, CHOSEN):
            fixed = node.fixed.copy()
            fixed[item] = side
            if primal.stopped():
                with self._changes:
                    heapq.heappush(self._open, node)
                return
            gap = SHARE * (primal.cutoff - node.bound) if np.isfinite(primal.cutoff) else 0.0
            child = game.solve(fixed, start=node.game, cutoff=primal.cutoff, tolerance=gap, stopped=primal.stopped)
            bound = max(node.bound, child.bound)
            distance = shares[item] if side == BARRED else 1.0 - shares[item]
            if distance > WHOLE:
                with self._changes:
                    self._raised[side, item] += (min(bound, primal.cutoff) - node.bound) / distance
                    self._times[side, item] += 1
            self._push(game, bound, fixed, child)

    def _choose(self, fixed: Bytes, shares: FloatArray) -> int:
        """Return the free item to branch on: that whose sides promise to raise the bound most."""
        free = fixed == FREE
        instance = self._primal.instance
        inner = free & (shares > WHOLE) & (shares < 1 - WHOLE)
        if not inner.any():
            return int(np.flatnonzero(free)[0])
        guess = instance.outsourcing - instance.profits
        rates = self._raised / np.maximum(1.0, self._times)
        known = self._times.sum(axis=1)
        typical = np.where(known > 0, self._raised.sum(axis=1) / np.maximum(1.0, known), guess.mean())
        rates = np.where(self._times > 0, rates, typical[:, None] * guess / max(1e-9, guess.mean()))
        promise = np.maximum(rates[0] * shares, 1e-6) * np.maximum(rates[1] * (1.0 - shares), 1e-6)
        return int(np.argmax(np.where(inner, promise, -1.0)))

    def _push(self, game: KnapsackGame, bound: float, fixed: Bytes, found: Relaxation) -> None:
        cutoff = self._primal.cutoff
        if bound >= cutoff:
            return
        barred, chosen = game.forced(found, fixed)
        free, tight = fixed == FREE, fixed.copy()
        tight[free & (chosen >= cutoff)] = BARRED
        tight[free & (barred >= cutoff)] = CHOSEN
        if (free & (chosen >= cutoff) & (barred >= cutoff)).any():
            return
        if not (tight == FREE).any():
            self._settle(game, tight, found)
            return
        with self._changes:
            heapq.heappush(self._open, Node(bound, next(self._ages), tight, found))

    def _settle(self, game: KnapsackGame, x: Bytes, start: Relaxation) -> None:
        """Find what ``x`` is worth, the only decisions of a node."""
        primal = self._primal
        found = game.solve(x, start=start, cutoff=primal.cutoff, stopped=primal.stopped)
        primal.offer(game, x, found, "branch and price")
        if found.bound < primal.cutoff:
            with self._changes:
                self._loose = min(self._loose, found.bound)

    def _round(self, game: KnapsackGame, fixed: Bytes, found: Relaxation) -> None:
        shares = found.shares
        for threshold in (0.25, 0.5, 0.75):
            x = np.where(fixed == FREE, shares > threshold, fixed == CHOSEN).astype(np.uint8)
            if not self._primal.stopped():
                self._primal.evaluate(game, x, "rounding", start=found)
