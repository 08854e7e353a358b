"""Loads compiled kernels in the background: a second from the cache, up to a minute when first compiled."""

import threading
from collections.abc import Callable

__all__ = ["COLD", "COMPILING", "Loading"]

COLD = 4.0  # seconds after which kernels that still load must be compiling
COMPILING = 3600.0  # most seconds that compiling may take, on whatever machine


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

    def wait(self) -> None:
        """Load now, and return when the kernels are ready.

        Raises:
            BaseException: What loading them raised.
        """
        self.begin()
        self._done.wait()
        self.done()

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
