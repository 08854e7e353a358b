"""First-stage decisions of the two-stage robust knapsack: where they come from, and what they are worth."""

import threading

import numpy as np

from copt.monitor import Monitor
from copt.problems.robust import objective
from copt.problems.robust_knapsack import RobustKnapsack
from copt.solvers.robust.knapsack_game import KnapsackGame, Relaxation, plain_solution
from copt.solvers.robust.knapsack_kernels import Bytes, Floats

__all__ = ["Primal", "greedy_plan"]

CLOSE = 5e-7  # relative, by which something better must be better
ROUNDING = 1e-8  # the same, of all profits and costs
SCENARIOS = 8  # that decisions are screened with


def greedy_plan(instance: RobustKnapsack) -> Bytes:
    """Return a plan that produces what earns most for its weight when half the loss is feared, with no repair."""
    worth = (instance.profits - 0.5 * instance.degradations) / np.maximum(1, instance.weights)
    plan, left = np.zeros(instance.num_items, dtype=np.uint8), instance.capacity
    for i in np.argsort(-worth, kind="stable"):
        if instance.weights[i] <= left:
            plan[i] = 1
            left -= int(instance.weights[i])
    return plan


class Primal:
    """Values decisions against the incumbent, and keeps what is worth remembering; shared by threads.

    Args:
        instance: The instance.
        monitor: Keeps the incumbent.
    """

    def __init__(self, instance: RobustKnapsack, monitor: Monitor) -> None:
        self.instance = instance
        self.monitor = monitor
        self.scale = 1.0 + float(instance.profits.sum() + instance.outsourcing.sum())
        self._tested: set[bytes] = set()
        self._scenarios: list[Floats] = []
        self._lock = threading.Lock()
        self.best: tuple[Bytes, Relaxation] | None = None

    @property
    def cutoff(self) -> float:
        """The cost from which on nothing is better than the incumbent."""
        best = self.monitor.best
        return np.inf if best is None else self.below(best)

    def below(self, value: float) -> float:
        """Return the cost from which on nothing is better than ``value``, but for rounding."""
        return value - CLOSE * abs(value) - ROUNDING * self.scale

    def stopped(self) -> bool:
        """Return whether the solve must end."""
        return self.monitor.reason() is not None

    def offer_plan(self, plan: Bytes, source: str) -> None:
        """Offer what ``plan`` produces, followed whatever happens."""
        solution = plain_solution(self.instance, plan)
        self.monitor.offer(self.instance.sign * objective(self.instance, solution), solution, source)

    def scenarios(self, found: Relaxation) -> Floats:
        """Return the scenarios that decisions are screened with, that of ``found`` first, shape (scenarios, items)."""
        with self._lock:
            return np.array([found.scenario, *self._scenarios])

    def screened(self, game: KnapsackGame, x: Bytes, cutoff: float) -> bool:
        """Return whether a known scenario shows that ``x`` costs at least ``cutoff``."""
        with self._lock:
            scenarios = list(self._scenarios)
        if not scenarios:
            return False
        found = game.beaten(x, np.array(scenarios), cutoff)
        if found > 0:
            with self._lock:  # a scenario that beats one neighbour is likely to beat the next
                self._scenarios.sort(key=lambda scenario: scenario is not scenarios[found])
        return found >= 0

    def evaluate(
        self, game: KnapsackGame, x: Bytes, source: str, *, start: Relaxation | None = None, cutoff: float | None = None
    ) -> Relaxation | None:
        """Return the worst case of ``x`` and offer it, None if it costs ``cutoff`` or more or was seen before.

        Args:
            game: The plans at hand.
            x: Whether each item is chosen.
            source: What found it.
            start: A similar game.
            cutoff: By default that of the incumbent.
        """
        limit = self.cutoff if cutoff is None else cutoff
        with self._lock:
            if x.tobytes() in self._tested:
                return None
            self._tested.add(x.tobytes())
        if self.screened(game, x, limit):
            return None
        found = game.solve(game.decided(x), start=start, cutoff=limit, stopped=self.stopped)
        with self._lock:
            self._scenarios = [found.scenario, *self._scenarios][:SCENARIOS]
        return self.offer(game, x, found, source) if found.bound < limit else None

    def offer(self, game: KnapsackGame, x: Bytes, found: Relaxation, source: str) -> Relaxation | None:
        """Offer ``x`` with the mix of the game that values it; return that with its exact value, None if it has no mix.

        Args:
            game: The plans at hand.
            x: Whether each item is chosen.
            found: The worst case of ``x``.
            source: What found it.
        """
        solution = game.solution(x, found)
        if solution is None:
            return None
        value = self.instance.sign * objective(self.instance, solution)
        self.monitor.offer(value, solution, source)
        found = found._replace(value=value)
        with self._lock:
            if self.best is None or value < self.best[1].value:
                self.best = (x.copy(), found)
        return found
