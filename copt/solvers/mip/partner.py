"""The other process of a solve: looks for better points on a core of its own, and cannot harm the solve."""

import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.bandit import Record
from copt.solvers.mip.channel import Desk

if TYPE_CHECKING:
    from copt.solvers.mip.submip import Relaxed

__all__ = [
    "BARE",
    "COMMAND",
    "Begun",
    "Found",
    "Guide",
    "Order",
    "Partner",
    "Priced",
    "Report",
    "Spare",
    "Task",
    "available",
]

PATIENCE = 10.0  # seconds for a process to start, or to leave what it was asked before
# It needs little of copt, and nothing of what these packages bring for users, which takes as long as its first point.
BARE = ("copt", "copt.solvers.mip")
COMMAND = """import sys, types
sys.path[:] = {path!r}
for name, folders in {bare!r}.items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = folders
from copt.solvers.mip.worker import main
main({handle})"""


class Guide(Protocol):
    """Guesses values of variables."""

    def probabilities(self, instance: MIP, relaxed: "Relaxed | None") -> FloatArray:
        """Return how likely each variable is above its lower bound, NaN where nothing is known, shape (variables,)."""

    def share(self, *, relaxed: bool) -> float:
        """Return the share of the integer variables to hold by a first guess, with the relaxation or without."""

    def idle(self) -> float:
        """Return the share of the integer variables to leave out of the relaxation, by a guess without it."""


class Task(NamedTuple):
    """What the process is asked to do.

    Args:
        instance: The program, in arrays.
        seconds: Most time.
        seed: Seed of every random choice.
        prior: What to expect of the neighbourhoods, by their names.
        guide: Guesses values, None if nothing is known of such programs.
        points: Points of programs with the same variables, the best for this one first; they need not be feasible.
        memory: Most megabytes that the process may allocate, where the system keeps such a limit; it dies of more.
    """

    instance: MIP
    seconds: float
    seed: int
    prior: dict[str, Record] = {}  # noqa: RUF012  (a default that nobody changes)
    guide: Guide | None = None
    points: tuple[FloatArray, ...] = ()
    memory: float = np.inf


class Order(NamedTuple):
    """What the process is to do from now on, instead of what it does.

    Args:
        number: Number of the order, the first being 1.
        path: The file that holds the task, None if there is nothing to do.
    """

    number: int
    path: str | None


class Begun(NamedTuple):
    """Says that what follows is of the order with this number."""

    number: int


class Report(NamedTuple):
    """What an arm has done so far on this instance."""

    arm: str
    record: Record


class Priced(NamedTuple):
    """Prices of the rows in the relaxation, shape (rows,), if they are known."""

    duals: FloatArray | None


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

    @classmethod
    def of(cls, source: str, values: FloatArray) -> "Found":
        """Return a point by all its values."""
        places = np.flatnonzero(values)
        return cls(source, places.astype(np.int32), values[places])

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
        task: What it is asked to do first.

    Raises:
        OSError: If the system starts no more processes.
    """

    def __init__(self, task: Task) -> None:
        ours, theirs = socket.socketpair()
        bare = {name: list(sys.modules[name].__path__) for name in BARE}
        code = COMMAND.format(path=sys.path, bare=bare, handle=theirs.fileno())
        quiet = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
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
        self._desk = Desk(ours)
        self.records: dict[str, Record] = {}
        self.duals: FloatArray | None = None
        self._file: Path | None = None
        self._ordered = self._begun = 0
        self.begin(task)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def begin(self, task: Task) -> None:
        """Ask it to do something else from now on.

        Raises:
            OSError: If no file can be written.
        """
        handle, name = tempfile.mkstemp(prefix="copt-")  # a pipe would make the solve wait until the process reads
        with open(handle, "wb") as file:
            pickle.dump(task, file, protocol=pickle.HIGHEST_PROTOCOL)
        self._order(Path(name))

    def rest(self) -> None:
        """Ask it to do nothing until it is asked again."""
        self._order(None)

    def lost(self) -> bool:
        """Return whether it has died, or has not begun for long what it was asked last."""
        self.found()
        late = self._begun != self._ordered and time.perf_counter() - self._asked > PATIENCE
        return late or self._process.poll() is not None

    def tell(self, values: FloatArray) -> None:
        """Let it know a better point; if there is a newer one before it listens, only that."""
        self._desk.put(Found.of("", values))

    def found(self) -> list[Found]:
        """Return what it has found since the last call."""
        found = []
        for message in self._desk.take():
            if isinstance(message, Begun):
                self._begun = message.number
            elif self._begun == self._ordered:  # what it was asked before is of no interest
                if isinstance(message, Report):
                    self.records[message.arm] = message.record
                elif isinstance(message, Priced):
                    self.duals = message.duals
                else:
                    found.append(message)
        return found

    def end(self) -> None:
        """End the process; again is no harm."""
        self._process.kill()
        self._desk.close()
        self._tidy()
        self._process.wait()

    def _order(self, path: Path | None) -> None:
        self._tidy()
        self._file = path
        self._ordered, self._asked = self._ordered + 1, time.perf_counter()
        self.records, self.duals = {}, None
        self._desk.insist(Order(self._ordered, None if path is None else str(path)))

    def _tidy(self) -> None:
        """Remove the file of a task; nobody needs it any more."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None


class Spare:
    """Keeps a partner from one solve to the next, which then need not wait for a process to start."""

    def __init__(self) -> None:
        self._kept: Partner | None = None

    def take(self, task: Task) -> Partner:
        """Return a partner that works on ``task``: the one that was kept unless it is lost, or a new one.

        Raises:
            OSError: If the system starts no more processes, or no file can be written.
        """
        partner, self._kept = self._kept, None
        if partner is not None and partner.lost():
            partner.end()
            partner = None
        if partner is None:
            return Partner(task)
        try:
            partner.begin(task)
        except OSError:
            partner.end()
            raise
        return partner

    def keep(self, partner: Partner) -> None:
        """Keep a partner, at rest, instead of the one that is kept."""
        partner.rest()
        self.close()
        self._kept = partner

    def close(self) -> None:
        """End the partner that is kept, if there is one."""
        partner, self._kept = self._kept, None
        if partner is not None:
            partner.end()
