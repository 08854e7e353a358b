"""A first solution of an encoding, by list scheduling."""

import heapq

import numpy as np

from copt.problems.encoding import Encoding, Intervals, check

__all__ = ["list_schedule"]


class _State:
    """A partial solution; lists have an entry for each interval or each resource."""

    def __init__(self, encoding: Encoding) -> None:
        count = encoding.num_intervals
        self.size: list[int] = encoding.size.tolist()
        self.earliest: list[int] = encoding.earliest.tolist()
        self.start, self.end = [-1] * count, [-1] * count
        groups = np.split(encoding.option_items, encoding.option_offsets[1:-1])
        self.options = {master: groups[k].tolist() for k, master in enumerate(encoding.masters.tolist())}
        self.task_of = list(range(count))
        for master, options in self.options.items():
            for o in options:
                self.task_of[o] = master
        self.free = [0] * encoding.num_resources
        self.resources: list[list[int]] = [[] for _ in range(count)]
        owners = np.repeat(np.arange(encoding.num_resources), np.diff(encoding.resource_offsets))
        for i, r in zip(encoding.resource_items.tolist(), owners.tolist(), strict=True):
            self.resources[i].append(r)
        self.preds: list[list[int]] = [[] for _ in range(count)]
        self.succs: list[list[int]] = [[] for _ in range(count)]  # of tasks, options counted as their tasks
        self.missing = [0] * count
        for a, b in encoding.before.tolist():
            self.preds[b].append(a)
            self.succs[self.task_of[a]].append(self.task_of[b])
            self.missing[self.task_of[b]] += 1

    def begin(self, task: int, option: int) -> int:
        """Return when ``task`` can start on ``option``, which is the task itself if it has no options."""
        times = [max(self.earliest[i], *(self.end[a] for a in self.preds[i]), 0) for i in (task, option)]
        if self.size[option] > 0:
            times += [self.free[r] for i in (task, option) for r in self.resources[i]]
        return max(times)

    def place(self, task: int, option: int, begin: int) -> None:
        """Start ``task`` on ``option``."""
        for i in (task, option):
            self.start[i], self.end[i] = begin, begin + self.size[option]
            if self.size[option] > 0:
                for r in self.resources[i]:
                    self.free[r] = self.end[i]


def list_schedule(encoding: Encoding) -> Intervals | None:
    """Return a solution in which the interval that can start first goes next, on the option that ends first.

    A heap holds lower bounds on start times, which are corrected when they come up.

    Args:
        encoding: The encoding.

    Returns:
        A solution, or None if this finds none: where precedences run in a circle, an option counting as its
        master, or an alternative has no option, or an interval is twice on a resource.
    """
    state = _State(encoding)
    tasks = np.flatnonzero(~encoding.optional).tolist()
    heap = [(state.earliest[t], t) for t in tasks if state.missing[t] == 0]
    heapq.heapify(heap)
    while heap:
        bound, task = heap[0]
        times = ((state.begin(task, o), o) for o in state.options.get(task, [task]))
        _, begin, option = min(((t + state.size[o], t, o) for t, o in times), default=(0, 0, -1))
        if option < 0:
            return None
        if begin > bound:
            heapq.heapreplace(heap, (begin, task))
            continue
        heapq.heappop(heap)
        state.place(task, option, begin)
        for successor in state.succs[task]:
            state.missing[successor] -= 1
            if state.missing[successor] == 0:
                heapq.heappush(heap, (state.earliest[successor], successor))
    solution = Intervals(np.array(state.start), np.array(state.end))
    return None if check(encoding, solution) else solution
