"""An encoding cut into chains: the static half of the scheduling environment.

The environment's actions are jobs. A generic encoding has no jobs, so its precedence graph is covered by
chains: in topological order each task joins the chain of its latest predecessor that still ends a chain, or
opens a new one. On a shop the chains are exactly the jobs (those without operations left out); the operations
of an open shop have no order, so that each is a chain of its own.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from copt.errors import InvalidInstanceError
from copt.problems.encoding import Encoding

__all__ = ["Chains", "Mode", "cut"]


class Mode(NamedTuple):
    """One way to run a task: the task itself, or an option of its alternative.

    Args:
        interval: The interval that becomes present: the option, or the task.
        duration: Its length.
        earliest: No start before this.
        resources: No-overlap constraints that it occupies; none if it has no length.
        after: Intervals that end before it starts. An absent one holds nothing up.
    """

    interval: int
    duration: int
    earliest: int
    resources: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Chains:
    """The tasks of an encoding (its mandatory intervals) in chains, with all that a step looks up.

    Tasks keep the number of their interval; lists by task have one entry for each interval, empty for
    options.

    Args:
        encoding: What was cut.
        jobs: Tasks of each chain in order; chains are sorted by their first task.
        job_of: Chain of each task, -1 for options.
        modes: Ways to run each task.
        shortest: Smallest duration of each task.
        resources: All no-overlap constraints that each task may occupy.
        successors: Tasks that wait for each task.
        indegree: Number of tasks that each task waits for.
        tail: Length of a longest path behind each task, in smallest durations.
        lower_bound: Largest of all paths and loads of resources; no makespan is smaller.
    """

    encoding: Encoding
    jobs: list[list[int]]
    job_of: list[int]
    modes: list[list[Mode]]
    shortest: list[int]
    resources: list[tuple[int, ...]]
    successors: list[list[int]]
    indegree: list[int]
    tail: list[int]
    lower_bound: int

    @property
    def unit(self) -> int:
        """The lower bound, or 1 where it is 0: what times and rewards are divided by."""
        return max(1, self.lower_bound)

    @cached_property
    def duration_moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the tasks' smallest durations."""
        durations = [self.shortest[task] for job in self.jobs for task in job]
        return float(np.mean(durations)), float(np.std(durations))


def cut(encoding: Encoding) -> Chains:
    """Cut ``encoding`` into chains.

    Precedences between options hold only if both are present, but a task is taken only after all tasks of
    which some option precedes one of its own.

    Raises:
        InvalidInstanceError: If the precedences have a cycle, an option belongs to two alternatives or is
            itself a master, a master has no option or two alternatives or shares a resource with its option,
            or there is no task.
    """
    task_of, options = _tasks(encoding)
    modes = _modes(encoding, options)
    successors, predecessors = _task_graph(encoding, task_of)
    order = _topological(successors, predecessors)
    tasks = [t for t in order if modes[t]]
    if not tasks:
        raise InvalidInstanceError("an encoding without mandatory intervals leaves nothing to schedule; add one")
    jobs = _cover(tasks, predecessors)
    job_of = [-1] * encoding.num_intervals
    for j, job in enumerate(jobs):
        for task in job:
            job_of[task] = j
    shortest = [min((m.duration for m in ways), default=0) for ways in modes]
    # A precedence of some options binds only where they are present, so no bound may count on it.
    binding = [[s for s in successors[t] if all(t in m.after for m in modes[s])] for t in range(len(modes))]
    tail = [0] * encoding.num_intervals
    for task in reversed(tasks):
        tail[task] = max((shortest[s] + tail[s] for s in binding[task]), default=0)
    return Chains(
        encoding=encoding,
        jobs=jobs,
        job_of=job_of,
        modes=modes,
        shortest=shortest,
        resources=[tuple(sorted({r for m in ways for r in m.resources})) for ways in modes],
        successors=successors,
        indegree=[len(p) for p in predecessors],
        tail=tail,
        lower_bound=max(_longest_path(tasks, modes, shortest, binding), _largest_load(tasks, modes, shortest)),
    )


