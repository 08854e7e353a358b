"""The two-stage robust knapsack: static plan, local search on decisions, branch and price."""

from concurrent.futures import ThreadPoolExecutor

from copt.monitor import Monitor
from copt.problems.robust_knapsack import RobustKnapsack
from copt.solvers.loading import COLD
from copt.solvers.robust.knapsack_descent import roam, start_static
from copt.solvers.robust.knapsack_game import KnapsackGame
from copt.solvers.robust.knapsack_moves import Guide, by_bound
from copt.solvers.robust.knapsack_primal import Primal, greedy_plan
from copt.solvers.robust.knapsack_static import solve_static
from copt.solvers.robust.knapsack_tree import Tree

__all__ = ["search_knapsack", "solve_knapsack"]

PATIENT = 4  # rounds of local search without success after which its thread helps to branch
SLICE = 0.3  # share of a single thread's time that local search gets


def solve_knapsack(
    instance: RobustKnapsack, monitor: Monitor, *, workers: int, seed: int, guide: Guide | None = by_bound
) -> None:
    """Search until the monitor says stop or the optimum is proved.

    Args:
        instance: The instance.
        monitor: Takes incumbents and bounds.
        workers: Number of threads.
        seed: Seed of every random choice.
        guide: Which moves of local search are tried first; None takes all of them in random order.
    """
    from copt.solvers.robust.loading import KNAPSACK  # which warms by what this module defines

    primal = Primal(instance, monitor)
    primal.offer_plan(greedy_plan(instance), "greedy plan")
    KNAPSACK.begin()
    began = monitor.elapsed
    while not KNAPSACK.done() and monitor.wait(0.01) is None:
        if monitor.elapsed - began > COLD:
            monitor.note("compiling the search kernels on first use (once); `copt doctor --warm` does it ahead")
            solve_static(primal, KNAPSACK.done)
            began = float("inf")
    if monitor.reason() is None:
        search_knapsack(primal, workers, seed, guide)


def search_knapsack(primal: Primal, workers: int, seed: int, guide: Guide | None = None) -> None:
    """Search with compiled kernels; see ``solve_knapsack``."""
    game = KnapsackGame(primal.instance, seed)
    start_static(game, primal)
    if primal.stopped():
        return
    tree = Tree(primal)
    tree.plant(game)
    if workers == 1:
        _alternate(game, tree, primal, seed, guide)
        return
    with ThreadPoolExecutor(workers) as pool:
        tasks = [pool.submit(_roam_and_branch, primal, tree, seed + 1, guide)]
        tasks += [pool.submit(_branch, KnapsackGame(primal.instance, seed + k), tree) for k in range(2, workers)]
        _branch(game, tree)
        for task in tasks:
            task.result()


def _branch(game: KnapsackGame, tree: Tree) -> None:
    while tree.work(game):
        pass


def _roam_and_branch(primal: Primal, tree: Tree, seed: int, guide: Guide | None) -> None:
    game = KnapsackGame(primal.instance, seed)
    failures, best = 0, primal.monitor.best
    for optimal in roam(game, primal, seed, guide):
        if not optimal:
            continue
        failures, best = (failures + 1, best) if primal.monitor.best == best else (0, primal.monitor.best)
        if failures >= PATIENT:
            break
    _branch(game, tree)


def _alternate(game: KnapsackGame, tree: Tree, primal: Primal, seed: int, guide: Guide | None) -> None:
    """Give local search and tree their shares of one thread's time."""
    moves, began, spent = roam(game, primal, seed, guide), primal.monitor.elapsed, 0.0
    while not primal.stopped():
        since = primal.monitor.elapsed
        if spent <= SLICE * (since - began):
            next(moves, None)
            spent += primal.monitor.elapsed - since
        if not tree.work(game):
            return
