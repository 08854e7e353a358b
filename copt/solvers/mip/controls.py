"""Guides that have learned nothing: what a network is measured against."""

from typing import NamedTuple

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.bandit import FIRST
from copt.solvers.mip.guide import guessable
from copt.solvers.mip.submip import Relaxed

__all__ = ["RandomGuide", "RelaxedGuide"]


class RelaxedGuide(NamedTuple):
    """Guesses what the relaxation says, and nothing before there is one."""

    def probabilities(self, instance: MIP, relaxed: Relaxed | None) -> FloatArray:
        """Return values above the lower bounds, at most 1; see ``copt.solvers.mip.partner.Guide``."""
        if relaxed is None:
            return np.full(instance.num_variables, np.nan)
        lower = np.where(np.isfinite(instance.lower), instance.lower, 0.0)
        return np.where(guessable(instance), np.clip(relaxed.values - lower, 0.0, 1.0), np.nan)

    def share(self, *, relaxed: bool) -> float:
        """Return the share to hold at first; see ``copt.solvers.mip.partner.Guide``."""
        return FIRST

    def idle(self) -> float:
        """Return the share to leave out of the relaxation: none; see ``copt.solvers.mip.partner.Guide``."""
        return 0.0


class RandomGuide(NamedTuple):
    """Guesses anything.

    Args:
        seed: Seed of the guesses.
    """

    seed: int = 0

    def probabilities(self, instance: MIP, relaxed: Relaxed | None) -> FloatArray:
        """Return random numbers from 0 to 1; see ``copt.solvers.mip.partner.Guide``."""
        drawn = np.random.default_rng(self.seed).random(instance.num_variables)
        return np.where(guessable(instance), drawn, np.nan)

    def share(self, *, relaxed: bool) -> float:
        """Return the share to hold at first; see ``copt.solvers.mip.partner.Guide``."""
        return FIRST

    def idle(self) -> float:
        """Return the share to leave out of the relaxation: none; see ``copt.solvers.mip.partner.Guide``."""
        return 0.0
