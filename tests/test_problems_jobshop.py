import random
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduling_cases import STEADY, chains_of, play, shops

from copt.envs import Dispatching
from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.base import same
from copt.problems.encoding import schedule_of
from copt.problems.jobshop import JobShop, Schedule, check, chosen_durations, completion_times, objective, toy

SEEDS = st.integers(0, 2**16)
ANY_SHOP = st.one_of(shops(flexible=True), shops(flexible=True, ordered=False), shops(due=True))


def fields(**changes: Any) -> dict[str, Any]:
    """The fields of a shop of two jobs: (0, 3) then (1, 2) or (2, 4), and (1, 5)."""
    return {
        "durations": [3, 2, 4, 5],
        "machines": [0, 1, 2, 1],
        "mode_offsets": [0, 1, 3, 4],
        "job_offsets": [0, 2, 3],
        "num_machines": 3,
    } | changes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"durations": [3, -2, 4, 5]}, r"durations\[1\] = -2 is below 0"),
        (
            {"durations": [3, 2.5, 4, 5]},
            "durations must hold whole numbers, got dtype float64; round or scale",
        ),
        ({"durations": [3, np.nan, 4, 5]}, "durations must hold whole numbers"),
        ({"durations": [3, np.inf, 4, 5]}, "durations must hold whole numbers"),
        ({"durations": ["3", "2", "4", "5"]}, "durations must hold whole numbers, got dtype <U1"),
        ({"durations": [[3, 2], [4, 5]]}, r"durations must have one dimension, got shape \(2, 2\)"),
        (
            {"durations": [2**30, 2**30, 1, 2**30]},
            "durations add up to 3221225472, over 2147483647; use a coarser",
        ),
        ({"durations": [2**62] * 4}, "durations add up to 13835058055282163712"),  # past 64 bits
        ({"machines": [0, 1, 2]}, "machines has 3 entries, durations has 4"),
        ({"machines": [0, 1, 7, 1]}, r"machines\[2\] = 7 but num_machines = 3; they count from 0"),
        ({"machines": [0, -1, 2, 1]}, r"machines\[1\] = -1 is below 0"),
        ({"machines": [0, 1, 1, 1]}, "operation 1 lists machine 1 twice; keep its shorter duration"),
        ({"num_machines": 2.5}, "num_machines must be a whole number from 0, got 2.5"),
        ({"num_machines": -1}, "num_machines must be a whole number from 0, got -1"),
        ({"mode_offsets": [0, 1, 3]}, "mode_offsets must rise from 0 to 4"),
        ({"mode_offsets": [1, 1, 3, 4]}, "mode_offsets must rise from 0 to 4"),
        ({"mode_offsets": [0, 3, 1, 4]}, "mode_offsets must rise from 0 to 4"),
        ({"mode_offsets": []}, "mode_offsets must rise from 0 to 4"),
        ({"mode_offsets": [0, 1, 1, 4]}, r"operation 1 has no machine; mode_offsets\[1:3\] is empty"),
        ({"job_offsets": [0, 2]}, "job_offsets must rise from 0 to 3"),
        ({"release": [1]}, "release has 1 entries for 2 jobs"),
        ({"release": [1, -1]}, r"release\[1\] = -1 is below 0"),
        ({"due": [1, 2, 3]}, "due has 3 entries for 2 jobs"),
        ({"weights": [0.5, 1]}, "weights must hold whole numbers"),
        ({"criterion": "weighted_tardiness"}, "criterion weighted_tardiness needs due dates; pass due="),
        ({"criterion": "flowtime"}, "unknown criterion 'flowtime'; choose makespan or weighted_tardiness"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(changes: dict[str, Any], text: str) -> None:
    JobShop(**fields())
    with pytest.raises(InvalidInstanceError, match=text):
        JobShop(**fields(**changes))


@pytest.mark.parametrize("jobs", [[], [[]], [[], []]])
def test_a_shop_needs_an_operation(jobs: Any) -> None:
    with pytest.raises(InvalidInstanceError, match="needs at least one operation; job_offsets describes none"):
        JobShop.from_jobs(jobs)


@pytest.mark.parametrize("jobs", [5, [5], [[5]], [[(0, 1, 2)]], [[(0, 1), [(0, 2), (1,)]]]])
def test_nested_jobs_must_hold_pairs(jobs: Any) -> None:
    with pytest.raises(InvalidInstanceError, match="jobs must hold operations: pairs"):
        JobShop.from_jobs(jobs)


def test_arrays_must_have_one_shape() -> None:
    with pytest.raises(InvalidInstanceError, match=r"machines \(2, 2\) and durations \(2, 3\) must be equal"):
        JobShop.from_arrays(np.zeros((2, 2)), np.zeros((2, 3)))


def test_a_solution_with_ragged_fields_is_refused() -> None:
    with pytest.raises(InvalidSolutionError, match="start has 2 entries, machine has 1"):
        Schedule(np.array([0, 1]), np.array([0]))
    with pytest.raises(InvalidSolutionError, match="start must hold whole numbers"):
        Schedule(np.array([0.5]), np.array([0]))


def test_constructors_agree() -> None:
    nested = JobShop.from_jobs([[(0, 3), [(1, 2), (2, 4)]], [(1, 5)]])
    assert same(nested, JobShop(**fields()))
    square = JobShop.from_arrays([[0, 1], [1, 0]], [[3, 2], [5, 4]], name="square")
    assert same(square, JobShop.from_jobs([[(0, 3), (1, 2)], [(1, 5), (0, 4)]], name="square"))
    assert not same(square, nested)


def test_sizes_of_a_flexible_shop() -> None:
    shop = JobShop(**fields(release=[0, 6], job_offsets=[0, 3, 3]))
    assert (shop.num_jobs, shop.num_operations, shop.num_machines, shop.flexible) == (2, 3, 3, True)
    assert shop.job_of.tolist() == [0, 0, 0]
    assert shop.horizon == 3 + 4 + 5 + 6
    assert not toy().flexible


def test_arrays_are_copied_and_read_only() -> None:
    durations = np.array([3, 2, 4, 5])
    shop = JobShop(**fields(durations=durations))
    durations[0] = 99
    assert shop.durations[0] == 3
    with pytest.raises(ValueError, match="read-only"):
        shop.durations[0] = 1


def test_values_of_a_schedule() -> None:
    shop = JobShop(**fields(due=[4, 6], weights=[2, 5], criterion="weighted_tardiness", job_offsets=[0, 2, 3]))
    schedule = Schedule(np.array([0, 3, 2]), np.array([0, 2, 1]))
    assert chosen_durations(shop, schedule.machine).tolist() == [3, 4, 5]
    assert completion_times(shop, schedule).tolist() == [7, 7]
    assert objective(shop, schedule) == 2 * 3 + 5 * 1
    assert objective(JobShop(**fields(due=[4, 6], criterion="weighted_tardiness")), schedule) == 4
    assert objective(JobShop(**fields()), schedule) == 7
    assert check(shop, schedule) == []
    assert chosen_durations(shop, np.array([1, 0, 1])).tolist() == [-1, -1, 5]
    idle = JobShop.from_jobs([[], [(0, 2)]])
    assert completion_times(idle, Schedule(np.array([1]), np.array([0]))).tolist() == [0, 3]


def test_violations_name_their_first_offender() -> None:
    shop = JobShop(**fields(release=[1, 0]))
    found = check(shop, Schedule(np.array([0, 2, 3]), np.array([0, 1, 1])))
    assert [str(v) for v in found] == [
        "release: operation 0 starts at 0, before 1",
        "precedence: operation 0 ends at 3, 1 starts at 2",
        "overlap: machine 1 runs operations 1 [2, 4) and 2 [3, 8)",
    ]
    assert [str(v) for v in check(shop, Schedule(np.array([1, 4, 0]), np.array([0, 0, 1])))] == [
        "machine: operation 1 cannot run on machine 0"
    ]
    assert [str(v) for v in check(shop, Schedule(np.array([1]), np.array([0])))] == [
        "shape: the schedule has 1 operations, the instance has 3"
    ]
    open_shop = JobShop(**fields(ordered=False))
    assert [str(v) for v in check(open_shop, Schedule(np.array([0, 2, 8]), np.array([0, 1, 1])))] == [
        "overlap: job 0 runs operations 0 [0, 3) and 1 [2, 4)"
    ]


def test_no_order_of_the_toy_beats_eleven() -> None:
    shop, best = toy(), 99
    for order in set(permutations([0, 0, 0, 1, 1, 1, 2, 2])):
        done, ready, free = [0] * 3, [0] * 3, [0] * 3
        for job in order:
            o = shop.job_offsets[job] + done[job]
            done[job] += 1
            end = max(ready[job], free[shop.machines[o]]) + shop.durations[o]
            ready[job] = free[shop.machines[o]] = end
        best = min(best, *[max(ready)])
    assert best == 11


def slow_objective(shop: JobShop, schedule: Schedule) -> int:
    ends = {}
    for o, (start, machine) in enumerate(zip(schedule.start, schedule.machine, strict=True)):
        for k in range(shop.mode_offsets[o], shop.mode_offsets[o + 1]):
            if shop.machines[k] == machine:
                ends[o] = start + shop.durations[k]
    if shop.criterion == "makespan":
        return int(max(ends.values()))
    total = 0
    for job in range(shop.num_jobs):
        last = max([ends[o] for o in ends if shop.job_of[o] == job], default=0)
        weight = 1 if shop.weights is None else shop.weights[job]
        total += weight * max(0, last - shop.due[job])  # type: ignore[index]
    return int(total)


def slow_check(shop: JobShop, schedule: Schedule) -> set[str]:
    """Look at every operation and every pair of operations."""
    broken, end = set(), {}
    for o in range(shop.num_operations):
        job, machine, start = shop.job_of[o], schedule.machine[o], schedule.start[o]
        if start < (0 if shop.release is None else shop.release[job]):
            broken.add("release")
        modes = range(shop.mode_offsets[o], shop.mode_offsets[o + 1])
        durations = [shop.durations[k] for k in modes if shop.machines[k] == machine]
        if not durations:
            broken.add("machine")
        end[o] = start + sum(durations)
    if "machine" in broken:
        return broken
    for a, b in product(range(shop.num_operations), repeat=2):
        together = schedule.start[a] < end[b] and schedule.start[b] < end[a]
        together = together and end[a] > schedule.start[a] and end[b] > schedule.start[b]
        same_job = shop.job_of[a] == shop.job_of[b]
        if shop.ordered and same_job and b == a + 1 and end[a] > schedule.start[b]:
            broken.add("precedence")
        if a < b and together and (schedule.machine[a] == schedule.machine[b] or (same_job and not shop.ordered)):
            broken.add("overlap")
    return broken


def some_schedule(shop: JobShop, seed: int) -> Schedule:
    """Return a feasible schedule, the same with a few changes, or a random one."""
    *_, last = play(chains_of(shop), Dispatching(), seed)
    feasible = schedule_of(shop, last.solution())
    rng = random.Random(seed)
    start, machine = feasible.start.tolist(), feasible.machine.tolist()
    for _ in range(rng.choice([0, 1, 1, 2, shop.num_operations])):
        o = rng.randrange(shop.num_operations)
        if rng.random() < 0.7:
            start[o] += rng.randint(-4, 4)
        else:
            machine[o] = rng.randint(-1, shop.num_machines)
    return Schedule(np.array(start), np.array(machine))


@STEADY
@given(ANY_SHOP, SEEDS)
def test_check_agrees_with_a_look_at_every_pair(shop: JobShop, seed: int) -> None:
    schedule = some_schedule(shop, seed)
    assert {v.constraint for v in check(shop, schedule)} == slow_check(shop, schedule)


@STEADY
@given(ANY_SHOP, SEEDS)
def test_objective_agrees_with_a_plain_account(shop: JobShop, seed: int) -> None:
    schedule = some_schedule(shop, seed)
    if not {"machine", "release"} & slow_check(shop, schedule):
        assert objective(shop, schedule) == slow_objective(shop, schedule)
