"""The learned schedule: a linear guess of how far each of a few settings falls behind, and the best of them."""

import numpy as np

from copt.policy import Policy
from copt.problems.routing import FloatArray, Routing
from copt.solvers.routing.anneal import Schedule
from copt.solvers.routing.features import describe
from copt.stop import Stop

__all__ = ["FIELDS", "choose", "regrets", "schedule_for", "settings_of"]

FIELDS = ("hot", "patience", "mean", "longest")  # of a schedule, in the order of the weights called settings
PACE = 50_000  # moves that a worker makes in a second, roughly: what a limit on moves is worth in time


def schedule_for(instance: Routing, stop: Stop, workers: int, policy: Policy | None) -> Schedule:
    """Return what ``policy`` chooses, or the default if it chooses no schedules or the instance has no capacity.

    The choice depends on the limits and not on the clock, so that a solve that ends by moves can be repeated.
    """
    if policy is None or policy.card.get("role") != "schedule" or instance.capacity is None:
        return Schedule()
    seconds = stop.seconds if stop.moves is None else min(stop.seconds, stop.moves / PACE)
    return choose(instance, seconds, workers, policy)


def choose(instance: Routing, seconds: float, workers: int, policy: Policy) -> Schedule:
    """Return the setting that ``policy`` expects to come closest to the best.

    Args:
        instance: A problem with a depot and a capacity.
        seconds: Time for the search.
        workers: Threads that search.
        policy: One whose card has the role ``schedule``.
    """
    expected = regrets(policy, describe(instance, seconds, workers))
    return settings_of(policy)[int(np.argmin(expected))]


def settings_of(policy: Policy) -> list[Schedule]:
    """Return the settings that ``policy`` chooses from."""
    return [
        Schedule(hot=hot, patience=patience, mean=mean, longest=longest)
        for hot, patience, mean, longest in policy.weights["settings"].astype(np.float64).tolist()
    ]


def regrets(policy: Policy, features: FloatArray) -> FloatArray:
    """Return how far each setting is expected to fall behind the best: the root of the percentage, (settings,)."""
    weights = policy.weights
    # Beyond what it learned from, a linear model could promise anything.
    seen = np.clip(features, weights["low"], weights["high"])
    scaled = (seen - weights["centre"]) / weights["scale"]
    expected: FloatArray = weights["slopes"] @ scaled + weights["bias"]
    return expected
