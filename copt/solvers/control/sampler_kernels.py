"""Compiled sampling of plans around a mean: coloured noise, rollouts, and what is learned from them."""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import fused
from copt.solvers.control.rollout_kernels import Flat, Float64, roll
from copt.solvers.random_kernels import UInt64, advance

__all__ = [
    "COST",
    "SCORE",
    "VIOLATION",
    "Elite",
    "Record",
    "Swarm",
    "explore",
    "fit",
    "judge",
    "note",
    "select",
    "soften",
]

COST, VIOLATION, SCORE = range(3)  # places in what is known of a plan


class Record(NamedTuple):
    """The best plan that a search has seen."""

    actions: Float64  # (horizon, actions)
    known: Float64  # (3,) its cost, violation and score


class Swarm(NamedTuple):
    """Plans that are drawn together, in blocks of as many as lie side by side."""

    random: UInt64  # (1,)
    colour: Float64  # (horizon, horizon) lower triangular: what makes noise over time of white noise
    mean: Float64  # (horizon, actions)
    spread: Float64  # (horizon, actions)
    plans: Float64  # (blocks, horizon, actions, lanes)
    costs: Float64  # (blocks, lanes)
    violations: Float64  # (blocks, lanes)
    scores: Float64  # (blocks, lanes) cost plus penalty
    tables: Float64  # (1, rows, lanes)
    record: Record


class Elite(NamedTuple):
    """The best plans of a round, best first."""

    plans: Float64  # (elites, horizon, actions)
    scores: Float64  # (elites,) infinite where there is none


@fused
def normal(random: UInt64) -> float:
    """Return a number of mean 0 and variance 1 that is about normal: the sum of four uniform ones of 16 bits."""
    bits = advance(random)
    low = (bits & np.uint64(65535)) + ((bits >> np.uint64(16)) & np.uint64(65535))
    high = ((bits >> np.uint64(32)) & np.uint64(65535)) + (bits >> np.uint64(48))
    return (float(low + high) - 131070.0) * 2.6428867143943604e-05  # sqrt(3 / (2 ** 32 - 1))


@fused
def draw(flat: Flat, swarm: Swarm, plans: Float64) -> None:
    """Draw plans, shape (horizon, actions, lanes), around the mean; they are clipped to the bounds of the actions."""
    horizon, actions, lanes = plans.shape
    for t in range(horizon):
        for a in range(actions):
            row = plans[t, a]
            for i in range(lanes):
                row[i] = normal(swarm.random)
    for t in range(horizon - 1, -1, -1):  # from the end, so that earlier rows are still white
        for a in range(actions):
            row, own = plans[t, a], swarm.colour[t, t]
            for i in range(lanes):
                row[i] *= own
            for s in range(t):
                earlier, share = plans[s, a], swarm.colour[t, s]
                if share != 0.0:
                    for i in range(lanes):
                        row[i] += share * earlier[i]
            middle, spread, low, high = swarm.mean[t, a], swarm.spread[t, a], flat.u_lower[a], flat.u_upper[a]
            for i in range(lanes):
                value = middle + spread * row[i]
                value = value if value > low else low
                row[i] = value if value < high else high


@fused
def judge(flat: Flat, plans: Float64, tables: Float64, costs: Float64, violations: Float64, scores: Float64) -> None:
    """Roll out plans, as ``roll`` does, and score them; those whose states overflow score infinity."""
    roll(flat, plans, tables, costs, violations)
    for i in range(costs.size):
        score = costs[i] + flat.penalty * violations[i]
        scores[i] = score if score < np.inf else np.inf


@fused
def note(record: Record, plans: Float64, costs: Float64, violations: Float64, scores: Float64) -> None:
    """Remember the best of some plans if it is better than the best one: those within limits first, then by score."""
    found = -1
    cost, violation, score = record.known
    for i in range(costs.size):
        closer = scores[i] < score if (violations[i] > 0.0) == (violation > 0.0) else violations[i] == 0.0
        if closer and scores[i] < np.inf:
            found, cost, violation, score = i, costs[i], violations[i], scores[i]
    if found >= 0:
        record.known[COST], record.known[VIOLATION], record.known[SCORE] = cost, violation, score
        take(plans, found, record.actions)


