"""The standard (JSPLIB) format: ``jobs machines``, then one row of pairs ``machine duration`` a job.

Machines count from 0. A row has one pair a machine; a row with fewer or more pairs, as re-entrant shops have
them, ends in ``-1 -1``. Without that mark a cut-off row would pass for a short job.
"""

import numpy as np

from copt.instances.formats import Format
from copt.instances.jobshop_flexible import is_flexible, starts_with_numbers
from copt.instances.jobshop_header import build, comment_lines, content, job_rows, size
from copt.instances.text import Line, Text, integers
from copt.problems.base import IntArray, first_where
from copt.problems.jobshop import JobShop

__all__ = ["STANDARD"]


def _recognise(text: Text) -> bool:
    rows = content(text)
    return starts_with_numbers(rows, 2) and not is_flexible(rows)


def _read(text: Text) -> JobShop:
    header, *rows = content(text)
    jobs, machines = size(text, header)
    pairs = [_pairs(text, row, machines) for row in job_rows(text, rows, jobs)]
    flat = np.concatenate(pairs)
    return build(
        text,
        jobs,
        machines=flat[:, 0],
        durations=flat[:, 1],
        mode_offsets=np.arange(len(flat) + 1),
        job_offsets=np.cumsum([0] + [len(row) for row in pairs]),
        num_machines=machines,
    )


def _pairs(text: Text, row: Line, machines: int) -> IntArray:
    """Return the pairs (machine, duration) of ``row``, shape (operations, 2)."""
    values = integers(text, row, f"{machines} pairs 'machine duration'")
    if values.size % 2:
        text.fail(row, f"expected {machines} pairs 'machine duration', found {values.size} numbers; one is missing")
    pairs = values.reshape(-1, 2)
    if len(pairs) and (pairs[-1] == -1).all():
        pairs = pairs[:-1]
    elif len(pairs) != machines:
        remedy = "a job with fewer or more operations than machines ends its row with -1 -1"
        text.fail(row, f"expected {machines} pairs 'machine duration', found {len(pairs)}; {remedy}")
    wrong = first_where((pairs[:, 0] < 0) | (pairs[:, 0] >= machines))
    if wrong is not None:
        found = f"found {pairs[wrong, 0]} in pair {wrong + 1}"
        text.fail(row, f"expected a machine from 0 to {machines - 1} (machines count from 0), {found}")
    wrong = first_where(pairs[:, 1] < 0)
    if wrong is not None:
        text.fail(row, f"expected a duration of at least 0, found {pairs[wrong, 1]} in pair {wrong + 1}")
    return pairs


def _refusal(instance: JobShop) -> str | None:
    return "it has one machine an operation, the instance has alternatives" if instance.flexible else None


def _write(instance: JobShop) -> str:
    flat = np.stack([instance.machines, instance.durations], axis=1)
    jobs = np.split(flat, instance.job_offsets[1:-1])
    everywhere = np.arange(instance.num_machines)
    marked = any(not np.array_equal(np.sort(job[:, 0]), everywhere) for job in jobs)
    lines = comment_lines(instance)
    lines.append(f"{instance.num_jobs} {instance.num_machines}")
    for job in jobs:
        values = job.ravel().tolist() + ([-1, -1] if marked else [])
        lines.append(" ".join(map(str, values)))
    return "\n".join(lines) + "\n"


STANDARD = Format(
    name="standard",
    suffixes=(".txt", ".jsp", ".jss"),
    recognise=_recognise,
    read=_read,
    refusal=_refusal,
    write=_write,
)
