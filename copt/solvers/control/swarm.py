"""What all samplers share: a clock that is kept, coloured noise, room for plans, and the plan found."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from copt.problems.base import FloatArray
from copt.solvers.control.descent_kernels import Descent
from copt.solvers.control.flat import tables
from copt.solvers.control.rollout_kernels import Flat
from copt.solvers.control.sampler_kernels import Elite, Record, Swarm
from copt.solvers.random_kernels import UInt64

__all__ = ["Deadline", "Found", "coloured", "descent", "elite", "found", "lanes_for", "swarm"]

LANES = 64  # plans side by side; from here on, more are not faster
SLICE = 5e-4  # seconds that kernels may run between two looks at the clock
RATE = 4e9  # weights a second that a core adds up, within a factor of two


class Found(NamedTuple):
    """A plan and what it costs; ``violation`` is by how much it breaks limits in total."""

    cost: float
    violation: float
    actions: FloatArray  # (horizon, actions)

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Sorts plans that keep all limits before others, then by cost; others by how much they break."""
        return self.violation > 0.0, self.violation, self.cost


@dataclass
class Deadline:
    """Time that is left, and how much work fits between two looks at the clock.

    Args:
        clock: Seconds now.
        end: When to stop.
    """

    clock: Callable[[], float]
    end: float
    pace: float = np.inf  # seconds a block took last

    def over(self) -> bool:
        """Return whether the time is up."""
        return self.clock() >= self.end

    def run(self, kernel: Callable[[int, int], object], blocks: int) -> int:
        """Call ``kernel(begin, end)`` for slices of the blocks until the time is up; return how many it has done."""
        done, now = 0, self.clock()
        while done < blocks and now < self.end:
            count = min(blocks - done, max(1, int(min(SLICE, self.end - now) / self.pace)))
            kernel(done, done + count)
            begun, now = now, self.clock()
            self.pace = max(now - begun, 1e-9) / count
            done += count
        return done


def lanes_for(flat: Flat) -> int:
    """Return how many plans to roll out side by side: ``LANES``, or fewer where they would take too long."""
    work = flat.horizon * flat.forward.weights.size
    return LANES if LANES * work < 2 * SLICE * RATE else LANES // 4


def swarm(flat: Flat, samples: int, colour: float, random: UInt64) -> Swarm:
    """Return room for about ``samples`` plans, of noise whose power falls with frequency to the power ``colour``."""
    lanes, shape = lanes_for(flat), (flat.horizon, flat.actions)
    blocks = max(1, round(samples / lanes))
    return Swarm(
        random=random,
        colour=coloured(flat.horizon, colour),
        mean=np.zeros(shape),
        spread=np.zeros(shape),
        plans=np.zeros((blocks, *shape, lanes)),
        costs=np.zeros((blocks, lanes)),
        violations=np.zeros((blocks, lanes)),
        scores=np.zeros((blocks, lanes)),
        tables=tables(flat, lanes),
        record=record(flat),
    )


def record(flat: Flat) -> Record:
    """Return a record of nothing."""
    return Record(np.zeros((flat.horizon, flat.actions)), np.full(3, np.inf))


def elite(flat: Flat, size: int) -> Elite:
    """Return room for elites."""
    return Elite(np.zeros((size, flat.horizon, flat.actions)), np.full(size, np.inf))


def descent(flat: Flat) -> Descent:
    """Return room for plans that go downhill."""
    lanes = lanes_for(flat)
    shape = (flat.horizon, flat.actions, lanes)
    return Descent(
        plans=np.zeros(shape),
        first=np.zeros(shape),
        second=np.zeros(shape),
        slopes=np.zeros(shape),
        tables=tables(flat, lanes, flat.horizon),
        adjoints=np.zeros((flat.rows, lanes)),
        costs=np.zeros(lanes),
        violations=np.zeros(lanes),
        scores=np.zeros(lanes),
        tops=np.zeros(shape),
        known=np.full((3, lanes), np.inf),
        record=record(flat),
    )


def found(record: Record) -> list[Found]:
    """Return the best plan seen, if there is one."""
    cost, violation, score = record.known.tolist()
    return [Found(cost, violation, record.actions.copy())] if score < np.inf else []


@cache
def coloured(steps: int, exponent: float) -> FloatArray:
    """Return the lower triangular matrix that gives white noise over time a power spectrum 1 / f ** exponent.

    The frequencies are those of twice as many steps, so that the end does not follow from the beginning; as usual
    (Timmer and König 1995; Pinneri et al. 2020 plan with it), the lowest one stands in for zero. The variance is 1.

    Args:
        steps: Number of steps.
        exponent: 0 is white noise, 2 a random walk.
    """
    frequency = np.maximum(np.arange(steps + 1), 1) / (2 * steps)
    power = frequency**-exponent * np.where((np.arange(steps + 1) % steps) == 0, 1.0, 2.0)
    lag = np.arange(steps)
    covariance = np.cos(np.pi * np.outer(lag, np.arange(steps + 1)) / steps) @ power / power.sum()
    factor = np.linalg.cholesky(covariance[np.abs(lag[:, None] - lag)] + 1e-9 * np.eye(steps))
    factor.setflags(write=False)
    return factor
