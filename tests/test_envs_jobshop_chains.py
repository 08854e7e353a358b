from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from scheduling_cases import STEADY, chains_of, encodings, orders, plain, project, replay, shops

from copt.envs import cut
from copt.errors import InvalidInstanceError
from copt.problems.encoding import Encoding, objective
from copt.problems.jobshop import JobShop, toy


def test_chains_of_a_shop_are_its_jobs() -> None:
    chains = chains_of(toy())
    assert chains.jobs == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert chains.job_of == [0, 0, 0, 1, 1, 1, 2, 2]
    assert chains.shortest == [3, 2, 2, 2, 1, 4, 4, 3]
    assert chains.tail == [4, 2, 0, 5, 4, 0, 3, 0]
    assert chains.lower_bound == 10  # machine 1: 2 + 4 + 4
    assert chains.duration_moments == pytest.approx((21 / 8, np.std([3, 2, 2, 2, 1, 4, 4, 3])))


def test_modes_of_a_flexible_operation_are_its_options() -> None:
    shop = JobShop.from_jobs([[(0, 3)], [[(0, 2), (1, 0)], (1, 1)]], release=[0, 4])
    chains = chains_of(shop)
    assert [len(ways) for ways in chains.modes] == [1, 2, 1, 0, 0]
    first, second = chains.modes[1]
    assert (first.interval, first.duration, first.earliest, first.resources, first.after) == (
        3,
        2,
        4,
        (0,),
        (),
    )
    assert (second.interval, second.duration, second.resources) == (4, 0, ())  # no length occupies nothing
    assert chains.modes[2][0].after == (1,)
    assert chains.resources[1] == (0,)
    assert chains.lower_bound == 5  # job 1: released at 4, then 0 + 1


def test_jobs_without_operations_have_no_chain() -> None:
    assert chains_of(JobShop.from_jobs([[(0, 1)], [], [(0, 2)]])).jobs == [[0], [1]]


def test_operations_of_an_open_shop_are_chains_of_their_own() -> None:
    assert chains_of(JobShop.from_jobs([[(0, 1), (1, 1)], [(0, 2)]], ordered=False)).jobs == [[0], [1], [2]]


def test_a_diamond_is_covered_by_its_longer_side_and_the_rest() -> None:
    assert chains_of(project()).jobs == [[0, 1], [2, 3]]


def test_redundant_precedences_do_not_break_a_chain() -> None:
    assert cut(plain([1, 1, 1], [(0, 1), (1, 2), (0, 2), (0, 1)])).jobs == [[0, 1, 2]]


def test_chains_follow_the_precedences_not_the_numbers() -> None:
    assert cut(plain([1, 2, 3], [(2, 0), (0, 1)])).jobs == [[2, 0, 1]]


def test_a_task_joins_the_latest_of_its_open_predecessors() -> None:
    assert cut(plain([1] * 5, [(4, 0), (0, 1), (3, 1), (3, 2), (1, 2)])).jobs == [[3], [4, 0, 1, 2]]


def test_lower_bound_counts_paths_releases_and_loads() -> None:
    assert cut(plain([2, 3], [(0, 1)])).lower_bound == 5
    assert cut(plain([2, 3], [(0, 1)], earliest=[0, 7])).lower_bound == 10
    assert cut(plain([2, 3], [], resource_items=[0, 1], resource_offsets=[0, 2])).lower_bound == 5
    empty = cut(plain([0, 0], []))
    assert (empty.lower_bound, empty.unit) == (0, 1)


def test_precedences_of_single_options_do_not_raise_the_bound() -> None:
    # Interval 0 precedes only option 2 of master 1, which can also run as option 3.
    fields = {"masters": [1], "option_items": [2, 3], "option_offsets": [0, 2]}
    chains = cut(plain([5, 0, 1, 1], [(0, 2)], **fields))
    assert chains.lower_bound == 5
    assert chains.tail == [0, 0, 0, 0]
    assert chains.jobs == [[0, 1]]
    every = cut(plain([5, 0, 1, 1], [(0, 2), (0, 3)], **fields))
    assert (every.lower_bound, every.tail[0]) == (6, 1)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (plain([1, 1, 1], [(0, 1), (1, 2), (2, 1)]), "cycle at or ahead of interval 1; drop one"),
        (
            plain([1] * 4, [], masters=[0, 1], option_items=[2, 2], option_offsets=[0, 1, 2]),
            "option 2 of alternative 1 has another master; add an interval",
        ),
        (
            plain([1] * 3, [], masters=[0], option_items=[0, 2], option_offsets=[0, 2]),
            "option 0 of alternative 0 has another master",
        ),
        (
            plain([1] * 4, [], masters=[0, 1], option_items=[1, 3], option_offsets=[0, 1, 2]),
            "interval 1 is both option and master; list its options in its place",
        ),
        (
            plain([1] * 4, [], masters=[0, 0], option_items=[1, 3], option_offsets=[0, 1, 2]),
            r"masters\[1\] = 0 has another alternative; join the two",
        ),
        (
            plain([1, 1], [], masters=[0], option_offsets=[0, 0]),
            r"masters\[0\] = 0 has no option; give it one",
        ),
        (
            plain(
                [0, 1],
                [],
                masters=[0],
                option_items=[1],
                option_offsets=[0, 1],
                resource_items=[0, 1],
                resource_offsets=[0, 2],
            ),
            "resource 0 lists master 0 and its option 1, which coincide; keep one",
        ),
        (plain([], []), "nothing to schedule"),
    ],
)
def test_what_cannot_be_played_is_refused(encoding: Encoding, text: str) -> None:
    with pytest.raises(InvalidInstanceError, match=text):
        cut(encoding)


@STEADY
@given(encodings())
def test_chains_partition_the_tasks_along_precedences(encoding: Encoding) -> None:
    chains = cut(encoding)
    tasks = [task for job in chains.jobs for task in job]
    assert sorted(tasks) == np.flatnonzero(~encoding.optional).tolist()
    owner = list(range(encoding.num_intervals))
    for k, master in enumerate(encoding.masters.tolist()):
        for option in encoding.option_items[encoding.option_offsets[k] : encoding.option_offsets[k + 1]]:
            owner[option] = master
    edges = {(owner[a], owner[b]) for a, b in encoding.before}
    assert all(pair in edges for job in chains.jobs for pair in pairwise(job))
    assert chains.jobs == sorted(chains.jobs)


@STEADY
@given(shops(max_jobs=3, max_operations=2, flexible=True))
def test_lower_bound_is_below_every_schedule(shop: JobShop) -> None:
    chains = chains_of(shop)
    values = [objective(chains.encoding, replay(chains, order).solution()) for order in orders(chains)]
    assert chains.lower_bound <= min(values)
