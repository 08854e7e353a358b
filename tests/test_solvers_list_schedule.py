"""List scheduling of encodings."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from scheduling_cases import encodings, project, random_shop

from copt.problems.encoding import Encoding, check, encode, objective, toy
from copt.solvers.list_schedule import list_schedule


@given(encodings())
@settings(max_examples=300, deadline=None)
def test_random_encodings_get_a_solution(instance: Encoding) -> None:
    solution = list_schedule(instance)
    assert solution is not None
    assert check(instance, solution) == []
    assert solution.end.max() <= instance.horizon


def test_the_first_that_can_start_goes_next_where_it_ends_first() -> None:
    # Crew B takes task 0 by 1; tasks 1 [1, 5) and 2 [1, 4) follow; B ends task 3 at 8, A would at 10.
    solution = list_schedule(project())
    assert solution is not None
    assert solution.start.tolist() == [0, 1, 1, 5, -1, 0, -1, 5]
    assert solution.end.tolist() == [1, 5, 4, 8, -1, 1, -1, 8]


def test_no_resource_idles_while_an_interval_waits_for_it() -> None:
    instance = encode(random_shop(12, 5, seed=3))
    solution = list_schedule(instance)
    assert solution is not None
    ready = np.zeros(instance.num_intervals, dtype=np.int64)
    ready[instance.before[:, 1]] = solution.end[instance.before[:, 0]]
    for r in range(instance.num_resources):
        items = instance.resource_items[instance.resource_offsets[r] : instance.resource_offsets[r + 1]]
        for i in items:
            idle = np.arange(ready[i], solution.start[i])
            busy = [((idle >= solution.start[k]) & (idle < solution.end[k])) for k in items]
            assert np.any(busy, axis=0).all() or idle.size == 0


def test_circles_and_empty_alternatives_have_no_list_schedule() -> None:
    circle = dataclasses.replace(toy(), before=np.array([[0, 1], [1, 0]]))
    empty = dataclasses.replace(toy(), masters=np.array([0]), option_offsets=np.array([0, 0]))
    assert list_schedule(circle) is None
    assert list_schedule(empty) is None


def test_ties_go_to_the_smaller_index() -> None:
    # Intervals 2 and 4 can both start at 7 on the third machine.
    solution = list_schedule(toy())
    assert solution is not None
    assert solution.start.tolist() == [0, 4, 7, 3, 9, 10, 0, 4]
    assert objective(toy(), solution) == 14
