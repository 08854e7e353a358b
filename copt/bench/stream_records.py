"""What was measured on streams of programs: rows in a csv file, and the table made of them."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean

from copt.errors import FormatError

__all__ = ["StreamRow", "append_stream_row", "read_stream_rows", "stream_table"]

FIRST = 10  # programs that count as the first of a stream


@dataclass(frozen=True)
class StreamRow:
    """One program of a stream.

    Args:
        stream: Name of the stream.
        number: Place in it, from 0.
        seconds_limit: Time for each solve.
        workers: Workers of each.
        setting: What SCIP was set to with memory.
        plain: Mean gap between incumbent and bound over the time without memory, in [0, 1].
        memory: The same with it.
        error: How the two contradict each other; empty if they do not.
    """

    stream: str
    number: int
    seconds_limit: float
    workers: int
    setting: str
    plain: float
    memory: float
    error: str = ""


COLUMNS = {field.name: field.type for field in fields(StreamRow)}


def append_stream_row(path: Path, row: StreamRow) -> None:
    """Write ``row`` at the end of the csv file, with a header if the file is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(asdict(row))


def read_stream_rows(path: Path) -> list[StreamRow]:
    """Return the rows of a csv file, none if it is not there.

    Raises:
        FormatError: If it is another table.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != list(COLUMNS):
            raise FormatError(path, 1, "not the columns of streams; choose another folder for the results")
        try:
            return [_row(cells) for cells in reader]
        except (TypeError, ValueError) as error:
            raise FormatError(path, reader.line_num, f"not a row of streams ({error}); delete the line") from None


def _row(cells: dict[str, str]) -> StreamRow:
    return StreamRow(
        cells["stream"],
        int(cells["number"]),
        float(cells["seconds_limit"]),
        int(cells["workers"]),
        cells["setting"],
        float(cells["plain"]),
        float(cells["memory"]),
        cells["error"],
    )


def stream_table(rows: Sequence[StreamRow]) -> str:
    """Return mean gaps over time of the first ten programs of each stream and of the later ones, with their ratios."""
    head = ["stream", "plain: first", "later", "memory: first", "later", "later/first", "later memory/plain"]
    lines = [head]
    for name in dict.fromkeys(row.stream for row in rows):
        part = [row for row in rows if row.stream == name]
        first, later = part[:FIRST], part[FIRST:]
        if later:
            means = [fmean(getattr(row, arm) for row in some) for arm in ("plain", "memory") for some in (first, later)]
            ratios = [means[3] / means[2] if means[2] else 1.0, means[3] / means[1] if means[1] else 1.0]
            lines.append([name, *(f"{mean:.4f}" for mean in means), *(f"{ratio:.2f}" for ratio in ratios)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    faults = [f"{row.stream} {row.number}: {row.error}" for row in rows if row.error]
    return "\n".join([*text, *faults])
