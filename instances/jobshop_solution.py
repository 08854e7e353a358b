"""Schedules as text: one line a job with ``machine:start`` of each operation, in the order of the instance.

::

    # instance: toy
    # objective: 11
    0:0 1:4 2:6
    0:3 2:5 1:6
    1:0 2:6

Lines that start with ``#`` are comments; machines count from 0; a job without operations is a line ``-``.
"""

import itertools
import re

import numpy as np

from copt.instances.jobshop_header import content, job_rows
from copt.instances.text import Text, one_line, quoted
from copt.problems.jobshop import JobShop, Schedule

__all__ = ["format_solution", "parse_solution"]

_ENTRY = re.compile(r"-?[0-9]{1,15}:-?[0-9]{1,15}", re.ASCII)


def parse_solution(instance: JobShop, text: Text) -> Schedule:
    """Return the schedule that ``text`` describes. Whether it is feasible is for ``check`` to say.

    Raises:
        FormatError: If there is not one line a job with one ``machine:start`` an operation.
    """
    rows = job_rows(text, content(text), instance.num_jobs)
    entries: list[str] = []
    for job, row in enumerate(rows):
        tokens = [token for token in row.text.split() if token != "-"]
        for token in tokens:
            if not _ENTRY.fullmatch(token):
                text.fail(row, f"expected 'machine:start' of each operation, found {quoted(token)}")
        operations = int(instance.job_offsets[job + 1] - instance.job_offsets[job])
        if len(tokens) != operations:
            text.fail(row, f"expected {operations} entries 'machine:start' for job {job}, found {len(tokens)}")
        entries += tokens
    values = np.array(":".join(entries).split(":"), dtype=np.int64).reshape(-1, 2)
    return Schedule(start=values[:, 1], machine=values[:, 0])


def format_solution(instance: JobShop, solution: Schedule, objective: float) -> str:
    """Return ``solution`` as text, with the name of the instance and the objective as comments."""
    lines = [
        f"# instance: {one_line(instance.name)}",
        f"# objective: {objective:.15g}",
        "# one line a job: machine:start of each operation",
    ]
    pairs = zip(solution.machine.tolist(), solution.start.tolist(), strict=True)
    entries = [f"{machine}:{start}" for machine, start in pairs]
    offsets = instance.job_offsets.tolist()
    lines += [" ".join(entries[a:b]) or "-" for a, b in itertools.pairwise(offsets)]
    return "\n".join(lines) + "\n"
