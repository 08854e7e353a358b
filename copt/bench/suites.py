"""Named sets of instances to measure on, with the best known values to measure against."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from copt.bench import suites_control, suites_jobshop, suites_loop, suites_mip, suites_robust, suites_routing
from copt.bench.entries import Entry, Suite
from copt.errors import CoptError, UnknownNameError
from copt.instances import expand

__all__ = ["SUITES", "blocks_of", "find_suite", "select_entries"]

SUITES = {
    suite.name: suite
    for suite in (
        *suites_jobshop.SUITES,
        *suites_routing.SUITES,
        *suites_robust.SUITES,
        *suites_control.SUITES,
        *suites_loop.SUITES,
        *suites_mip.SUITES,
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


def blocks_of(name: str) -> list[str]:
    """Return the labels of the sets that an instance is summarised with, the widest first.

    Benchmark sets have labels of their own; the stem of the name is the label of any other.
    """
    return (
        suites_jobshop.blocks(name)
        or suites_routing.blocks(name)
        or suites_robust.blocks(name)
        or suites_control.blocks(name)
        or suites_mip.blocks(name)
        or [re.sub(r"[_-]?[0-9]+$", "", name) or name]
    )
