"""Capital budgeting with certain costs, with loans or without: dives into a branch and price, and local search.

Only profits are uncertain, so that the problem is a game between plans and scenarios (Arslan and Detienne 2022). Where
projects are many, the mean scenario often bounds what can be earned as closely as any, and what is hard is to find
early projects that balance the risk factors; local search looks for these in a share of the time.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from copt.monitor import Monitor
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.robust import RobustSolution, objective
from copt.solvers.loading import COLD
from copt.solvers.robust.frontier import SOURCE, Entry, Frontier
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.loans_game import LoansGame, Node

__all__ = ["search_loans", "solve_loans"]

CLOSE = 5e-7  # relative, by which something better must be better
SLICE = 0.3  # share of the time for local search
KICK = 6  # projects that change sides at most before another local search


def solve_loans(instance: CapitalBudgeting, monitor: Monitor, *, workers: int, seed: int) -> None:
    """Search until the monitor says stop or the optimum is proved.

    Args:
        instance: The instance; its costs are certain and have ``loans_game.units``.
        monitor: Takes incumbents and bounds.
        workers: Number of threads.
        seed: Seed of every random choice.
    """
    from copt.solvers.robust.loading import LOANS  # which warms by what this module defines

    for early_loan in _choices(instance):
        _offer(instance, monitor, greedy(instance, early_loan), "greedy")
    LOANS.begin()
    began = monitor.elapsed
    while not LOANS.done() and monitor.wait(0.01) is None:
        if monitor.elapsed - began > COLD:
            monitor.note("compiling the search kernels on first use (once); `copt doctor --warm` does it ahead")
    if monitor.reason() is None:
        search_loans(instance, monitor, workers, seed)


def search_loans(instance: CapitalBudgeting, monitor: Monitor, workers: int, seed: int) -> None:
    """Search with compiled kernels; see ``solve_loans``."""
    first = _Thread(instance, monitor, seed)
    frontier = Frontier[Node](monitor, lambda: first.cutoff, 2.0 * first.tiny)
    roots = first.roots()
    monitor.prove(frontier.safe(-max(root.bound for root in roots)), "root")
    for root in roots:
        frontier.add(-root.bound, root)
    if workers == 1:
        first.run(frontier)
        return
    with ThreadPoolExecutor(workers) as pool:
        threads = [_Thread(instance, monitor, seed + k) for k in range(1, workers)]
        tasks = [pool.submit(thread.run, frontier) for thread in threads]
        first.run(frontier)
        for task in tasks:
            task.result()


def greedy(instance: CapitalBudgeting, early_loan: bool) -> RobustSolution:
    """Return the solution that begins early what earns most for its cost, and nothing late."""
    loans, n = instance.loans, instance.num_projects
    left = instance.budget + (loans.early_amount if loans is not None and early_loan else 0.0)
    x = np.zeros(n if loans is None else n + 1)
    for i in np.argsort(-instance.profits / np.maximum(instance.costs, 1e-300), kind="stable"):
        if instance.costs[i] <= left:
            x[i] = 1.0
            left -= instance.costs[i]
    if loans is not None:
        x[n] = float(early_loan)
    slope = 0.5 * (instance.profits * x[:n]) @ instance.profit_factors
    worst = np.where(slope > 0, -1.0, 1.0)
    return RobustSolution(x=x, plans=np.zeros((1, x.size)), worst=worst, proof="mixture", weights=np.ones(1))


def _choices(instance: CapitalBudgeting) -> tuple[bool, ...]:
    """Return what can be done about the early loan."""
    return (False,) if instance.loans is None else (False, True)


def _offer(instance: CapitalBudgeting, monitor: Monitor, solution: RobustSolution, source: str) -> None:
    monitor.offer(instance.sign * objective(instance, solution), solution, source)


class _Thread:
    """What one thread does, in turns: dive into the best node, and climb from the incumbent."""

    def __init__(self, instance: CapitalBudgeting, monitor: Monitor, seed: int) -> None:
        self._instance, self._monitor = instance, monitor
        self._games = {early_loan: LoansGame(instance, early_loan, seed) for early_loan in _choices(instance)}
        self._random = np.random.default_rng(seed)
        self.tiny = max(game.tiny for game in self._games.values())

    @property
    def cutoff(self) -> float:
        """The cost from which on nothing is better than the incumbent, but for rounding."""
        best = self._monitor.best
        assert best is not None  # the greedy solution has been offered
        return best - CLOSE * abs(best) - 2.0 * self.tiny

    def roots(self) -> list[Node]:
        """Return the problem without the early loan, and with it."""
        return [game.root() for game in self._games.values()]

    def run(self, frontier: Frontier[Node]) -> None:
        """Search until the monitor says stop or no node is left."""
        monitor = self._monitor
        climbs, began, spent = self._climbs(), monitor.elapsed, 0.0
        while monitor.reason() is None:
            since = monitor.elapsed
            if spent <= SLICE * (since - began):
                next(climbs)
                spent += monitor.elapsed - since
            if not frontier.work(lambda entry: self._dive(frontier, entry)):
                return

    def _dive(self, frontier: Frontier[Node], entry: Entry[Node]) -> bool:
        game, cutoff = self._games[entry.node.early_loan], -self.cutoff
        left, value, x, loose = game.dive(entry.node, cutoff)
        if value > cutoff:
            _offer(self._instance, self._monitor, game.solution(x), SOURCE)
        if loose > cutoff:
            frontier.loosen(-loose)
        for node in left:
            if node.bound > -self.cutoff:
                frontier.add(-node.bound, node)
        return True

    def _climbs(self) -> Iterator[None]:
        """Climb from the incumbent, kicked each time but the first; pause now and then."""
        kick = 0
        while True:
            x, early_loan = self._incumbent()
            game = self._games[early_loan]
            for i in self._random.choice(x.size, size=min(x.size, kick), replace=False):
                x[i] = 1 - x[i]
            for better, value in game.climb(game.fitted(x, self._random), self._random):
                if value > -self.cutoff:
                    _offer(self._instance, self._monitor, game.solution(better), "local search")
                yield
            kick = int(self._random.integers(2, KICK))

    def _incumbent(self) -> tuple[Bytes, bool]:
        """Return what the best solution known begins early, and whether it takes the early loan."""
        x = np.rint(self._monitor.solution.x).astype(np.uint8)
        n = self._instance.num_projects
        return x[:n].copy(), bool(x[n:].any())
