"""What a window of a schedule leaves fixed: arcs, longest paths, and which operations lie between free ones."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from copt.problems.jobshop import JobShop, Schedule, chosen_durations

__all__ = ["Gap", "Mode", "Window", "WindowGraph"]


@dataclass(frozen=True)
class Window:
    """Machines whose order is free between two places of a schedule's time order.

    In an open shop the orders within jobs are free as well if all machines are.

    Args:
        machines: The machines.
        first: Place of the first operation that is free; operations count by start, then by index.
        last: Place of the last one.
    """

    machines: frozenset[int]
    first: int
    last: int


class Gap(NamedTuple):
    """The free part of the sequence of a machine or job, and the operations around it, -1 for none."""

    members: list[int]
    before: int
    after: int


class Mode(NamedTuple):
    """A machine on which a free operation may run, and its duration there."""

    machine: int
    duration: int


class WindowGraph:
    """The graph of a schedule without the arcs between the free operations of its window.

    Fixed operations keep their machines and their order. Those without duration occupy no machine, and are never
    free. Lists have an entry for each operation.

    Args:
        instance: The shop.
        schedule: A schedule of it.
        window: What is free.

    Attributes:
        order: Operations by start, then by index: a topological order.
        job: Jobs.
        duration: Durations in the schedule.
        gaps: The free part of each of the window's machines.
        job_gaps: The free part of each job of an open shop, if any.
        modes: The modes of each free operation on the window's machines.
        preds: Fixed predecessors; those on the machine of a free operation are in ``gaps`` instead.
        succs: Fixed successors, likewise.
        entered: Whether a path from the window leads to the operation.
        leaving: Whether a path to the window leads from the operation.
        inside: Places of the free operations and of those between them, among themselves.
        head: Earliest start, for operations outside that no path from the window enters.
        tail: Longest path from the end of the operation, for operations outside that no path leads from.
    """

    def __init__(self, instance: JobShop, schedule: Schedule, window: Window) -> None:
        self.instance, self.schedule, self._window = instance, schedule, window
        job = instance.job_of
        self.job: list[int] = job.tolist()
        self._ready: list[int] = (np.zeros_like(job) if instance.release is None else instance.release[job]).tolist()
        self.duration: list[int] = chosen_durations(instance, schedule.machine).tolist()
        self.order: list[int] = np.argsort(schedule.start, kind="stable").tolist()
        self._place: list[int] = np.argsort(self.order).tolist()
        self.preds: list[list[int]] = [[] for _ in self.order]
        self.succs: list[list[int]] = [[] for _ in self.order]
        self.gaps = self._cut_machines()
        self.job_gaps = self._cut_jobs()
        self.modes = self._modes_of_free()
        self.entered, self.leaving = self._reach()
        self.head, self.tail = self._longest_paths()
        self.inside = {o: k for k, o in enumerate(o for o in self.order if self._is_inside(o))}

    @property
    def empty(self) -> bool:
        """Whether nothing is free."""
        return not self.modes

    @property
    def around(self) -> int:
        """The longest path that avoids the window, which bounds the makespan from below."""
        longest = 0
        for u in self.order:
            if u in self.inside:
                continue
            if self.entered[u]:
                longest = max(longest, self._ready[u] + self.duration[u] + self.tail[u])
                continue
            rests = (
                self.duration[v] + self.tail[v] for v in self.succs[u] if not self.leaving[v] and v not in self.inside
            )
            longest = max(longest, self.head[u] + self.duration[u] + max(rests, default=0))
        return longest

    def earliest(self, o: int) -> int:
        """Earliest start of ``o``, which lies inside, by its fixed predecessors outside."""
        ends = (self.head[u] + self.duration[u] for u in self.preds[o] if u not in self.inside)
        return max(self._ready[o], max(ends, default=0))

    def rest(self, o: int) -> int:
        """Longest path from the end of ``o``, which lies inside, through its fixed successors outside."""
        rests = (self.duration[v] + self.tail[v] for v in self.succs[o] if v not in self.inside)
        return max(rests, default=0)

    def earliest_on(self, machine: int) -> int:
        """Earliest start of free operations on one of the window's machines."""
        before = self.gaps[machine].before
        return 0 if before < 0 else self.head[before] + self.duration[before]

    def rest_on(self, machine: int) -> int:
        """Longest path from the end of free operations on one of the window's machines."""
        after = self.gaps[machine].after
        return 0 if after < 0 else self.duration[after] + self.tail[after]

    def _link(self, before: int, after: int) -> None:
        self.succs[before].append(after)
        self.preds[after].append(before)

    def _sequences(self, owner: list[int], count: int) -> list[list[int]]:
        """Return the operations with a duration of each machine or job, in time order."""
        result: list[list[int]] = [[] for _ in range(count)]
        for o in self.order:
            if self.duration[o] > 0:
                result[owner[o]].append(o)
        return result

    def _cut(self, sequence: list[int]) -> Gap:
        """Free the part of ``sequence`` that lies in the window and link the rest."""
        low = bisect_left(sequence, self._window.first, key=self._place.__getitem__)
        high = bisect_right(sequence, self._window.last, key=self._place.__getitem__)
        gap = Gap(
            sequence[low:high], sequence[low - 1] if low > 0 else -1, sequence[high] if high < len(sequence) else -1
        )
        self._chain(sequence[:low])
        self._chain(sequence[high:])
        if gap.before >= 0 and gap.after >= 0:
            self._link(gap.before, gap.after)
        return gap

    def _chain(self, sequence: list[int]) -> None:
        for before, after in pairwise(sequence):
            self._link(before, after)

    def _cut_machines(self) -> dict[int, Gap]:
        gaps = {}
        for machine, sequence in enumerate(self._sequences(self.schedule.machine.tolist(), self.instance.num_machines)):
            if machine in self._window.machines:
                gaps[machine] = self._cut(sequence)
            else:
                self._chain(sequence)
        return gaps

    def _cut_jobs(self) -> list[Gap]:
        """Link the operations of each job; free the jobs of an open shop in the window if all machines are."""
        instance = self.instance
        if instance.ordered:
            for first, end in pairwise(instance.job_offsets.tolist()):
                self._chain(list(range(first, end)))
            return []
        sequences = self._sequences(self.job, instance.num_jobs)
        if len(self._window.machines) < instance.num_machines:
            for sequence in sequences:
                self._chain(sequence)
            return []
        gaps = [self._cut(sequence) for sequence in sequences]
        for gap in gaps:
            for o in gap.members:
                if gap.before >= 0:
                    self._link(gap.before, o)
                if gap.after >= 0:
                    self._link(o, gap.after)
        return gaps

    def _modes_of_free(self) -> dict[int, list[Mode]]:
        """Return the modes of each free operation on the window's machines."""
        instance, result = self.instance, {}
        machines, durations = instance.machines.tolist(), instance.durations.tolist()
        for gap in self.gaps.values():
            for o in gap.members:
                modes = range(instance.mode_offsets[o], instance.mode_offsets[o + 1])
                result[o] = [Mode(machines[k], durations[k]) for k in modes if machines[k] in self.gaps]
        return result

    def _reach(self) -> tuple[list[bool], list[bool]]:
        """Return for each operation whether a path from the window enters it, and whether one leads back."""
        entered, leaving = [False] * len(self.order), [False] * len(self.order)
        for gap in self.gaps.values():
            if gap.after >= 0:
                entered[gap.after] = True
            if gap.before >= 0:
                leaving[gap.before] = True
        for o in self.order:
            entered[o] = entered[o] or any(u in self.modes or entered[u] for u in self.preds[o])
        for o in reversed(self.order):
            leaving[o] = leaving[o] or any(v in self.modes or leaving[v] for v in self.succs[o])
        return entered, leaving

    def _is_inside(self, o: int) -> bool:
        return o in self.modes or (self.entered[o] and self.leaving[o])

    def _longest_paths(self) -> tuple[list[int], list[int]]:
        """Return ``head`` and ``tail``."""
        head, tail = [0] * len(self.order), [0] * len(self.order)
        for o in self.order:
            if o not in self.modes and not self.entered[o]:
                head[o] = max(self._ready[o], max((head[u] + self.duration[u] for u in self.preds[o]), default=0))
        for o in reversed(self.order):
            if o not in self.modes and not self.leaving[o]:
                tail[o] = max((self.duration[v] + tail[v] for v in self.succs[o]), default=0)
        return head, tail
