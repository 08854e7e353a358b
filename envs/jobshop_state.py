"""A partial solution of an encoding, and the bounds that follow from it: what dynamics move."""

import numpy as np

from copt.envs.jobshop_chains import Chains, Mode
from copt.problems.encoding import Intervals

__all__ = ["NEVER", "State"]

NEVER = 2**62
"""Start of the next task of a job that has none, or whose next task waits for another job's."""


class State:
    """Which tasks are fixed, and when the next task of each job could start and end.

    Propagation is that of the paper: an interval that is not fixed starts after its fixed predecessors and
    after the fixed intervals on its resources (tasks are always appended, never squeezed into a gap), and not
    before ``floor``. A task with an alternative takes the option that would end first, or the first of those
    listed.

    Args:
        chains: What is to be scheduled.

    Attributes:
        floor: No task starts before this from now on.
        position: Number of fixed tasks of each job.
        next_start: Earliest start of each job's next task, or ``NEVER``.
        next_end: Its earliest end, or ``NEVER``.
        next_mode: Its mode, or None.
        start: Start of each interval, -1 while it is not fixed.
        end: End of each interval, -1 while it is not fixed.
        free: End of the last interval on each resource.
        work: Durations that each resource may still have to take, options at their task's smallest.
        makespan: Largest end of a fixed interval.
        bound: What the objective cannot fall below any more; at the end, the objective itself.
        remaining: Number of tasks to be fixed.
    """

    __slots__ = (
        "_missing",
        "_users",
        "bound",
        "chains",
        "end",
        "floor",
        "free",
        "makespan",
        "next_end",
        "next_mode",
        "next_start",
        "position",
        "remaining",
        "start",
        "work",
    )

    def __init__(self, chains: Chains) -> None:
        encoding = chains.encoding
        jobs, intervals, resources = len(chains.jobs), encoding.num_intervals, encoding.num_resources
        self.chains = chains
        self.floor = 0
        self.position = [0] * jobs
        self.next_start = [NEVER] * jobs
        self.next_end = [NEVER] * jobs
        self.next_mode: list[Mode | None] = [None] * jobs
        self.start = [-1] * intervals
        self.end = [-1] * intervals
        self.free = [0] * resources
        self.work = [0] * resources
        self.makespan = 0
        self.bound = chains.lower_bound if encoding.due is None else 0
        self.remaining = sum(map(len, chains.jobs))
        self._missing = list(chains.indegree)
        self._users: list[set[int]] = [set() for _ in range(resources)]
        for task, users in enumerate(chains.resources):
            for r in users:
                self.work[r] += chains.shortest[task]
        for job in range(jobs):
            self._open(job)

    @property
    def now(self) -> int:
        """Earliest time at which something can start; the makespan once all tasks are fixed."""
        return min(self.next_start) if self.remaining else self.makespan

    def next_task(self, job: int) -> int | None:
        """Return the first task of ``job`` that is not fixed, or None."""
        tasks, position = self.chains.jobs[job], self.position[job]
        return tasks[position] if position < len(tasks) else None

    def fix(self, job: int) -> None:
        """Fix the next task of ``job`` at its earliest start, which must not be ``NEVER``."""
        chains = self.chains
        task, mode = chains.jobs[job][self.position[job]], self.next_mode[job]
        assert mode is not None
        begin, end = self.next_start[job], self.next_end[job]
        for interval in {task, mode.interval}:
            self.start[interval], self.end[interval] = begin, end
            self._charge(interval, end)
        self.makespan = max(self.makespan, end)
        for r in mode.resources:
            self.free[r] = end
        for r in chains.resources[task]:
            self.work[r] -= chains.shortest[task]
            self._users[r].discard(job)
        self.position[job] += 1
        self.remaining -= 1
        self.next_start[job] = self.next_end[job] = NEVER
        self.next_mode[job] = None
        for r in mode.resources:
            for user in self._users[r]:
                self._refresh(user)
        for after in chains.successors[task]:
            self._missing[after] -= 1
            self._open(chains.job_of[after])

    def wait(self, until: int) -> None:
        """Let no task start before ``until``."""
        self.floor = until
        for job, start in enumerate(self.next_start):
            if start < until:
                self._refresh(job)

    def window(self, job: int, length: int) -> list[tuple[int, int]]:
        """Return (earliest start, duration) of the next tasks of ``job``, at most ``length`` of them.

        The start of a later task counts fixed intervals, and the tasks before it in its own job.
        """
        tasks, position = self.chains.jobs[job], self.position[job]
        found, after = [], self.floor
        for task in tasks[position : position + length]:
            mode, start, end = self._earliest(task, after)
            found.append((start, mode.duration))
            after = end
        return found

    def solution(self) -> Intervals:
        """Return the fixed intervals; absent options and open tasks have start and end -1."""
        return Intervals(np.array(self.start), np.array(self.end))

    def _open(self, job: int) -> None:
        """Bring the next task of ``job`` into play if nothing is missing before it."""
        task = self.next_task(job)
        if task is not None and self._missing[task] == 0 and self.next_mode[job] is None:
            for r in self.chains.resources[task]:
                self._users[r].add(job)
            self._refresh(job)

    def _refresh(self, job: int) -> None:
        task = self.chains.jobs[job][self.position[job]]
        mode, start, end = self._earliest(task, self.floor)
        self.next_mode[job], self.next_start[job], self.next_end[job] = mode, start, end
        if self.chains.encoding.due is None:
            self.bound = max(self.bound, end + self.chains.tail[task])

    def _earliest(self, task: int, floor: int) -> tuple[Mode, int, int]:
        """Return the mode in which ``task`` would end first, with its start and its end."""
        ends, free, best, best_start, best_end = self.end, self.free, None, NEVER, NEVER
        for mode in self.chains.modes[task]:
            start = mode.earliest if mode.earliest > floor else floor
            for i in mode.after:
                if ends[i] > start:
                    start = ends[i]
            for r in mode.resources:
                if free[r] > start:
                    start = free[r]
            if start + mode.duration < best_end:
                best, best_start, best_end = mode, start, start + mode.duration
        assert best is not None
        return best, best_start, best_end

    def _charge(self, interval: int, end: int) -> None:
        """Add the tardiness of a fixed interval to the bound."""
        encoding = self.chains.encoding
        if encoding.due is not None and encoding.weights is not None:
            self.bound += int(encoding.weights[interval]) * max(0, end - int(encoding.due[interval]))
