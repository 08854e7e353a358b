"""The worker process: relaxation, first points, then one neighbourhood after the other until the task is over."""

import contextlib
import pickle
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, check, objective, settled
from copt.solvers.mip.arms import ARMS, Arm, State, unlikely
from copt.solvers.mip.bandit import FIRST, SECONDS, Bandit, Record
from copt.solvers.mip.channel import Line
from copt.solvers.mip.partner import Begun, Found, Order, Priced, Report, Task
from copt.solvers.mip.submip import Relaxed, SubMIP

__all__ = ["Worker", "main"]

JUMP = 1.0  # seconds for the search of a feasible point
WHOLE = 0.7  # seconds for the linear program that is left with its integers
LONGEST = 8.0  # seconds for the search of a neighbourhood, however fruitful
QUICK = 0.3  # share of the seconds allowed, below which a neighbourhood was small
PATIENT = 1.6  # by what the seconds without a better point grow where one was missing
LEAST, MOST = 0.1, 0.98
BETTER = 1e-6  # relative improvement that counts
OVERHEAD = 0.05  # seconds added to each try, so that no quick one looks infinitely good


def main(handle: int) -> None:
    """Work for the solves at the other end of ``handle``, one after the other, until that hangs up."""
    line = Line(handle)
    order: Order | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            order = order or _next_order(line)
            line.send(Begun(order.number))
            order = _serve(order, line)


def _serve(order: Order, line: Line) -> Order | None:
    """Do what an order says; return the next, None if it has not come. Nothing of the program stays in memory."""
    task = _task_of(order)
    if task is None:
        return None
    _allow(task.memory)
    worker = Worker(task, line)
    worker.run()
    return worker.then()


