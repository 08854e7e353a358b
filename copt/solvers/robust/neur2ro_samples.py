"""What the networks of Neur2RO learn from: random decisions and scenarios of random knapsacks, with their exact cost.

Dumouchelle et al. (2024, appendix) draw it so; the cost of the second stage comes from dynamic programming here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from copt.instances.robust_generators import Correlation, robust_knapsack
from copt.problems.base import IntArray
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.knapsack_game import KnapsackGame
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.neur2ro_net import item_features

__all__ = ["SIZES", "Samples", "labelled", "random_instance", "random_scenario"]

SIZES = (20, 30, 40, 50, 60, 70, 80)
CLASSES: tuple[Correlation, ...] = ("UN", "WC", "ASC", "SC")
CAPACITIES, DEVIATIONS, SHARES = (40, 80), (0.1, 0.5, 1.0), (0.1, 0.15, 0.2)


def random_instance(rng: np.random.Generator) -> RobustKnapsack:
    """Return a random instance of the sizes and classes that are published."""
    return robust_knapsack(
        items=int(rng.choice(SIZES)),
        correlation=CLASSES[rng.integers(len(CLASSES))],
        seed=int(rng.integers(2**31)),
        h=int(rng.choice(CAPACITIES)),
        deviation=float(rng.choice(DEVIATIONS)),
        share=float(rng.choice(SHARES)),
    )


def random_decisions(rng: np.random.Generator, size: int) -> Bytes:
    """Return decisions of which each is 1 with the same random chance."""
    return (rng.random(size) < rng.random()).astype(np.uint8)


def random_scenario(rng: np.random.Generator, instance: RobustKnapsack) -> FloatArray:
    """Return losses that add up to at most the budget; as in the paper one may be above 1, so outside the set."""
    spread = rng.random(instance.num_items)
    least = min(instance.budget, 1 / max(instance.budget, 1.0))
    scenario: FloatArray = rng.uniform(least, instance.budget) * spread / spread.sum()
    return scenario


class Samples(NamedTuple):
    """Instances with decisions and scenarios for each, padded with zeros to the largest size.

    Args:
        sizes: Number of items, shape (instances,).
        items: Features, shape (instances, items, features).
        x: Decisions, shape (instances, decisions, items).
        u: Scenarios, shape (instances, decisions, scenarios, items).
        costs: Least cost of the second stage, shape (instances, decisions, scenarios).
    """

    sizes: IntArray
    items: FloatArray
    x: FloatArray
    u: FloatArray
    costs: FloatArray


def labelled(instances: Sequence[RobustKnapsack], decisions: int, scenarios: int, rng: np.random.Generator) -> Samples:
    """Return so many random decisions for each instance, and random scenarios for each of them, with their costs."""
    count, most = len(instances), max(instance.num_items for instance in instances)
    found = Samples(
        sizes=np.array([instance.num_items for instance in instances]),
        items=np.zeros((count, most, item_features(instances[0]).shape[1])),
        x=np.zeros((count, decisions, most)),
        u=np.zeros((count, decisions, scenarios, most)),
        costs=np.zeros((count, decisions, scenarios)),
    )
    for k, instance in enumerate(instances):
        game, n = KnapsackGame(instance, 0), instance.num_items
        found.items[k, :n] = item_features(instance)
        for d in range(decisions):
            chosen = random_decisions(rng, n)
            found.x[k, d, :n] = chosen
            for s in range(scenarios):
                found.u[k, d, s, :n] = scenario = random_scenario(rng, instance)
                found.costs[k, d, s] = game.recourse(chosen, scenario)
    return found
