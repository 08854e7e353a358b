"""Optima by brute force, and a monitor to solve under."""

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.encoding import Encoding
from copt.problems.jobshop import JobShop
from copt.stop import Stop


def unlimited() -> Monitor:
    """Return a monitor that no test should run out of."""
    return Monitor(Stop(seconds=600), Silent())


def optimum(shop: JobShop) -> int:
    """Return the optimum by trying every order in which operations can be appended to their machines."""
    jobs = [range(a, b) for a, b in zip(shop.job_offsets[:-1].tolist(), shop.job_offsets[1:].tolist(), strict=True)]
    release = [0] * len(jobs) if shop.release is None else shop.release.tolist()
    due = None if shop.criterion == "makespan" or shop.due is None else shop.due.tolist()
    weights = [1] * len(jobs) if shop.weights is None else shop.weights.tolist()

    def modes(operation: int) -> Iterator[tuple[int, int]]:
        for k in range(shop.mode_offsets[operation], shop.mode_offsets[operation + 1]):
            yield int(shop.machines[k]), int(shop.durations[k])

    def value(end: tuple[int, ...]) -> int:
        if due is None:
            return max(end)
        return sum(w * max(0, e - d) for w, e, d in zip(weights, end, due, strict=True))

    @functools.cache
    def best(done: frozenset[int], busy: tuple[int, ...], ready: tuple[int, ...], end: tuple[int, ...]) -> float:
        if len(done) == shop.num_operations:
            return value(end)
        found = math.inf
        for j, operations in enumerate(jobs):
            waiting = [o for o in operations if o not in done]
            for o in waiting[:1] if shop.ordered else waiting:
                for machine, duration in modes(o):
                    start = max(ready[j], busy[machine]) if duration else ready[j] if shop.ordered else release[j]
                    finish = start + duration
                    found = min(
                        found,
                        best(
                            done | {o},
                            _put(busy, machine, finish) if duration else busy,
                            _put(ready, j, max(ready[j], finish)),
                            _put(end, j, max(end[j], finish)),
                        ),
                    )
        return found

    return int(best(frozenset(), (0,) * shop.num_machines, tuple(release), (0,) * len(jobs)))


def optimum_of_encoding(encoding: Encoding) -> int:
    """Return the optimum by trying every choice of options and every order of appending to resources."""
    groups = np.split(encoding.option_items, encoding.option_offsets[1:-1])
    options = {int(master): groups[k].tolist() for k, master in enumerate(encoding.masters)}
    tasks = np.flatnonzero(~encoding.optional).tolist()
    choices = itertools.product(*(options.get(task, [task]) for task in tasks))
    return int(min(_best_order(encoding, dict(zip(tasks, choice, strict=True))) for choice in choices))


def _best_order(encoding: Encoding, chosen: dict[int, int]) -> float:
    """Return the optimum when each task runs on its ``chosen`` option."""
    size, earliest = encoding.size.tolist(), encoding.earliest.tolist()
    task_of = {i: task for task, option in chosen.items() for i in (task, option)}
    before = [(a, b) for a, b in encoding.before.tolist() if a in task_of and b in task_of]
    used: list[set[int]] = [set() for _ in size]
    for r in range(encoding.num_resources):
        for i in encoding.resource_items[encoding.resource_offsets[r] : encoding.resource_offsets[r + 1]]:
            used[i].add(r)

    def value(end: dict[int, int]) -> int:
        if encoding.due is None or encoding.weights is None:
            return max(end.values())
        ends = {i: end[task] for i, task in task_of.items()}
        return sum(int(encoding.weights[i]) * max(0, e - int(encoding.due[i])) for i, e in ends.items())

    def extend(end: dict[int, int], busy: tuple[int, ...]) -> float:
        found = math.inf
        for task, option in chosen.items():
            preds = [task_of[a] for a, b in before if task_of[b] == task]
            if task in end or any(p not in end for p in preds):
                continue
            resources = used[task] | used[option] if size[option] else set()
            ready = [earliest[task], earliest[option], *(end[p] for p in preds), *(busy[r] for r in resources)]
            finish = max(ready) + size[option]
            held = tuple(finish if r in resources else b for r, b in enumerate(busy))
            found = min(found, extend(end | {task: finish}, held))
        return value(end) if len(end) == len(chosen) else found

    return extend({}, (0,) * encoding.num_resources)


def _put(values: tuple[int, ...], index: int, value: int) -> tuple[int, ...]:
    return (*values[:index], value, *values[index + 1 :])
