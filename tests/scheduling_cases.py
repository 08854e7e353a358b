"""Random scheduling problems for hypothesis, and obvious ways to play them."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from copt.envs import Chains, Dynamics, State, cut
from copt.problems.encoding import Encoding, encode
from copt.problems.jobshop import JobShop

STEADY = settings(deadline=None, derandomize=True)
"""The same examples in every run, however busy the machine is."""

Key = Callable[[State, int], Any]


@st.composite
def shops(
    draw: st.DrawFn,
    *,
    max_jobs: int = 4,
    max_operations: int = 4,
    min_duration: int = 0,
    flexible: bool = False,
    ordered: bool = True,
    due: bool = False,
) -> JobShop:
    """Draw a shop: re-entrant, with releases, jobs without operations and operations without duration."""
    machines = draw(st.integers(1, 3))
    pair = st.tuples(st.integers(0, machines - 1), st.integers(min_duration, 9))
    one = st.lists(pair, min_size=1, max_size=3 if flexible else 1, unique_by=lambda p: p[0])
    job = st.lists(one, max_size=max_operations)
    jobs = draw(st.lists(job, min_size=1, max_size=max_jobs).filter(any))
    count = len(jobs)
    per_job = st.lists(st.integers(0, 15), min_size=count, max_size=count)
    fields: dict[str, Any] = {"num_machines": machines, "ordered": ordered, "name": "drawn"}
    if draw(st.booleans()):
        fields["release"] = draw(per_job)
    if due:
        fields |= {"criterion": "weighted_tardiness", "due": draw(per_job), "weights": draw(per_job)}
    return JobShop.from_jobs(jobs, **fields)


@st.composite
def encodings(draw: st.DrawFn, *, alternatives: bool = True, max_tasks: int = 6) -> Encoding:
    """Draw an encoding with any precedences, intervals on several resources, and options on some of them."""
    tasks = draw(st.integers(1, max_tasks))
    options: list[list[int]] = []
    total = tasks
    masters = draw(st.lists(st.integers(0, tasks - 1), unique=True, max_size=2)) if alternatives else []
    for _ in masters:
        count = draw(st.integers(1, 3))
        options.append(list(range(total, total + count)))
        total += count
    owner = {o: m for m, group in zip(masters, options, strict=True) for o in group}
    rank = draw(st.permutations(range(tasks)))
    interval = st.integers(0, total - 1)
    pairs = draw(st.lists(st.tuples(interval, interval), max_size=6))
    place = [rank[owner.get(i, i)] for i in range(total)]
    before = [(a, b) if place[a] < place[b] else (b, a) for a, b in pairs if place[a] != place[b]]
    drawn = draw(st.lists(st.lists(interval, unique=True, max_size=total), max_size=3))
    resources = [[i for i in items if owner.get(i) not in items] for items in drawn]
    weighted = draw(st.booleans())

    def numbers(high: int) -> Any:
        return draw(st.lists(st.integers(0, high), min_size=total, max_size=total))

    return Encoding(
        size=numbers(6),
        earliest=numbers(8),
        before=np.array(before, dtype=np.int64).reshape(-1, 2),
        resource_items=np.array([i for items in resources for i in items], dtype=np.int64),
        resource_offsets=np.cumsum([0, *map(len, resources)]),
        masters=np.array(masters, dtype=np.int64),
        option_items=np.array([o for group in options for o in group], dtype=np.int64),
        option_offsets=np.cumsum([0, *map(len, options)]),
        due=numbers(20) if weighted else None,
        weights=numbers(3) if weighted else None,
    )


def plain(size: list[int], before: list[tuple[int, int]], **fields: Any) -> Encoding:
    """Return an encoding of intervals and precedences; everything else is empty unless given."""
    n = len(size)
    defaults: dict[str, Any] = {
        "earliest": [0] * n,
        "resource_items": [],
        "resource_offsets": [0],
        "masters": [],
        "option_items": [],
        "option_offsets": [0],
    }
    edges = np.array(before, dtype=np.int64).reshape(-1, 2)
    return Encoding(size=np.array(size), before=edges, **(defaults | fields))


def project() -> Encoding:
    """Return a small project: task 0, then 1 and 2 side by side, then 3; 0 and 3 choose between two crews.

    Crew A runs intervals 4 (for 0) and 6 (for 3); crew B runs 5 and 7 and also task 1.
    """
    return Encoding(
        size=np.array([0, 4, 3, 0, 2, 1, 5, 3]),
        earliest=np.zeros(8, dtype=np.int64),
        before=np.array([[0, 1], [0, 2], [1, 3], [2, 3]]),
        resource_items=np.array([4, 6, 5, 7, 1]),
        resource_offsets=np.array([0, 2, 5]),
        masters=np.array([0, 3]),
        option_items=np.array([4, 5, 6, 7]),
        option_offsets=np.array([0, 2, 4]),
        name="project",
    )


def random_shop(jobs: int, machines: int, seed: int) -> JobShop:
    """Return a shop in which every job visits every machine once."""
    rng = np.random.default_rng(seed)
    order = np.array([rng.permutation(machines) for _ in range(jobs)])
    return JobShop.from_arrays(order, rng.integers(1, 100, (jobs, machines)))


def chains_of(problem: JobShop | Encoding) -> Chains:
    """Cut a shop or an encoding."""
    return cut(encode(problem) if isinstance(problem, JobShop) else problem)


def play(chains: Chains, dynamics: Dynamics, seed: int) -> Iterator[State]:
    """Play random legal decisions; yield the state before each and at the end."""
    rng, state = random.Random(seed), State(chains)
    yield state
    while state.remaining:
        jobs, waiting = dynamics.legal(state)
        choice = rng.choice(jobs + [-1] * waiting)
        if choice < 0:
            dynamics.wait(state)
        else:
            dynamics.take(state, choice)
        yield state


def follow(chains: Chains, dynamics: Dynamics, key: Key) -> State:
    """Always take the legal job with the smallest key, and never wait."""
    state = State(chains)
    while state.remaining:
        jobs, _ = dynamics.legal(state)
        dynamics.take(state, min(jobs, key=lambda job: (key(state, job), job)))
    return state


def replay(chains: Chains, jobs: list[int]) -> State:
    """Fix the jobs' next tasks in the given order."""
    state = State(chains)
    for job in jobs:
        state.fix(job)
    return state


def orders(chains: Chains, dynamics: Dynamics | None = None) -> Iterator[list[int]]:
    """Yield every order of decisions: the legal ones, or without dynamics all that respect precedence."""

    def extend(prefix: list[int]) -> Iterator[list[int]]:
        state = replay(chains, prefix)
        if not state.remaining:
            yield prefix
            return
        jobs = [j for j, mode in enumerate(state.next_mode) if mode] if dynamics is None else dynamics.legal(state)[0]
        for job in jobs:
            yield from extend([*prefix, job])

    return extend([])
