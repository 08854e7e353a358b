"""Shop scheduling: job shop, flexible job shop, flow shop, open shop, re-entrant routings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.base import IntArray, Violation, as_integers, as_offsets, first_where

if TYPE_CHECKING:
    import networkx

__all__ = ["JobShop", "Schedule", "check", "objective", "toy"]

MAX_HORIZON = 2**31 - 1  # compiled kernels count time in 32 bits


@dataclass(frozen=True, eq=False, kw_only=True)
class JobShop:
    """A shop: jobs are sequences of operations, an operation runs on one of its machines, uninterrupted.

    Operations are numbered job by job: job ``j`` owns operations ``job_offsets[j]`` to ``job_offsets[j + 1] - 1``.
    Operation ``o`` owns modes ``mode_offsets[o]`` to ``mode_offsets[o + 1] - 1``: alternative machines, each with
    its duration. A job may visit a machine more than once.

    Args:
        durations: Processing time of each mode.
        machines: Machine of each mode, from 0.
        mode_offsets: First mode of each operation, and the number of modes.
        job_offsets: First operation of each job, and the number of operations.
        num_machines: Number of machines; some may be idle.
        name: Name for tables and files.
        release: Earliest start of each job, or None.
        due: Due date of each job, or None.
        weights: Tardiness weight of each job, or None for weights of 1.
        criterion: What is minimised; ``weighted_tardiness`` needs ``due``.
        ordered: Whether the operations of a job run in the given order; False makes an open shop, in which
            they still do not overlap.

    Raises:
        InvalidInstanceError: If a field has the wrong shape, a value is out of range, or an operation lists a
            machine twice.
    """

    family: ClassVar[str] = "jobshop"
    sign: ClassVar[int] = 1

    durations: IntArray  # (modes,)
    machines: IntArray  # (modes,)
    mode_offsets: IntArray  # (operations + 1,)
    job_offsets: IntArray  # (jobs + 1,)
    num_machines: int
    name: str = "unnamed"
    release: IntArray | None = None  # (jobs,)
    due: IntArray | None = None  # (jobs,)
    weights: IntArray | None = None  # (jobs,)
    criterion: Literal["makespan", "weighted_tardiness"] = "makespan"
    ordered: bool = True

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "durations", as_integers("durations", self.durations))
        put(self, "machines", as_integers("machines", self.machines))
        modes = self.durations.size
        if self.machines.size != modes:
            raise InvalidInstanceError(f"machines has {self.machines.size} entries, durations has {modes}")
        put(self, "mode_offsets", as_offsets("mode_offsets", self.mode_offsets, modes))
        put(self, "job_offsets", as_offsets("job_offsets", self.job_offsets, self.mode_offsets.size - 1))
        if self.num_operations == 0:
            raise InvalidInstanceError("an instance needs at least one operation; job_offsets describes none")
        if not isinstance(self.num_machines, (int, np.integer)) or self.num_machines < 0:
            raise InvalidInstanceError(f"num_machines must be a whole number from 0, got {self.num_machines!r}")
        if modes and self.machines.max() >= self.num_machines:
            index = int(self.machines.argmax())
            raise InvalidInstanceError(
                f"machines[{index}] = {self.machines[index]} but num_machines = {self.num_machines}; they count from 0"
            )
        self._check_modes()
        for field in ("release", "due", "weights"):
            if getattr(self, field) is not None:
                put(self, field, as_integers(field, getattr(self, field)))
                if getattr(self, field).size != self.num_jobs:
                    raise InvalidInstanceError(
                        f"{field} has {getattr(self, field).size} entries for {self.num_jobs} jobs"
                    )
        if self.criterion not in ("makespan", "weighted_tardiness"):
            raise InvalidInstanceError(f"unknown criterion {self.criterion!r}; choose makespan or weighted_tardiness")
        if self.criterion == "weighted_tardiness" and self.due is None:
            raise InvalidInstanceError("criterion weighted_tardiness needs due dates; pass due=")
        if self.horizon > MAX_HORIZON:
            raise InvalidInstanceError(
                f"durations add up to {self.horizon}, over {MAX_HORIZON}; use a coarser time unit"
            )

    def _check_modes(self) -> None:
        counts = np.diff(self.mode_offsets)
        empty = first_where(counts == 0)
        if empty is not None:
            raise InvalidInstanceError(f"operation {empty} has no machine; mode_offsets[{empty}:{empty + 2}] is empty")
        if self.flexible:
            operation = np.repeat(np.arange(counts.size), counts)
            key = np.sort(operation * self.num_machines + self.machines)
            twice = first_where(key[1:] == key[:-1])
            if twice is not None:
                owner, machine = divmod(int(key[twice]), self.num_machines)
                raise InvalidInstanceError(
                    f"operation {owner} lists machine {machine} twice; keep its shorter duration"
                )

    @classmethod
    def from_jobs(cls, jobs: Sequence[Sequence[Any]], **fields: Any) -> "JobShop":
        """Build an instance from nested sequences.

        Args:
            jobs: For each job its operations in order; an operation is a pair (machine, duration) or a list of
                such pairs, its alternatives.
            **fields: Any further field of ``JobShop``; ``num_machines`` defaults to the largest machine plus one.
        """
        try:
            alternatives = [[[op] if len(op) and np.isscalar(op[0]) else list(op) for op in job] for job in jobs]
            flat = [op for job in alternatives for op in job]
            pairs = [pair for op in flat for pair in op]
            columns = [m for m, _ in pairs], [d for _, d in pairs]
        except (TypeError, ValueError):
            raise InvalidInstanceError(
                "jobs must hold operations: pairs (machine, duration) or lists of pairs"
            ) from None
        machines, durations = as_integers("machines", columns[0]), as_integers("durations", columns[1])
        fields.setdefault("num_machines", int(machines.max(initial=-1)) + 1)
        return cls(
            machines=machines,
            durations=durations,
            mode_offsets=np.cumsum([0] + [len(op) for op in flat]),
            job_offsets=np.cumsum([0] + [len(job) for job in alternatives]),
            **fields,
        )

    @classmethod
    def from_arrays(cls, machines: Any, durations: Any, **fields: Any) -> "JobShop":
        """Build a shop in which all jobs have equally many operations, one machine each.

        Args:
            machines: Machine of each operation, shape (jobs, operations).
            durations: Its duration, same shape.
            **fields: Any further field of ``JobShop``; ``num_machines`` defaults to the largest machine plus one.

        Raises:
            InvalidInstanceError: If the shapes differ.
        """
        machines, durations = np.asarray(machines), np.asarray(durations)
        if machines.ndim != 2 or machines.shape != durations.shape:
            raise InvalidInstanceError(
                f"machines {machines.shape} and durations {durations.shape} must be equal (jobs, operations)"
            )
        jobs, operations = machines.shape
        fields.setdefault("num_machines", int(machines.max()) + 1 if machines.size else 0)
        return cls(
            machines=machines.ravel(),
            durations=durations.ravel(),
            mode_offsets=np.arange(jobs * operations + 1),
            job_offsets=np.arange(jobs + 1) * operations,
            **fields,
        )

    @property
    def num_jobs(self) -> int:
        """Number of jobs."""
        return int(self.job_offsets.size - 1)

    @property
    def num_operations(self) -> int:
        """Number of operations of all jobs."""
        return int(self.mode_offsets.size - 1)

    @property
    def dimensions(self) -> str:
        """Jobs times machines, for tables."""
        return f"{self.num_jobs}x{self.num_machines}"

    @property
    def flexible(self) -> bool:
        """Whether some operation has more than one machine."""
        return bool(self.durations.size > self.num_operations)

    @property
    def job_of(self) -> IntArray:
        """Job of each operation, shape (operations,)."""
        return np.repeat(np.arange(self.num_jobs), np.diff(self.job_offsets))

    @property
    def horizon(self) -> int:
        """A makespan that no sensible schedule exceeds: latest release plus every longest duration in a row."""
        longest = np.maximum.reduceat(self.durations, self.mode_offsets[:-1]) if self.durations.size else self.durations
        total = int(longest.sum()) if longest.max(initial=0) <= MAX_HORIZON else sum(longest.tolist())  # no overflow
        return total + (0 if self.release is None else int(self.release.max()))

    def to_networkx(self) -> "networkx.DiGraph":
        """Return the disjunctive graph (Roy and Sussmann 1964).

        Nodes are the operations, with ``job``, ``machines`` and ``durations``, and ``source`` and ``sink``. Edges of
        kind ``conjunctive`` follow the jobs; two operations that may share a machine are joined by a pair of edges
        of kind ``disjunctive`` with the ``machine``.
        """
        from copt.problems.graph import disjunctive_graph

        return disjunctive_graph(self)


@dataclass(frozen=True, eq=False)
class Schedule:
    """When and where each operation runs.

    Args:
        start: Start of each operation.
        machine: Machine of each operation.
    """

    start: IntArray  # (operations,)
    machine: IntArray  # (operations,)

    def __post_init__(self) -> None:
        for field in ("start", "machine"):
            values = as_integers(field, getattr(self, field), minimum=None, error=InvalidSolutionError)
            object.__setattr__(self, field, values)
        if self.start.size != self.machine.size:
            raise InvalidSolutionError(f"start has {self.start.size} entries, machine has {self.machine.size}")


def chosen_durations(instance: JobShop, machine: IntArray) -> IntArray:
    """Return the duration of each operation on ``machine``, or -1 where it cannot run there; shape (operations,)."""
    owner = np.repeat(np.arange(instance.num_operations), np.diff(instance.mode_offsets))
    result = np.full(instance.num_operations, -1, dtype=np.int64)
    hit = instance.machines == machine[owner]
    result[owner[hit]] = instance.durations[hit]
    return result


def completion_times(instance: JobShop, solution: Schedule) -> IntArray:
    """Return the completion time of each job, shape (jobs,); 0 for a job without operations."""
    end = solution.start + chosen_durations(instance, solution.machine)
    result = np.zeros(instance.num_jobs, dtype=np.int64)
    np.maximum.at(result, instance.job_of, end)
    return result


def objective(instance: JobShop, solution: Schedule) -> int:
    """Return the value of ``solution``: makespan, or sum of weights times tardiness."""
    completion = completion_times(instance, solution)
    if instance.criterion == "makespan" or instance.due is None:
        return int(completion.max())
    late = np.maximum(0, completion - instance.due)
    return int(late.sum() if instance.weights is None else late @ instance.weights)


def check(instance: JobShop, solution: Schedule) -> list[Violation]:
    """Return every kind of constraint that ``solution`` breaks, each with its first offender."""
    n = instance.num_operations
    if solution.start.size != n:
        return [Violation("shape", f"the schedule has {solution.start.size} operations, the instance has {n}")]
    found = []
    durations = chosen_durations(instance, solution.machine)
    job = instance.job_of
    ready = np.zeros(n, dtype=np.int64) if instance.release is None else instance.release[job]
    early = first_where(solution.start < ready)
    if early is not None:
        found.append(
            Violation("release", f"operation {early} starts at {solution.start[early]}, before {ready[early]}")
        )
    wrong = first_where(durations < 0)
    if wrong is not None:
        return [*found, Violation("machine", f"operation {wrong} cannot run on machine {solution.machine[wrong]}")]
    end = solution.start + durations
    if instance.ordered:
        late = first_where((job[1:] == job[:-1]) & (end[:-1] > solution.start[1:]))
        if late is not None:
            found.append(
                Violation(
                    "precedence",
                    f"operation {late} ends at {end[late]}, {late + 1} starts at {solution.start[late + 1]}",
                )
            )
    else:
        found += _overlaps("job", job, solution.start, end)
    return found + _overlaps("machine", solution.machine, solution.start, end)


def _overlaps(resource: str, owner: IntArray, start: IntArray, end: IntArray) -> list[Violation]:
    """Report the first two operations of positive duration that one resource runs at once."""
    busy = np.flatnonzero(end > start)
    order = busy[np.lexsort((start[busy], owner[busy]))]
    left, right = order[:-1], order[1:]
    clash = first_where((owner[left] == owner[right]) & (end[left] > start[right]))
    if clash is None:
        return []
    a, b = int(left[clash]), int(right[clash])
    return [
        Violation(
            "overlap",
            f"{resource} {owner[a]} runs operations {a} [{start[a]}, {end[a]}) and {b} [{start[b]}, {end[b]})",
        )
    ]


def toy() -> JobShop:
    """Return a shop of three jobs and three machines whose optimal makespan is 11."""
    return JobShop.from_jobs([[(0, 3), (1, 2), (2, 2)], [(0, 2), (2, 1), (1, 4)], [(1, 4), (2, 3)]], name="toy")
