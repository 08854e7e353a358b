"""Thompson sampling over arms by what they improve a second."""

from dataclasses import dataclass

import numpy as np

__all__ = ["FIRST", "SECONDS", "Bandit", "Record"]

FADING = 0.9  # of what an arm did before, each time that it is tried again
SHARE = 0.9  # of the integer variables that is held at first
FIRST = 0.98  # likewise by what makes points of nothing
SECONDS = 0.2  # that a sub-program may go without a better point, at first


@dataclass
class Record:
    """What is known of an arm.

    Args:
        tries: How often it was tried, older tries fading.
        mean: Its mean reward.
        square: The mean of the squares.
        share: Share of the integer variables that it holds next.
        seconds: How long its next sub-program may go without a better point.
    """

    tries: float = 0.0
    mean: float = 0.0
    square: float = 0.0
    share: float = SHARE
    seconds: float = SECONDS

    def add(self, reward: float, weight: float = 1.0) -> None:
        """Count one more try, which weighs as much as so many."""
        self.tries *= FADING**weight
        self.blend(Record(1.0, reward, reward**2, self.share, self.seconds), weight)

    def blend(self, other: "Record", weight: float) -> None:
        """Take in what another record says, whose tries count ``weight`` each."""
        tries = weight * other.tries
        total = self.tries + tries
        if total > 0:
            for name in ("mean", "square", "share", "seconds"):
                own = getattr(self, name)
                setattr(self, name, own + tries / total * (getattr(other, name) - own))
        self.tries = total


class Bandit:
    """Chooses among arms with normal beliefs about their rewards (Thompson 1933).

    Args:
        names: The arms.
        rng: Source of random choices.
        prior: Beliefs from earlier instances.
    """

    def __init__(self, names: list[str], rng: np.random.Generator, prior: dict[str, Record]) -> None:
        self.records = {name: prior.get(name, Record()) for name in names}
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
