"""Thompson sampling over arms by what they improve a second."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Bandit", "Record"]

FADING = 0.9  # of what an arm did before, each time that it is tried again


@dataclass
class Record:
    """What is known of an arm: how often it was tried, its mean reward and the mean of the squares, older tries fading."""

    tries: float = 0.0
    mean: float = 0.0
    square: float = 0.0


class Bandit:
    """Chooses among arms with normal beliefs about their rewards (Thompson 1933).

    Args:
        names: The arms.
        rng: Source of random choices.
        prior: Beliefs from earlier instances.
    """

    def __init__(self, names: list[str], rng: np.random.Generator, prior: dict[str, Record] | None = None) -> None:
        known = prior or {}
        self.records = {name: known.get(name, Record()) for name in names}
        self._rng = rng

    def choose(self, names: list[str]) -> str:
        """Return one of ``names``: the one whose reward, drawn from what is believed of it, is largest."""
        scale = max((record.mean for record in self.records.values()), default=0.0) or 1.0
        drawn = {}
        for name in names:
            record = self.records[name]
            spread = np.sqrt(max(0.0, record.square - record.mean**2) + (0.3 * scale) ** 2)
            hope = record.mean if record.tries >= 1 else scale
            drawn[name] = hope + spread * self._rng.normal() / np.sqrt(1.0 + record.tries)
        return max(drawn, key=lambda name: drawn[name])

    def learn(self, name: str, reward: float) -> None:
        """Remember what an arm earned."""
        record = self.records[name]
        record.tries = FADING * record.tries + 1.0
        weight = 1.0 / record.tries
        record.mean += weight * (reward - record.mean)
        record.square += weight * (reward**2 - record.square)
