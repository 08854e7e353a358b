"""Taillard's specification format: sizes, a matrix of times and a matrix of machines.

::

    Nb of jobs, Nb of Machines, Time seed, Machine seed, Upper bound, Lower bound
    2 2 1 2 9 7
    Times
    4 3
    2 5
    Machines
    1 2
    2 1

Row ``j`` of a matrix is job ``j``, column ``k`` its ``k``-th operation; machines count from 1. Seeds and
bounds may be left out and are not kept.
"""

import re

import numpy as np

from copt.instances.formats import Format
from copt.instances.jobshop_header import build, content, size
from copt.instances.text import Line, Text, integers
from copt.problems.base import IntArray
from copt.problems.jobshop import JobShop

__all__ = ["TAILLARD"]

_HEADER = re.compile(r"\s*(nb|number)\.? of jobs", re.IGNORECASE)
_HEADING = {
    "Times": re.compile(r"\s*(processing )?times\s*:?\s*", re.IGNORECASE),
    "Machines": re.compile(r"\s*machines\s*:?\s*", re.IGNORECASE),
}


def _recognise(text: Text) -> bool:
    rows = content(text)[:2]
    return any(_HEADER.match(row.text) or _HEADING["Times"].fullmatch(row.text) for row in rows)


def _read(text: Text) -> JobShop:
    rows = content(text)
    if _HEADER.match(rows[0].text):
        del rows[0]
    if not rows:
        text.fail(text.lines[-1], "expected the numbers of jobs and machines, but the file ends")
    jobs, machines = size(text, rows[0])
    times = _matrix(text, rows[1:], "Times", jobs, machines)
    order = _matrix(text, rows[2 + jobs :], "Machines", jobs, machines)
    rest = rows[3 + 2 * jobs :]
    if rest:
        more = "; split the file, it holds more than one instance" if _HEADER.match(rest[0].text) else ""
        text.fail(rest[0], f"expected the end of the file after {jobs} rows of machines, found one more line{more}")
    return build(
        text,
        jobs,
        machines=order.ravel() - 1,
        durations=times.ravel(),
        mode_offsets=np.arange(times.size + 1),
        job_offsets=np.arange(jobs + 1) * machines,
        num_machines=machines,
    )


def _matrix(text: Text, rows: list[Line], heading: str, jobs: int, machines: int) -> IntArray:
    """Return the matrix below ``heading``, shape (jobs, machines), in which machines count from 1."""
    if not rows:
        text.fail(text.lines[-1], f"expected the line '{heading}', but the file ends")
    if not _HEADING[heading].fullmatch(rows[0].text):
        text.fail(rows[0], f"expected the line '{heading}' after the {jobs} rows before it")
    low, high = (0, None) if heading == "Times" else (1, machines)
    matrix = []
    for row in rows[1 : jobs + 1]:
        values = integers(text, row, f"{machines} {heading.lower()}")
        if values.size != machines:
            text.fail(row, f"expected {machines} {heading.lower()}, found {values.size} numbers")
        if values.min() < low:
            text.fail(row, f"expected {heading.lower()} of at least {low}, found {values.min()}")
        if high is not None and values.max() > high:
            text.fail(row, f"expected machines of at most {high} (machines count from 1), found {values.max()}")
        matrix.append(values)
    if len(matrix) < jobs:
        text.fail(
            text.lines[-1],
            f"expected {jobs} rows of {heading.lower()}, but the file ends after {len(matrix)}",
        )
    return np.stack(matrix)


def _refusal(instance: JobShop) -> str | None:
    if instance.flexible:
        return "it has one machine an operation, the instance has alternatives"
    if (np.diff(instance.job_offsets) != instance.num_machines).any():
        return "it has as many operations a job as machines, the instance has not"
    if instance.release is not None or instance.due is not None or instance.weights is not None:
        return "it has no place for release dates, due dates or weights"
    if not instance.ordered:
        return "it has no place for an open shop"
    return None


def _write(instance: JobShop) -> str:
    shape = (instance.num_jobs, instance.num_machines)
    lines = ["Nb of jobs, Nb of Machines", f"{shape[0]} {shape[1]}"]
    for heading, values in (("Times", instance.durations), ("Machines", instance.machines + 1)):
        lines += [heading, *(" ".join(map(str, row)) for row in values.reshape(shape).tolist())]
    return "\n".join(lines) + "\n"


TAILLARD = Format(
    name="taillard",
    suffixes=(".tai",),
    recognise=_recognise,
    read=_read,
    refusal=_refusal,
    write=_write,
)
