"""Numbered actions of which only some are legal: what the environments share of masks and their samples."""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from copt.errors import CoptError

__all__ = ["LegalActions", "Mask", "bits"]

Mask = NDArray[np.int8]  # (actions,), 1 for the legal ones

NAMED = 20  # legal actions that an error lists


def bits(*shape: int) -> spaces.Box:
    """Return the space of arrays of 0 and 1."""
    return spaces.Box(0, 1, shape, np.int8)


class LegalActions(spaces.Discrete):
    """Actions from 0 on, and a mask of those that are legal now.

    ``sample()`` draws a legal action, ``spared`` only if there is no other; ``sample(mask)`` draws from the mask as
    usual.

    Args:
        count: Number of actions.
        spared: An action that a random player would take too often, such as waiting; None for none.
    """

    def __init__(self, count: int, spared: int | None = None) -> None:
        super().__init__(count)
        self.mask: Mask = np.zeros(count, np.int8)
        self.spared = spared

    def sample(self, mask: Mask | None = None, probability: NDArray[Any] | None = None) -> np.int64:
        """Return a random action."""
        if mask is None and probability is None:
            mask = self.mask.copy()
            if self.spared is not None and mask.sum() > mask[self.spared]:
                mask[self.spared] = 0
        return super().sample(mask, probability)

    def checked(self, action: np.int64 | int) -> int:
        """Return ``action`` as a number.

        Raises:
            CoptError: If it is not legal.
        """
        choice = int(action)
        if not (0 <= choice < self.mask.size and self.mask[choice]):
            legal = np.flatnonzero(self.mask).tolist()
            named = str(legal) if len(legal) <= NAMED else f"{str(legal[:NAMED])[:-1]}, ...]"
            raise CoptError(f"action {choice} is not legal; choose one of {named}, see info['action_mask']")
        return choice
