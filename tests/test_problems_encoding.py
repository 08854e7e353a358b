import random
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduling_cases import STEADY, chains_of, encodings, play, project, shops

from copt.envs import Active, Dispatching, Dynamics, cut
from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems import jobshop
from copt.problems.base import same
from copt.problems.encoding import (
    Encoding,
    Intervals,
    check,
    encode,
    intervals_of,
    objective,
    schedule_of,
    toy,
)
from copt.problems.jobshop import JobShop, Schedule

SEEDS = st.integers(0, 2**16)
ANY_SHOP = st.one_of(shops(flexible=True), shops(flexible=True, ordered=False), shops(due=True, flexible=True))


def fields(**changes: Any) -> dict[str, Any]:
    """The fields of an encoding: 0 before 1, both on one resource; master 1 has the options 2 and 3."""
    return {
        "size": [3, 0, 4, 5],
        "earliest": [0, 0, 0, 2],
        "before": [[0, 1]],
        "resource_items": [0, 2],
        "resource_offsets": [0, 2],
        "masters": [1],
        "option_items": [2, 3],
        "option_offsets": [0, 2],
    } | changes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"size": [3, 0, -4, 5]}, r"size\[2\] = -4 is below 0"),
        ({"size": [3, 0, 0.5, 5]}, "size must hold whole numbers, got dtype float64; round or scale"),
        ({"earliest": [0, 0]}, "earliest has 2 entries for 4 intervals"),
        ({"before": [[0, 4]]}, "before names interval 4, but there are 4 intervals"),
        ({"before": [0, 1, 2]}, "before must hold pairs of intervals, got 3 numbers"),
        ({"resource_items": [0, 9]}, "resource_items names interval 9, but there are 4 intervals"),
        ({"resource_offsets": [0, 1]}, "resource_offsets must rise from 0 to 2"),
        ({"masters": [-1]}, r"masters\[0\] = -1 is below 0"),
        ({"masters": [4]}, "masters names interval 4"),
        ({"masters": [1, 0]}, "option_offsets describes 1 of 2 masters"),
        ({"option_items": [2, 4]}, "option_items names interval 4"),
        ({"option_offsets": [0, 1]}, "option_offsets must rise from 0 to 2"),
        ({"due": [1, 1, 1, 1]}, "due and weights come together; pass both or neither"),
        ({"weights": [1, 1, 1, 1]}, "due and weights come together"),
        ({"due": [1], "weights": [1] * 4}, "due has 1 entries for 4 intervals"),
        ({"due": [1] * 4, "weights": [0.5] * 4}, "weights must hold whole numbers"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(changes: dict[str, Any], text: str) -> None:
    Encoding(**fields())
    with pytest.raises(InvalidInstanceError, match=text):
        Encoding(**fields(**changes))


def test_a_solution_with_ragged_fields_is_refused() -> None:
    with pytest.raises(InvalidSolutionError, match="start has 2 entries, end has 1"):
        Intervals(np.array([0, 1]), np.array([0]))
    with pytest.raises(InvalidSolutionError, match="start must hold whole numbers"):
        Intervals(np.array([0.5]), np.array([0]))


def test_sizes_of_an_encoding() -> None:
    encoding = Encoding(**fields())
    assert (encoding.num_intervals, encoding.num_resources, encoding.horizon) == (4, 1, 14)
    assert encoding.optional.tolist() == [False, False, True, True]


def test_the_encoding_of_a_flexible_shop() -> None:
    shop = JobShop.from_jobs([[(0, 3), [(1, 2), (0, 4)]], [[(1, 5), (2, 6)]]], release=[0, 7], name="flexible")
    expected = Encoding(
        size=np.array([3, 0, 0, 2, 4, 5, 6]),
        earliest=np.array([0, 0, 7, 0, 0, 7, 7]),
        before=np.array([[0, 1]]),
        resource_items=np.array([0, 4, 3, 5, 6]),
        resource_offsets=np.array([0, 2, 4, 5]),
        masters=np.array([1, 2]),
        option_items=np.array([3, 4, 5, 6]),
        option_offsets=np.array([0, 2, 4]),
        name="flexible",
    )
    assert same(encode(shop), expected)


def test_the_encoding_of_the_toy_has_no_options() -> None:
    encoding = toy()
    assert same(encoding, encode(jobshop.toy()))
    assert encoding.before.tolist() == [[0, 1], [1, 2], [3, 4], [4, 5], [6, 7]]
    assert encoding.resource_items.tolist() == [0, 3, 1, 5, 6, 2, 4, 7]
    assert encoding.resource_offsets.tolist() == [0, 2, 5, 8]
    assert encoding.masters.size == encoding.option_items.size == 0


def test_the_jobs_of_an_open_shop_are_resources() -> None:
    encoding = encode(JobShop.from_jobs([[(0, 1), (1, 2)], [(0, 4)]], ordered=False))
    assert encoding.before.tolist() == []
    assert encoding.resource_items.tolist() == [0, 2, 1, 0, 1, 2]
    assert encoding.resource_offsets.tolist() == [0, 2, 3, 5, 6]


def test_due_dates_fall_on_last_operations() -> None:
    jobs: Any = [[(0, 1), (1, 2)], [], [(0, 4)]]
    late: dict[str, Any] = {"due": [3, 4, 5], "criterion": "weighted_tardiness"}
    encoding = encode(JobShop.from_jobs(jobs, weights=[7, 8, 9], **late))
    assert encoding.due is not None and encoding.weights is not None
    assert (encoding.due.tolist(), encoding.weights.tolist()) == ([0, 3, 5], [0, 7, 9])
    plain = encode(JobShop.from_jobs(jobs, **late))
    assert plain.weights is not None and plain.weights.tolist() == [0, 1, 1]
    assert encode(JobShop.from_jobs(jobs, due=[3, 4, 5])).due is None
    with pytest.raises(InvalidInstanceError, match="weighted tardiness of an open shop has no encoding; minimise"):
        encode(JobShop.from_jobs(jobs, ordered=False, **late))


def test_values_of_a_solution() -> None:
    solution = Intervals(np.array([0, 3, -1, 3]), np.array([3, 8, -1, 8]))
    assert objective(Encoding(**fields()), solution) == 8
    assert objective(Encoding(**fields(due=[1, 6, 0, 0], weights=[5, 3, 9, 0])), solution) == 5 * 2 + 3 * 2
    assert check(Encoding(**fields()), solution) == []


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ([0, 3], [3, 8], "shape: the solution has 2 intervals, the encoding has 4"),
        ([-1, 3, -1, 3], [-1, 8, -1, 8], "presence: interval 0 [-1, -1) is absent but mandatory"),
        ([0, 3, -1, 3], [2, 8, -1, 8], "size: interval 0 [0, 2) has the wrong length"),
        ([0, 3, 3, -1], [3, 8, 8, -1], "size: interval 2 [3, 8) has the wrong length"),
        ([0, 2, -1, 2], [3, 7, -1, 7], "precedence: interval 0 ends at 3, 1 starts at 2"),
        ([0, 3, -1, -1], [3, 8, -1, -1], "alternative: alternative 0 has 0 present options instead of one"),
        ([0, 3, 3, 3], [3, 7, 7, 8], "alternative: alternative 0 has 2 present options instead of one"),
        ([0, 3, -1, 4], [3, 8, -1, 9], "alternative: option 3 does not coincide with its master 1"),
    ],
)
def test_a_violation_names_its_first_offender(start: list[int], end: list[int], expected: str) -> None:
    found = check(Encoding(**fields()), Intervals(np.array(start), np.array(end)))
    assert [str(v) for v in found] == [expected]


