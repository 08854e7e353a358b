"""Best-known lower and upper bounds of benchmark instances, with their source and date."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BestKnown", "best_known"]


@dataclass(frozen=True)
class BestKnown:
    """The bounds that were known for one instance on one day.

    Args:
        lower: Proved lower bound on the optimum.
        upper: Value of the best solution.
        source: Where both were read.
        date: Day of the source, as YYYY-MM-DD.
    """

    lower: int
    upper: int
    source: str
    date: str

    @property
    def closed(self) -> bool:
        """Whether the optimum is known."""
        return self.lower == self.upper


@functools.cache
def _table() -> dict[str, BestKnown]:
    with (Path(__file__).with_name("data") / "best_known.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: BestKnown(int(row["lower_bound"]), int(row["upper_bound"]), row["source"], row["date"])
            for row in csv.DictReader(file)
        }


def best_known(name: str) -> BestKnown | None:
    """Return the best-known bounds of the benchmark instance ``name``, or None if the table lacks it."""
    return _table().get(name)
