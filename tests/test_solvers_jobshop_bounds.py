"""Lower bounds against twins and brute force."""

import heapq
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshop_twins import KINDS, jackson, rough_shop
from scheduling_cases import STEADY, shops
from solvers_cases import optimum

from copt.problems.jobshop import JobShop, toy
from copt.solvers.jobshop.bound_kernels import pop, push
from copt.solvers.jobshop.bounds import heads_and_tails, job_bound, machine_bound, one_machine_bound

BOUNDS = [job_bound, machine_bound, one_machine_bound]


def twin_of_one_machine_bound(instance: JobShop) -> int:
    """Jackson's preemptive schedule of each machine, from the jobs' shortest durations."""
    duration = [
        int(instance.durations[a:b].min())
        for a, b in zip(instance.mode_offsets[:-1], instance.mode_offsets[1:], strict=True)
    ]
    release = [0] * instance.num_jobs if instance.release is None else instance.release.tolist()
    machines: dict[int, list[tuple[int, int, int]]] = {}
    for o, j in enumerate(instance.job_of):
        first, end = int(instance.job_offsets[j]), int(instance.job_offsets[j + 1])
        head, tail = sum(duration[first:o]), sum(duration[o + 1 : end])
        if not instance.ordered:
            head = tail = 0
        if instance.mode_offsets[o + 1] - instance.mode_offsets[o] == 1:
            machine = int(instance.machines[instance.mode_offsets[o]])
            machines.setdefault(machine, []).append((release[j] + head, duration[o], tail))
    return max((jackson(jobs) for jobs in machines.values()), default=0)


def test_bounds_of_the_toy() -> None:
    """Jobs need 7, 7 and 7; machines 5, 10 and 6, and machine 1 need not wait; the optimum is 11."""
    assert [bound(toy()) for bound in BOUNDS] == [7, 10, 10]


def test_heads_and_tails_of_an_ordered_and_of_an_open_shop() -> None:
    jobs: list[list[Any]] = [[(0, 3), [(0, 9), (1, 2)], (1, 4)], [], [(1, 5)]]
    head, tail = heads_and_tails(JobShop.from_jobs(jobs, release=[10, 1, 0]))
    assert (head.tolist(), tail.tolist()) == ([10, 13, 15, 0], [6, 4, 0, 0])
    head, tail = heads_and_tails(JobShop.from_jobs(jobs, release=[10, 1, 0], ordered=False))
    assert (head.tolist(), tail.tolist()) == ([10, 10, 10, 0], [0, 0, 0, 0])


def test_a_released_job_without_work_bounds_nothing() -> None:
    instance = JobShop.from_jobs([[], [(0, 2)], [(0, 3)]], release=[50, 4, 0])
    assert job_bound(instance) == 6
    assert machine_bound(instance) == 5


def test_the_load_of_alternative_machines_is_shared() -> None:
    """Machine 0 must do 4; all three operations need 4 + 3 + 6 = 13 on two machines."""
    instance = JobShop.from_jobs([[(0, 4)], [[(0, 3), (1, 8)]], [[(0, 9), (1, 6)]]])
    assert machine_bound(instance) == 7
    assert one_machine_bound(instance) == 4
    assert optimum(instance) == 7


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alternatives", [1, 2])
def test_the_one_machine_bound_is_jacksons_preemptive_schedule(kind: str, alternatives: int) -> None:
    values = []
    for seed in range(15):
        instance = rough_shop(kind, 6, 4, seed)
        if alternatives > 1:
            instance = mixed(instance, seed)
        values.append(one_machine_bound(instance))
        assert values[-1] == twin_of_one_machine_bound(instance)
    assert len(set(values)) > 5


