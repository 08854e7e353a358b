"""What earlier solves have taught: which neighbourhoods and which settings of SCIP paid on similar programs."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.bandit import Record
from copt.solvers.mip.choice import Tried, choose
from copt.solvers.mip.features import NAMES, describe
from copt.solvers.mip.kin import Kin, shape_of
from copt.solvers.mip.partner import Spare
from copt.solvers.mip.settings import DEFAULT, SETTINGS

__all__ = ["Advice", "Course", "Lesson", "Memory"]

MOST = 500  # lessons kept
SHAPES = 10  # shapes of which points and prices are kept
TIMES = (1e-3, 1e6)  # seconds beyond which limits make no difference
NEAR = 0.5  # distance of descriptions at which a lesson counts for 0.6
TRUST = 5.0  # tries that all lessons together count for at most, so that the instance at hand can overrule them


class Lesson(dict[str, Any]):
    """One solve in plain values: description of the program, and the course that it took."""


class Advice(NamedTuple):
    """What to expect of a solve.

    Args:
        arms: What the partner's neighbourhoods may do, by their names.
        setting: Name of the setting of SCIP to try.
        kin: What is left of programs with the same rows and variables, None if these are too many to remember.
    """

    arms: dict[str, Record]
    setting: str
    kin: Kin | None


class Course(NamedTuple):
    """What a solve was like.

    Args:
        seconds: Time that it had.
        helped: Whether a partner looked for points.
        arms: What the partner's neighbourhoods did.
        setting: Name of the setting of SCIP.
        integral: Of the gap between incumbent and bound over time, in seconds.
        gap: Between the best point and the relaxation, at most 1.
        values: The best point, shape (variables,), or None.
        duals: Prices of the rows in the relaxation, shape (rows,), or None.
        pseudocosts: What a unit down and up has cost, NaN where that was not seen, shape (2, variables), or None.
    """

    seconds: float
    helped: bool
    arms: dict[str, Record]
    setting: str
    integral: float
    gap: float
    values: FloatArray | None
    duals: FloatArray | None
    pseudocosts: FloatArray | None


class Memory:
    """Lessons in a JSON file, and a partner that waits for the next solve; a policy of family ``mip``.

    Args:
        path: The file; it need not be there yet.

    Raises:
        CoptError: If the file is there and holds something else.
    """

    name = "memory"
    family = "mip"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.spare = Spare()
        self.lessons: list[Lesson] = []
        self._kin: dict[str, Kin] = {}
        if self.path.exists():
            try:
                content = json.loads(self.path.read_text(encoding="utf-8"))
                self.lessons = [Lesson(row) for row in content["lessons"]]
                for lesson in self.lessons:
                    self._known(lesson)
                self._kin = {shape: Kin.from_json(row) for shape, row in content["kin"].items()}
            except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                raise CoptError(f"{path}: is no memory of earlier solves ({error}); name another file") from None

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The descriptions of the lessons."""
        return {"descriptions": np.array([lesson["description"] for lesson in self.lessons], dtype=np.float32)}

    @property
    def card(self) -> dict[str, Any]:
        """How much it holds."""
        return {"lessons": len(self.lessons)}

    def advise(self, instance: MIP, rng: np.random.Generator, *, seconds: float, helped: bool) -> Advice:
        """Return what solves of similar programs say.

        Args:
            instance: What is to be solved.
            rng: Source of random choices.
            seconds: Time for it.
            helped: Whether a partner looks for points.
        """
        weighed = self._weighed(_case(instance, seconds, helped))
        records: dict[str, Record] = {}
        for weight, lesson in weighed:
            for name, numbers in lesson["arms"].items():
                records.setdefault(name, Record()).blend(Record(*numbers), weight)
        for record in records.values():
            record.tries = min(record.tries, TRUST)
        tried = [Tried(weight, lesson["setting"], lesson["integral"], lesson["gap"]) for weight, lesson in weighed]
        return Advice(records, choose(tried, rng) if tried else DEFAULT, self.kin(instance))

    def kin(self, instance: MIP) -> Kin | None:
        """Return what is left of programs with the rows and variables of ``instance``, None if it is too large."""
        shape = shape_of(instance)
        return None if shape is None else self._kin.get(shape) or Kin(instance.num_rows, instance.num_variables)

    def learn(self, instance: MIP, course: Course) -> None:
        """Add a lesson and save the file.

        Raises:
            CoptError: If the file cannot be written.
        """
        self.lessons.append(
            Lesson(
                description=_case(instance, course.seconds, course.helped),
                arms={name: list(dataclasses.astuple(r)) for name, r in course.arms.items() if r.tries > 0},
                setting=course.setting,
                integral=float(course.integral),
                gap=float(course.gap),
            )
        )
        del self.lessons[:-MOST]
        shape, kin = shape_of(instance), self.kin(instance)
        if shape is not None and kin is not None:
            kin.add(course.values, course.duals, course.pseudocosts)
            self._kin.pop(shape, None)
            self._kin[shape] = kin  # the last, those of which nothing was heard for longest are the first
            self._kin = dict(list(self._kin.items())[-SHAPES:])
        self._save()

    def _save(self) -> None:
        content = {"lessons": self.lessons, "kin": {shape: kin.as_json() for shape, kin in self._kin.items()}}
        try:
            draft = self.path.with_name(f".{os.getpid()}-{self.path.name}")  # the file is never left half written
            draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
            draft.replace(self.path)
        except OSError as error:
            raise CoptError(f"{self.path}: cannot be written: {error.strerror}") from None

    def _weighed(self, own: list[float]) -> list[tuple[float, Lesson]]:
        """Return the lessons of similar cases and how much each counts."""
        distances = (float(np.linalg.norm(np.subtract(own, lesson["description"]))) for lesson in self.lessons)
        weights = [float(np.exp(-0.5 * (distance / NEAR) ** 2)) for distance in distances]
        return [(weight, lesson) for weight, lesson in zip(weights, self.lessons, strict=True) if weight > 0.05]

    def _known(self, lesson: Lesson) -> None:
        """Raise if a lesson is none.

        Raises:
            ValueError: If so.
        """
        if len(lesson["description"]) != len(NAMES) + 2 or lesson["setting"] not in SETTINGS:
            raise ValueError("a lesson of another version")
        for numbers in lesson["arms"].values():
            if len(numbers) != len(dataclasses.fields(Record)):
                raise ValueError("a lesson of another version")
            Record(*map(float, numbers))
        float(lesson["integral"]), float(lesson["gap"])


def _case(instance: MIP, seconds: float, helped: bool) -> list[float]:
    """Return the description of a program and what beside it decides what pays: 1 is a great difference in either."""
    time = np.log10(np.clip(seconds, *TIMES))
    return [round(float(value), 6) for value in (*describe(instance), time, helped)]
