"""Compiled gradient descent on many plans side by side."""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import fused
from copt.solvers.control.rollout_kernels import Flat, Float64, differentiate
from copt.solvers.control.sampler_kernels import Record, judge, note

__all__ = ["Descent", "descend"]

FIRST, SECOND, TINY = 0.9, 0.99, 1e-12  # decays of the two moments, and what keeps a root from zero


class Descent(NamedTuple):
    """Plans that go downhill, and the best that each has been."""

    plans: Float64  # (horizon, actions, lanes)
    first: Float64  # (horizon, actions, lanes) mean of the gradient
    second: Float64  # (horizon, actions, lanes) mean of its square
    slopes: Float64  # (horizon, actions, lanes)
    tables: Float64  # (horizon, rows, lanes)
    adjoints: Float64  # (rows, lanes)
    costs: Float64  # (lanes,)
    violations: Float64  # (lanes,)
    scores: Float64  # (lanes,)
    tops: Float64  # (horizon, actions, lanes)
    known: Float64  # (3, lanes) cost, violation and score of the tops
    record: Record


@fused
def improve(descent: Descent) -> None:
    """Remember the plans that are better than they ever were."""
    known, better = descent.known, descent.adjoints[0]
    for i in range(descent.scores.size):
        closer = descent.scores[i] < known[2, i]
        if (descent.violations[i] > 0.0) != (known[1, i] > 0.0):
            closer = descent.violations[i] == 0.0
        better[i] = 1.0 if closer and descent.scores[i] < np.inf else 0.0
        if better[i] > 0.0:
            known[0, i], known[1, i], known[2, i] = descent.costs[i], descent.violations[i], descent.scores[i]
    for t in range(descent.plans.shape[0]):
        for a in range(descent.plans.shape[1]):
            now, top = descent.plans[t, a], descent.tops[t, a]
            for i in range(now.size):
                top[i] = now[i] if better[i] > 0.0 else top[i]


@fused
def move(flat: Flat, descent: Descent, step: int, length: float) -> None:
    """Take the step of Adam (Kingma and Ba 2015) with the present slopes, and return to the bounds of the actions.

    Args:
        flat: The problem.
        descent: The plans.
        step: Number of the step; the moments begin anew with 0.
        length: Greatest step, as a share of half the range of an action.
    """
    start = 1.0 if step > 0 else 0.0
    unbias = np.sqrt(1.0 - SECOND ** (step + 1)) / (1.0 - FIRST ** (step + 1))
    for t in range(descent.plans.shape[0]):
        for a in range(descent.plans.shape[1]):
            low, high = flat.u_lower[a], flat.u_upper[a]
            rate = length * unbias * (high - low) / 2.0
            now, slope = descent.plans[t, a], descent.slopes[t, a]
            first, second = descent.first[t, a], descent.second[t, a]
            for i in range(now.size):
                g = slope[i]
                first[i] = start * FIRST * first[i] + (1.0 - FIRST) * g
                second[i] = start * SECOND * second[i] + (1.0 - SECOND) * g * g
                value = now[i] - rate * first[i] / (np.sqrt(second[i]) + TINY)
                value = value if value > low else low
                now[i] = value if value < high else high


@fused
def descend(flat: Flat, descent: Descent, begin: int, end: int, steps: int, length: float) -> None:
    """Take the steps from ``begin`` to ``end`` of ``steps``, whose length falls from ``length`` to zero."""
    for step in range(begin, end):
        judge(flat, descent.plans, descent.tables, descent.costs, descent.violations, descent.scores)
        improve(descent)
        differentiate(flat, descent.tables, descent.adjoints, descent.slopes)
        move(flat, descent, step, length * (1.0 - step / steps))
    note(descent.record, descent.tops, descent.known[0], descent.known[1], descent.known[2])
