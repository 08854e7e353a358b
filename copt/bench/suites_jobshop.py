"""Suites of shops, and the blocks that they are summarised in."""

import functools
import re
from pathlib import Path

from copt.bench.entries import Entry, Suite, file_entries, named_entries
from copt.instances import expand
from copt.registry import FAMILIES

__all__ = ["SUITES", "blocks"]

# Sizes of mk01 to mk10 in Brandimarte (1993, Routing and scheduling in a flexible job shop by tabu search):
# jobs, machines, mean operations a job, most machines an operation, shortest and longest duration.
_BRANDIMARTE = [
    (10, 6, 6, 3, 1, 7),
    (10, 6, 6, 6, 1, 7),
    (15, 8, 10, 5, 1, 20),
    (15, 8, 6, 3, 1, 10),
    (15, 4, 8, 2, 5, 10),
    (10, 15, 15, 5, 1, 10),
    (20, 5, 5, 5, 1, 20),
    (20, 10, 12, 2, 5, 20),
    (20, 10, 12, 5, 5, 20),
    (20, 15, 12, 5, 5, 20),
]


def _flexible(_folder: Path | None) -> list[Entry]:
    """Ten flexible shops of Brandimarte's sizes; their seeds are their numbers."""
    build = FAMILIES["jobshop"].load("instances").GENERATORS["flexible"]
    fields = ("jobs", "machines", "operations", "alternatives", "low", "high")
    return [
        Entry(f"flexible{seed:02d}", functools.partial(build, seed=seed, **dict(zip(fields, size, strict=True))))
        for seed, size in enumerate(_BRANDIMARTE, 1)
    ]


# Shapes (jobs, machines) of the uniform instances of Da Col and Teppan with at least 10,000 operations.
_LARGE = [(100, 100), (1000, 10), (10, 1000), (100, 1000), (1000, 100), (1000, 1000)]

_PEERS = ("cpsat",)

SUITES = (
    Suite(
        "jobshop-toy",
        "jobshop",
        "small ones, for a first try",
        named_entries("jobshop", "toy,ft06,ft10,ft20"),
        _PEERS,
    ),
    Suite("jobshop-ta", "jobshop", "Taillard's 80, 15x15 to 100x20", named_entries("jobshop", "ta01-80"), _PEERS),
    Suite(
        "jobshop-ta51", "jobshop", "Taillard's large 30, 50x15 to 100x20", named_entries("jobshop", "ta51-80"), _PEERS
    ),
    Suite(
        "jobshop-dmu", "jobshop", "Demirkol's 80, 20x15 to 50x20", file_entries("jobshop", expand("dmu01-80")), _PEERS
    ),
    Suite(
        "jobshop-large",
        "jobshop",
        "uniform shops of 10,000 to 1,000,000 operations",
        file_entries("jobshop", (f"tai_{j}_{m}_{k}" for j, m in _LARGE for k in range(1, 11))),
        _PEERS,
    ),
    Suite("jobshop-flexible", "jobshop", "ten generated flexible shops, Brandimarte's sizes", _flexible, _PEERS),
)

_HALVES = {"ta": (10, (50, 80)), "dmu": (5, (40, 80))}


def blocks(name: str) -> list[str] | None:
    """Return the sets that a benchmark shop is summarised with, the widest first, or None for other names.

    Taillard's come in tens of one size, and as ta01-50 and ta51-80; Demirkol's in fives of one size, and as
    dmu01-40 and dmu41-80.
    """
    match = re.fullmatch(r"([a-z]+)([0-9]{2})", name)
    if match is None or match[1] not in _HALVES:
        return None
    stem, number = match[1], int(match[2])
    size, ends = _HALVES[stem]
    first = (number - 1) // size * size + 1
    begin = 1
    for end in ends:
        if number <= end:
            return [f"{stem}{begin:02d}-{end:02d}", f"{stem}{first:02d}-{first + size - 1:02d}"]
        begin = end + 1
    return [stem]
