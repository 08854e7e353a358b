"""Dispatching without compiled code."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from jobshop_twins import KINDS, rough_shop
from scheduling_cases import STEADY, shops

from copt.problems.jobshop import JobShop, Schedule, check, chosen_durations, objective, toy
from copt.solvers.jobshop.plain import POLL, dispatch


def dispatched(instance: JobShop) -> Schedule:
    schedule = dispatch(instance, lambda: False)
    assert schedule is not None
    return schedule


def twin(instance: JobShop) -> Schedule:
    """Look at every operation that is left, every time."""
    left = set(range(instance.num_operations))
    job_of, modes = instance.job_of.tolist(), instance.mode_offsets.tolist()
    pairs = list(zip(instance.machines.tolist(), instance.durations.tolist(), strict=True))
    shortest = [min(d for _, d in pairs[a:b]) for a, b in itertools.pairwise(modes)]
    job_free = [0] * instance.num_jobs if instance.release is None else instance.release.tolist()
    machine_free = [0] * instance.num_machines
    start, machine = np.zeros(len(left), dtype=np.int64), np.zeros(len(left), dtype=np.int64)
    while left:
        options = []
        for o in left:
            j = job_of[o]
            if instance.ordered and o - 1 in left and job_of[o - 1] == j:
                continue
            work = sum(shortest[x] for x in left if job_of[x] == j)
            ends = [
                (max(job_free[j], machine_free[k]) + d, max(job_free[j], machine_free[k]), k)
                for k, d in pairs[modes[o] : modes[o + 1]]
            ]
            end, begin, k = min(ends, key=lambda mode: mode[:2])
            options.append((begin, -work, o, end, k))
        begin, _, o, end, k = min(options)
        start[o], machine[o] = begin, k
        job_free[job_of[o]] = machine_free[k] = end
        left.remove(o)
    return Schedule(start, machine)


def delays(instance: JobShop, schedule: Schedule) -> list[tuple[int, int]]:
    """Return operations and times at which one could have run, but its machine stood idle."""
    end = schedule.start + chosen_durations(instance, schedule.machine)
    job, found = instance.job_of, []
    for o, begin in enumerate(schedule.start):
        others = np.arange(job.size) != o
        ready = 0 if instance.release is None else int(instance.release[job[o]])
        if instance.ordered and o and job[o - 1] == job[o]:
            ready = max(ready, int(end[o - 1]))
        rivals = others & ((schedule.machine == schedule.machine[o]) | (not instance.ordered) & (job == job[o]))
        for t in range(ready, int(begin)):
            if not (rivals & (schedule.start <= t) & (end > t)).any():
                found.append((o, t))
    return found


def test_the_toy_by_hand() -> None:
    """Ties go to the job with the most work left: at 0 all have 7, at 4 job 0 has 4 and job 2 has 3."""
    schedule = dispatched(toy())
    assert schedule.start.tolist() == [0, 4, 8, 3, 7, 8, 0, 4]
    assert objective(toy(), schedule) == 12


def test_the_machine_where_an_operation_ends_first_is_chosen() -> None:
    """Machine 1 is slower but free; the third job is better off waiting for it than for machine 0."""
    instance = JobShop.from_jobs([[(0, 9)], [[(0, 2), (1, 4)]], [[(0, 2), (1, 4)]]])
    schedule = dispatched(instance)
    assert schedule.machine.tolist() == [0, 1, 1]
    assert schedule.start.tolist() == [0, 0, 4]


@given(shops())
@settings(STEADY, max_examples=150)
def test_ordered_shops_are_dispatched_without_delay(instance: JobShop) -> None:
    schedule = dispatched(instance)
    assert check(instance, schedule) == []
    assert delays(instance, schedule) == []
    assert schedule.start.tolist() == twin(instance).start.tolist()


@given(shops(ordered=False))
@settings(STEADY, max_examples=150)
def test_open_shops_are_dispatched_without_delay(instance: JobShop) -> None:
    schedule = dispatched(instance)
    assert check(instance, schedule) == []
    assert delays(instance, schedule) == []
    assert schedule.start.tolist() == twin(instance).start.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_larger_shops_are_dispatched_without_delay(kind: str) -> None:
    instance = rough_shop(kind, 12, 6, seed=1)
    schedule = dispatched(instance)
    assert check(instance, schedule) == []
    assert delays(instance, schedule) == []
    assert schedule.start.tolist() == twin(instance).start.tolist()


@given(shops(flexible=True))
@settings(STEADY, max_examples=100)
def test_in_flexible_shops_nothing_could_start_earlier_in_its_place(instance: JobShop) -> None:
    """A wait is always for the job or for the operation before on the chosen machine."""
    schedule = dispatched(instance)
    assert check(instance, schedule) == []
    end = (schedule.start + chosen_durations(instance, schedule.machine)).tolist()
    job, start, machine = instance.job_of.tolist(), schedule.start.tolist(), schedule.machine.tolist()
    for o, begin in enumerate(start):
        ready = 0 if instance.release is None else int(instance.release[job[o]])
        before = [end[o - 1]] if o and job[o - 1] == job[o] else []
        on_machine = [end[x] for x in range(len(job)) if machine[x] == machine[o] and start[x] <= begin and x != o]
        assert begin in (ready, *before, *on_machine)


@given(shops(flexible=True, ordered=False, due=True))
@settings(STEADY, max_examples=60)
def test_every_kind_of_shop_is_dispatched(instance: JobShop) -> None:
    assert check(instance, dispatched(instance)) == []


def test_dispatching_can_be_halted() -> None:
    """The question comes after every so many operations, and not at the end of small shops."""
    asked: list[int] = []

    def after(times: int) -> bool:
        asked.append(times)
        return len(asked) >= times

    def shop(operations: int) -> JobShop:
        return JobShop.from_arrays(np.zeros((operations, 1), dtype=int), np.ones((operations, 1), dtype=int))

    assert dispatch(shop(3 * POLL), lambda: after(2)) is None
    assert len(asked) == 2
    assert dispatch(shop(3 * POLL), lambda: False) is not None
    assert dispatch(shop(POLL - 1), lambda: True) is not None
