"""Windows against brute force over all ways to fill them."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from copt.problems.jobshop import JobShop, Schedule, check, chosen_durations, objective
from copt.solvers.jobshop.windows import Window, improve

Sequences = list[list[int]]
LIMITS: dict[str, Any] = {"seconds": 60.0, "workers": 1, "seed": 0, "stop": lambda: False}


def begin(shop: JobShop) -> Schedule:
    """Return a poor schedule: one job after the other, each operation on its last machine."""
    last = shop.mode_offsets[1:] - 1
    free = np.zeros(shop.num_machines, dtype=np.int64)
    start = np.zeros(shop.num_operations, dtype=np.int64)
    for job in range(shop.num_jobs):
        ready = 0 if shop.release is None else int(shop.release[job])
        for o in range(shop.job_offsets[job], shop.job_offsets[job + 1]):
            machine, duration = shop.machines[last[o]], shop.durations[last[o]]
            start[o] = max(ready, free[machine]) if duration else ready
            ready = start[o] + duration
            free[machine] = max(free[machine], ready) if duration else free[machine]
    return Schedule(start, shop.machines[last])


def longest(shop: JobShop, duration: list[int], chains: Sequences) -> int | None:
    """Return the makespan when operations follow each other along ``chains``, or None for a cycle."""
    release = (np.zeros(shop.num_jobs) if shop.release is None else shop.release)[shop.job_of]
    end = [int(r) + d for r, d in zip(release, duration, strict=True)]
    for _ in range(len(end) + 1):
        before = list(end)
        for chain in chains:
            for a, b in itertools.pairwise(chain):
                end[b] = max(end[b], end[a] + duration[b])
        if end == before:
            return max(end)
    return None


def fillings(sequence: list[int], free: list[int], low: int) -> Iterator[list[int]]:
    """Yield ``sequence`` with every order of ``free`` inserted at ``low``."""
    rest = [o for o in sequence if o not in free]
    for order in itertools.permutations(free):
        yield [*rest[:low], *order, *rest[low:]]


def best_filling(shop: JobShop, schedule: Schedule, window: Window) -> int:
    """Return the smallest makespan of all schedules that differ in the window only."""
    duration = chosen_durations(shop, schedule.machine)
    order = np.argsort(schedule.start, kind="stable").tolist()
    freed = [
        o for o in order[window.first : window.last + 1] if schedule.machine[o] in window.machines and duration[o] > 0
    ]
    early = set(order[: window.first])
    modes = [
        [(int(m), int(d)) for m, d in zip(*mode_arrays(shop, o), strict=True) if m in window.machines] for o in freed
    ]
    best = objective(shop, schedule)
    for choice in itertools.product(*modes):
        length = duration.tolist()
        machine = schedule.machine.copy()
        for o, (m, d) in zip(freed, choice, strict=True):
            length[o], machine[o] = d, m
        for chains in all_chains(shop, window, order, early, freed, machine.tolist(), length):
            value = longest(shop, length, chains)
            best = best if value is None else min(best, value)
    return best


def mode_arrays(shop: JobShop, o: int) -> tuple[list[int], list[int]]:
    """Return the machines and durations of operation ``o``."""
    modes = slice(shop.mode_offsets[o], shop.mode_offsets[o + 1])
    return shop.machines[modes].tolist(), shop.durations[modes].tolist()


def all_chains(
    shop: JobShop,
    window: Window,
    order: list[int],
    early: set[int],
    freed: list[int],
    machine: list[int],
    duration: list[int],
) -> Iterator[Sequences]:
    """Yield every choice of job and machine sequences that the window admits."""
    choices: list[list[list[int]]] = []
    for m in range(shop.num_machines):
        sequence = [o for o in order if machine[o] == m and duration[o] > 0]
        members = [o for o in freed if o in sequence]
        low = sum(1 for o in sequence if o in early and o not in members)
        choices.append(list(fillings(sequence, members, low)))
    for j in range(shop.num_jobs):
        operations = range(shop.job_offsets[j], shop.job_offsets[j + 1])
        if shop.ordered:
            choices.append([list(operations)])
            continue
        sequence = [o for o in order if o in operations and duration[o] > 0]
        members = [o for o in freed if o in sequence] if len(window.machines) == shop.num_machines else []
        low = sum(1 for o in sequence if o in early)
        choices.append(list(fillings(sequence, members, low)))
    for chosen in itertools.product(*choices):
        yield list(chosen)


def random_case(seed: int, *, flexible: bool, ordered: bool) -> tuple[JobShop, Window]:
    """Return a small shop, re-entrant and with releases and empty operations now and then, and a window of it."""
    random = np.random.default_rng(seed)
    machines, jobs = int(random.integers(1, 4)), []
    for _ in range(random.integers(2, 5)):
        job = []
        for _ in range(random.integers(1, 4)):
            count = random.integers(1, machines + 1) if flexible else 1
            job.append([(int(m), int(random.integers(10))) for m in random.permutation(machines)[:count]])
        jobs.append(job)
    release = random.integers(12, size=len(jobs)) if random.random() < 0.3 else None
    shop = JobShop.from_jobs(jobs, num_machines=machines, release=release, ordered=ordered)
    first = int(random.integers(shop.num_operations))
    last = min(first + int(random.integers(1, 6)), shop.num_operations - 1)
    chosen = random.permutation(machines)[: random.integers(1, machines + 1)]
    return shop, Window(frozenset(chosen.tolist()), first, last)


@pytest.mark.parametrize(("flexible", "ordered"), [(False, True), (True, True), (False, False), (True, False)])
def test_windows_are_filled_optimally(flexible: bool, ordered: bool) -> None:
    improved = 0
    for seed in range(250):
        shop, window = random_case(seed, flexible=flexible, ordered=ordered)
        schedule = begin(shop)
        assert check(shop, schedule) == []
        better, best = improve(shop, schedule, window, **LIMITS), best_filling(shop, schedule, window)
        if better is None:
            assert best == objective(shop, schedule), f"seed {seed}"
        else:
            assert check(shop, better) == []
            assert objective(shop, better) == best < objective(shop, schedule), f"seed {seed}"
            improved += 1
    assert improved >= 20
