"""Good points of programs to learn from, found by the partner's search and kept on disk."""

import hashlib
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.alone import search
from copt.solvers.mip.guide import guessable
from copt.solvers.mip.submip import Relaxed

__all__ = ["Lesson", "labelled"]

TEMPERATURE = 0.01  # relative gap at which a point counts a third of the best


class Lesson(NamedTuple):
    """A program, and points of it.

    Args:
        instance: The program.
        costs: What the points cost, the best first; minimised, shape (points,).
        above: Whether each whole variable with room is above its lower bound, shape (points, guessable variables).
        relaxed: The linear relaxation, None if it took too long.
    """

    instance: MIP
    costs: FloatArray
    above: FloatArray
    relaxed: Relaxed | None

    @property
    def gaps(self) -> FloatArray:
        """Relative gaps of the points to the best, shape (points,)."""
        gaps: FloatArray = np.abs(self.costs - self.costs[0]) / max(abs(self.costs[0]), 1e-9)
        return gaps

    @property
    def marginals(self) -> FloatArray:
        """Share of the points in which a variable is above its lower bound, good ones counting most (Nair et al. 2020).

        Shape (guessable variables,).
        """
        weights = np.exp(-self.gaps / TEMPERATURE)
        shares: FloatArray = weights @ self.above / weights.sum()
        return shares


def labelled(
    instances: Iterable[MIP], folder: Path, *, seconds: float, minutes: float = np.inf, seed: int = 0
) -> Iterator[Lesson]:
    """Yield a lesson of each instance in which a point is found, from the folder as far as it was labelled before.

    Args:
        instances: The programs.
        folder: Where lessons are kept, one file each; made if missing.
        seconds: Processor time of each search, which other processes cannot cut short.
        minutes: Time after which no further instance is searched.
        seed: Seed of the searches.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    for instance in instances:
        path = folder / f"{_digest(instance)}-{seconds:g}-{seed}.npz"
        lesson = _loaded(path, instance)
        if lesson is None:
            if time.perf_counter() - began > 60.0 * minutes:
                return
            lesson = _searched(instance, seconds, seed)
            _save(path, lesson)
        if lesson.costs.size:
            yield lesson


def _searched(instance: MIP, seconds: float, seed: int) -> Lesson:
    """Search for good points; those found on the way to them are the bad ones."""
    found = search(instance, seconds, seed=seed)
    told = guessable(instance)
    distinct: dict[bytes, float] = {}
    points = [*found.pool, *((find.cost, find.values) for find in reversed(found.finds))]
    for cost, values in sorted(points, key=lambda pair: pair[0]):
        distinct.setdefault((values[told] > instance.lower[told] + 0.5).astype(np.float64).tobytes(), cost)
    costs, above = np.array(list(distinct.values())), np.frombuffer(b"".join(distinct))
    return Lesson(instance, costs, above.reshape(costs.size, int(told.sum())), found.relaxed)


def _save(path: Path, lesson: Lesson) -> None:
    """Write a lesson; an interrupted run leaves no half of one."""
    relaxed = lesson.relaxed
    draft = path.with_suffix(".part.npz")
    np.savez_compressed(
        draft,
        costs=lesson.costs,
        above=np.packbits(lesson.above.astype(np.bool_), axis=1),
        values=np.zeros(0) if relaxed is None else relaxed.values,
        prices=np.zeros(0) if relaxed is None else relaxed.prices,
        bound=np.array(np.nan if relaxed is None else relaxed.bound),
    )
    draft.replace(path)


def _loaded(path: Path, instance: MIP) -> Lesson | None:
    """Return the lesson in a file, None if there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            values, bound = file["values"], float(file["bound"])
            relaxed = Relaxed(values, file["prices"], bound) if values.size else None
            width = int(guessable(instance).sum())
            above = np.unpackbits(file["above"], axis=1, count=width).astype(np.float64)
            return Lesson(instance, file["costs"], above, relaxed)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _digest(instance: MIP) -> str:
    """Return a name for the program that depends on its arrays alone."""
    total = hashlib.sha256()
    for array in (
        instance.sign * instance.costs,
        instance.lower,
        instance.upper,
        instance.integer,
        instance.starts,
        instance.columns,
        instance.coefficients,
        instance.row_lower,
        instance.row_upper,
    ):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()[:16]
