"""What suites are made of: entries that are built, or read from files."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copt
from copt.errors import CoptError
from copt.instances import best_known, expand
from copt.registry import FAMILIES

__all__ = ["Entry", "Suite", "file_entries", "named_entries"]

SOLUTIONS = (".sol", ".tour")  # suffixes of files that lie beside instances of the same name


@dataclass(frozen=True)
class Entry:
    """One instance of a suite.

    Args:
        name: Name in tables.
        load: Builds or reads the instance.
        lower: Best known lower bound on the optimum, or None.
        upper: Value of the best known solution, or None.
        source: Where the two come from, with the date.
        slack: By what part of them a right claim may pass them: they are rounded, or, if infinite, mere estimates.
        calls: How often a solver may use its time limit: once a step if it acts step by step.
    """

    name: str
    load: Callable[[], Any]
    lower: float | None = None
    upper: float | None = None
    source: str = ""
    slack: float = 0.0
    calls: int = 1


@dataclass(frozen=True)
class Suite:
    """A named set of instances of one family.

    Args:
        name: Name on the command line.
        family: Word of the family.
        note: What is in it, one phrase.
        entries: Lists the instances; takes the folder with instance files, or None for the usual places.
        peers: Names of the solvers to compare with if nobody says which.
    """

    name: str
    family: str
    note: str
    entries: Callable[[Path | None], list[Entry]]
    peers: tuple[str, ...] = ()


def named_entries(family: str, names: str) -> Callable[[Path | None], list[Entry]]:
    """Entries that are shipped or regenerated, so that no folder is needed."""

    def entries(_folder: Path | None) -> list[Entry]:
        build = FAMILIES[family].load("instances").named
        return [_entry(name, functools.partial(build, name)) for name in expand(names)]

    return entries


def file_entries(family: str, names: Iterable[str]) -> Callable[[Path | None], list[Entry]]:
    """Entries that are read from files called NAME or NAME.suffix, those of them that are there."""
    wanted = dict.fromkeys(names)

    def entries(folder: Path | None) -> list[Entry]:
        places = [folder] if folder is not None else _usual_places(family)
        found: dict[str, Path] = {}
        for path in sorted(path for place in places for path in place.rglob("*") if path.is_file()):
            if path.suffix not in SOLUTIONS:
                # A dot may be part of a name, as in RKP_UN_n20_R1000_H100_h40_dev0.15_d0.1.
                found.setdefault(path.name if path.name in wanted else path.name.split(".")[0], path)
        if not any(name in found for name in wanted):
            where = ", ".join(map(str, places)) or "the usual places"
            first, *_, last = wanted
            raise CoptError(f"no file {first} to {last} in {where}; pass the folder that has them")
        return [_entry(name, functools.partial(copt.read, found[name])) for name in wanted if name in found]

    return entries


def _usual_places(family: str) -> list[Path]:
    """Return the folders called ``shared/instances/FAMILY`` beside the checkout or the current folder."""
    parents = (Path(copt.__file__).resolve().parents[2], Path.cwd().parent)
    places = [parent / "shared" / "instances" / family for parent in dict.fromkeys(parents)]
    return [place for place in places if place.is_dir()]


def _entry(name: str, load: Callable[[], Any]) -> Entry:
    known = best_known(name)
    if known is None:
        return Entry(name, load)
    return Entry(name, load, known.lower, known.upper, f"{known.source} ({known.date})")
