"""The flexible format (FJSPLIB): ``jobs machines [alternatives]``, then one row a job.

A row is the number of operations and then, for each operation, the number k of its machines and k pairs
``machine duration``. Machines count from 1. The optional third entry of the header is the mean of k.
"""

import itertools

import numpy as np

from copt.instances.formats import Format
from copt.instances.jobshop_header import build, comment_lines, content, job_rows, size
from copt.instances.text import Line, Text, integers
from copt.problems.jobshop import JobShop

__all__ = ["FLEXIBLE", "is_flexible", "starts_with_numbers"]


def starts_with_numbers(rows: list[Line], count: int) -> bool:
    """Return whether the first of ``rows`` consists of ``count`` numbers, be they sensible or not."""
    tokens = rows[0].text.split(maxsplit=count) if rows else []
    try:
        return len([float(token) for token in tokens]) == count
    except ValueError:
        return False


def is_flexible(rows: list[Line]) -> bool:
    """Return whether ``rows``, header first, are in the flexible rather than in the standard format.

    With three numbers in the header they are, unless the next row has five. With two, the first job decides; where
    it fits both formats, all jobs do: they are flexible if they all fit and their standard reading is no classic
    job shop, in which each job visits each machine once.
    """
    if starts_with_numbers(rows, 3):
        # No job takes five numbers, but an item of a robust knapsack does.
        return len(rows) < 2 or len(rows[1].text.split()) != 5
    if not starts_with_numbers(rows, 2) or len(rows) < 2:
        return False
    try:
        machines = int(rows[0].text.split()[1])
        jobs = (list(map(int, row.text.split())) for row in rows[1:])
        first = next(jobs)
        _operations(first, machines)
        if len(first) != 2 * machines:
            return True
        classic = len(set(first[::2])) == machines
        for job in jobs:
            _operations(job, machines)
            classic &= len(job) == 2 * machines and len(set(job[::2])) == machines
    except ValueError:
        return False
    return not classic


def _operations(row: list[int], machines: int) -> tuple[list[int], list[int]]:
    """Split the numbers of one job.

    Returns:
        The number of alternatives of each operation, and all pairs (machine, duration) in one flat list.

    Raises:
        ValueError: If they do not fit; the text says what was expected.
    """
    if row[0] < 0:
        raise ValueError(f"expected a number of operations of at least 0, found {row[0]}")
    counts: list[int] = []
    pairs: list[int] = []
    position = 1
    while len(counts) < row[0]:
        place = f"operation {len(counts) + 1} of {row[0]}"
        if position == len(row):
            raise ValueError(f"expected {row[0]} operations, but the row ends before {place}")
        count = row[position]
        if not 1 <= count <= machines:
            raise ValueError(f"expected 1 to {machines} alternatives in {place}, found {count}")
        chunk = row[position + 1 : position + 1 + 2 * count]
        if len(chunk) < 2 * count:
            raise ValueError(f"expected {count} pairs 'machine duration' in {place}, but the row ends")
        _check_alternatives(chunk, machines, place)
        counts.append(count)
        pairs += chunk
        position += 1 + 2 * count
    if position < len(row):
        raise ValueError(
            f"expected the end of the row after {row[0]} operations, found {len(row) - position} more numbers"
        )
    return counts, pairs


def _check_alternatives(chunk: list[int], machines: int, place: str) -> None:
    used, shortest = chunk[::2], min(chunk[1::2])
    wrong = next((machine for machine in used if not 1 <= machine <= machines), None)
    if wrong is not None:
        expected = f"expected a machine from 1 to {machines} (machines count from 1)"
        raise ValueError(f"{expected} in {place}, found {wrong}")
    if shortest < 0:
        raise ValueError(f"expected a duration of at least 0 in {place}, found {shortest}")
    if len(set(used)) < len(used):
        raise ValueError(f"expected each machine once in {place}; keep its shorter duration")


def _recognise(text: Text) -> bool:
    return is_flexible(content(text))


def _read(text: Text) -> JobShop:
    header, *rows = content(text)
    jobs, machines = size(text, header)
    counts: list[int] = []
    pairs: list[int] = []
    operations: list[int] = []
    for row in job_rows(text, rows, jobs):
        values = integers(text, row, "a job as 'operations', then 'k' and k pairs 'machine duration' each").tolist()
        try:
            row_counts, row_pairs = _operations(values, machines)
        except ValueError as error:
            text.fail(row, str(error))
        counts += row_counts
        pairs += row_pairs
        operations.append(len(row_counts))
    flat = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return build(
        text,
        jobs,
        machines=flat[:, 0] - 1,
        durations=flat[:, 1],
        mode_offsets=np.cumsum([0, *counts]),
        job_offsets=np.cumsum([0, *operations]),
        num_machines=machines,
    )


def _refusal(_instance: JobShop) -> str | None:
    return None


def _write(instance: JobShop) -> str:
    mean = instance.durations.size / instance.num_operations
    lines = [*comment_lines(instance), f"{instance.num_jobs} {instance.num_machines} {mean:.4g}"]
    flat = np.stack([instance.machines + 1, instance.durations], axis=1).ravel().tolist()
    modes, jobs = instance.mode_offsets.tolist(), instance.job_offsets.tolist()
    for first, end in itertools.pairwise(jobs):
        row = [end - first]
        for operation in range(first, end):
            begin, stop = modes[operation], modes[operation + 1]
            row += [stop - begin, *flat[2 * begin : 2 * stop]]
        lines.append(" ".join(map(str, row)))
    return "\n".join(lines) + "\n"


FLEXIBLE = Format(
    name="fjsplib",
    suffixes=(".fjs",),
    recognise=_recognise,
    read=_read,
    refusal=_refusal,
    write=_write,
)
