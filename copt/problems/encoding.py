"""A generic CP encoding of scheduling problems: intervals, precedences, no-overlap, alternatives.

One encoding serves the CP-SAT model, the environment and the learned policy, so that a user's own encoding of
another scheduling problem can be solved and learned on as well (Tassel, Gebser, Schekotihin, ICAPS 2023).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.base import IntArray, Violation, as_integers, as_offsets, first_where
from copt.problems.jobshop import JobShop, Schedule

__all__ = ["Encoding", "Intervals", "check", "encode", "intervals_of", "objective", "schedule_of", "toy"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoding:
    """Intervals of fixed size under precedences, no-overlap and alternatives.

    An interval is mandatory unless it is an option of an alternative: exactly one option of each alternative is
    present, and it has the start and the end of the alternative's master. A master has no size of its own.

    Args:
        size: Duration of each interval; ignored for masters.
        earliest: Earliest start of each interval.
        before: Precedences: interval ``before[k, 0]`` ends before interval ``before[k, 1]`` starts.
        resource_items: Intervals of all no-overlap constraints in one flat array.
        resource_offsets: First item of each no-overlap constraint, and the number of items.
        masters: Master interval of each alternative.
        option_items: Options of all alternatives in one flat array.
        option_offsets: First option of each alternative, and the number of options.
        due: Due date of each interval for weighted tardiness, or None for makespan.
        weights: Tardiness weight of each interval; 0 where its end does not matter.
        name: Name for tables and files.

    Raises:
        InvalidInstanceError: If an index or a shape does not fit.
    """

    family: ClassVar[str] = "encoding"
    sign: ClassVar[int] = 1

    size: IntArray  # (intervals,)
    earliest: IntArray  # (intervals,)
    before: IntArray  # (precedences, 2)
    resource_items: IntArray  # (items,)
    resource_offsets: IntArray  # (resources + 1,)
    masters: IntArray  # (alternatives,)
    option_items: IntArray  # (options,)
    option_offsets: IntArray  # (alternatives + 1,)
    due: IntArray | None = None  # (intervals,)
    weights: IntArray | None = None  # (intervals,)
    name: str = "unnamed"

    def __post_init__(self) -> None:
        put = object.__setattr__
        for field in ("size", "earliest", "resource_items", "masters", "option_items", "due", "weights"):
            if getattr(self, field) is not None:
                put(self, field, as_integers(field, getattr(self, field)))
        if np.size(self.before) % 2:
            raise InvalidInstanceError(f"before must hold pairs of intervals, got {np.size(self.before)} numbers")
        put(self, "before", as_integers("before", np.asarray(self.before).reshape(-1)).reshape(-1, 2))
        put(self, "resource_offsets", as_offsets("resource_offsets", self.resource_offsets, self.resource_items.size))
        put(self, "option_offsets", as_offsets("option_offsets", self.option_offsets, self.option_items.size))
        n = self.num_intervals
        for field in ("resource_items", "masters", "option_items", "before"):
            values = getattr(self, field)
            if values.size and values.max() >= n:
                raise InvalidInstanceError(f"{field} names interval {values.max()}, but there are {n} intervals")
        for field in ("earliest", "due", "weights"):
            values = getattr(self, field)
            if values is not None and np.asarray(values).size != n:
                raise InvalidInstanceError(f"{field} has {np.asarray(values).size} entries for {n} intervals")
        if self.option_offsets.size != self.masters.size + 1:
            raise InvalidInstanceError(
                f"option_offsets describes {self.option_offsets.size - 1} of {self.masters.size} masters"
            )
        if (self.due is None) != (self.weights is None):
            raise InvalidInstanceError("due and weights come together; pass both or neither")

    @property
    def dimensions(self) -> str:
        """Number of intervals, for tables."""
        return str(self.num_intervals)

    @property
    def num_intervals(self) -> int:
        """Number of intervals, masters and options included."""
        return int(self.size.size)

    @property
    def num_resources(self) -> int:
        """Number of no-overlap constraints."""
        return int(self.resource_offsets.size - 1)

    @property
    def optional(self) -> NDArray[np.bool_]:
        """Whether each interval is an option of some alternative, shape (intervals,)."""
        mask = np.zeros(self.num_intervals, dtype=bool)
        mask[self.option_items] = True
        return mask

    @property
    def horizon(self) -> int:
        """An end that no sensible solution exceeds."""
        return int(self.size.sum()) + int(self.earliest.max(initial=0))


@dataclass(frozen=True, eq=False)
class Intervals:
    """Start and end of each interval; an absent option has start and end -1."""

    start: IntArray  # (intervals,)
    end: IntArray  # (intervals,)

    def __post_init__(self) -> None:
        for field in ("start", "end"):
            values = as_integers(field, getattr(self, field), minimum=None, error=InvalidSolutionError)
            object.__setattr__(self, field, values)
        if self.start.size != self.end.size:
            raise InvalidSolutionError(f"start has {self.start.size} entries, end has {self.end.size}")


def objective(instance: Encoding, solution: Intervals) -> int:
    """Return the largest end, or the sum of weights times tardiness where the encoding has due dates."""
    if instance.due is None or instance.weights is None:
        return int(solution.end.max())
    return int(np.maximum(0, solution.end - instance.due) @ instance.weights)


def check(instance: Encoding, solution: Intervals) -> list[Violation]:
    """Return every kind of constraint that ``solution`` breaks, each with its first offender."""
    n, start, end = instance.num_intervals, solution.start, solution.end
    if start.size != n:
        return [Violation("shape", f"the solution has {start.size} intervals, the encoding has {n}")]
    present = start >= 0
    master = np.zeros(n, dtype=bool)
    master[instance.masters] = True
    found = []
    for kind, mask, text in (
        ("presence", ~present & ~instance.optional, "is absent but mandatory"),
        ("earliest", present & (start < instance.earliest), "starts too early"),
        ("size", present & ~master & (end - start != instance.size), "has the wrong length"),
    ):
        i = first_where(mask)
        if i is not None:
            found.append(Violation(kind, f"interval {i} [{start[i]}, {end[i]}) {text}"))
    a, b = instance.before[:, 0], instance.before[:, 1]
    k = first_where(present[a] & present[b] & (end[a] > start[b]))
    if k is not None:
        found.append(Violation("precedence", f"interval {a[k]} ends at {end[a[k]]}, {b[k]} starts at {start[b[k]]}"))
    return found + _broken_alternatives(instance, solution) + _broken_resources(instance, solution)


def _broken_alternatives(instance: Encoding, solution: Intervals) -> list[Violation]:
    for k, master in enumerate(instance.masters):
        options = instance.option_items[instance.option_offsets[k] : instance.option_offsets[k + 1]]
        chosen = options[solution.start[options] >= 0]
        if chosen.size != 1:
            return [Violation("alternative", f"alternative {k} has {chosen.size} present options instead of one")]
        o = int(chosen[0])
        if solution.start[o] != solution.start[master] or solution.end[o] != solution.end[master]:
            return [Violation("alternative", f"option {o} does not coincide with its master {master}")]
    return []


def _broken_resources(instance: Encoding, solution: Intervals) -> list[Violation]:
    start, end = solution.start, solution.end
    for r in range(instance.num_resources):
        items = instance.resource_items[instance.resource_offsets[r] : instance.resource_offsets[r + 1]]
        items = items[(start[items] >= 0) & (end[items] > start[items])]
        items = items[np.argsort(start[items], kind="stable")]
        k = first_where(end[items[:-1]] > start[items[1:]])
        if k is not None:
            return [Violation("overlap", f"resource {r} runs intervals {items[k]} and {items[k + 1]} at once")]
    return []


def encode(instance: JobShop) -> Encoding:
    """Return the CP encoding of a shop: one interval an operation, then one option a mode of flexible operations.

    Resources are the machines, followed by the jobs if the operations of a job have no order.
    """
    n, counts = instance.num_operations, np.diff(instance.mode_offsets)
    flexible = np.flatnonzero(counts > 1)
    optional = np.repeat(counts > 1, counts)  # (modes,)
    interval = np.repeat(np.arange(n), counts)  # interval that each mode stands for
    interval[optional] = n + np.arange(int(optional.sum()))
    total = n + int(optional.sum())
    owner = np.repeat(np.arange(n), counts)
    size, earliest = np.zeros(total, dtype=np.int64), np.zeros(total, dtype=np.int64)
    size[interval] = instance.durations
    size[flexible] = 0
    if instance.release is not None:
        earliest[interval] = instance.release[instance.job_of][owner]
        earliest[:n] = instance.release[instance.job_of]
    order = np.argsort(instance.machines, kind="stable")
    items = [interval[order]]
    loads = [np.bincount(instance.machines, minlength=instance.num_machines)]
    if not instance.ordered:
        items.append(np.arange(n))
        loads.append(np.diff(instance.job_offsets))
    job, first = instance.job_of, np.arange(n - 1)
    chain = first[job[1:] == job[:-1]] if instance.ordered else first[:0]
    due, weights = _due_of_operations(instance, total)
    return Encoding(
        size=size,
        earliest=earliest,
        before=np.stack([chain, chain + 1], axis=1),
        resource_items=np.concatenate(items),
        resource_offsets=np.concatenate([[0], np.cumsum(np.concatenate(loads))]),
        masters=flexible,
        option_items=np.arange(n, total),
        option_offsets=np.concatenate([[0], np.cumsum(counts[flexible])]),
        due=due,
        weights=weights,
        name=instance.name,
    )


def _due_of_operations(instance: JobShop, total: int) -> tuple[IntArray | None, IntArray | None]:
    """Put each job's due date and weight on its last operation; only ordered jobs have one."""
    if instance.criterion == "makespan" or instance.due is None:
        return None, None
    if not instance.ordered:
        raise InvalidInstanceError("weighted tardiness of an open shop has no encoding; minimise the makespan")
    due, weights = np.zeros(total, dtype=np.int64), np.zeros(total, dtype=np.int64)
    busy = np.flatnonzero(np.diff(instance.job_offsets) > 0)
    last = instance.job_offsets[busy + 1] - 1
    due[last] = instance.due[busy]
    weights[last] = 1 if instance.weights is None else instance.weights[busy]
    return due, weights


