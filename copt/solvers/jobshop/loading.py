"""The kernels of shops and how they are loaded."""

import numpy as np

from copt.events import Silent
from copt.monitor import Monitor
from copt.policy import load_policy, policy_names
from copt.problems.jobshop import JobShop
from copt.solvers.loading import COMPILING, Loading
from copt.stop import Stop

__all__ = ["FLEXIBLE", "PLAIN", "warm"]


def warm() -> None:
    """Compile every kernel, or load it from the cache, by running each on a small shop."""
    warm_plain()
    warm_flexible()


def warm_plain() -> None:
    """Run every kernel for shops with one machine an operation."""
    from copt.solvers.jobshop.bounds import one_machine_bound
    from copt.solvers.jobshop.search import Effort, search

    random = np.random.default_rng(0)
    instance = JobShop.from_arrays(np.argsort(random.random((8, 8)), axis=1), random.integers(1, 9, (8, 8)))
    one_machine_bound(instance)
    policy = next(stored for stored in map(load_policy, policy_names()) if stored.family == instance.family)
    search(
        instance,
        Monitor(Stop(moves=600, seconds=COMPILING), Silent()),
        policy=policy,
        effort=Effort(2, 10, 10, 200, (2, 3)),
    )


def warm_flexible() -> None:
    """Run every kernel for flexible shops."""
    from copt.solvers.jobshop.flexible import search_flexible

    durations = np.random.default_rng(0).integers(1, 9, (4, 4)).tolist()
    instance = JobShop.from_jobs([[[(0, d), (1, d)] for d in job] for job in durations])
    search_flexible(instance, Monitor(Stop(moves=200, seconds=COMPILING), Silent()), 1, 0)


PLAIN = Loading(warm_plain)
FLEXIBLE = Loading(warm_flexible)
