"""The other process of a solve: looks for better points on a core of its own, and cannot harm the solve."""

import os
import pickle
import socket
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.bandit import Record
from copt.solvers.mip.channel import Desk

if TYPE_CHECKING:
    from copt.solvers.mip.submip import Relaxed

__all__ = ["Found", "Guide", "Partner", "Task", "available"]

COMMAND = "import sys; sys.path[:] = {path!r}; from copt.solvers.mip.worker import main; main({handle})"


class Guide(Protocol):
    """Guesses values of variables."""

    def probabilities(self, instance: MIP, relaxed: "Relaxed | None") -> FloatArray:
        """Return how likely each variable is above its lower bound, NaN where nothing is known, shape (variables,)."""


class Task(NamedTuple):
    """What the process is asked to do.

    Args:
        instance: The program, in arrays.
        seconds: Most time.
        seed: Seed of every random choice.
        prior: What to expect of the neighbourhoods, by their names.
        guide: Guesses values, None if nothing is known of such programs.
    """

    instance: MIP
    seconds: float
    seed: int
    prior: dict[str, Record] = {}  # noqa: RUF012  (a default that nobody changes)
    guide: Guide | None = None


class Report(NamedTuple):
    """What an arm has done so far on this instance."""

    arm: str
    record: Record


class Found(NamedTuple):
    """A point.

    Args:
        source: What found it.
        places: Where it is not zero, shape (nonzeros,).
        values: Its values there, shape (nonzeros,).
    """

    source: str
    places: Any
    values: FloatArray

    def dense(self, size: int) -> FloatArray:
        """Return all values, shape (size,)."""
        values = np.zeros(size)
        values[self.places] = self.values
        return values


def available() -> bool:
    """Return whether this system can hand a socket to another process."""
    return os.name == "posix"


class Partner:
    """A worker process, from the side of the solve. Whatever becomes of it, no method raises or waits.

    Args:
        task: What it is asked to do.

    Raises:
        OSError: If the system starts no more processes.
    """

    def __init__(self, task: Task) -> None:
        ours, theirs = socket.socketpair()
        code = COMMAND.format(path=sys.path, handle=theirs.fileno())
        quiet = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        try:
            with tempfile.TemporaryFile() as file:  # a pipe would make the solve wait until the process reads
                pickle.dump(task, file, protocol=pickle.HIGHEST_PROTOCOL)
                file.seek(0)
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=file,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=os.environ | quiet,
                    start_new_session=True,  # Ctrl-C is for the solve, which then ends its partner
                )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.records: dict[str, Record] = {}
        self._desk = Desk(ours)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def tell(self, values: FloatArray) -> None:
        """Let it know a better point; if there is a newer one before it listens, only that."""
        places = np.flatnonzero(values)
        self._desk.put(Found("", places.astype(np.int32), values[places]))

    def found(self) -> list[Found]:
        """Return what it has found since the last call."""
        found = []
        for message in self._desk.take():
            if isinstance(message, Report):
                self.records[message.arm] = message.record
            else:
                found.append(message)
        return found

    def end(self) -> None:
        """End the process; again is no harm."""
        self._process.kill()
        self._process.wait()
        self._desk.close()
