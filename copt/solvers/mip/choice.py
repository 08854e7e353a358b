"""Chooses a setting of SCIP by what its parts did to earlier solves."""

from typing import NamedTuple

import numpy as np

from copt.solvers.mip.settings import PARTS, SETTINGS

__all__ = ["Tried", "choose"]

NOISE = 0.3  # standard deviation of the logarithm of an integral, among programs of one difficulty
DOUBT = 0.3  # of what a part does to it
LEVEL, SLOPE = 3.0, 0.5  # of the logarithm as such, and of how it grows with that of the difficulty
EASE = 3e-3  # gap that counts as none
BOLDNESS = 0.5  # share of the doubt that a choice takes into account


class Tried(NamedTuple):
    """A solve.

    Args:
        weight: How much it counts.
        setting: Name of the setting.
        integral: Of the gap between incumbent and bound over time, in seconds.
        gap: Between the best point and the relaxation, which no setting changes much.
    """

    weight: float
    setting: str
    integral: float
    gap: float


def choose(tried: list[Tried], rng: np.random.Generator) -> str:
    """Return a setting: the one that does best if its parts do what is drawn from beliefs about them.

    The logarithm of the integral is taken for a sum over the parts of a setting, beside the program's difficulty. So
    each solve tells of all settings that share a part, and hard programs do not count against a setting (Thompson
    sampling with linear payoffs, Agrawal and Goyal 2013).

    Args:
        tried: Solves of similar programs.
        rng: Source of random choices.
    """
    names = list(PARTS)
    mean = np.array([0.0, SLOPE, *(PARTS[name].hope for name in names)])
    precision = np.diag(1.0 / np.array([LEVEL, SLOPE, *[DOUBT] * len(names)]) ** 2)
    pull = precision @ mean
    for solve in tried:
        seen = [1.0, np.log(solve.gap + EASE), *(float(name in SETTINGS[solve.setting]) for name in names)]
        row = np.array(seen)
        precision += solve.weight / NOISE**2 * np.outer(row, row)
        pull += solve.weight / NOISE**2 * np.log(max(solve.integral, 1e-6)) * row
    spread = np.linalg.cholesky(np.linalg.inv(precision))
    drawn = np.linalg.solve(precision, pull) + BOLDNESS * spread @ rng.normal(size=mean.size)
    effects = dict(zip(names, drawn[2:].tolist(), strict=True))
    return min(SETTINGS, key=lambda setting: sum(effects[part] for part in SETTINGS[setting]))
