"""Samplers that plan: each alone, as a value with its settings, and several together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from copt.problems.base import FloatArray
from copt.solvers.control.rollout_kernels import Flat
from copt.solvers.control.sampler_kernels import explore, soften
from copt.solvers.control.swarm import Deadline, Found, found, swarm
from copt.solvers.random_kernels import UInt64
from copt.solvers.randomness import random_state

__all__ = ["MPPI", "Found", "Method", "plan"]


class Search(Protocol):
    """A sampler at work."""

    def advance(self, deadline: Deadline) -> None:
        """Do one round, or less if the time is up."""

    def found(self) -> list[Found]:
        """Return the plans found so far, best first."""


class Method(Protocol):
    """A sampler and its settings."""

    def begin(self, flat: Flat, means: Sequence[FloatArray], random: UInt64) -> Search:
        """Return a search that begins around ``means``, each of shape (horizon, actions)."""


@dataclass(frozen=True)
class MPPI:
    """Model predictive path integral control (Williams et al. 2017), round after round around the average.

    Args:
        samples: Plans a round.
        spread: Standard deviation of the noise, as a share of half the range of an action.
        temperature: Of the weights exp(-score / temperature), relative to the mean score above the least.
        colour: Exponent of the noise; 0 is white.
    """

    samples: int = 512
    spread: float = 0.5
    temperature: float = 0.1
    colour: float = 1.0

    def begin(self, flat: Flat, means: Sequence[FloatArray], random: UInt64) -> Search:
        """Return a search around the first mean."""
        return _PathIntegral(self, flat, means[0], random)


class _PathIntegral:
    def __init__(self, settings: MPPI, flat: Flat, mean: FloatArray, random: UInt64) -> None:
        self._settings, self._flat = settings, flat
        self._swarm = swarm(flat, settings.samples, settings.colour, random)
        self._swarm.mean[:] = np.clip(mean, flat.u_lower, flat.u_upper)
        self._swarm.spread[:] = settings.spread * (flat.u_upper - flat.u_lower) / 2

    def advance(self, deadline: Deadline) -> None:
        done = deadline.run(lambda begin, end: explore(self._flat, self._swarm, begin, end), len(self._swarm.plans))
        if done:
            soften(self._swarm, done, self._settings.temperature)

    def found(self) -> list[Found]:
        best = found(self._swarm)
        return [] if best is None else [best]


def plan(
    flat: Flat,
    method: Method,
    *,
    seconds: float,
    means: Sequence[FloatArray] = (),
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Found]:
    """Return the plans that a sampler finds in the time, best first; the first is never worse than the first mean.

    Args:
        flat: The problem.
        method: The sampler.
        seconds: Time; kernels that have to be compiled first take longer.
        means: Plans to begin with, each of shape (horizon, actions); the middle of the bounds if empty.
        seed: Of all random choices.
        clock: Seconds now.
    """
    deadline = Deadline(clock, clock() + seconds)
    middle = np.broadcast_to((flat.u_lower + flat.u_upper) / 2, (flat.horizon, flat.actions))
    search = method.begin(flat, means or [middle], random_state(seed))
    while not deadline.over():
        search.advance(deadline)
    return search.found()
