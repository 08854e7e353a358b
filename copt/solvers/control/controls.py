"""Controls of the network that proposes plans: what its labels alone know."""

from collections.abc import Sequence

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.solvers.control.lessons import Label
from copt.solvers.control.phases import features, turn_of, turned_by

__all__ = ["Mean", "Nearest"]


class Mean:
    """Proposes the mean of the best plans of all labels."""

    def __init__(self, labels: Sequence[Label], heading: FloatArray) -> None:
        self._plan, self._heading = np.mean([_own(label, heading) for label in labels], axis=0), heading

    def plans(self, problem: ControlProblem) -> list[FloatArray]:
        """Return one plan."""
        return [_for(problem, self._plan, self._heading)]

    def stranger(self, problem: ControlProblem) -> str | None:
        """Return None: all problems are alike."""
        return None


class Nearest:
    """Proposes the best plans of the problems among the labels that are nearest, by the features of the network."""

    def __init__(self, labels: Sequence[Label], heading: FloatArray, count: int) -> None:
        self._plans, self._heading, self._count = [_own(label, heading) for label in labels], heading, count
        self._seen = np.array([_features(label.problem, heading) for label in labels])

    def plans(self, problem: ControlProblem) -> list[FloatArray]:
        """Return plans, that of the nearest problem first."""
        away = self._seen - _features(problem, self._heading)
        order = np.argsort((away**2).sum(axis=1))[: self._count]
        return [_for(problem, self._plans[k], self._heading) for k in order]

    def stranger(self, problem: ControlProblem) -> str | None:
        """Return None: all problems are alike."""
        return None


def _features(problem: ControlProblem, heading: FloatArray) -> FloatArray:
    return features(problem.start, problem.cost.goal, heading)


def _own(label: Label, heading: FloatArray) -> FloatArray:
    """Return the best plan of a label as if its start pointed along (1, 0)."""
    cosine, sine = turn_of(label.problem.start, heading)
    return turned_by(label.plans[0], (cosine, -sine))


def _for(problem: ControlProblem, plan: FloatArray, heading: FloatArray) -> FloatArray:
    """Return such a plan for another problem, cut off at its horizon."""
    there = turned_by(plan, turn_of(problem.start, heading))
    return np.clip(there[: problem.horizon], problem.u_lower, problem.u_upper)