def _tasks(encoding: Encoding) -> tuple[list[int], list[list[int]]]:
    """Return the task of each interval, and the options of each task (none without alternative)."""
    task_of = list(range(encoding.num_intervals))
    options: list[list[int]] = [[] for _ in task_of]
    bounds = encoding.option_offsets.tolist()
    items = encoding.option_items.tolist()
    for k, master in enumerate(encoding.masters.tolist()):
        if options[master]:
            raise InvalidInstanceError(f"masters[{k}] = {master} has another alternative; join the two")
        options[master] = items[bounds[k] : bounds[k + 1]]
        if not options[master]:
            raise InvalidInstanceError(f"masters[{k}] = {master} has no option; give it one or drop the alternative")
        for option in options[master]:
            if task_of[option] != option or option == master:
                raise InvalidInstanceError(
                    f"option {option} of alternative {k} has another master; add an interval for each use"
                )
            task_of[option] = master
    for task, chosen in enumerate(options):
        if chosen and task_of[task] != task:
            raise InvalidInstanceError(f"interval {task} is both option and master; list its options in its place")
    return task_of, options


def _modes(encoding: Encoding, options: list[list[int]]) -> list[list[Mode]]:
    """Return the modes of each task; none for options."""
    size, earliest = encoding.size.tolist(), encoding.earliest.tolist()
    resources: list[set[int]] = [set() for _ in size]
    offsets, items = encoding.resource_offsets.tolist(), encoding.resource_items.tolist()
    for r in range(encoding.num_resources):
        for item in items[offsets[r] : offsets[r + 1]]:
            resources[item].add(r)
    after: list[set[int]] = [set() for _ in size]
    for a, b in encoding.before.tolist():
        after[b].add(a)
    optional = encoding.optional.tolist()

    def mode(task: int, interval: int) -> Mode:
        twice = resources[task] & resources[interval] if task != interval and size[interval] else ()
        for r in twice:
            raise InvalidInstanceError(
                f"resource {r} lists master {task} and its option {interval}, which coincide; keep one"
            )
        needs = sorted(resources[task] | resources[interval]) if size[interval] else ()
        waits = tuple(sorted(after[task] | after[interval]))
        return Mode(interval, size[interval], max(earliest[task], earliest[interval]), tuple(needs), waits)

    return [[] if optional[t] else [mode(t, i) for i in options[t] or [t]] for t in range(len(size))]


def _task_graph(encoding: Encoding, task_of: list[int]) -> tuple[list[list[int]], list[list[int]]]:
    """Return successors and predecessors of each task, without duplicates."""
    edges = sorted({(task_of[a], task_of[b]) for a, b in encoding.before.tolist()})
    successors: list[list[int]] = [[] for _ in task_of]
    predecessors: list[list[int]] = [[] for _ in task_of]
    for a, b in edges:
        successors[a].append(b)
        predecessors[b].append(a)
    return successors, predecessors


def _topological(successors: list[list[int]], predecessors: list[list[int]]) -> list[int]:
    """Return all intervals in topological order, smaller numbers first (Kahn 1962)."""
    missing = [len(p) for p in predecessors]
    ready = [t for t, count in enumerate(missing) if count == 0]
    order = []
    while ready:
        task = heapq.heappop(ready)
        order.append(task)
        for after in successors[task]:
            missing[after] -= 1
            if missing[after] == 0:
                heapq.heappush(ready, after)
    if len(order) < len(missing):
        stuck = next(t for t, count in enumerate(missing) if count)
        raise InvalidInstanceError(f"before has a cycle at or ahead of interval {stuck}; drop one of its precedences")
    return order


def _cover(tasks: Iterable[int], predecessors: list[list[int]]) -> list[list[int]]:
    """Cover ``tasks``, given in topological order, by chains."""
    chain_ending_in: dict[int, list[int]] = {}
    chains: list[list[int]] = []
    rank: dict[int, int] = {}
    for task in tasks:
        rank[task] = len(rank)
        open_ends = [p for p in predecessors[task] if p in chain_ending_in]
        if open_ends:
            chain = chain_ending_in.pop(max(open_ends, key=rank.__getitem__))
        else:
            chain = []
            chains.append(chain)
        chain.append(task)
        chain_ending_in[task] = chain
    return sorted(chains)


def _longest_path(tasks: list[int], modes: list[list[Mode]], shortest: list[int], binding: list[list[int]]) -> int:
    """Return the makespan without any resource."""
    head = [min((m.earliest for m in ways), default=0) for ways in modes]
    longest = 0
    for task in tasks:
        end = head[task] + shortest[task]
        longest = max(longest, end)
        for after in binding[task]:
            head[after] = max(head[after], end)
    return longest


def _largest_load(tasks: list[int], modes: list[list[Mode]], shortest: list[int]) -> int:
    """Return the largest sum of durations that one resource must take, whatever options are chosen."""
    load: dict[int, int] = {}
    for task in tasks:
        for r in set.intersection(*(set(m.resources) for m in modes[task])):
            load[r] = load.get(r, 0) + shortest[task]
    return max(load.values(), default=0)
