"""A network of candidates with random weights."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIDDEN = 8


@dataclass
class RandomCandidates:
    """A policy that ranks edges by a random function of what the network sees."""

    problem: str
    name: str = "random"
    family: str = "routing"
    card: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tour, h = self.problem == "tsp", HIDDEN
        self.card = {"role": "candidates", "problem": self.problem, "neighbours": 12, "width": 7, "exchange": 4}
        if tour:
            self.card["exchange"] = 0
        rng = np.random.default_rng(3)
        linear = {"enter": (h, 1 if tour else 7), "enter_edge": (h, 6 if tour else 8)}
        linear |= {f"layers.{k}.{part}": (h, h) for k in range(2) for part in ("own", "value", "edge", "tail", "head")}
        linear |= {"score.0": (h, h), "score.2": (1, h)}
        for name, shape in linear.items():
            self._put(f"{name}.weight", rng.standard_normal(shape) / np.sqrt(shape[1]))
            self._put(f"{name}.bias", 0.1 * rng.standard_normal(shape[0]))
        for name in (f"layers.{k}.{part}_norm" for k in range(2) for part in ("node", "edge")):
            self._put(f"{name}.weight", np.ones(h))
            self._put(f"{name}.bias", 0.1 * rng.standard_normal(h))

    def _put(self, name: str, value: NDArray[Any]) -> None:
        self.weights[f"net.{name}"] = np.asarray(value, dtype=np.float32)
