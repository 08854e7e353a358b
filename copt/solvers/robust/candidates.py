"""Sets of early projects worth a proof, the most promising first."""

import numpy as np

from copt.monitor import Monitor
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.robust import RobustSolution, objective
from copt.problems.uncertainty import FloatArray
from copt.result import StopReason
from copt.solvers.robust.boxes import Boxes, Desk
from copt.solvers.robust.boxes_kernels import Flags

__all__ = ["Candidates", "offer"]

SEEK = 3000  # random steps towards a worse scenario for a candidate that comes out on top
SPLITS = 1000  # of its boxes at first; then as many again each time
TURN = 0.1  # most seconds between two looks at the clock
CHUNK = 20_000  # sets that are bounded between two looks at it
PACE = 3e-7  # seconds a box that it takes to write a proof and value it, until that has been measured
CHECKS = 6  # times as long that it takes to do that and to check the proof
MOST_HARD = 200  # scenarios kept
SHARE = 0.03  # of the gap that is not worth closing by proof while the bound is what matters
SOURCE = "boxes"
CLOSE = 1e-6  # relative difference at which value and bound are one


class Candidates:
    """Early projects with bounds on what they earn; the incumbent is the monitor's.

    Args:
        desk: The problem.
        instance: The same.
        monitor: Told of what is proved.
    """

    def __init__(self, desk: Desk, instance: CapitalBudgeting, monitor: Monitor) -> None:
        self.desk = desk
        self.rows = np.zeros((0, desk.size), dtype=np.uint8)
        self.bounds = np.zeros(0)  # what each row earns at most
        self.hard: list[FloatArray] = [desk.lower, desk.upper]
        self._instance, self._monitor = instance, monitor
        self._present: set[bytes] = set()
        self._proofs: dict[bytes, Boxes] = {}
        self._hope = -np.inf  # what some candidate is likely to earn: below it, bounds need not be sharp
        self._full: set[bytes] = set()  # with proofs that may not grow any more
        self._pace, self._speed = PACE, np.inf  # seconds a box of a proof that is written; splits a second
        self._offered = self._longest = 0  # boxes of the incumbent's proof, and of the largest that may yet be
        self.complete = False  # whether all sets that keep the budget have been taken in

    @property
    def floor(self) -> float:
        """What the incumbent is proved to earn."""
        best = self._monitor.best
        return -np.inf if best is None else -best

    @property
    def ceiling(self) -> float:
        """What no candidate can exceed, and the incumbent does not."""
        return max(self.floor, float(self.bounds.max(initial=-np.inf)))

    @property
    def closeness(self) -> float:
        """The difference of profits that does not matter."""
        return CLOSE * max(abs(self.floor), 1e-9) if self.floor > -np.inf else 0.0

    @property
    def margin(self) -> float:
        """By how much a candidate must promise more than the incumbent: little does not help while the bound is far."""
        bound = self._monitor.lower_bound
        if self.complete or bound is None or self.floor == -np.inf:
            return self.closeness
        return max(self.closeness, SHARE * (-bound - self.floor))

    def ended(self) -> bool:
        """Return whether the solve must end: also when the time left is what the proof takes to write and check."""
        if self._monitor.remaining <= CHECKS * self._pace * self._longest:
            self._monitor.end(StopReason.TIME)
        return self._monitor.reason() is not None

    def add(self, rows: Flags) -> None:
        """Take in those of ``rows`` that are new and may earn more than the incumbent."""
        fresh = np.array([row.tobytes() not in self._present for row in rows], dtype=np.bool_)
        rows = rows[fresh]
        bounds = self._bounds(rows, max(self.floor, self._hope))
        rows, bounds = rows[bounds > self.floor], bounds[bounds > self.floor]
        self.rows, self.bounds = np.vstack([self.rows, rows]), np.append(self.bounds, bounds)
        self._present.update(row.tobytes() for row in rows)

    def add_all(self) -> None:
        """Take in all sets that keep the budget; from now on the best of them bounds what can be earned."""
        self.rows, self.bounds = self.rows[:0], self.bounds[:0]  # some had been dropped for promising little more
        self._present.clear()
        self.add(self.desk.subsets())
        self.complete = True

    def best(self) -> Flags | None:
        """Return the most promising candidate, or None if none can beat the incumbent."""
        keep = self.bounds > self.floor + self.margin
        if not keep.all():
            for row in self.rows[~keep]:
                self._present.discard(row.tobytes())
                self._proofs.pop(row.tobytes(), None)
            self.rows, self.bounds = self.rows[keep], self.bounds[keep]
        free = [row.tobytes() not in self._full for row in self.rows] if self._full else True
        ranks = np.where(free, self.bounds, -np.inf)
        if ranks.max(initial=-np.inf) == -np.inf:
            return None
        found: Flags = self.rows[int(ranks.argmax())].copy()
        return found

    def climb(self, x: Flags) -> Flags:
        """Return a set that no exchange of one project improves, as far as the scenarios known tell; take it in."""
        value = self._value(x)
        while not self.ended():
            rows = self.desk.neighbours(x)
            bounds = self._bounds(rows, value + self.closeness)
            if bounds.max(initial=-np.inf) <= value + self.closeness:
                break
            near = rows[int(bounds.argmax())].copy()
            found = self._value(near)
            if found <= value:  # the scenarios known were too kind to it; now they are more
                continue
            x, value = near, found
        self.add(x[None])
        return x

    def hardest(self, count: int) -> list[FloatArray]:
        """Return the worst scenarios of the most promising candidates."""
        top = self.rows[np.argsort(-self.bounds, kind="stable")[:count]].copy()
        return [self.seek(x).worst.copy() for x in top]

    def kick(self, x: Flags, random: np.random.Generator) -> Flags:
        """Return ``x`` with a few projects exchanged at random, within the budget."""
        y = x.copy()
        for i in random.permutation(len(x))[: random.integers(2, 2 + max(2, len(x) // 6))]:
            y[i] = 1 - y[i]
        while not self.desk.keeps_budget(y):
            y[random.choice(np.flatnonzero(y))] = 0
        return y

    def _value(self, x: Flags) -> float:
        """Return what ``x`` earns in the worst scenario that is found quickly, which joins those known."""
        boxes = Boxes(self.desk, x)
        boxes.seek(SEEK // 3)
        self._learn(boxes)
        return min(boxes.optimistic, *(self.desk.recourse(x, scenario) for scenario in self.hard))

    def _bounds(self, rows: Flags, floor: float) -> FloatArray:
        """Return bounds on what each of ``rows`` earns, by all scenarios known unless some put it below ``floor``."""
        bounds = np.full(len(rows), np.inf)
        for scenario in self.hard[::-1]:  # the latest are the hardest
            for first in range(0, len(rows), CHUNK):
                if self.ended():  # then looser bounds must do
                    return bounds
                self.desk.harden(rows[first : first + CHUNK], bounds[first : first + CHUNK], scenario, floor)
        return bounds

    def seek(self, x: Flags) -> Boxes:
        """Return the proof for ``x``, whose worst scenario has been sought and put to all candidates."""
        key = x.tobytes()
        if key not in self._proofs:
            self._proofs[key] = boxes = Boxes(self.desk, x)
            boxes.seek(SEEK)
            self._learn(boxes)
            self._hope = max(self._hope, boxes.optimistic)
        return self._proofs[key]

    def work(self, boxes: Boxes) -> None:
        """Go on with a proof, and offer what it has come to if that is a good deal better."""
        before, began = boxes.nodes, self._monitor.elapsed
        splits = max(100, int(min(max(SPLITS, boxes.nodes // 4), TURN * self._speed)))
        boxes.refine(splits, max(0.5 * self.closeness, 1e-12), self.floor)
        if boxes.nodes - before >= SPLITS:
            self._speed = 0.5 * (boxes.nodes - before) / max(1e-9, self._monitor.elapsed - began)
        boxes.seek(SEEK // 10)
        self._learn(boxes)
        left = boxes.optimistic - boxes.proved
        if boxes.full or boxes.nodes == before:
            self._full.add(boxes.x.tobytes())
        if boxes.proved > self.floor and (
            boxes.full or left <= self.margin or left <= 0.5 * (boxes.optimistic - self.floor)
        ):
            self._offer(boxes)
        best = self._unoffered()
        self._longest = max(self._offered, 0 if best is None else best.nodes)

    def finish(self) -> None:
        """Offer what has been proved and not been offered, if that is a good deal better: large proofs take time."""
        best = self._unoffered()
        if best is not None:
            self._offer(best)

    def _unoffered(self) -> Boxes | None:
        """Return the proof that is a good deal better than the incumbent's, if there is one."""
        best = max(self._proofs.values(), key=lambda boxes: boxes.proved, default=None)
        return best if best is not None and best.proved > self.floor + self.margin else None

    def _offer(self, boxes: Boxes) -> None:
        """Offer what has been proved."""
        began = self._monitor.elapsed
        offer(self._instance, self._monitor, boxes.solution())
        self._offered = boxes.nodes
        if boxes.nodes >= SPLITS:
            self._pace = (self._monitor.elapsed - began) / boxes.nodes

    def _learn(self, boxes: Boxes) -> None:
        """Put the worst scenario of ``boxes`` to all candidates."""
        scenario = boxes.worst.copy()
        if not any(np.array_equal(scenario, known) for known in self.hard):
            self.hard.append(scenario)
            if len(self.hard) > MOST_HARD:
                del self.hard[2]  # the first two are corners, most of the oldest of the others were for poor candidates
            self.desk.harden(self.rows, self.bounds, scenario, self._hope)
        own = (self.rows == boxes.x).all(axis=1)
        self.bounds[own] = np.minimum(self.bounds[own], boxes.optimistic)


def offer(instance: CapitalBudgeting, monitor: Monitor, solution: RobustSolution) -> None:
    """Offer ``solution`` for what its proof is worth."""
    monitor.offer(instance.sign * objective(instance, solution), solution, SOURCE)
