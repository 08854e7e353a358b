"""Suites of two-stage robust problems, and the blocks that they are summarised in."""

import dataclasses
import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from copt.bench.entries import Entry, Suite, file_entries
from copt.instances import known_names
from copt.registry import FAMILIES

__all__ = ["SUITES", "blocks"]

_KNAPSACKS = known_names("Neur2RO and RobustDecomposition")
_BUDGETS = known_names("Neur2RO result files")
_LOANS = known_names("RobustDecomposition result files")

ROUNDING = 2e-5  # relative, of values with six digits by a branch and price that stops at a small gap
LARGE = (100, 200, 300)  # items
CLASSES = ("UN", "WC", "ASC", "SC")
EACH = 2  # seeds of each size and class


def _published(names: list[str]) -> Callable[[Path | None], list[Entry]]:
    """Entries from files whose published values are rounded."""

    def entries(folder: Path | None) -> list[Entry]:
        found = file_entries("robust", names)(folder)
        return [dataclasses.replace(entry, slack=ROUNDING) for entry in found]

    return entries


def _whole_budget(load: Callable[[], Any]) -> Any:
    """Return the instance with its budget rounded down, as every published figure takes it."""
    instance = load()
    return dataclasses.replace(instance, budget=float(math.floor(instance.budget)))


def _budgets(folder: Path | None) -> list[Entry]:
    """Capital budgeting as it is published: the values are the worst of sampled scenarios, so bounds may pass them."""
    entries = file_entries("robust", _BUDGETS)(folder)
    return [
        dataclasses.replace(entry, load=functools.partial(_whole_budget, entry.load), slack=math.inf)
        for entry in entries
    ]


def _large(_folder: Path | None) -> list[Entry]:
    """Knapsacks larger than the published ones."""
    build = FAMILIES["robust"].load("instances").GENERATORS["robust-knapsack"]
    return [
        Entry(f"knapsack-{kind}-{n}-{seed}", functools.partial(build, items=n, correlation=kind, seed=seed))
        for n in LARGE
        for kind in CLASSES
        for seed in range(EACH)
    ]


SUITES = (
    Suite("robust-kp", "robust", "two-stage knapsacks of 20 to 80 items", _published(_KNAPSACKS)),
    Suite("robust-cb", "robust", "capital budgeting, 10 to 50 projects, uncertain costs and profits", _budgets),
    Suite("robust-cbl", "robust", "capital budgeting with loans, 10 to 100 projects", _published(_LOANS)),
    Suite("robust-large", "robust", "generated two-stage knapsacks of 100 to 300 items", _large),
)


def blocks(name: str) -> list[str] | None:
    """Return the sets that a benchmark problem is summarised with, or None for other names."""
    knapsack = re.match(r"RKP_([A-Z]+)_n([0-9]+)_", name)
    if knapsack:
        return [f"knapsack, {knapsack[2]} items", f"knapsack {knapsack[1]}, {knapsack[2]} items"]
    budget = re.match(r"CB_n([0-9]+)_", name)
    if budget:
        return [f"budgeting, {budget[1]} projects"]
    loans = re.match(r"RC_N([0-9]+)_", name)
    if loans:
        return [f"loans, {loans[1]} projects"]
    large = re.match(r"knapsack-[A-Z]+-([0-9]+)-", name)
    return [f"generated knapsack, {large[1]} items"] if large else None
