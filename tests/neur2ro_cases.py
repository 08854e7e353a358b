"""Small random networks of the shapes that Neur2RO has, and what they should lead to, by brute force."""

import itertools

import numpy as np
from numpy.typing import NDArray
from robust_twins import all_plans, plan_costs

from copt.models.store import StoredPolicy
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.neur2ro_net import Neur2roNet, item_features

ITEM, POOL, WIDE, OUT, HIDDEN = 5, 3, 6, 2, 3


def random_weights(instance: RobustKnapsack, seed: int) -> dict[str, NDArray[np.float32]]:
    """Weights of a small network whose scale is that of the instance's items."""
    rng = np.random.default_rng(seed)
    features = item_features(instance)
    shapes = {f"{side}.item.weight": (ITEM, 7) for side in "xu"}
    shapes |= {f"{side}.pool.weight": (POOL, ITEM) for side in "xu"}
    shapes |= {f"{side}.wide.weight": (WIDE, POOL) for side in "xu"}
    shapes |= {f"{side}.out.weight": (OUT, WIDE) for side in "xu"}
    shapes |= {"hidden.weight": (HIDDEN, 2 * OUT), "value.weight": (1, HIDDEN)}
    weights = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    weights |= {"hidden.bias": rng.normal(size=HIDDEN), "value.bias": rng.normal(size=1)}
    weights |= {"low": features.min(axis=0) - 1.0, "high": features.max(axis=0) + 1.0}
    return {name: array.astype(np.float32) for name, array in weights.items()}


def random_policy(instance: RobustKnapsack, seed: int) -> StoredPolicy:
    """A policy that has learned nothing."""
    return StoredPolicy("tiny", "robust", random_weights(instance, seed), {"role": "neur2ro"})


def plain_prediction(net: Neur2roNet, x: FloatArray, u: FloatArray) -> float:
    """What the network predicts, item by item and layer by layer."""
    w, embedded = net.weights, []
    features = (item_features(net.instance) - w["low"]) / (w["high"] - w["low"])
    for side, values in (("x", x), ("u", u)):
        total = np.zeros(len(w[f"{side}.pool.weight"]))
        for value, known in zip(values, features, strict=True):
            first = w[f"{side}.item.weight"] @ np.concatenate([[value], known])
            total += w[f"{side}.pool.weight"] @ np.maximum(first, 0.0)
        embedded.append(w[f"{side}.out.weight"] @ np.maximum(w[f"{side}.wide.weight"] @ total, 0.0))
    hidden = np.maximum(w["hidden.weight"] @ np.concatenate(embedded) + w["hidden.bias"], 0.0)
    return float(w["value.weight"][0] @ hidden + w["value.bias"][0])


def profit(instance: RobustKnapsack, x: FloatArray, u: FloatArray) -> float:
    """What ``x`` earns in scenario ``u``."""
    plans = all_plans(instance)
    costs, losses = plan_costs(instance, plans[((plans > 0) <= x).all(axis=1)], x)
    return -float((costs + losses @ u).min())


def selected_profit(net: Neur2roNet, x: FloatArray, scenarios: list[FloatArray]) -> float:
    """What ``x`` earns in that of ``scenarios`` where it is predicted to cost most; if nothing is lost, without any."""
    if not scenarios:
        return profit(net.instance, x, np.zeros(len(x)))
    return profit(net.instance, x, max(scenarios, key=lambda u: plain_prediction(net, x, u)))


def best_profit(net: Neur2roNet, scenarios: list[FloatArray]) -> float:
    """The most that any decisions earn in the scenario selected for them."""
    size = net.instance.num_items
    return max(selected_profit(net, np.array(x), scenarios) for x in itertools.product((0.0, 1.0), repeat=size))


def greatest_prediction(net: Neur2roNet, x: FloatArray, steps: int) -> float:
    """The greatest prediction for ``x`` on a grid in the uncertainty set."""
    grid = np.array(list(itertools.product(np.linspace(0, 1, steps + 1), repeat=net.instance.num_items)))
    grid = grid[grid.sum(axis=1) <= net.instance.budget]
    return max(plain_prediction(net, x, u) for u in grid)
