"""Best-known lower and upper bounds of benchmark instances, with their source and date."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BestKnown", "best_known", "known_names"]


@dataclass(frozen=True)
class BestKnown:
    """The bounds that were known for one instance on one day.

    Args:
        lower: Proved bound on the optimum, or None.
        upper: Value of the best solution; where a problem maximises, it is not above the bound but below.
        source: Where both were read.
        date: Day of the source, as YYYY-MM-DD.
    """

    lower: float | None
    upper: float
    source: str
    date: str

    @property
    def closed(self) -> bool:
        """Whether the optimum is known."""
        return self.lower == self.upper


@functools.cache
def _table() -> dict[str, BestKnown]:
    table = {}
    for path in sorted(Path(__file__).with_name("data").glob("best_known_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                lower = _number(row["lower_bound"]) if row["lower_bound"] else None
                table[row["name"]] = BestKnown(lower, _number(row["upper_bound"]), row["source"], row["date"])
    return table


def _number(text: str) -> float:
    return int(text) if text.isdigit() else float(text)


def best_known(name: str) -> BestKnown | None:
    """Return the best-known bounds of the benchmark instance ``name``, or None if the table lacks it."""
    return _table().get(name)


def known_names(source: str) -> list[str]:
    """Return the names in the table whose source begins with ``source``, in the order of the table."""
    return [name for name, known in _table().items() if known.source.startswith(source)]
