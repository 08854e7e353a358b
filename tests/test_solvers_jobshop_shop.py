"""Translation between schedules and the arrays of the kernels."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from jobshop_twins import graph_of, plain, sequences_of, state_of
from scheduling_cases import STEADY, shops

from copt.problems.jobshop import JobShop, Schedule, check, chosen_durations, objective, toy
from copt.solvers.jobshop.order_kernels import makespan_of
from copt.solvers.jobshop.shop import LARGE, machine_successors, memory_for, order_for, schedule_from, shop_of


def single_operations(n: int) -> JobShop:
    """Return a shop of ``n`` jobs with one operation each."""
    return JobShop.from_arrays(np.zeros((n, 1), dtype=np.int64), np.ones((n, 1), dtype=np.int64))


def test_the_toy_for_the_kernels() -> None:
    """Eight operations, none at 8, release dates of the three jobs at 9, 10 and 11."""
    shop = shop_of(toy())
    assert shop.duration.tolist() == [3, 2, 2, 2, 1, 4, 4, 3, 0, 0, 0, 0]
    assert shop.job_pred.tolist() == [9, 0, 1, 10, 3, 4, 11, 6, 8]
    assert shop.job_succ.tolist() == [1, 2, 8, 4, 5, 8, 7, 8, 8]
    assert shop.machine.tolist() == [0, 1, 2, 0, 2, 1, 1, 2, 8]
    assert shop.job.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 8]
    assert shop.last.tolist() == [2, 5, 7]
    assert {part.dtype for part in shop} == {np.dtype(np.int32)}


def test_jobs_without_operations_have_no_last_one() -> None:
    instance = JobShop.from_jobs([[], [(0, 3), (1, 4)], [], [(1, 5)], []], release=[9, 8, 7, 6, 5])
    shop, order = shop_of(instance), order_for(instance)
    assert shop.last.tolist() == [3, 1, 3, 2, 3]
    assert shop.job_pred.tolist() == [5, 0, 7, 3]
    assert shop.job_succ.tolist() == [1, 3, 3, 3]
    assert order.end.tolist() == [0, 0, 0, 0, 9, 8, 7, 6, 5]


def test_a_flexible_shop_takes_its_machines_from_outside() -> None:
    instance = JobShop.from_jobs([[[(0, 3), (1, 4)], (1, 2)]])
    shop = shop_of(instance, np.array([1, 1]), np.array([4, 2]))
    assert shop.machine.tolist() == [1, 1, 2]
    assert shop.duration.tolist() == [4, 2, 0, 0]


def test_changes_are_followed_in_large_shops_only() -> None:
    for n, marks in ((LARGE - 1, 0), (LARGE, LARGE)):
        assert order_for(single_operations(n)).stale.size == marks


def test_memory_depends_on_the_seed_alone() -> None:
    one, same, other = (memory_for(toy(), seed).random[0] for seed in (1, 1, 2))
    assert one == same != other
    assert one % 2 == 1  # the generator must not start at 0


@pytest.mark.parametrize(("operations", "slots"), [(10, 2**14), (2000, 2**15), (10**6, 2**20)])
def test_the_tabu_list_grows_with_the_shop(operations: int, slots: int) -> None:
    memory = memory_for(single_operations(operations), 0)
    assert memory.tabu.size == slots
    assert (memory.path.size, memory.front.size) == (operations, operations)


def test_machines_run_in_the_order_of_start_times() -> None:
    instance = JobShop.from_jobs([[(0, 2), (1, 2)], [(1, 3), (0, 3)], [(0, 1)]])
    succ = machine_successors(shop_of(instance), np.array([1, 3, 0, 3, 0]))
    assert succ.tolist() == [3, 5, 1, 5, 0, 5]


def test_operations_of_duration_0_stand_in_no_sequence() -> None:
    """Operation 1 runs in the middle of operation 2; ordered behind it, job 0 would end at 19."""
    instance = JobShop.from_jobs([[(1, 5), (0, 0), (2, 9)], [(0, 10)]])
    start = np.array([0, 5, 5, 0])
    state = state_of(instance, start=Schedule(start, instance.machines))
    assert state.sequences == [[3], [0], [2]]
    assert makespan_of(state.shop, state.order) == 14
    assert schedule_from(state.shop, state.order.end).start.tolist() == start.tolist()


def test_crossing_operations_of_duration_0_close_no_cycle() -> None:
    """Both jobs stand still at time 0 on both machines, in opposite directions."""
    instance = JobShop.from_jobs([[(0, 0), (1, 0)], [(1, 0), (0, 0)]])
    state = state_of(instance, start=Schedule(np.zeros(4, dtype=np.int64), instance.machines))
    assert makespan_of(state.shop, state.order) == 0


@given(shops())
@settings(STEADY, max_examples=100)
def test_a_schedule_survives_the_way_there_and_back(instance: JobShop) -> None:
    """Kernels start everything as early as the machine order allows, so nothing gets later."""
    given_schedule = plain(instance)
    state = state_of(instance, start=given_schedule)
    back = schedule_from(state.shop, state.order.end)
    assert check(instance, back) == []
    assert (back.start <= given_schedule.start).all()
    assert back.machine.tolist() == given_schedule.machine.tolist()
    assert objective(instance, back) == makespan_of(state.shop, state.order)


@given(shops(flexible=True))
@settings(STEADY, max_examples=60)
def test_the_order_of_a_feasible_schedule_has_no_cycle(instance: JobShop) -> None:
    schedule = plain(instance)
    shop = shop_of(instance, schedule.machine, chosen_durations(instance, schedule.machine))
    sequences = sequences_of(shop, machine_successors(shop, schedule.start))
    assert nx.is_directed_acyclic_graph(graph_of(instance, sequences))
    assert all(np.all(np.diff(schedule.start[sequence]) > 0) for sequence in sequences)
