"""The CP encoding of a window, and the way back from its solutions to schedules."""

import numpy as np

from copt.problems.base import IntArray
from copt.problems.encoding import Encoding, Intervals
from copt.problems.jobshop import Schedule, chosen_durations
from copt.solvers.jobshop.window_graph import Mode, WindowGraph

__all__ = ["WindowEncoding"]


class WindowEncoding:
    """An interval for each operation inside a window, then one for each mode of its flexible operations.

    Args:
        graph: The window's graph.

    Attributes:
        encoding: The encoding.
        tails: Longest path from the end of each interval, shape (intervals,).
        hint: The schedule itself as a solution.
    """

    def __init__(self, graph: WindowGraph) -> None:
        self._graph = graph
        self._operations = list(graph.inside)
        self._size = [graph.duration[o] for o in self._operations]
        self._earliest = [graph.earliest(o) for o in self._operations]
        self._tails = [graph.rest(o) for o in self._operations]
        self._options: dict[int, dict[int, Mode]] = {}  # by operation: its options and their modes
        self._on_machine: dict[int, list[int]] = {machine: [] for machine in graph.gaps}
        for o, modes in graph.modes.items():
            self._add_modes(o, modes)
        self.encoding = self._encode()
        self.tails: IntArray = np.array(self._tails, dtype=np.int64)
        self.hint = self._translate(graph.schedule)

    def complete(self, solution: Intervals) -> Schedule:
        """Return the schedule that a solution of the encoding stands for, every operation as early as possible."""
        graph = self._graph
        machine = graph.schedule.machine.copy()
        for o, options in self._options.items():
            machine[o] = next(mode.machine for k, mode in options.items() if solution.start[k] >= 0)
        start = solution.start[: len(self._operations)].tolist()
        middle = sorted(self._operations, key=lambda o: (start[graph.inside[o]], o))
        outside = [o for o in graph.order if o not in graph.inside]
        before = [o for o in outside if not graph.entered[o]]
        after = [o for o in outside if graph.entered[o]]
        return self._append([*before, *middle, *after], machine)

    def _add_modes(self, o: int, modes: list[Mode]) -> None:
        """Put the free operation ``o`` on its machines: itself if it has one mode, else an option a mode."""
        if len(modes) == 1:
            self._put(self._graph.inside[o], modes[0])
            return
        self._options[o] = {}
        for mode in modes:
            k = len(self._size)
            self._size.append(mode.duration)
            self._earliest.append(0)
            self._tails.append(0)
            self._options[o][k] = mode
            self._put(k, mode)

    def _put(self, k: int, mode: Mode) -> None:
        """Put interval ``k`` on the machine of ``mode``; without a duration it occupies none."""
        if mode.duration > 0:
            self._on_machine[mode.machine].append(k)
            self._earliest[k] = max(self._earliest[k], self._graph.earliest_on(mode.machine))
            self._tails[k] = max(self._tails[k], self._graph.rest_on(mode.machine))

    def _encode(self) -> Encoding:
        graph, inside = self._graph, self._graph.inside
        resources = [*self._on_machine.values(), *([inside[o] for o in gap.members] for gap in graph.job_gaps)]
        before = [(inside[u], inside[o]) for o in self._operations for u in graph.preds[o] if u in inside]
        options = list(self._options.values())
        return Encoding(
            size=np.array(self._size),
            earliest=np.array(self._earliest),
            before=np.array(before, dtype=np.int64).reshape(-1, 2),
            resource_items=np.array([k for items in resources for k in items], dtype=np.int64),
            resource_offsets=np.cumsum([0, *map(len, resources)]),
            masters=np.array([inside[o] for o in self._options], dtype=np.int64),
            option_items=np.array([k for group in options for k in group], dtype=np.int64),
            option_offsets=np.cumsum([0, *map(len, options)]),
            name=graph.instance.name,
        )

    def _translate(self, schedule: Schedule) -> Intervals:
        """Return the part of ``schedule`` inside the window as a solution of the encoding."""
        start = np.full(len(self._size), -1)
        end = start.copy()
        start[: len(self._operations)] = schedule.start[self._operations]
        end[: len(self._operations)] = start[: len(self._operations)] + self._size[: len(self._operations)]
        for o, options in self._options.items():
            for k, mode in options.items():
                if mode.machine == schedule.machine[o]:
                    start[k], end[k] = schedule.start[o], schedule.start[o] + mode.duration
        return Intervals(start, end)

    def _append(self, order: list[int], machine: IntArray) -> Schedule:
        """Start the operations in ``order``, each as early as its job and its machine permit."""
        instance = self._graph.instance
        duration, on = chosen_durations(instance, machine).tolist(), machine.tolist()
        job_free = [0] * instance.num_jobs if instance.release is None else instance.release.tolist()
        machine_free = [0] * instance.num_machines
        start = np.zeros(len(order), dtype=np.int64)
        for o in order:
            job = self._graph.job[o]
            begin = job_free[job]
            if duration[o] > 0:
                begin = max(begin, machine_free[on[o]])
                machine_free[on[o]] = begin + duration[o]
            job_free[job] = begin + duration[o]
            start[o] = begin
        return Schedule(start, machine)
