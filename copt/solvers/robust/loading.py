"""The kernels of two-stage robust problems and how they are loaded."""

import numpy as np

from copt.events import Silent
from copt.instances.robust_generators import capital_budgeting, capital_budgeting_loans
from copt.monitor import Monitor
from copt.problems.robust_knapsack import toy_knapsack
from copt.solvers.loading import Loading
from copt.stop import Stop

__all__ = ["BOXES", "KNAPSACK", "LOANS", "warm"]


def warm() -> None:
    """Compile every kernel, or load it from the cache, by running each on a small problem."""
    warm_knapsack()
    warm_boxes()
    warm_loans()


def warm_knapsack() -> None:
    """Run every kernel of the knapsack."""
    from copt.solvers.robust.knapsack import search_knapsack
    from copt.solvers.robust.knapsack_primal import Primal

    search_knapsack(Primal(toy_knapsack(), Monitor(Stop(), Silent(), sign=-1)), 1, 0)


def warm_boxes() -> None:
    """Run every kernel that proves by boxes."""
    from copt.solvers.robust.boxes import Desk
    from copt.solvers.robust.candidates import Candidates

    instance = capital_budgeting(projects=5)
    desk = Desk(instance)
    candidates = Candidates(desk, instance, Monitor(Stop(), Silent(), sign=-1))
    candidates.add(desk.subsets())
    candidates.work(candidates.seek(candidates.climb(np.zeros(5, dtype=np.uint8))))


def warm_loans() -> None:
    """Run every kernel of capital budgeting with loans."""
    from copt.solvers.robust.loans_game import LoansGame

    game = LoansGame(capital_budgeting_loans(projects=5), True, 0)
    _, _, x, _ = game.dive(game.root(), 0.0)
    for _ in game.climb(x, np.random.default_rng(0)):
        pass


KNAPSACK = Loading(warm_knapsack)
BOXES = Loading(warm_boxes)
LOANS = Loading(warm_loans)
