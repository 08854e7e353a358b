"""Good plans of problems to learn from, found by a long search and kept on disk."""

import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.solvers.control.loading import KERNELS
from copt.solvers.control.portfolio import Portfolio

__all__ = ["Label", "labelled"]


class Label(NamedTuple):
    """A problem, and plans of it.

    Args:
        problem: The problem.
        costs: What the plans cost, the best first, shape (plans,).
        plans: Shape (plans, horizon, actions); all keep all limits.
    """

    problem: ControlProblem
    costs: FloatArray
    plans: FloatArray


def labelled(
    named: Iterator[tuple[str, ControlProblem]], count: int, folder: Path, *, seconds: float, minutes: float
) -> list[Label]:
    """Return labels of the first problems, from the folder as far as they were labelled before.

    Args:
        named: Problems, each with a name.
        count: How many of them.
        folder: Where labels are kept, one file each; made if missing.
        seconds: Processor time of each search, which other processes cannot cut short.
        minutes: Processor time after which no further problem is searched.
    """
    KERNELS.wait()  # compiling is no search
    folder.mkdir(parents=True, exist_ok=True)
    began, labels = process_time(), []
    for number, (name, problem) in enumerate(itertools.islice(named, count)):
        path = folder / f"{name}-{seconds:g}.npz"
        label = _loaded(path, problem)
        if label is None:
            if process_time() - began > 60.0 * minutes:
                break
            label = _searched(problem, seconds, number)
            _save(path, label)
        if label.costs.size:
            labels.append(label)
    return labels


def _searched(problem: ControlProblem, seconds: float, seed: int) -> Label:
    found = [plan for plan in Portfolio(problem, seed).search(seconds, clock=process_time) if plan.violation == 0.0]
    shape = (len(found), problem.horizon, problem.num_actions)
    return Label(
        problem, np.array([plan.cost for plan in found]), np.array([plan.actions for plan in found]).reshape(shape)
    )


def _save(path: Path, label: Label) -> None:
    """Write a label; an interrupted run leaves no half of one."""
    draft = path.with_suffix(".part.npz")
    problem = label.problem
    np.savez_compressed(draft, start=problem.start, goal=problem.cost.goal, costs=label.costs, plans=label.plans)
    draft.replace(path)


def _loaded(path: Path, problem: ControlProblem) -> Label | None:
    """Return the label in a file, None if there is none, it is damaged, or it is of another problem."""
    try:
        with np.load(path, allow_pickle=False) as file:
            same = np.array_equal(file["start"], problem.start) and np.array_equal(file["goal"], problem.cost.goal)
            return Label(problem, file["costs"], file["plans"]) if same else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