def mixed(instance: JobShop, seed: int) -> JobShop:
    """Give every second operation or so a second machine."""
    rng = np.random.default_rng(seed)
    jobs: list[list[Any]] = [[] for _ in range(instance.num_jobs)]
    for o, j in enumerate(instance.job_of):
        machine, duration = int(instance.machines[o]), int(instance.durations[o])
        other = (machine + 1) % instance.num_machines
        jobs[j].append([(machine, duration), (other, duration + 1)] if rng.integers(2) else (machine, duration))
    return JobShop.from_jobs(jobs, num_machines=instance.num_machines, release=instance.release)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9), st.integers(0, 20)), min_size=1, max_size=8))
@settings(STEADY, max_examples=150)
def test_one_machine_with_any_heads_and_tails(jobs: list[tuple[int, int, int]]) -> None:
    """Heads and tails made of operations on machines that no other job visits."""
    count = len(jobs)
    instance = JobShop.from_jobs(
        [[(1 + j, head), (0, duration), (1 + count + j, tail)] for j, (head, duration, tail) in enumerate(jobs)]
    )
    assert one_machine_bound(instance) == jackson(jobs)


def test_preemption_may_lie_below_the_optimum() -> None:
    """Machine 0 runs job 0 until 5, job 1 until 6, job 0 until 11: 6 + 10 = 16. Without preemption, 17."""
    instance = JobShop.from_jobs([[(0, 10), (1, 1)], [(2, 5), (0, 1), (3, 10)]])
    assert one_machine_bound(instance) == 16
    assert optimum(instance) == 17


@given(shops(max_jobs=3, max_operations=3))
@settings(STEADY, max_examples=80)
def test_no_bound_exceeds_the_optimum(instance: JobShop) -> None:
    best = optimum(instance)
    assert all(bound(instance) <= best for bound in BOUNDS)


@given(shops(max_jobs=3, max_operations=2, flexible=True))
@settings(STEADY, max_examples=60)
def test_no_bound_exceeds_the_optimum_of_a_flexible_shop(instance: JobShop) -> None:
    best = optimum(instance)
    assert all(bound(instance) <= best for bound in BOUNDS)


@given(shops(max_jobs=3, max_operations=2, flexible=True, ordered=False))
@settings(STEADY, max_examples=40)
def test_no_bound_exceeds_the_optimum_of_an_open_shop(instance: JobShop) -> None:
    best = optimum(instance)
    assert all(bound(instance) <= best for bound in BOUNDS)


@pytest.mark.parametrize(
    ("instance", "tight"),
    [
        (JobShop.from_jobs([[(0, 9), (1, 9), (2, 9)], [(2, 1)], [(1, 2), (0, 3)]]), job_bound),
        (JobShop.from_jobs([[(0, 5), (1, 1)], [(0, 5), (1, 1)], [(1, 1), (0, 5)], [(0, 5)]]), machine_bound),
        (JobShop.from_jobs([[(0, 2), (1, 6), (2, 1)], [(0, 3), (1, 5), (2, 3)], [(1, 4), (2, 2)]]), one_machine_bound),
        (JobShop.from_jobs([[(0, 4), (1, 3)], [(0, 6)]], release=[8, 0]), job_bound),
    ],
)
def test_a_bound_that_is_the_optimum_proves_it(instance: JobShop, tight: Any) -> None:
    assert tight(instance) == optimum(instance) == max(bound(instance) for bound in BOUNDS)


@given(st.lists(st.none() | st.integers(-9, 9), max_size=40))
@settings(STEADY, max_examples=100)
def test_the_compiled_heap_gives_the_least_key_first(steps: list[int | None]) -> None:
    """Integers are put in, None takes the least out, as in Python's own heap."""
    twin: list[int] = []
    keys = np.zeros(40, dtype=np.int64)
    for step in steps:
        if step is not None:
            push(keys, len(twin), step)
            heapq.heappush(twin, step)
        elif twin:
            assert keys[0] == heapq.heappop(twin)
            pop(keys, len(twin) + 1)
    while twin:
        assert keys[0] == heapq.heappop(twin)
        pop(keys, len(twin) + 1)
