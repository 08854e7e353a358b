"""The relaxations of the two-stage robust knapsack, as Python sees them: a pool of plans and what is asked of it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from copt.problems.robust import RobustSolution
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.game_kernels import Int32, Program, Vertex
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.pool_kernels import BARE, IDLE, NOTHING, WHOLE, Room, keep
from copt.solvers.robust.relaxation_kernels import Items, find, force, relax, screen, static_plan

__all__ = ["BARRED", "CHOSEN", "FREE", "KnapsackGame", "Part", "Relaxation", "plain_solution"]

BARRED, CHOSEN, FREE = 0, 1, 2
POOL = 2500  # plans that are remembered
PASSES = 40  # of column generation, each with a fresh inverse, until a relaxation is left as it is
EXACT = 5e-8  # relative, between bound and value of a relaxation that is solved


class Part(NamedTuple):
    """A part of the problem.

    Args:
        fixed: BARRED, CHOSEN or FREE, shape (items,).
        low: Least price of the budget.
        high: Greatest price of the budget.
    """

    fixed: Bytes
    low: float
    high: float


class Relaxation(NamedTuple):
    """A relaxation that was solved, or given up as no better than the cutoff.

    Args:
        bound: Lower bound on its value.
        value: Cost of the best mix found; infinite if there was no need of one.
        multipliers: Those of the rows that give the bound, shape (2 * items + 2,).
        plans: Choices of the plans in the mix, shape (plans, items).
        weights: Their shares.
        price: The price of the budget.
        basis: Basis of the linear program, to start a similar one from.
        owner: Whose plans the basis counts.
    """

    bound: float
    value: float
    multipliers: FloatArray
    plans: Bytes
    weights: FloatArray
    price: float
    basis: Int32
    owner: "KnapsackGame"

    @property
    def scenario(self) -> FloatArray:
        """Return the scenario of the bound, shape (items,)."""
        n = self.plans.shape[1]
        found: FloatArray = self.multipliers[:n] + self.multipliers[n + 2 :]
        return found

    @property
    def recourse(self) -> Bytes:
        """Return what the plans do once items are chosen, shape (plans, items): idle ones are not produced."""
        found: Bytes = np.where(self.plans == IDLE, NOTHING, self.plans)
        return found

    @property
    def shares(self) -> FloatArray:
        """Return in what share of the mix each free item is chosen, shape (items,)."""
        chosen: FloatArray = self.weights @ (self.plans > 0)
        return chosen


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
        self.rounds = max(1, min(40, 40_000_000 // (n * (capacity + 1))))  # between two looks at the clock
        self.items = Items(
            profits=instance.profits,
            losses=instance.degradations,
            weights=instance.weights.astype(np.int64),
            repair=instance.repair_weights.astype(np.int64),
            capacity=capacity,
        )
        self.room = _room(instance, capacity, seed)
        self._forbidden = 1.0 + float((instance.profits + instance.degradations + instance.outsourcing).sum())

    def root(self) -> Part:
        """Return the problem, with items that earn more when outsourced than when not chosen already chosen."""
        gains = self.instance.outsourcing <= self.instance.profits
        return self.decided(np.where(gains, CHOSEN, FREE).astype(np.uint8))

    def decided(self, fixed: Bytes) -> Part:
        """Return the part of the problem with decisions ``fixed``, whatever the price of the budget."""
        return Part(fixed, 0.0, float(self.instance.degradations.max()))

    def first_multipliers(self) -> FloatArray:
        """Return the scenario that spreads the budget, as multipliers."""
        multipliers = np.zeros(2 * self.size + 2)
        multipliers[: self.size] = min(1.0, self.instance.budget / self.size)
        return multipliers

    def program(self, part: Part) -> Program:
        """Return the linear program of ``part``, over the pool."""
        instance, fixed = self.instance, part.fixed
        produced = np.array([False, True, True, False])
        chosen = np.where(produced, 1.0, 0.0) * np.ones((self.size, 1))
        chosen[:, NOTHING], chosen[:, IDLE] = fixed == CHOSEN, fixed != BARRED
        cost = chosen * (instance.outsourcing - instance.profits)[:, None] - produced * instance.outsourcing[:, None]
        cost[fixed == BARRED, BARE : WHOLE + 1] = self._forbidden
        losses = instance.degradations[:, None]
        lost = np.where(np.arange(4) == BARE, losses, 0.0)
        return Program(
            budget=float(instance.budget),
            constant=float(instance.budget * part.low),
            width=part.high - part.low,
            plain=bool((instance.degradations <= part.high).all()),
            cost=cost,
            rise=np.where(losses > part.low, lost - part.low * chosen, 0.0),
            rest=np.where(losses > part.high, lost - part.high * chosen, 0.0),
            plans=self.room.plans,
            costs=self.room.costs,
        )

    def solve(
        self,
        part: Part,
        *,
        start: Relaxation | None = None,
        cutoff: float = np.inf,
        tolerance: float = 0.0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Relaxation:
        """Return the relaxation of ``part``.

        Args:
            part: The part of the problem.
            start: A similar one.
            cutoff: A lower bound from which on nothing more is asked.
            tolerance: How far bound and value may be apart at the end.
            stopped: Whether to end it early.
        """
        own = start is not None and start.owner is self
        program, vertex = self.program(part), self.room.vertex
        basis = np.full(2 * self.size + 2, -1, dtype=np.int32)
        if start is not None and own:
            basis = self._completed(start.basis, program.plain)
        multipliers = self.first_multipliers() if start is None else self._suited(start.multipliers, program)
        if start is not None and not own:
            self._adopt(start.plans)
        gap = max(tolerance, EXACT * self.scale)
        bound = -np.inf
        for _ in range(PASSES):
            least, value, steps = relax(self.items, program, self.room, basis, multipliers, cutoff, gap, self.rounds)
            bound = max(bound, least)
            if steps < self.rounds or bound >= cutoff or stopped():
                break
        first = 3 * self.size + 2
        price = part.low + float(vertex.primal[vertex.basis == first - 2].sum())
        mixed = vertex.basis >= first
        places, weights = vertex.basis[mixed] - first, vertex.primal[mixed]
        used = weights > 1e-10
        return Relaxation(bound, value, multipliers, self.room.plans[places[used]], weights[used], price, basis, self)

    def _completed(self, basis: Int32, plain: bool) -> Int32:
        """Return a basis with as many columns as there are rows, of slacks what is missing."""
        n, basis = self.size, basis.copy()
        if not plain and basis[-1] < 0:
            basis[n + 1 :] = np.append(3 * n + 1, np.arange(2 * n, 3 * n))
        elif plain and basis[-1] >= 0:
            basis[0] = -1
        return basis

    def _suited(self, multipliers: FloatArray, program: Program) -> FloatArray:
        """Return multipliers as ``program`` allows them: without a bound on its price they keep the budget."""
        n, multipliers = self.size, multipliers.copy()
        if program.plain:
            multipliers[:n] += multipliers[n + 2 :]
            multipliers[n:] = 0.0
            multipliers *= min(1.0, program.budget / max(1e-9, multipliers.sum()))
        return multipliers

    def _adopt(self, plans: Bytes) -> None:
        for plan in plans:
            self.room.plan[:] = plan
            keep(self.room)

    def forced(self, game: Relaxation, part: Part) -> tuple[FloatArray, FloatArray]:
        """Return lower bounds of the relaxation with each free item barred, and with it chosen."""
        barred, chosen = np.empty(self.size), np.empty(self.size)
        force(self.items, self.program(part), self.room, game.multipliers, barred, chosen)
        return barred, chosen

    def beaten(self, x: Bytes, scenarios: FloatArray, cutoff: float) -> int:
        """Return the first of ``scenarios`` in which ``x`` costs at least ``cutoff``, -1 if there is none."""
        return int(screen(self.items, self.program(self.decided(x)), self.room, scenarios, cutoff))

    def shortfall(self, part: Part, found: Relaxation) -> float:
        """Return what the mix that was ``found`` would lose on top if its price of the budget were the only one."""
        losses, price = self.instance.degradations, found.price
        lost = losses * (found.weights @ (found.plans == BARE))
        chosen = np.where(part.fixed == FREE, found.shares, part.fixed == CHOSEN)
        rise = np.where(losses > part.low, lost - part.low * chosen, 0.0) - (price - part.low)
        rest = np.where(losses > part.high, lost - part.high * chosen, 0.0)
        paid = np.maximum(0.0, np.maximum(rise, rest))
        return float(np.maximum(0.0, lost - price * chosen - paid).sum())

    def recourse(self, x: Bytes, scenario: FloatArray) -> float:
        """Return the cost of the second stage alone: of the best plan open to the decisions ``x`` in ``scenario``."""
        gain = np.where(x == 1, self.instance.outsourcing, -self._forbidden)
        lost = self.instance.degradations * scenario
        self.room.table[:] = np.stack([np.zeros(self.size), gain - lost, gain], axis=1)
        return 0.0 - float(find(self.items, -1.0, self.room))

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
        plans = game.recourse
        open_to = ~((plans > 0) & (x == 0)).any(axis=1)
        if game.weights[open_to].sum() < 0.5:
            return None
        plans, weights = plans[open_to], game.weights[open_to]
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
    rows = 2 * n + 2
    return Room(
        plans=np.zeros((POOL, n), dtype=np.uint8),
        made=np.zeros((3, n, POOL), dtype=np.float32),
        filled=filled,
        costs=np.zeros(POOL),
        scores=np.zeros(POOL),
        active=np.zeros(POOL, dtype=np.int64),
        marks=np.zeros(POOL, dtype=np.uint8),
        vertex=Vertex(
            epsilon=scale * np.random.default_rng(seed).uniform(0.5, 1.5, rows),
            basis=np.zeros(rows, dtype=np.int32),
            inverse=np.zeros((rows, rows)),
            primal=np.zeros(rows),
            dual=np.zeros(rows),
            column=np.zeros(rows),
            direction=np.zeros(rows),
            worth=np.zeros((n, 4)),
        ),
        outer=np.zeros(rows),
        between=np.zeros(rows),
        worth=np.zeros((n, 4)),
        table=np.zeros((n, 3)),
        best=np.zeros(n),
        rows=np.zeros((2, capacity + 1)),
        choices=np.zeros((n, capacity + 1), dtype=np.uint8),
        core=np.zeros((n, 3), dtype=np.int64),
        spare=np.zeros(n, dtype=np.uint8),
        plan=np.zeros(n, dtype=np.uint8),
    )
