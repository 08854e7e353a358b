"""Where annealing looks next: a learned choice and the plain one it is held against.

From some progress on, the seeds of a round's removals are drawn in proportion to what is expected to be gained near a
customer, as Li, Yan and Wu (2021) choose parts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from copt.policy import Policy
from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routing
from copt.solvers.routing.legs import View, leg_features, node_features, smooth

__all__ = [
    "CLIP",
    "Focus",
    "by_gain",
    "by_recency",
    "drawn",
    "focus_for",
    "network",
]

FLOOR = 0.25  # least weight of a customer, in mean weights
CLIP = 5.0  # deviations beyond which a feature is not followed

# Takes what there is to see and a generator; returns a value for each node, of which negative ones count as none.
Rule = Callable[[View, np.random.Generator], FloatArray]


@dataclass(frozen=True)
class Focus:
    """What to look at.

    Args:
        seeds: Draws the seeds of removals; None for all customers alike.
        begin: Progress before which all are alike.
    """

    seeds: Rule | None = None
    begin: float = 0.3

    def weights(self, view: View, rng: np.random.Generator) -> FloatArray | None:
        """Return how often each node is a seed, in proportion; None if all alike."""
        if self.seeds is None or view.progress < self.begin:
            return None
        values = np.maximum(0.0, self.seeds(view, rng))
        mean = float(values[view.instance.customers].mean())
        weights: FloatArray = np.maximum(values, FLOOR * mean) if mean > 0.0 else np.ones_like(values)
        return weights


def drawn(members: IntArray, weights: FloatArray | None, rng: np.random.Generator) -> IntArray:
    """Return as many of ``members``, each as often as its weight says, to the next whole number (Baker 1987)."""
    if weights is None or members.size == 0:
        return members
    ends = np.cumsum(weights[members])
    marks = (np.arange(members.size) + rng.random()) * (ends[-1] / members.size)
    chosen: IntArray = members[np.minimum(np.searchsorted(ends, marks), members.size - 1)]
    return chosen


def network(policy: Policy, task: str, features: FloatArray) -> FloatArray:
    """Return the outputs of the small network for ``task``, shape (rows,)."""
    weights = policy.weights
    scaled = np.clip((features - weights["centre"]) / weights["scale"], -CLIP, CLIP).astype(np.float32)
    hidden = np.maximum(0.0, scaled @ weights[f"{task}_in"].T + weights[f"{task}_in_bias"])
    outputs: FloatArray = (hidden @ weights[f"{task}_out"] + weights[f"{task}_out_bias"]).astype(np.float64)
    return outputs


def by_gain(policy: Policy) -> Rule:
    """Return the learned rule for seeds: what is expected to be gained near a customer until the end."""

    def rule(view: View, rng: np.random.Generator) -> FloatArray:
        return smooth(view, network(policy, "gain", node_features(view, leg_features(view))))

    return rule


def by_recency(view: View, rng: np.random.Generator) -> FloatArray:
    """Look where the best routes changed often and of late: a bandit without a model."""
    return smooth(view, view.recent)


def focus_for(instance: Routing, policy: Policy | None) -> Focus | None:
    """Return what ``policy`` looks at, or None if it looks at nothing or the instance has no capacity."""
    if policy is None or policy.card.get("role") != "focus" or instance.capacity is None:
        return None
    return Focus(seeds=by_gain(policy))
