"""Samplers that plan: each alone, as a value with its settings, and several together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import toy
from copt.solvers.control.descent_kernels import descend
from copt.solvers.control.flat import flatten
from copt.solvers.control.portfolio import Portfolio
from copt.solvers.control.rollout_kernels import Flat
from copt.solvers.control.sampler_kernels import draw, explore, fit, select, soften
from copt.solvers.control.swarm import Deadline, Found, descent, elite, found, swarm
from copt.solvers.random_kernels import UInt64
from copt.solvers.randomness import random_state

__all__ = ["ICEM", "MPPI", "Found", "GradientDescent", "Method", "Portfolio", "plan", "warm"]


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
        return found(self._swarm.record)


@dataclass(frozen=True)
class ICEM:
    """The cross-entropy method with coloured noise and elites that are kept (Pinneri et al. 2020).

    When it has contracted, it begins again around the next mean, or around the best plan.

    Args:
        samples: Plans of the first round.
        elites: Best plans of a round, to which mean and spread are fitted.
        kept: Share of the elites that stay for the next round.
        spread: Standard deviation of the noise at first, as a share of half the range of an action.
        momentum: Share of mean and spread that stays in a round.
        colour: Exponent of the noise; 0 is white.
        least: Spread at which it has contracted, as a share of half the range.
    """

    samples: int = 256
    elites: int = 24
    kept: float = 0.3
    spread: float = 0.5
    momentum: float = 0.1
    colour: float = 1.0
    least: float = 0.01

    def begin(self, flat: Flat, means: Sequence[FloatArray], random: UInt64) -> Search:
        """Return a search around the means, one after the other."""
        return _CrossEntropy(self, flat, means, random)


class _CrossEntropy:
    def __init__(self, settings: ICEM, flat: Flat, means: Sequence[FloatArray], random: UInt64) -> None:
        self._settings, self._flat = settings, flat
        self._swarm = swarm(flat, settings.samples, settings.colour, random)
        self._elite = elite(flat, settings.elites)
        self._half = (flat.u_upper - flat.u_lower) / 2
        self._means = [np.clip(mean, flat.u_lower, flat.u_upper) for mean in means]
        self._restart()

    def _restart(self) -> None:
        self._swarm.mean[:] = self._means.pop(0) if self._means else self._swarm.record.actions
        self._swarm.spread[:] = self._settings.spread * self._half
        self._elite.scores[:] = np.inf

    def advance(self, deadline: Deadline) -> None:
        done = deadline.run(lambda begin, end: explore(self._flat, self._swarm, begin, end), len(self._swarm.plans))
        if done == 0:
            return
        select(self._swarm, done, self._elite, int(self._settings.kept * self._settings.elites))
        fit(self._swarm, self._elite, self._settings.momentum)
        if (self._swarm.spread <= self._settings.least * self._half).all():
            self._restart()

    def found(self) -> list[Found]:
        return found(self._swarm.record)


@dataclass(frozen=True)
class GradientDescent:
    """Adam (Kingma and Ba 2015) on many plans side by side, within the bounds of the actions; then on others.

    Args:
        steps: From each start.
        length: Of the first step, as a share of half the range of an action.
        spread: Standard deviation of the starts around the mean, as a share of half the range.
        colour: Exponent of the noise of the starts; 0 is white.
    """

    steps: int = 60
    length: float = 0.2
    spread: float = 1.0
    colour: float = 2.0

    def begin(self, flat: Flat, means: Sequence[FloatArray], random: UInt64) -> Search:
        """Return a search from the means, and from starts around the first."""
        return _Descent(self, flat, means, random)


class _Descent:
    def __init__(self, settings: GradientDescent, flat: Flat, means: Sequence[FloatArray], random: UInt64) -> None:
        self._settings, self._flat = settings, flat
        self._room = descent(flat)
        self._swarm = swarm(flat, 1, settings.colour, random)
        self._swarm.mean[:] = means[0]
        self._swarm.spread[:] = settings.spread * (flat.u_upper - flat.u_lower) / 2
        self._means = [np.clip(mean, flat.u_lower, flat.u_upper) for mean in means]

    def advance(self, deadline: Deadline) -> None:
        settings, room = self._settings, self._room
        draw(self._flat, self._swarm, room.plans)
        for lane in range(min(len(self._means), room.costs.size)):
            room.plans[:, :, lane] = self._means.pop(0)
        room.known[:] = np.inf
        deadline.run(
            lambda begin, end: descend(self._flat, room, begin, end, settings.steps, settings.length), settings.steps
        )

    def found(self) -> list[Found]:
        return found(self._room.record)


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


def warm() -> None:
    """Compile the kernels of all samplers and of the portfolio, or load them."""
    flat = flatten(toy())
    for method in (MPPI(), ICEM(), GradientDescent()):
        method.begin(flat, [np.zeros((flat.horizon, flat.actions))], random_state(0)).advance(
            Deadline(lambda: 0.0, 1.0)
        )
    Portfolio(toy()).search(1.0, clock=count(0.0, 0.002).__next__)  # long enough to walk from what a descent finds
