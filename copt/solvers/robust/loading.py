"""The kernels of robust problems and how they are loaded."""

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.robust_knapsack import toy_knapsack
from copt.solvers.loading import Loading
from copt.stop import Stop

__all__ = ["KNAPSACK", "warm", "warm_knapsack"]


def warm() -> None:
    """Compile every kernel, or load it from the cache, by running each on a small problem."""
    warm_knapsack()


def warm_knapsack() -> None:
    """Run every kernel of the knapsack."""
    from copt.solvers.robust.knapsack import search_knapsack
    from copt.solvers.robust.knapsack_primal import Primal

    search_knapsack(Primal(toy_knapsack(), Monitor(Stop(), Silent(), sign=-1)), 1, 0)


KNAPSACK = Loading(warm_knapsack)