def _allow(megabytes: float) -> None:
    """Let this process allocate so much, or less where the system says so; if it needs more it dies, without harm."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if megabytes < np.inf:
        most = int(megabytes * 2**20)
        resource.setrlimit(resource.RLIMIT_DATA, (most if soft == resource.RLIM_INFINITY else min(most, soft), hard))


def _next_order(line: Line) -> Order:
    """Wait for an order; whatever else arrives is about what is over.

    Raises:
        EOFError: If the other end has hung up.
    """
    while not isinstance(message := line.recv(), Order):
        pass
    return message


def _task_of(order: Order) -> Task | None:
    """Return the task, None if there is none or it is no longer wanted."""
    if order.path is None:
        return None
    try:
        content = Path(order.path).read_bytes()
    except FileNotFoundError:
        return None
    Path(order.path).unlink(missing_ok=True)
    task: Task = pickle.loads(content)  # written by the solve that started this process
    return task


class Channel(Protocol):
    """The way to whoever asked for the work."""

    def send(self, message: Any, /) -> None:
        """Send a message."""

    def recv(self) -> Any:
        """Wait for one and return it."""


class Worker:
    """Looks for better points of one program.

    Args:
        task: What is asked.
        line: Where points go and better ones come from.
        clock: What counts as seconds.
    """

    def __init__(self, task: Task, line: Channel, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._until = clock, clock() + task.seconds
        self._guide, self._remembered = task.guide, task.points
        self._line, self._instance = line, task.instance
        rng = np.random.default_rng(task.seed)
        self.state = State(task.instance, rng)
        self._arms = {arm.name: arm for arm in ARMS}
        self._bandit = Bandit(list(self._arms), rng, task.prior)
        self._tried: dict[str, Record] = {}
        self._random = np.array([task.seed % 2**62 + 1], dtype=np.uint64)
        self._source = ""
        self._heard: list[Found] = []
        self._order: Order | None = None
        self._lock = threading.Lock()
        self._model = SubMIP(task.instance, self._tell, self._halted, task.seed, clock)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def then(self) -> Order | None:
        """Wait for what is to be done after this, and return it; None if the line is dead."""
        self._listener.join()
        return self._order

    def run(self) -> None:
        """Work until the time is over or something else is to be done."""
        known = self._recall()
        if not known:
            self._plunge("greedy")
            self._jump(np.zeros(self._instance.num_variables))
            if self._guide is None:
                self._bandit.records["greedy"].share = FIRST
                self._search(self._arms["greedy"])
            self._guess()
        self.state.relaxed = relaxed = self._relaxation()
        if relaxed is not None:
            self._send(Priced(relaxed.duals))
            if not known:
                self._jump(relaxed.values)
            self._guess()
            self._descend("dive")
        while not self._halted():
            self._take_news()
            name = self._bandit.choose([name for name, arm in self._arms.items() if self._fits(arm)])
            self._try(self._arms[name])

    def _recall(self) -> bool:
        """Begin with what was best for other programs, as it is or its integers; return whether it gave a point."""
        instance, self._source = self._instance, "memory"
        for values in self._remembered:
            point = settled(instance, values)
            if point is not None:
                self.state.add(_cost_of(instance, point.values), point.values)
        if self._remembered and not instance.integer.all():
            values = np.clip(self._remembered[0], instance.lower, instance.upper)
            self._model.solve(instance.integer, values, seconds=min(WHOLE, self._left()))
        return bool(self.state.pool)

    def _guess(self) -> None:
        """Ask the guide, if there is one, and try what it says."""
        if self._guide is not None:
            self.state.guess = self._guide.probabilities(self._instance, self.state.relaxed)
            if not np.isnan(self.state.guess).all():
                self._descend("guess", self._guide.share(relaxed=self.state.relaxed is not None))

    def _relaxation(self) -> Relaxed | None:
        """Solve the relaxation, if there is a guess without the variables that it rules out, which takes less time."""
        if self._guide is not None and self.state.guess is not None and not np.isnan(self.state.guess).all():
            rest = unlikely(self.state, self._guide.idle())
            relaxed = self._model.relax(self._left(), rest.fixed, rest.values)
            if relaxed is not None:
                return relaxed
        return self._model.relax(self._left())

    def _descend(self, name: str, share: float = FIRST) -> None:
        """Try what an arm makes without a point: so many variables held at first, ever fewer while that pays.

        What that earns says nothing of later, when good points are known.
        """
        self._plunge(name)
        arm, record = self._arms[name], self._bandit.records[name]
        record.share = share
        while record.share > LEAST and not self._halted():
            share, best = record.share, self.state.best
            self._search(arm)
            if record.share >= share and self.state.best >= best:
                break

    def _plunge(self, name: str) -> None:
        """Keep the point that an arm ends in where it holds everything, which leaves nothing to search."""
        hold, self._source = self._arms[name].hold(self.state, 1.0), name
        if hold is not None and hold.fixed.all():
            self._tell(hold.values)

    def _jump(self, start: FloatArray) -> None:
        """Look for a feasible point near ``start``, and for the best one with the same integers."""
        self._source = "jump"
        instance, state = self._instance, self.state
        point = state.points.jump(start, self._random, min(JUMP, self._left()))
        if point is not None:
            self._tell(point)
            if not instance.integer.all():
                self._model.solve(instance.integer, point, seconds=min(WHOLE, self._left()), start=point)

    def _fits(self, arm: Arm) -> bool:
        state = self.state
        known = (not arm.relaxed or state.relaxed is not None) and (not arm.guided or state.guess is not None)
        return len(state.pool) >= arm.points and known

    def _try(self, arm: Arm) -> None:
        """Search a neighbourhood and remember what it earned, so that fruitful arms come again."""
        reward, took = self._search(arm)
        own = self._tried.setdefault(arm.name, Record())
        record = self._bandit.records[arm.name]
        for learned in (record, own):
            learned.add(reward, max(1.0, took / SECONDS))
        own.share, own.seconds = record.share, record.seconds
        self._send(Report(arm.name, own))

    def _search(self, arm: Arm) -> tuple[float, float]:
        """Search a neighbourhood, set how wide and how long the next is; return improvement a second, and seconds."""
        state, before, self._source = self.state, self.state.best, arm.name
        record = self._bandit.records[arm.name]
        began = self._clock()
        hold = arm.hold(state, record.share)
        if hold is None:
            record.share = max(LEAST, 0.8 * record.share)
            return 0.0, 0.0
        seconds, most = record.seconds, min(LONGEST, self._left())
        found = self._model.solve(hold.fixed, hold.values, patience=seconds, seconds=most, start=hold.start)
        took = self._clock() - began
        gain = _gain(before, state.best)
        if found.exhausted:
            record.share = max(LEAST, record.share - _step(gain, took, seconds))
        elif gain == 0.0:
            record.share = min(MOST, record.share + 0.3 * (1.0 - record.share))
            record.seconds = min(LONGEST, PATIENT * seconds)
        return gain / (took + OVERHEAD), took

    def _left(self) -> float:
        return max(0.0, self._until - self._clock())

    def _halted(self) -> bool:
        return self._left() <= 0.0

    def _tell(self, values: FloatArray) -> bool:
        """Keep a point if it is feasible, moved on as far as that is easy; send it, and say so, if it is the best."""
        instance = self._instance
        point = settled(instance, values)
        if point is None:
            return False
        better = self.state.points.polish(point.values)
        values = point.values if check(instance, Point(better)) else better
        best = self.state.add(_cost_of(instance, values), values)
        if best:
            self._send(Found.of(self._source, values))
        return best

    def _send(self, message: Found | Priced | Report) -> None:
        try:
            self._line.send(message)
        except OSError:
            self._until = 0.0

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while not isinstance(news := self._line.recv(), Order):
                with self._lock:
                    self._heard.append(news)
            self._order = news
        self._until = 0.0

    def _take_news(self) -> None:
        with self._lock:
            heard, self._heard = self._heard, []
        for news in heard:
            values = news.dense(self._instance.num_variables)
            self.state.add(_cost_of(self._instance, values), values)


def _cost_of(instance: MIP, values: FloatArray) -> float:
    return instance.sign * objective(instance, Point(values))


def _step(gain: float, took: float, seconds: float) -> float:
    """Return how much less to hold after a neighbourhood was searched to the end: little where it is worth a look."""
    if took >= QUICK * seconds:
        return 0.03
    return 0.05 if gain > 0.0 else 0.15


def _gain(before: float, after: float) -> float:
    """Return the relative improvement; the first point counts as 1."""
    if after >= before:
        return 0.0
    if before == np.inf:
        return 1.0
    gain = (before - after) / max(abs(before), abs(after), 1e-9)
    return gain if gain > BETTER else 0.0