@fused
def take(plans: Float64, lane: int, actions: Float64) -> None:
    """Copy the plan in a lane to ``actions``, shape (horizon, actions)."""
    for t in range(actions.shape[0]):
        for a in range(actions.shape[1]):
            actions[t, a] = plans[t, a, lane]


@fused
def explore(flat: Flat, swarm: Swarm, begin: int, end: int) -> None:
    """Draw and judge the blocks from ``begin`` to ``end``; the mean itself comes first in block 0."""
    for block in range(begin, end):
        draw(flat, swarm, swarm.plans[block])
        if block == 0:
            for t in range(swarm.mean.shape[0]):
                for a in range(swarm.mean.shape[1]):
                    swarm.plans[0, t, a, 0] = swarm.mean[t, a]
        plans, costs, violations, scores = (
            swarm.plans[block],
            swarm.costs[block],
            swarm.violations[block],
            swarm.scores[block],
        )
        judge(flat, plans, swarm.tables, costs, violations, scores)
        note(swarm.record, plans, costs, violations, scores)


@fused
def soften(swarm: Swarm, blocks: int, temperature: float) -> None:
    """Set the mean to the average of the plans of the first blocks, weighted by exp(-score / temperature).

    The temperature is relative to how far the mean of the scores is above the least (Williams et al. 2017 take an
    absolute one, which would have to be tuned to each problem).
    """
    least, total, count = np.inf, 0.0, 0
    for block in range(blocks):
        for score in swarm.scores[block]:
            least = score if score < least else least
    for block in range(blocks):
        for score in swarm.scores[block]:
            if score < np.inf:
                total += score - least
                count += 1
    if count == 0:
        return
    rate = count / (temperature * total) if total > 0.0 else 0.0
    weight = 0.0
    swarm.mean[:, :] = 0.0
    for block in range(blocks):
        scores = swarm.scores[block]
        for i in range(scores.size):
            share = np.exp(-rate * (scores[i] - least)) if scores[i] < np.inf else 0.0
            scores[i] = share
            weight += share
        for t in range(swarm.mean.shape[0]):
            for a in range(swarm.mean.shape[1]):
                row, sum_ = swarm.plans[block, t, a], 0.0
                for i in range(scores.size):
                    sum_ += scores[i] * row[i]
                swarm.mean[t, a] += sum_
    for t in range(swarm.mean.shape[0]):
        for a in range(swarm.mean.shape[1]):
            swarm.mean[t, a] /= weight


@fused
def select(swarm: Swarm, blocks: int, elite: Elite, kept: int) -> None:
    """Replace all but the ``kept`` best elites by better plans of the first blocks."""
    size = elite.scores.size
    elite.scores[kept:] = np.inf
    for block in range(blocks):
        for i in range(swarm.scores.shape[1]):
            score = swarm.scores[block, i]
            if not score < elite.scores[size - 1]:
                continue
            place = size - 1
            while place > 0 and score < elite.scores[place - 1]:
                elite.scores[place] = elite.scores[place - 1]
                for t in range(elite.plans.shape[1]):
                    for a in range(elite.plans.shape[2]):
                        elite.plans[place, t, a] = elite.plans[place - 1, t, a]
                place -= 1
            elite.scores[place] = score
            take(swarm.plans[block], i, elite.plans[place])


@fused
def fit(swarm: Swarm, elite: Elite, momentum: float) -> None:
    """Move mean and spread of the swarm towards those of the elites; ``momentum`` is the share that stays."""
    size = 0
    while size < elite.scores.size and elite.scores[size] < np.inf:
        size += 1
    if size == 0:
        return
    for t in range(swarm.mean.shape[0]):
        for a in range(swarm.mean.shape[1]):
            total = squares = 0.0
            for k in range(size):
                total += elite.plans[k, t, a]
            middle = total / size
            for k in range(size):
                squares += (elite.plans[k, t, a] - middle) ** 2
            swarm.mean[t, a] = momentum * swarm.mean[t, a] + (1.0 - momentum) * middle
            swarm.spread[t, a] = momentum * swarm.spread[t, a] + (1.0 - momentum) * np.sqrt(squares / size)
