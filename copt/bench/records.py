"""One row of a benchmark: measured, checked against the instance, and kept in a csv file."""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from copt.errors import FormatError

__all__ = ["Kept", "Key", "Row", "append_row", "read_rows"]

Key = tuple[str, str, int, float, int]
"""What tells one run from another: instance, solver, seed, time limit, workers."""

Line = TypeVar("Line")


class Kept(Protocol):
    """What the row of any run tells; see ``Row``."""

    @property
    def instance(self) -> str:
        """Name of the instance."""

    @property
    def solver(self) -> str:
        """Name of the peer."""

    @property
    def seed(self) -> int:
        """Its seed."""

    @property
    def seconds(self) -> float:
        """Wall time from its call to its return."""

    @property
    def error(self) -> str:
        """What is wrong with the answer."""

    @property
    def versions(self) -> str:
        """Versions of what ran."""

    @property
    def machine(self) -> str:
        """Processor and number of cores."""

    @property
    def date(self) -> str:
        """Day of the run."""

    @property
    def key(self) -> Key:
        """What tells this run from another."""


@dataclass(frozen=True)
class Row:
    """The outcome of one solver on one instance with one seed and one time limit.

    Args:
        suite: Name of the suite.
        instance: Name of the instance.
        dimensions: Its size in the words of its family, such as 15x15.
        sense: Whether the instance minimises (``min``) or maximises (``max``).
        solver: Name of the peer.
        seed: Its seed.
        seconds_limit: The time limit that it was given.
        workers: The number of workers that it was given, and of cores it was confined to.
        seconds: Wall time from its call to its return.
        process_seconds: Wall time from the start of its process to the end of it.
        objective: Value of its solution, computed here, or None if there is no feasible one.
        bound: Bound that it claims, or None.
        best_known: Best known value in the literature, or None.
        gap_percent: How much worse the objective is than the best known one, in percent of it, or None.
        proved: Whether objective and bound meet, and nothing is wrong with either.
        time_to_best: Seconds until it had its best solution; its whole time if it keeps no record.
        primal_integral: Mean primal gap to ``best_known`` over the time limit, in [0, 1], or None.
        error: What is wrong with the answer; empty if nothing is.
        versions: Versions of what ran.
        machine: Processor and number of cores.
        date: Day of the run, ISO 8601.
        incumbents: Pairs (seconds, objective), from the peer itself.
    """

    suite: str
    instance: str
    dimensions: str
    sense: str
    solver: str
    seed: int
    seconds_limit: float
    workers: int
    seconds: float
    process_seconds: float
    objective: float | None
    bound: float | None
    best_known: float | None
    gap_percent: float | None
    proved: bool
    time_to_best: float | None
    primal_integral: float | None
    error: str
    versions: str
    machine: str
    date: str
    incumbents: tuple[tuple[float, float], ...] = ()

    @property
    def key(self) -> Key:
        """What tells this run from another."""
        return (self.instance, self.solver, self.seed, self.seconds_limit, self.workers)


def append_row(path: Path, row: Any) -> None:
    """Write ``row``, a dataclass, at the end of the csv file, with a header if the file is new."""
    new, columns = not path.exists(), [field.name for field in fields(row)]
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if new:
            writer.writerow(columns)
        writer.writerow([_to_text(getattr(row, name)) for name in columns])


def read_rows(path: Path, kind: type[Line]) -> list[Line]:
    """Return the rows of a csv file written by ``append_row``; none if there is no file.

    Args:
        path: The file.
        kind: The dataclass of its rows, such as ``Row``.

    Raises:
        FormatError: If the file has other columns, or a line cannot be read.
    """
    if not path.exists():
        return []
    readers: dict[str, Any] = {field.name: _READERS[field.type] for field in fields(kind)}  # type: ignore[arg-type]
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        if next(reader, None) != list(readers):
            raise FormatError(path, 1, "not the columns of a benchmark; choose another folder for the results")
        rows = []
        for cells in reader:
            try:
                values = {name: readers[name](cell) for name, cell in zip(readers, cells, strict=True)}
            except ValueError as error:
                raise FormatError(
                    path, reader.line_num, f"not a row of a benchmark ({error}); delete the line"
                ) from None
            rows.append(kind(**values))
    return rows


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return " ".join(f"{v[0]:.4f}:{v[1]:.12g}" if isinstance(v, tuple) else f"{v:.5f}" for v in value)
    if isinstance(value, float):
        return f"{round(value, 6):.12g}"
    return str(value)


def _truth(text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError(f"expected True or False, got {text!r}")
    return text == "True"


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {text!r}")
    return value


def _incumbents(text: str) -> tuple[tuple[float, float], ...]:
    pairs = (pair.split(":") for pair in text.split())
    return tuple((_number(seconds), _number(objective)) for seconds, objective in pairs)


_READERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: _number,
    bool: _truth,
    float | None: lambda text: _number(text) if text else None,
    tuple[float, ...]: lambda text: tuple(map(_number, text.split())),
    tuple[tuple[float, float], ...]: _incumbents,
}
