"""Suites of mixed-integer programs, and the blocks that they are summarised in."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

from copt.bench.entries import Entry, Suite, file_entries
from copt.instances import known_names
from copt.registry import FAMILIES

__all__ = ["HELD_OUT", "SUITES", "blocks"]

HELD_OUT = 10_000  # seeds from here on are the benchmark's; what learns takes smaller ones
SLACK = 1e-6  # of the value: published optima are rounded, and points may miss rows by as much of their scale

# Stem of the name, kind, number of instances, arguments of the generator. Sizes that SCIP leaves open after 30 s.
_FAMILIES: tuple[tuple[str, str, int, dict[str, Any]], ...] = (
    ("setcover-2000x1000", "set-cover", 5, {"rows": 2000, "columns": 1000, "density": 0.05}),
    ("setcover-4000x4000", "set-cover", 5, {"rows": 4000, "columns": 4000, "density": 0.01}),
    ("auction-300x1500", "auction", 5, {"items": 300, "bids": 1500}),
    ("auction-1000x4000", "auction", 5, {"items": 1000, "bids": 4000}),
    ("facility-200x100", "facility-location", 10, {"customers": 200, "facilities": 100}),
    ("placement-105x10", "item-placement", 10, {}),
    ("assignment-20x100", "assignment", 5, {"agents": 20, "jobs": 100, "difficulty": "E"}),
    ("assignment-40x400", "assignment", 5, {"agents": 40, "jobs": 400, "difficulty": "E"}),
    ("independent-er200", "independent-set", 5, {"nodes": 200, "graph": "erdos-renyi", "density": 0.25}),
    ("independent-ba1000", "independent-set", 5, {"nodes": 1000, "affinity": 4}),
    ("knapsacks-250x10", "knapsacks", 10, {"items": 250, "constraints": 10}),
)
_FILES = known_names("akazachk/vpc")


def _generated(kind: str, name: str, arguments: dict[str, Any]) -> Any:
    build = FAMILIES["mip"].load("instances").GENERATORS[kind]
    return dataclasses.replace(build(**arguments), name=name)


def _families(_folder: Path | None) -> list[Entry]:
    return [
        Entry(f"{stem}-{k}", functools.partial(_generated, kind, f"{stem}-{k}", arguments | {"seed": HELD_OUT + k}))
        for stem, kind, count, arguments in _FAMILIES
        for k in range(count)
    ]


def _library(folder: Path | None) -> list[Entry]:
    return [dataclasses.replace(entry, slack=SLACK) for entry in file_entries("mip", _FILES)(folder)]


SUITES = (
    Suite("mip-families", "mip", "generated programs of seven families, ten each", _families, ("scip",)),
    Suite("mip-lib", "mip", "programs of MIPLIB and others with known optima", _library, ("scip",)),
)


def blocks(name: str) -> list[str] | None:
    """Return the sets that a benchmark program is summarised with, or None for other names."""
    stem = name.rpartition("-")[0]
    if any(stem == known for known, *_ in _FAMILIES):
        return [stem.partition("-")[0], stem]
    return ["MIPLIB"] if name in _FILES else None
