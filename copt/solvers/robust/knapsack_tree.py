"""Branch and bound on the first stage of the two-stage robust knapsack: the node of least bound first.

Each node is a relaxation that is solved by column generation (the branch and price of Arslan and Detienne 2022); what
its scenario proves fixes further decisions.
"""

import threading
from typing import NamedTuple

import numpy as np

from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.frontier import SOURCE, Entry, Frontier
from copt.solvers.robust.knapsack_game import KnapsackGame, Relaxation
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.knapsack_primal import Primal
from copt.solvers.robust.relaxation_kernels import BARRED, CHOSEN, FREE

__all__ = ["Tree"]

SHARE = 0.1  # of the gap at a node by which its bound may fall short
WHOLE = 1e-7  # shares nearer to 0 or 1 are whole
EAGER = 30  # nodes each of which is rounded; later only every tenth


class Node(NamedTuple):
    """An open subproblem.

    Args:
        fixed: BARRED, CHOSEN or FREE, shape (items,).
        game: Its relaxation.
    """

    fixed: Bytes
    game: Relaxation


class Tree:
    """The open nodes, shared by threads.

    Args:
        primal: Values decisions and keeps the incumbent.
    """

    def __init__(self, primal: Primal) -> None:
        n = primal.instance.num_items
        self._primal = primal
        self._frontier = Frontier[Node](primal.monitor, lambda: primal.cutoff, 1e-10 * primal.scale)
        self._lock = threading.Lock()
        # What fixing an item has raised the bound by, per unit of share, and how often; barred and chosen.
        self._raised, self._times = np.zeros((2, n)), np.zeros((2, n))

    def plant(self, game: KnapsackGame) -> None:
        """Solve the root."""
        fixed = game.first_decisions()
        root = game.solve(fixed, stopped=self._primal.stopped)
        self._primal.monitor.prove(self._frontier.safe(root.bound), "root")
        self._round(game, fixed, root)
        self._push(game, root.bound, fixed, root)

    def work(self, game: KnapsackGame) -> bool:
        """Branch on one node; return whether nodes were left."""
        return self._frontier.work(lambda entry: self._branch(game, entry))

    def _branch(self, game: KnapsackGame, entry: Entry[Node]) -> bool:
        """Solve the two sides of a node; return False if there was no time for them."""
        primal, node = self._primal, entry.node
        shares = node.game.shares
        item = self._choose(node.fixed, shares)
        if entry.age < EAGER or entry.age % 10 == 0:
            self._round(game, node.fixed, node.game)
        for side in (BARRED, CHOSEN):
            fixed = node.fixed.copy()
            fixed[item] = side
            if primal.stopped():
                return False
            gap = SHARE * (primal.cutoff - entry.bound) if np.isfinite(primal.cutoff) else 0.0
            child = game.solve(fixed, start=node.game, cutoff=primal.cutoff, tolerance=gap, stopped=primal.stopped)
            bound = max(entry.bound, child.bound)
            distance = shares[item] if side == BARRED else 1.0 - shares[item]
            if distance > WHOLE:
                with self._lock:
                    self._raised[side, item] += (min(bound, primal.cutoff) - entry.bound) / distance
                    self._times[side, item] += 1
            self._push(game, bound, fixed, child)
        return True

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
        self._frontier.add(bound, Node(tight, found))

    def _settle(self, game: KnapsackGame, x: Bytes, start: Relaxation) -> None:
        """Find what ``x`` is worth, the only decisions of a node."""
        primal = self._primal
        found = game.solve(x, start=start, cutoff=primal.cutoff, stopped=primal.stopped)
        primal.offer(game, x, found, SOURCE)
        if found.bound < primal.cutoff:
            self._frontier.loosen(found.bound)

    def _round(self, game: KnapsackGame, fixed: Bytes, found: Relaxation) -> None:
        shares = found.shares
        for threshold in (0.25, 0.5, 0.75):
            x = np.where(fixed == FREE, shares > threshold, fixed == CHOSEN).astype(np.uint8)
            if not self._primal.stopped():
                self._primal.evaluate(game, x, "rounding", start=found)