def schedule_of(instance: JobShop, solution: Intervals) -> Schedule:
    """Translate a solution of ``encode(instance)`` back into a schedule."""
    counts = np.diff(instance.mode_offsets)
    machine = instance.machines[instance.mode_offsets[:-1]].copy()
    optional = np.repeat(counts > 1, counts)
    n = instance.num_operations
    present = solution.start[n:] >= 0
    owner = np.repeat(np.arange(n), counts)[optional]
    machine[owner[present]] = instance.machines[optional][present]
    return Schedule(solution.start[:n], machine)


def intervals_of(instance: JobShop, solution: Schedule) -> Intervals:
    """Translate a schedule into a solution of ``encode(instance)``."""
    counts = np.diff(instance.mode_offsets)
    owner = np.repeat(np.arange(instance.num_operations), counts)
    optional = np.repeat(counts > 1, counts)
    used = instance.machines == solution.machine[owner]
    duration = np.zeros(instance.num_operations, dtype=np.int64)
    duration[owner[used]] = instance.durations[used]
    end = solution.start + duration
    start, end = (np.append(a, np.where(used[optional], a[owner[optional]], -1)) for a in (solution.start, end))
    return Intervals(start, end)


def toy() -> Encoding:
    """Return the encoding of the toy job shop, whose optimal makespan is 11."""
    from copt.problems.jobshop import toy as shop

    return encode(shop())