def test_early_and_overlapping_intervals_are_found() -> None:
    free = Encoding(**fields(before=np.zeros((0, 2), dtype=int)))
    found = check(free, Intervals(np.array([2, 0, 0, -1]), np.array([5, 4, 4, -1])))
    assert [str(v) for v in found] == ["overlap: resource 0 runs intervals 2 and 0 at once"]
    found = check(free, Intervals(np.array([0, 1, -1, 1]), np.array([3, 6, -1, 6])))
    assert [str(v) for v in found] == ["earliest: interval 3 [1, 6) starts too early"]


def slow_check(encoding: Encoding, solution: Intervals) -> set[str]:
    """Look at every interval, every pair on every resource, and every option."""
    broken, start, end = set(), solution.start.tolist(), solution.end.tolist()
    here = [i for i in range(encoding.num_intervals) if start[i] >= 0]
    options, masters = encoding.option_items.tolist(), encoding.masters.tolist()
    for i in range(encoding.num_intervals):
        if i not in here and i not in options:
            broken.add("presence")
        if i in here and start[i] < encoding.earliest[i]:
            broken.add("earliest")
        if i in here and i not in masters and end[i] != start[i] + encoding.size[i]:
            broken.add("size")
    for a, b in encoding.before.tolist():
        if a in here and b in here and end[a] > start[b]:
            broken.add("precedence")
    for k, master in enumerate(masters):
        mine = options[encoding.option_offsets[k] : encoding.option_offsets[k + 1]]
        chosen = [(start[o], end[o]) for o in mine if o in here]
        if chosen != [(start[master], end[master])]:
            broken.add("alternative")
    for r in range(encoding.num_resources):
        items = encoding.resource_items[encoding.resource_offsets[r] : encoding.resource_offsets[r + 1]].tolist()
        for a, b in product(items, items):
            long = a in here and b in here and a != b and end[a] > start[a] and end[b] > start[b]
            if long and start[a] < end[b] and start[b] < end[a]:
                broken.add("overlap")
    return broken


