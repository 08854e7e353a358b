"""Capital budgeting with loans as its kernels see it: whole costs, a pool of plans and the memory to play over it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.robust import RobustSolution
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.box_game_kernels import BoxGame
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.loans_kernels import BARRED, CHOSEN, FREE, LATE, RECENT, Desk, Projects, relax
from copt.solvers.robust.loans_search_kernels import Stack, climb, dive

__all__ = ["CELLS", "LoansGame", "Node", "units"]

POOL = 1000  # plans that are remembered; more than RECENT and ROUNDS, so that none in play is overwritten
ROUNDS = 500  # of column generation, at most
WORK, FEW = 500_000_000, 20  # cells of tables for them, but at least so many rounds
HARD = 40  # scenarios that decisions are screened with
CELLS = 100_000_000  # of the largest table of dynamic programming
UNITS = (1, 10, 100, 1000)  # parts of the currency in which costs may be whole
TINY = 1e-8  # of what all projects earn: a difference that is none
DIVE, FEWEST = 20_000_000, 5  # cells of tables for the nodes of a dive, but at least so many nodes
NODES = 200  # of a dive, at most
TRIALS = 10  # exchanges in the time of a node


class Node(NamedTuple):
    """A subproblem.

    Args:
        bound: Upper bound on what is earned.
        early_loan: Whether the early loan is taken.
        fixed: BARRED, CHOSEN or FREE, shape (projects,).
        scenario: Where to look for its bound, shape (factors + 1,).
        item: The project that was fixed last, -1 if none.
        distance: That of its share from what it was fixed to.
    """

    bound: float
    early_loan: bool
    fixed: Bytes
    scenario: FloatArray
    item: int = -1
    distance: float = 1.0


def units(instance: CapitalBudgeting) -> int | None:
    """Return in how many parts of the currency all costs are whole, None if that or their table would be too large."""
    for parts in UNITS:
        costs = instance.costs * parts
        if np.allclose(costs, np.rint(costs), rtol=1e-12, atol=1e-9):
            fits = instance.num_projects * (float(costs.sum()) + 1.0) <= CELLS
            return parts if fits else None
    return None


class LoansGame:
    """What one thread needs to search with the early loan taken, or not.

    Args:
        instance: The instance; costs are certain and have ``units``.
        early_loan: Whether it is taken.
        seed: Seed of the perturbation that keeps vertices apart.
    """

    def __init__(self, instance: CapitalBudgeting, early_loan: bool, seed: int) -> None:
        self.instance = instance
        self.early_loan = early_loan
        self.projects = _projects(instance, early_loan)
        self.tiny = TINY * (1.0 + float(instance.profits.sum()))
        cells = instance.num_projects * (self.projects.late_budget + 1)
        self._nodes = max(FEWEST, min(NODES, DIVE // cells))
        self._least = -1.0 - _most_at_stake(self.projects)
        self.desk = _desk(self.projects, 0.1 * self.tiny, max(FEW, min(ROUNDS, WORK // cells)), seed)
        self._stack = _stack(*self.projects.spreads.shape)

    def root(self) -> Node:
        """Return the whole problem, with its bound."""
        n, factors = self.projects.spreads.shape
        fixed, v = np.full(n, FREE, dtype=np.uint8), np.zeros(factors + 1)
        bound, _ = self._relax(fixed, v)
        return Node(bound, self.early_loan, fixed, v)

    def _relax(self, fixed: Bytes, v: FloatArray) -> tuple[float, float]:
        return relax(self.projects, self.desk, fixed, v, self._least, 0.0, self.tiny)

    def worth(self, x: Bytes) -> float:
        """Return what ``x`` earns in the worst case."""
        return float(self._relax(x, np.zeros(self._stack.v.size))[1])

    def dive(self, node: Node, cutoff: float) -> tuple[list[Node], float, Bytes, float]:
        """Branch below ``node`` for a while.

        Returns:
            The nodes left open; the most that was found to be earned, at least ``cutoff``; what is early then; and the
            bound of decisions whose worst case is not known closely enough.
        """
        stack = self._stack
        stack.fixed[0], stack.scenarios[0], stack.bounds[0] = node.fixed, node.scenario, node.bound
        stack.items[0], stack.distances[0] = node.item, node.distance
        left, value, loose = dive(self.projects, self.desk, stack, 1, self._nodes, cutoff, self.tiny)
        return [self._node(k) for k in range(left)], value, stack.best.copy(), loose

    def _node(self, k: int) -> Node:
        stack = self._stack
        return Node(
            float(stack.bounds[k]),
            self.early_loan,
            stack.fixed[k].copy(),
            stack.scenarios[k].copy(),
            int(stack.items[k]),
            float(stack.distances[k]),
        )

    def climb(self, x: Bytes, random: np.random.Generator) -> Iterator[tuple[Bytes, float]]:
        """Yield ever better decisions near ``x`` and what they earn, by exchanges, a few of them at a time."""
        moves = random.permutation(np.column_stack(np.triu_indices(x.size)))
        value, start, failures, trials = self.worth(x), 0, 0, TRIALS * self._nodes
        yield x, value
        while failures < len(moves):
            self._stack.best[:] = x  # which a dive may have used meanwhile
            more, found = climb(self.projects, self.desk, self._stack, moves, start, trials, value, self.tiny)
            failures = more if found > value else failures + more
            x, value, start = self._stack.best.copy(), found, start + trials
            yield x, value

    def fitted(self, x: Bytes, random: np.random.Generator) -> Bytes:
        """Return ``x`` less as many projects, drawn at random, as the early budget cannot pay."""
        x = x.copy()
        while x @ self.projects.costs > self.projects.early_budget:
            x[random.choice(np.flatnonzero(x))] = BARRED
        return x

    def solution(self, x: Bytes) -> RobustSolution:
        """Return ``x`` with its best mix of plans."""
        v = np.zeros(self._stack.v.size)
        self._relax(x, v)
        game = self.desk.game
        m = v.size
        mixed = (game.basis >= 2 * m) & (game.primal > 1e-10)
        places, weights = game.basis[mixed] - 2 * m, game.primal[mixed]
        plans = (self.desk.plans[places] == LATE).astype(np.float64)
        first = (x == CHOSEN).astype(np.float64)
        if self.instance.loans is not None:
            first = np.append(first, float(self.early_loan))
            plans = np.column_stack([plans, self.desk.borrowed[places]])
        return RobustSolution(
            x=first, plans=plans, worst=v[:-1].copy(), proof="mixture", weights=weights / weights.sum()
        )


def _projects(instance: CapitalBudgeting, early_loan: bool) -> Projects:
    loans, parts = instance.loans, units(instance)
    assert parts is not None
    costs = np.rint(instance.costs * parts).astype(np.int64)
    total = int(costs.sum())
    early = instance.budget + (loans.early_amount if loans is not None and early_loan else 0.0)
    late = early + (loans.late_amount if loans is not None else 0.0)
    spreads = 0.5 * instance.profits[:, None] * instance.profit_factors
    most = instance.profits + np.abs(spreads).sum(axis=1)
    return Projects(
        profits=instance.profits,
        spreads=spreads,
        costs=costs,
        late=instance.late,
        early_cost=loans.early_cost if loans is not None and early_loan else 0.0,
        late_cost=loans.late_cost if loans is not None else 0.0,
        early_budget=min(total, _floor(early * parts)),
        late_budget=min(total, _floor(late * parts)),
        most_price=2.0 * float((most / np.maximum(costs, 1)).max()),
        nothing=np.zeros(costs.size, dtype=np.int64),
    )


def _floor(amount: float) -> int:
    """Return the whole amount, where sums of rounded numbers may have lost a little."""
    return int(np.floor(amount + 1e-9 * max(1.0, amount)))


def _most_at_stake(projects: Projects) -> float:
    """Return more than can be lost in any scenario."""
    changes = np.abs(projects.spreads).sum(axis=1) * max(1.0, projects.late)
    return float(changes.sum()) + projects.early_cost + projects.late_cost


def _desk(projects: Projects, epsilon: float, rounds: int, seed: int) -> Desk:
    n, factors = projects.spreads.shape
    m = factors + 1
    game = BoxGame(
        gains=np.zeros(POOL),
        slopes=np.zeros((POOL, m)),
        lower=np.append(-np.ones(factors), 0.0),
        upper=np.ones(m),
        epsilon=epsilon / m * np.random.default_rng(seed).uniform(0.5, 1.5, m),
        active=np.zeros(RECENT + rounds, dtype=np.int64),
        basis=np.zeros(m + 1, dtype=np.int32),
        inverse=np.zeros((m + 1, m + 1)),
        primal=np.zeros(m + 1),
        dual=np.zeros(m + 1),
        direction=np.zeros(m + 1),
        outer=np.zeros(m),
    )
    return Desk(
        game=game,
        plans=np.zeros((POOL, n), dtype=np.uint8),
        borrowed=np.zeros(POOL, dtype=np.uint8),
        filled=np.zeros(2, dtype=np.int64),
        between=np.zeros(m),
        table=np.zeros((n, 3)),
        modes=np.zeros(n, dtype=np.uint8),
        best=np.zeros(n),
        rows=np.zeros((2, projects.late_budget + 1)),
        choices=np.zeros((n, projects.late_budget + 1), dtype=np.uint8),
        core=np.zeros((n, 3), dtype=np.int64),
        spare=np.zeros(n, dtype=np.uint8),
        plan=np.zeros(n, dtype=np.uint8),
        found=np.zeros(n, dtype=np.uint8),
        loan=np.zeros(1, dtype=np.uint8),
    )


def _stack(n: int, factors: int) -> Stack:
    depth, m = n + 3, factors + 1
    return Stack(
        fixed=np.zeros((depth, n), dtype=np.uint8),
        scenarios=np.zeros((depth, m)),
        bounds=np.zeros(depth),
        items=np.zeros(depth, dtype=np.int64),
        distances=np.zeros(depth),
        node=np.zeros(n, dtype=np.uint8),
        v=np.zeros(m),
        shares=np.zeros(n),
        barred=np.zeros(n),
        chosen=np.zeros(n),
        x=np.zeros(n, dtype=np.uint8),
        best=np.zeros(n, dtype=np.uint8),
        trial=np.zeros(m),
        hard=np.zeros((HARD, m)),
        known=np.zeros(2, dtype=np.int64),
        lowered=np.zeros((2, n)),
        times=np.zeros((2, n), dtype=np.int64),
    )
