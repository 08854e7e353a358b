"""Loads compiled kernels in the background: a second from the cache, up to a minute when first compiled."""

import threading
from collections.abc import Callable

import numpy as np

from copt.events import Silent
from copt.monitor import Monitor
from copt.policy import load_policy, policy_names
from copt.problems.jobshop import JobShop
from copt.stop import Stop

__all__ = ["FLEXIBLE", "PLAIN", "Loading", "warm"]


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
    search(instance, Monitor(Stop(moves=600), Silent()), policy=policy, effort=Effort(2, 10, 10, 200, (2, 3)))


def warm_flexible() -> None:
    """Run every kernel for flexible shops."""
    from copt.solvers.jobshop.flexible import search_flexible

    durations = np.random.default_rng(0).integers(1, 9, (4, 4)).tolist()
    instance = JobShop.from_jobs([[[(0, d), (1, d)] for d in job] for job in durations])
    search_flexible(instance, Monitor(Stop(moves=200), Silent()), 1, 0)


class Loading:
    """A background thread that loads kernels once a process; every solve shares it.

    Args:
        task: Runs the kernels to load.
    """

    def __init__(self, task: Callable[[], object]) -> None:
        self._task = task
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._done = threading.Event()
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Start loading, unless some solve already has."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="copt-kernels", daemon=True)
                self._thread.start()

    def done(self) -> bool:
        """Return whether the kernels are ready.

        Raises:
            BaseException: What loading them raised.
        """
        if self._error is not None:
            raise self._error
        return self._done.is_set()

    def _run(self) -> None:
        try:
            self._task()
        except BaseException as error:
            self._error = error
        self._done.set()


PLAIN = Loading(warm_plain)
FLEXIBLE = Loading(warm_flexible)
