"""The kernels of control and how they are loaded."""

import itertools

from copt.problems.control import toy
from copt.solvers.loading import Loading

__all__ = ["KERNELS", "warm"]


def warm() -> None:
    """Compile every kernel, or load it from the cache, by running each on a small problem."""
    from copt.solvers.control.flat import flatten
    from copt.solvers.control.horizon import Horizon
    from copt.solvers.control.samplers import MPPI, plan

    problem = toy()
    horizon = Horizon(problem)
    horizon.reach(*horizon.box())
    plan(flatten(problem), MPPI(samples=64), seconds=3, clock=itertools.count().__next__)


KERNELS = Loading(warm)
