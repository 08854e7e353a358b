"""What earlier solves have taught: which neighbourhoods and which settings of SCIP paid on similar programs."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.bandit import Record
from copt.solvers.mip.features import NAMES, describe
from copt.solvers.mip.partner import Spare
from copt.solvers.mip.settings import DEFAULT, SETTINGS

__all__ = ["Lesson", "Memory"]

MOST = 500  # lessons kept
NEAR = 0.5  # distance of descriptions at which a lesson counts for 0.6
TRUST = 5.0  # tries that all lessons together count for at most, so that the instance at hand can overrule them


class Lesson(dict[str, Any]):
    """One solve: description, records of the arms, setting and what it earned."""


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
        if self.path.exists():
            try:
                self.lessons = [Lesson(row) for row in json.loads(self.path.read_text(encoding="utf-8"))["lessons"]]
                for lesson in self.lessons:
                    self._known(lesson)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise CoptError(f"{path}: is no memory of earlier solves ({error}); name another file") from None

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The descriptions of the lessons."""
        return {"descriptions": np.array([lesson["description"] for lesson in self.lessons], dtype=np.float32)}

    @property
    def card(self) -> dict[str, Any]:
        """How much it holds."""
        return {"lessons": len(self.lessons)}

    def arms(self, instance: MIP) -> dict[str, Record]:
        """Return what to expect of the arms on ``instance``."""
        records: dict[str, Record] = {}
        for weight, lesson in self._weighed(instance):
            for name, numbers in lesson["arms"].items():
                records.setdefault(name, Record()).blend(Record(*numbers), weight)
        for record in records.values():
            record.tries = min(record.tries, TRUST)
        return records

    def setting(self, instance: MIP, rng: np.random.Generator) -> str:
        """Return the name of the setting of SCIP to try (Thompson sampling on the lessons of similar programs)."""
        earned: dict[str, list[tuple[float, float]]] = {name: [] for name in SETTINGS}
        for weight, lesson in self._weighed(instance):
            earned[lesson["setting"]].append((weight, lesson["reward"]))
        every = [reward for pairs in earned.values() for _, reward in pairs]
        if not every:
            return DEFAULT
        usual, spread = float(np.mean(every)), float(np.std(every)) + 0.05
        drawn = {}
        for name, pairs in earned.items():
            weight = sum(w for w, _ in pairs)
            mean = (usual + sum(w * reward for w, reward in pairs)) / (1.0 + weight)
            drawn[name] = mean + spread * rng.normal() / np.sqrt(1.0 + weight)
        return max(drawn, key=lambda name: drawn[name])

    def learn(self, instance: MIP, arms: dict[str, Record], setting: str, reward: float) -> None:
        """Add a lesson and save the file.

        Args:
            instance: What was solved.
            arms: What the arms did.
            setting: The setting of SCIP.
            reward: What it earned, larger is better; compared among similar programs only.

        Raises:
            CoptError: If the file cannot be written.
        """
        tried = {name: list(dataclasses.astuple(r)) for name, r in arms.items() if r.tries > 0}
        description = [round(float(value), 6) for value in describe(instance)]
        self.lessons.append(Lesson(description=description, arms=tried, setting=setting, reward=float(reward)))
        del self.lessons[:-MOST]
        try:
            draft = self.path.with_name(f".{os.getpid()}-{self.path.name}")  # the file is never left half written
            draft.write_text(json.dumps({"lessons": self.lessons}) + "\n", encoding="utf-8")
            draft.replace(self.path)
        except OSError as error:
            raise CoptError(f"{self.path}: cannot be written: {error.strerror}") from None

    def _weighed(self, instance: MIP) -> list[tuple[float, Lesson]]:
        """Return the lessons of similar programs and how much each counts."""
        own = describe(instance)
        pairs = [(self._weight(own, lesson), lesson) for lesson in self.lessons]
        return [(weight, lesson) for weight, lesson in pairs if weight > 0.05]

    def _weight(self, own: FloatArray, lesson: Lesson) -> float:
        distance = float(np.linalg.norm(own - np.array(lesson["description"])))
        return float(np.exp(-0.5 * (distance / NEAR) ** 2))

    def _known(self, lesson: Lesson) -> None:
        """Raise if a lesson is none.

        Raises:
            ValueError: If so.
        """
        if len(lesson["description"]) != len(NAMES) or lesson["setting"] not in SETTINGS:
            raise ValueError("a lesson of another version")
        for numbers in lesson["arms"].values():
            if len(numbers) != len(dataclasses.fields(Record)):
                raise ValueError("a lesson of another version")
            Record(*map(float, numbers))
        float(lesson["reward"])
