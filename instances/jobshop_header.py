"""What the formats of shops share: sizes, one row a job, and comments for what they have no place for.

``# name: x``, ``# release: 0 5 3``, ``# due: 20 9 11``, ``# weights: 1 1 2``,
``# criterion: weighted_tardiness`` and ``# ordered: no`` (open shop). Any other line that starts with ``#``
is a plain comment.
"""

import re
from typing import Any

from copt.errors import InvalidInstanceError
from copt.instances.text import Line, Text, integers, one_line, quoted
from copt.problems.jobshop import JobShop

__all__ = ["build", "comment_lines", "content", "job_rows", "size"]

MAX_MACHINES = 1_000_000
_FIELD = re.compile(r"\s*#\s*(name|release|due|weights|criterion|ordered)\s*:(.*)", re.IGNORECASE)
_CRITERIA = ("makespan", "weighted_tardiness")


def content(text: Text) -> list[Line]:
    """Return the lines of ``text`` that are no comments."""
    return [line for line in text.lines if not line.text.lstrip().startswith("#")]


def size(text: Text, header: Line) -> tuple[int, int]:
    """Return the numbers of jobs and machines, the first two entries of ``header``.

    Raises:
        FormatError: If they are no positive whole numbers, or there are more than a million machines.
    """
    first_two = header._replace(text=" ".join(header.text.split(maxsplit=2)[:2]))
    values = integers(text, first_two, "the numbers of jobs and machines").tolist()
    if len(values) < 2:
        text.fail(header, f"expected the numbers of jobs and machines, found only {values[0]}")
    jobs, machines = values
    if jobs < 1:
        text.fail(header, f"expected at least 1 job, found {jobs}")
    if not 1 <= machines <= MAX_MACHINES:
        text.fail(header, f"expected 1 to {MAX_MACHINES} machines, found {machines}")
    return jobs, machines


def job_rows(text: Text, rows: list[Line], jobs: int) -> list[Line]:
    """Return ``rows``, one for each job.

    Raises:
        FormatError: If there are fewer or more than ``jobs``.
    """
    if len(rows) < jobs:
        text.fail(text.lines[-1], f"expected {jobs} rows, one a job, but the file ends after {len(rows)}")
    if len(rows) > jobs:
        text.fail(rows[jobs], f"expected the end of the file after {jobs} rows, one a job, found one more")
    return rows


def build(text: Text, jobs: int, **arrays: Any) -> JobShop:
    """Return the instance with ``arrays`` and the fields that the comments of ``text`` state.

    Raises:
        FormatError: If a comment is wrong or stated twice, or the fields do not make an instance.
    """
    fields: dict[str, Any] = {"name": text.name}
    stated: dict[str, Line] = {}
    for line in text.lines:
        match = _FIELD.fullmatch(line.text)
        if match is None:
            continue
        key = match[1].lower()
        if key in stated:
            text.fail(
                line,
                f"expected one comment '# {key}:', found a second; the first is line {stated[key].number}",
            )
        stated[key] = line
        fields[key] = _value(text, line._replace(text=match[2].strip()), key, jobs)
    if fields.get("criterion") == "weighted_tardiness" and "due" not in fields:
        text.fail(stated["criterion"], "expected a comment '# due:' with the due dates for weighted tardiness")
    try:
        return JobShop(**arrays, **fields)
    except InvalidInstanceError as error:
        text.fail(None, str(error))


def _value(text: Text, line: Line, key: str, jobs: int) -> Any:
    if key == "name":
        return one_line(line.text) or text.name
    if key == "criterion":
        if line.text not in _CRITERIA:
            text.fail(line, f"expected criterion {' or '.join(_CRITERIA)}, found {quoted(line.text)}")
        return line.text
    if key == "ordered":
        if line.text not in ("yes", "no"):
            text.fail(line, f"expected ordered yes or no, found {quoted(line.text)}")
        return line.text == "yes"
    values = integers(text, line, f"{key} of each job")
    if values.size != jobs:
        text.fail(line, f"expected {key} of {jobs} jobs, found {values.size} numbers")
    if values.min() < 0:
        text.fail(line, f"expected {key} of at least 0, found {values.min()}")
    return values


def comment_lines(instance: JobShop) -> list[str]:
    """Return the comment lines from which ``build`` restores the fields of ``instance``."""
    name = one_line(instance.name)
    lines = [f"# name: {name}"] if name else []
    for key in ("release", "due", "weights"):
        values = getattr(instance, key)
        if values is not None:
            lines.append(f"# {key}: {' '.join(map(str, values.tolist()))}")
    if instance.criterion != "makespan":
        lines.append(f"# criterion: {instance.criterion}")
    if not instance.ordered:
        lines.append("# ordered: no")
    return lines
