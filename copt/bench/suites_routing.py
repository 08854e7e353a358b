"""Suites of routing problems, and the blocks that they are summarised in."""

import functools
import re
from pathlib import Path

from copt.bench.entries import Entry, Suite, file_entries
from copt.instances import known_names
from copt.registry import FAMILIES

__all__ = ["SUITES", "blocks"]

# Arnold, Gendreau and Sorensen (2019): parcels in Belgium, 3,000 to 30,000 customers, long and short routes.
_BELGIUM = [f"{place}{number}" for place in ("Leuven", "Antwerp", "Ghent", "Brussels", "Flanders") for number in (1, 2)]
_BELGIAN_BLOCKS = {"Leuven": "3k-7k", "Antwerp": "3k-7k", "Ghent": "10k-16k", "Brussels": "10k-16k"}


def _nodes(name: str) -> int:
    """Return the number of nodes that the name of a benchmark problem tells, such as pr1002 or X-n1001-k43."""
    match = re.fullmatch(r"(?:X-n|[A-Za-z]+)([0-9]+)(?:-k[0-9]+)?", name)
    return int(match[1]) if match else 0


# Those of which a best known value is at hand: Uchoa et al. (2017), Reinelt (1991).
_X = [name for name in known_names("CVRPLIB") if name.startswith("X-n") and _nodes(name) > 500]
_TSPLIB = [name for name in known_names("TSPLIB") if _nodes(name) >= 1_000]

NEURAL_SIZES = (500, 1000, 2000)
NEURAL_COUNT = 8  # instances of each size


def _neural(kind: str, size: str, _folder: Path | None) -> list[Entry]:
    build = FAMILIES["routing"].load("instances").GENERATORS[kind]
    return [
        Entry(f"{kind}-{n}-{seed}", functools.partial(build, seed=seed, **{size: n}))
        for n in NEURAL_SIZES
        for seed in range(NEURAL_COUNT)
    ]


def _neural_sets(folder: Path | None) -> list[Entry]:
    """Tours and routes as neural solvers generate them."""
    return [*_neural("neural-tsp", "nodes", folder), *_neural("neural-cvrp", "customers", folder)]


SUITES = (
    Suite("routing-x", "routing", "Uchoa's 32 of 500 nodes or more", file_entries("routing", _X)),
    Suite("routing-belgium", "routing", "Arnold's ten, 3,000 to 30,000 customers", file_entries("routing", _BELGIUM)),
    Suite("routing-tsplib", "routing", "tours of 1,000 to 85,900 nodes", file_entries("routing", _TSPLIB)),
    Suite("routing-nco", "routing", "tours and routes of 500 to 2,000 nodes on the unit square", _neural_sets),
)


def blocks(name: str) -> list[str] | None:
    """Return the sets that a benchmark problem is summarised with, or None for other names."""
    if name in _X:
        return ["X, 500 or more"]
    if name in _BELGIUM:
        return [f"Belgium, {_BELGIAN_BLOCKS.get(name[:-1], '20k-30k')}"]
    if name in _TSPLIB:
        size = "1k-5k" if _nodes(name) < 5_000 else "5k-20k" if _nodes(name) < 20_000 else "30k-100k"
        return [f"TSPLIB, {size}"]
    return None
