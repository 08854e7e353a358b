"""The summary of a benchmark as a csv file: one line for each setting, set of instances and solver."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from copt.bench.records import Row
from copt.bench.summary import Standing, references, standing
from copt.bench.tables import split_into_blocks

__all__ = ["write_standings"]

COLUMNS = ("seconds_limit", "workers", "set", *(field.name for field in fields(Standing)))


def write_standings(rows: Sequence[Row], baseline: str, path: Path) -> None:
    """Write what the summary table of the report shows to ``path``; what is unknown stays empty.

    Args:
        rows: The rows of the benchmark.
        baseline: The solver from whose side wins are counted.
        path: The csv file, made anew.
    """
    reference = references(rows)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for limit, workers in sorted({(row.seconds_limit, row.workers) for row in rows}, reverse=True):
            part = [row for row in rows if (row.seconds_limit, row.workers) == (limit, workers)]
            for name, block in split_into_blocks(part).items():
                for solver in dict.fromkeys(row.solver for row in block):
                    cells = asdict(standing(block, solver, baseline, reference))
                    shown = {key: f"{cell:.6g}" if isinstance(cell, float) else cell for key, cell in cells.items()}
                    writer.writerow({"seconds_limit": f"{limit:g}", "workers": workers, "set": name} | shown)