def some_solution(encoding: Encoding, seed: int) -> Intervals:
    """Return a feasible solution, or the same with a few changes."""
    rng = random.Random(seed)
    rules: list[Dynamics] = [Dispatching(), Active()]
    *_, last = play(cut(encoding), rng.choice(rules), seed)
    start, end = list(last.start), list(last.end)
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        i = rng.randrange(encoding.num_intervals)
        step = rng.randint(-3, 3)
        change = rng.random()
        if change < 0.5 and start[i] >= 0:
            start[i], end[i] = start[i] + step, end[i] + step
        elif change < 0.7:
            end[i] += step
        elif change < 0.85:
            start[i] = end[i] = -1
        else:
            start[i], end[i] = 5, 5 + int(encoding.size[i])
    return Intervals(np.array(start), np.array(end))


@STEADY
@given(encodings(), SEEDS)
def test_check_agrees_with_a_look_at_every_pair(encoding: Encoding, seed: int) -> None:
    solution = some_solution(encoding, seed)
    assert {v.constraint for v in check(encoding, solution)} == slow_check(encoding, solution)


@STEADY
@given(encodings(), SEEDS)
def test_objective_agrees_with_a_plain_account(encoding: Encoding, seed: int) -> None:
    solution = some_solution(encoding, seed)
    ends = solution.end.tolist()
    if encoding.due is None or encoding.weights is None:
        assert objective(encoding, solution) == max(ends)
    else:
        late = [w * (end - due) for end, due, w in zip(ends, encoding.due, encoding.weights, strict=True) if end > due]
        assert objective(encoding, solution) == sum(late)


@STEADY
@given(ANY_SHOP, SEEDS)
def test_schedules_and_intervals_translate_into_each_other(shop: JobShop, seed: int) -> None:
    *_, last = play(chains_of(shop), Dispatching(), seed)
    intervals, encoding = last.solution(), encode(shop)
    schedule = schedule_of(shop, intervals)
    assert same(intervals_of(shop, schedule), intervals)
    assert objective(encoding, intervals) == jobshop.objective(shop, schedule)
    assert intervals.end.max() <= encoding.horizon


@STEADY
@given(ANY_SHOP, SEEDS)
def test_an_encoding_allows_exactly_the_schedules_of_its_shop(shop: JobShop, seed: int) -> None:
    *_, last = play(chains_of(shop), Dispatching(), seed)
    schedule, rng = schedule_of(shop, last.solution()), random.Random(seed)
    start = [max(0, s + rng.choice([0, 0, 0, -1, 1])) for s in schedule.start.tolist()]
    changed = Schedule(np.array(start), schedule.machine)
    translated = intervals_of(shop, changed)
    assert (check(encode(shop), translated) == []) == (jobshop.check(shop, changed) == [])
    assert same(schedule_of(shop, translated), changed)


def test_the_project_is_checked_as_written() -> None:
    best = Intervals(np.array([0, 1, 1, 5, -1, 0, -1, 5]), np.array([1, 5, 4, 8, -1, 1, -1, 8]))
    assert check(project(), best) == []
    assert objective(project(), best) == 8
