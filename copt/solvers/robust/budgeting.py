"""Capital budgeting with uncertain costs: candidates, proofs by boxes, and bounds by scenarios.

Upper bounds on the profit come from scenarios: of few projects all sets of early ones are listed and bounded one by
one; of many, SCIP solves the problem with the worst scenarios found (column-and-constraint generation, Zeng and Zhao
2013). What a set of early projects is sure to earn is proved by cutting the box of scenarios into boxes with a plan
each.
"""

import itertools
import threading

import numpy as np

from copt.monitor import Monitor
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.boxes import Boxes, Desk, one_box
from copt.solvers.robust.boxes_kernels import Flags
from copt.solvers.robust.candidates import Candidates, offer
from copt.solvers.robust.loading import BOXES
from copt.solvers.robust.scenario_master import ScenarioMaster

__all__ = ["solve_budgeting"]

LISTED = 20  # projects up to which all sets of early ones are listed
PATIENCE = 1.0  # seconds for kernels to load before SCIP begins
KICKS = 30  # local searches before the first long proof, at least
KICKING, LONGEST = 0.05, 2.0  # share of the time for more of them, and most seconds
SLICE, TURN = 5.0, 0.2  # most seconds, and share of what remains, for SCIP at a time where it has no thread of its own
SHARED = 6  # scenarios that SCIP is told before its second search
SEEK = 3000  # random steps towards a worse scenario


def solve_budgeting(instance: CapitalBudgeting, monitor: Monitor, *, workers: int, seed: int) -> None:
    """Search until the monitor says stop or value and bound meet."""
    BOXES.begin()
    offer(instance, monitor, one_box(instance, densest(instance)))
    bounds = _Bounds(instance, monitor, seed)
    if instance.num_projects > LISTED and workers > 1:
        bounds.start()
    try:
        while not BOXES.done() and monitor.wait(0.02) is None:
            if monitor.elapsed > PATIENCE:
                bounds.take_turn()
        if instance.num_projects > LISTED:
            bounds.take_turn()
        if monitor.reason() is None:
            _Search(instance, monitor, bounds, seed).run()
    finally:
        bounds.join()


def densest(instance: CapitalBudgeting) -> Flags:
    """Return the early projects that a greedy choice by profit for cost takes while they surely can be paid."""
    greatest = instance.costs * (1.0 + 0.5 * np.abs(instance.cost_factors).sum(axis=1))
    chosen, left = np.zeros(instance.num_projects, dtype=np.uint8), instance.budget
    for i in np.argsort(-instance.profits / np.maximum(greatest, 1e-300), kind="stable"):
        if greatest[i] <= left:
            chosen[i] = 1
            left -= greatest[i]
    return chosen


class _Search:
    """Looks for early projects and proves what they earn."""

    def __init__(self, instance: CapitalBudgeting, monitor: Monitor, bounds: "_Bounds", seed: int) -> None:
        self.instance, self.monitor, self.bounds = instance, monitor, bounds
        self.random = np.random.default_rng(seed)
        self.candidates = Candidates(Desk(instance, seed), instance, monitor)

    def run(self) -> None:
        """Search until the monitor says stop or all is proved."""
        candidates, monitor = self.candidates, self.monitor
        start = candidates.climb(densest(self.instance))
        candidates.work(candidates.seek(start))
        self._explore(start)
        self.bounds.tell(candidates.hardest(SHARED))
        if self.instance.num_projects <= LISTED:
            candidates.add_all()
        while not candidates.ended():
            self._hear()
            found = candidates.best()
            if found is not None:
                self._advance(found)
            elif candidates.complete:
                monitor.prove(-candidates.ceiling, "boxes")
                break
            elif self.bounds.meets(-candidates.floor):
                monitor.prove(-candidates.floor, "boxes")
            else:
                self.bounds.take_turn()
                best = np.round(monitor.solution.x).astype(np.uint8)
                candidates.climb(candidates.kick(best, self.random))
        candidates.finish()

    def _explore(self, start: Flags) -> None:
        """Climb from sets near the most promising one, before long proofs begin."""
        candidates, monitor, x = self.candidates, self.monitor, start
        listed = self.instance.num_projects <= LISTED
        until = monitor.elapsed + (0.0 if listed else min(LONGEST, KICKING * monitor.remaining))
        for kick in itertools.count():
            if candidates.ended() or (kick >= KICKS and monitor.elapsed >= until):
                break
            candidates.climb(candidates.kick(x, self.random))
            best = candidates.best()
            x = start if best is None else best

    def _advance(self, x: Flags) -> None:
        """Seek the worst case of the most promising candidate; if it stays the best, go on with its proof."""
        boxes = self.candidates.seek(x)
        again = self.candidates.best()
        if again is not None and np.array_equal(again, x):
            self.candidates.work(boxes)
        if self.candidates.complete:
            self.monitor.prove(-self.candidates.ceiling, "boxes")

    def _hear(self) -> None:
        """Climb from what the bounding side has found."""
        for x in self.bounds.found():
            if self.candidates.desk.keeps_budget(x):
                self.candidates.climb(x)


class _Bounds:
    """The bounding side, in a thread of its own or by turns: SCIP, and a search for the scenario that it overlooks."""

    def __init__(self, instance: CapitalBudgeting, monitor: Monitor, seed: int) -> None:
        self._master, self._monitor = ScenarioMaster(instance, monitor), monitor
        self._desk = Desk(instance, seed + 1)
        self._found: list[Flags] = []
        self._heard: list[FloatArray] = []
        self._told = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._next_turn = 0.0
        self._error: BaseException | None = None

    @property
    def threaded(self) -> bool:
        """Whether there is a thread."""
        return self._thread is not None

    def start(self) -> None:
        """Work in a thread from now on."""
        self._thread = threading.Thread(target=self._run, name="copt-scenarios", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the thread, which ends soon after the monitor says stop; raise what it raised."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def found(self) -> list[Flags]:
        """Return the early projects found since the last call."""
        with self._lock:
            found, self._found = self._found, []
        return found

    def tell(self, scenarios: list[FloatArray]) -> None:
        """Let the problem have ``scenarios`` from the next search on; a thread waits for them after its first."""
        with self._lock:
            self._heard += scenarios
        self._told.set()

    def meets(self, value: float) -> bool:
        """Return whether the bound and ``value`` are one, but for rounding."""
        bound = self._monitor.lower_bound
        return bound is not None and value - bound <= 2e-6 * max(1.0, abs(value))

    def take_turn(self) -> None:
        """Work for a while if there is no thread and it is time."""
        if not self.threaded and self._monitor.elapsed >= self._next_turn:
            began = self._monitor.elapsed
            self.step(min(SLICE, TURN * self._monitor.remaining))
            self._next_turn = 2.0 * self._monitor.elapsed - began

    def step(self, seconds: float) -> None:
        """Solve the problem with the scenarios so far, and add the worst one for its solution."""
        with self._lock:
            heard, self._heard = self._heard, []
        if heard:
            self._master.add(heard)
        found = self._master.solve(seconds)
        with self._lock:
            self._found += found[:5]
        if not BOXES.done() or self._monitor.reason() is not None:
            return
        hard = []
        for x in found[:2]:
            if self._desk.keeps_budget(x):
                boxes = Boxes(self._desk, x)
                boxes.seek(SEEK)
                hard.append(boxes.worst)
        self._master.add(hard)

    def _run(self) -> None:
        try:
            while self._monitor.reason() is None:
                self.step(self._monitor.remaining)
                while not self._told.is_set() and self._monitor.wait(0.05) is None:
                    pass
        except BaseException as error:
            self._error = error
