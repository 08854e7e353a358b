"""Named sets of instances to measure on, with the best known values to measure against."""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import copt
from copt.errors import CoptError, UnknownNameError
from copt.instances import best_known, expand
from copt.registry import FAMILIES

__all__ = ["SUITES", "Entry", "Suite", "blocks_of", "find_suite", "select_entries"]


@dataclass(frozen=True)
class Entry:
    """One instance of a suite.

    Args:
        name: Name in tables.
        load: Builds or reads the instance.
        lower: Best known lower bound on the optimum, or None.
        upper: Value of the best known solution, or None.
        source: Where the two come from, with the date.
    """

    name: str
    load: Callable[[], Any]
    lower: float | None = None
    upper: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Suite:
    """A named set of instances of one family.

    Args:
        name: Name on the command line.
        family: Word of the family.
        note: What is in it, one phrase.
        entries: Lists the instances; takes the folder with instance files, or None for the usual places.
    """

    name: str
    family: str
    note: str
    entries: Callable[[Path | None], list[Entry]]


def _named(family: str, names: str) -> Callable[[Path | None], list[Entry]]:
    """Entries that are shipped or regenerated, so that no folder is needed."""

    def entries(_folder: Path | None) -> list[Entry]:
        build = FAMILIES[family].load("instances").named
        return [_entry(name, functools.partial(build, name)) for name in expand(names)]

    return entries


def _files(names: Iterable[str]) -> Callable[[Path | None], list[Entry]]:
    """Entries that are read from files called NAME or NAME.suffix, those of them that are there."""
    wanted = list(names)

    def entries(folder: Path | None) -> list[Entry]:
        places = [folder] if folder is not None else _usual_places()
        found: dict[str, Path] = {}
        for path in sorted(path for place in places for path in place.rglob("*") if path.is_file()):
            found.setdefault(path.name.split(".")[0], path)
        if not any(name in found for name in wanted):
            where = ", ".join(map(str, places)) or "the usual places"
            raise CoptError(f"no file {wanted[0]} to {wanted[-1]} in {where}; pass the folder that has them")
        return [_entry(name, functools.partial(copt.read, found[name])) for name in wanted if name in found]

    return entries


def _usual_places() -> list[Path]:
    """Return the folders called ``shared/instances/jobshop`` beside the checkout or the current folder."""
    parents = (Path(copt.__file__).resolve().parents[2], Path.cwd().parent)
    places = [parent / "shared" / "instances" / "jobshop" for parent in dict.fromkeys(parents)]
    return [place for place in places if place.is_dir()]


def _entry(name: str, load: Callable[[], Any]) -> Entry:
    known = best_known(name)
    if known is None:
        return Entry(name, load)
    return Entry(name, load, known.lower, known.upper, f"{known.source} ({known.date})")


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

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            "jobshop-toy",
            "jobshop",
            "small ones, for a first try",
            _named("jobshop", "toy,ft06,ft10,ft20"),
        ),
        Suite("jobshop-ta", "jobshop", "Taillard's 80, 15x15 to 100x20", _named("jobshop", "ta01-80")),
        Suite("jobshop-ta51", "jobshop", "Taillard's large 30, 50x15 to 100x20", _named("jobshop", "ta51-80")),
        Suite("jobshop-dmu", "jobshop", "Demirkol's 80, 20x15 to 50x20", _files(expand("dmu01-80"))),
        Suite(
            "jobshop-large",
            "jobshop",
            "uniform shops of 10,000 to 1,000,000 operations",
            _files((f"tai_{j}_{m}_{k}" for j, m in _LARGE for k in range(1, 11))),
        ),
        Suite("jobshop-flexible", "jobshop", "ten generated flexible shops, Brandimarte's sizes", _flexible),
    )
}


def find_suite(name: str) -> Suite:
    """Return the suite called ``name``.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in SUITES:
        raise UnknownNameError("suite", name, SUITES, f"suites: {', '.join(SUITES)}")
    return SUITES[name]


def select_entries(
    suite: Suite, folder: Path | None = None, names: Sequence[str] | None = None, limit: int | None = None
) -> list[Entry]:
    """Return the entries of ``suite`` that match one of ``names``, at most ``limit``.

    Args:
        suite: The suite.
        folder: Folder with instance files, or None for the usual places.
        names: Names, ranges such as ``ta51-60`` or patterns such as ``ta5*``; None takes all.
        limit: Number of entries to keep, from the first.

    Raises:
        CoptError: If nothing is left, or the files are not there.
    """
    if folder is not None and not folder.is_dir():
        raise CoptError(f"folder {folder} is not there; pass the folder that has the instance files")
    entries = suite.entries(folder)
    if names is not None:
        patterns = [pattern for name in names for pattern in expand(name)]
        unmatched = [p for p in patterns if not any(fnmatchcase(entry.name, p) for entry in entries)]
        if unmatched:
            known = [entry.name for entry in entries]
            raise UnknownNameError("instance", unmatched[0], known, f"{suite.name} has {known[0]} to {known[-1]}")
        entries = [entry for entry in entries if any(fnmatchcase(entry.name, p) for p in patterns)]
    return entries[:limit]


_HALVES = {"ta": (10, (50, 80)), "dmu": (5, (40, 80))}


def blocks_of(name: str) -> list[str]:
    """Return the labels of the sets that an instance is summarised with, the widest first.

    Taillard's come in tens of one size, and as ta01-50 and ta51-80; Demirkol's in fives of one size, and as
    dmu01-40 and dmu41-80; others by the stem of their name.
    """
    match = re.fullmatch(r"([a-z]+)([0-9]{2})", name)
    if match is None or match[1] not in _HALVES:
        return [re.sub(r"[_-]?[0-9]+$", "", name) or name]
    stem, number = match[1], int(match[2])
    size, ends = _HALVES[stem]
    first = (number - 1) // size * size + 1
    begin = 1
    for end in ends:
        if number <= end:
            return [f"{stem}{begin:02d}-{end:02d}", f"{stem}{first:02d}-{first + size - 1:02d}"]
        begin = end + 1
    return [stem]
