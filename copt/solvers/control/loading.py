"""The kernels of control and how they are loaded."""

from copt.problems.control import toy
from copt.solvers.loading import Loading

__all__ = ["KERNELS", "warm"]


def warm() -> None:
    """Compile every kernel, or load it from the cache, by running each on a small problem."""
    from copt.solvers.control import samplers
    from copt.solvers.control.horizon import Horizon
    from copt.solvers.control.search import Search

    samplers.warm()
    horizon = Horizon(toy())
    reach = horizon.reach(*horizon.box())
    assert reach is not None
    search = Search(horizon, reach)
    search.run(1)
    search.tighten()


KERNELS = Loading(warm)
