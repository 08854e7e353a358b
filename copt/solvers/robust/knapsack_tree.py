"""Branch and bound for the two-stage robust knapsack: the node of least bound first.

Each node is a relaxation that is solved by column generation (the branch and price of Arslan and Detienne 2022); what
its scenario proves fixes further decisions. A node is cut in two at a decision, or at the price of the budget, which
closes most of the gap where items are alike (as Buesing, Gersing and Koster 2023 do without recourse).
"""

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.frontier import SOURCE, Entry, Frontier
from copt.solvers.robust.knapsack_game import BARRED, CHOSEN, FREE, KnapsackGame, Part, Relaxation
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.knapsack_primal import Primal

__all__ = ["Tree"]

SHARE = 0.1  # of the gap at a node by which its bound may fall short
PRICE = 0.5  # of the shortfall, by which either side of a cut of the price is thought to raise the bound
EDGE = 0.1  # of the interval of prices, the least part that is cut off
WHOLE = 1e-7  # shares nearer to 0 or 1 are whole
EAGER = 30  # nodes each of which is rounded; later only every tenth


class Node(NamedTuple):
    """An open subproblem.

    Args:
        part: The part of the problem.
        game: Its relaxation.
    """

    part: Part
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
        # What fixing an item has raised the bound by, per unit of share, and how often: barred and chosen. The last
        # is the price: the lower and the upper part of its interval, per unit of shortfall.
        self._raised, self._times = np.zeros((2, n + 1)), np.zeros((2, n + 1))

    def plant(self, game: KnapsackGame) -> None:
        """Solve the root."""
        part = game.root()
        root = game.solve(part, stopped=self._primal.stopped)
        self._primal.monitor.prove(self._frontier.safe(root.bound), "root")
        self._round(game, part.fixed, root)
        self._push(game, root.bound, part, root)

    def work(self, game: KnapsackGame) -> bool:
        """Branch on one node; return whether nodes were left."""
        return self._frontier.work(lambda entry: self._branch(game, entry))

    def _branch(self, game: KnapsackGame, entry: Entry[Node]) -> bool:
        """Solve the two sides of a node; return False if there was no time for them."""
        primal, node = self._primal, entry.node
        shares = node.game.shares
        inner = (node.part.fixed == FREE) & (shares > WHOLE) & (shares < 1 - WHOLE)
        if entry.age < EAGER or entry.age % 10 == 0 or not inner.any():
            self._round(game, node.part.fixed, node.game)
        shortfall = game.shortfall(node.part, node.game)
        item = self._choose(inner, shares, shortfall) if inner.any() else int((node.part.fixed == FREE).argmax())
        for side in (BARRED, CHOSEN):
            if primal.stopped():
                return False
            part, distance = _side(node, item, side, shortfall)
            gap = SHARE * (primal.cutoff - entry.bound) if np.isfinite(primal.cutoff) else 0.0
            child = game.solve(part, start=node.game, cutoff=primal.cutoff, tolerance=gap, stopped=primal.stopped)
            bound = max(entry.bound, child.bound)
            if distance > WHOLE:
                with self._lock:
                    self._raised[side, item] += (min(bound, primal.cutoff) - entry.bound) / distance
                    self._times[side, item] += 1
            self._push(game, bound, part, child)
        return True

    def _choose(self, inner: NDArray[np.bool_], shares: FloatArray, shortfall: float) -> int:
        """Return which of the ``inner`` items to branch on, -1 for the price: what promises to raise the bound most."""
        instance = self._primal.instance
        guess = instance.outsourcing - instance.profits
        raised, times = self._raised[:, :-1], self._times[:, :-1]
        rates = raised / np.maximum(1.0, times)
        known = times.sum(axis=1)
        typical = np.where(known > 0, raised.sum(axis=1) / np.maximum(1.0, known), guess.mean())
        rates = np.where(times > 0, rates, typical[:, None] * guess / max(1e-9, guess.mean()))
        promise = np.maximum(rates[0] * shares, 1e-6) * np.maximum(rates[1] * (1.0 - shares), 1e-6)
        item = int(np.argmax(np.where(inner, promise, -1.0)))
        by_price = shortfall * (self._raised[:, -1] + PRICE) / (self._times[:, -1] + 1.0)
        return -1 if by_price.prod() > promise[item] else item

    def _push(self, game: KnapsackGame, bound: float, part: Part, found: Relaxation) -> None:
        cutoff = self._primal.cutoff
        if bound >= cutoff:
            return
        barred, chosen = game.forced(found, part)
        fixed = part.fixed
        free, tight = fixed == FREE, fixed.copy()
        tight[free & (chosen >= cutoff)] = BARRED
        tight[free & (barred >= cutoff)] = CHOSEN
        if (free & (chosen >= cutoff) & (barred >= cutoff)).any():
            return
        if not (tight == FREE).any():
            self._settle(game, tight, found)
            return
        self._frontier.add(bound, Node(part._replace(fixed=tight), found))

    def _settle(self, game: KnapsackGame, x: Bytes, start: Relaxation) -> None:
        """Find what ``x`` is worth, the only decisions of a node."""
        primal = self._primal
        found = game.solve(game.decided(x), start=start, cutoff=primal.cutoff, stopped=primal.stopped)
        primal.offer(game, x, found, SOURCE)
        if found.bound < primal.cutoff:
            self._frontier.loosen(found.bound)

    def _round(self, game: KnapsackGame, fixed: Bytes, found: Relaxation) -> None:
        shares = found.shares
        for threshold in (0.25, 0.5, 0.75):
            x = np.where(fixed == FREE, shares > threshold, fixed == CHOSEN).astype(np.uint8)
            if not self._primal.stopped():
                self._primal.evaluate(game, x, "rounding", start=found)


def _side(node: Node, item: int, side: int, shortfall: float) -> tuple[Part, float]:
    """Return the part of one side of a branch, and how far the relaxation is from it."""
    part, shares = node.part, node.game.shares
    if item < 0:
        edge = EDGE * (part.high - part.low)
        cut = min(max(node.game.price, part.low + edge), part.high - edge)
        return part._replace(high=cut) if side == BARRED else part._replace(low=cut), shortfall
    fixed = part.fixed.copy()
    fixed[item] = side
    return part._replace(fixed=fixed), float(shares[item] if side == BARRED else 1.0 - shares[item])
