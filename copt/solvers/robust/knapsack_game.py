"""The relaxations of the two-stage robust knapsack, as Python sees them: a pool of plans and what is asked of it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from copt.problems.robust import RobustSolution
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.game_kernels import Int32
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.relaxation_kernels import (
    CHOSEN,
    FREE,
    Items,
    Room,
    force,
    keep,
    relax,
    screen,
    static_plan,
)

__all__ = ["KnapsackGame", "Relaxation", "plain_solution"]

POOL = 2500  # plans that are remembered
PASSES = 40  # of column generation, each with a fresh inverse, until a relaxation is left as it is
EXACT = 5e-8  # relative, between bound and value of a relaxation that is solved


class Relaxation(NamedTuple):
    """A relaxation that was solved, or given up as no better than the cutoff.

    Args:
        bound: Lower bound on its value.
        value: Cost of the best mix found; infinite if there was no need of one.
        scenario: The scenario of the bound, shape (items,).
        plans: Choices of the plans in the mix, shape (plans, items).
        weights: Their shares.
        basis: Basis of the linear program, to start a similar one from.
        owner: Whose plans the basis counts.
    """

    bound: float
    value: float
    scenario: FloatArray
    plans: Bytes
    weights: FloatArray
    basis: Int32
    owner: "KnapsackGame"

    @property
    def shares(self) -> FloatArray:
        """Return in what share of the mix each item is produced, shape (items,)."""
        produced: FloatArray = self.weights @ (self.plans > 0)
        return produced


class KnapsackGame:
    """A pool of plans of one instance with the memory to play over it; for one thread.

    Args:
        instance: The instance.
        seed: Seed of the perturbation that keeps vertices apart.
    """

    def __init__(self, instance: RobustKnapsack, seed: int) -> None:
        n, capacity = instance.num_items, min(instance.capacity, _total_weight(instance))
        self.instance = instance
        self.size = n
        self.scale = 1.0 + float(instance.profits.sum())
        self.rounds = max(5, min(40, 10_000_000 // (n * (capacity + 1))))  # between two looks at the clock
        self.items = Items(
            profits=instance.profits,
            losses=instance.degradations,
            outsourcing=instance.outsourcing,
            weights=instance.weights.astype(np.int64),
            repair=instance.repair_weights.astype(np.int64),
            capacity=capacity,
            budget=float(instance.budget),
            forbidden=1.0 + float((instance.profits + instance.degradations + instance.outsourcing).sum()),
        )
        self.room = _room(instance, capacity, seed)

    def first_basis(self) -> Int32:
        """Return the basis of producing nothing."""
        basis = np.arange(self.size + 1, dtype=np.int32)
        basis[-1] = 2 * self.size + 1
        return basis

    def first_scenario(self) -> FloatArray:
        """Return the scenario that spreads the budget."""
        return np.full(self.size, min(1.0, self.instance.budget / self.size))

    def first_decisions(self) -> Bytes:
        """Return what is fixed without loss: items that earn more when outsourced than when not chosen are chosen."""
        gains = self.instance.outsourcing <= self.instance.profits
        return np.where(gains, CHOSEN, FREE).astype(np.uint8)

    def solve(
        self,
        fixed: Bytes,
        *,
        start: Relaxation | None = None,
        cutoff: float = np.inf,
        tolerance: float = 0.0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Relaxation:
        """Return the relaxation with each x ``fixed`` to be BARRED, CHOSEN or FREE.

        Args:
            fixed: Shape (items,).
            start: A similar one.
            cutoff: A lower bound from which on nothing more is asked.
            tolerance: How far bound and value may be apart at the end.
            stopped: Whether to end it early.
        """
        own = start is not None and start.owner is self
        basis = start.basis.copy() if start is not None and own else self.first_basis()
        scenario = self.first_scenario() if start is None else start.scenario.copy()
        if start is not None and not own:
            self._adopt(start.plans)
        gap = max(tolerance, EXACT * self.scale)
        bound = -np.inf
        for _ in range(PASSES):
            least, value, steps = relax(self.items, self.room, fixed, basis, scenario, cutoff, gap, self.rounds)
            bound = max(bound, least)
            if steps < self.rounds or bound >= cutoff or stopped():
                break
        mixed = self.room.basis > 2 * self.size
        places, weights = self.room.basis[mixed] - 2 * self.size - 1, self.room.primal[mixed]
        used = weights > 1e-10
        return Relaxation(bound, value, scenario, self.room.plans[places[used]], weights[used], basis, self)

    def _adopt(self, plans: Bytes) -> None:
        for plan in plans:
            self.room.plan[:] = plan
            keep(self.items, self.room, self.first_decisions())

    def forced(self, game: Relaxation, fixed: Bytes) -> tuple[FloatArray, FloatArray]:
        """Return lower bounds of the relaxation with each free item barred, and with it chosen."""
        barred, chosen = np.empty(self.size), np.empty(self.size)
        force(self.items, self.room, fixed, game.scenario, barred, chosen)
        return barred, chosen

    def beaten(self, fixed: Bytes, scenarios: FloatArray, cutoff: float) -> int:
        """Return the first of ``scenarios`` in which the relaxation costs at least ``cutoff``, -1 if there is none."""
        return int(screen(self.items, self.room, fixed, scenarios, cutoff))

    def static_plan(self, price: float, floor: float) -> tuple[float, Bytes] | None:
        """Return the best plan chosen before the scenario for a price of losing at one more item, with its profit.

        Args:
            price: Multiplier of the budget.
            floor: Profit to be exceeded; otherwise the result is None.
        """
        profit = float(static_plan(self.items, self.room, price, floor))
        return (profit, self.room.plan.copy()) if profit > floor else None

    def solution(self, x: Bytes, game: Relaxation) -> RobustSolution | None:
        """Return the decisions ``x`` with the mix of ``game``, None if no plan of it is open to them."""
        open_to = ~((game.plans > 0) & (x == 0)).any(axis=1)
        if game.weights[open_to].sum() < 0.5:
            return None
        plans, weights = game.plans[open_to], game.weights[open_to]
        return RobustSolution(
            x=x.astype(np.float64),
            plans=np.hstack([plans > 0, plans > 1]).astype(np.float64),
            worst=game.scenario.copy(),
            proof="mixture",
            weights=weights / weights.sum(),
        )


def plain_solution(instance: RobustKnapsack, plan: Bytes) -> RobustSolution:
    """Return the solution that chooses what ``plan`` produces and follows it whatever happens."""
    losses = np.where(plan == 1, instance.degradations, 0.0)
    return RobustSolution(
        x=(plan > 0).astype(np.float64),
        plans=np.concatenate([plan > 0, plan > 1]).astype(np.float64)[None],
        worst=instance.two_stage().uncertainty.worst(losses),
        proof="mixture",
        weights=np.ones(1),
    )


def _total_weight(instance: RobustKnapsack) -> int:
    return int(instance.weights.sum() + instance.repair_weights.sum())


def _room(instance: RobustKnapsack, capacity: int, seed: int) -> Room:
    n = instance.num_items
    filled = np.array([1, 1])  # plan 0 produces nothing and stays
    scale = 1e-7 * max(1e-6, float(instance.degradations.mean()))
    return Room(
        plans=np.zeros((POOL, n), dtype=np.uint8),
        made=np.zeros((n, POOL), dtype=np.float32),
        bare=np.zeros((n, POOL), dtype=np.float32),
        filled=filled,
        costs=np.zeros(POOL),
        scores=np.zeros(POOL),
        active=np.zeros(POOL, dtype=np.int64),
        marks=np.zeros(POOL, dtype=np.uint8),
        epsilon=scale * np.random.default_rng(seed).uniform(0.5, 1.5, n),
        basis=np.zeros(n + 1, dtype=np.int32),
        inverse=np.zeros((n + 1, n + 1)),
        primal=np.zeros(n + 1),
        dual=np.zeros(n + 1),
        direction=np.zeros(n + 1),
        outer=np.zeros(n),
        between=np.zeros(n),
        table=np.zeros((n, 3)),
        best=np.zeros(n),
        rows=np.zeros((2, capacity + 1)),
        choices=np.zeros((n, capacity + 1), dtype=np.uint8),
        core=np.zeros((n, 3), dtype=np.int64),
        spare=np.zeros(n, dtype=np.uint8),
        plan=np.zeros(n, dtype=np.uint8),
    )
