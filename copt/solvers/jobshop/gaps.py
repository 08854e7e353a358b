"""What dispatching gains: gaps of a policy beside those of priority rules under the same sampling."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from copt.policy import Policy
from copt.problems.jobshop import JobShop
from copt.solvers.jobshop.rollout import RULES, Dispatcher

__all__ = ["POLICY_TEMPERATURE", "compare", "gaps"]

SAMPLES = (32, 128)
TEMPERATURES: Mapping[str, float] = {"mwkr": 0.5, "mor": 0.5, "spt": 0.25, "fifo": 0.5, "random": 1.0}
POLICY_TEMPERATURE = 0.2


def gaps(
    shops: Sequence[JobShop], known: Sequence[float], rule: str | Policy, temperature: float, delta: float
) -> dict[str, float]:
    """Return mean gaps in percent of one way to dispatch, and the mean seconds for its largest sample.

    ``greedy`` is one forward schedule; ``best_of_k`` the best of k sampled ones, half of them reversed.

    Args:
        shops: The shops.
        known: Their best known makespans.
        rule: Name of a priority rule, or a policy.
        temperature: Temperature of the samples.
        delta: Between non-delay (0) and active (1) schedules.
    """
    rows = []
    for number, (shop, best) in enumerate(zip(shops, known, strict=True)):
        began = time.perf_counter()
        arms = [Dispatcher(shop, rule, reverse=reverse) for reverse in (False, True)]
        half = SAMPLES[-1] // 2
        made = [arm.run(half, seed=number, temperature=temperature, delta=delta).makespans for arm in arms]
        seconds = time.perf_counter() - began
        values = [arms[0].run(1, delta=delta).makespans[0], *(min(m[: k // 2].min() for m in made) for k in SAMPLES)]
        rows.append([100 * value / best - 100 for value in values] + [seconds])
    names = ["greedy", *(f"best_of_{k}" for k in SAMPLES), "seconds"]
    means = np.mean(rows, axis=0)
    return {name: round(float(mean), 3 if name == "seconds" else 2) for name, mean in zip(names, means, strict=True)}


def compare(policy: Policy, shops: Sequence[JobShop], known: Sequence[float]) -> dict[str, dict[str, Any]]:
    """Return the gaps of the policy, and for every column those of the rule that does best, chosen in hindsight.

    The policy dispatches actively, the rules without delay, which suits each better.

    Args:
        policy: The policy.
        shops: The shops.
        known: Their best known makespans.
    """
    learned = gaps(shops, known, policy, POLICY_TEMPERATURE, 1.0)
    rules = {rule: gaps(shops, known, rule, TEMPERATURES[rule], 0.0) for rule in RULES}
    winners = {key: min(rules, key=lambda rule: rules[rule][key]) for key in learned if key != "seconds"}
    best: dict[str, Any] = {key: rules[rule][key] for key, rule in winners.items()}
    best["rules"] = sorted(set(winners.values()))
    best["seconds"] = rules["mwkr"]["seconds"]
    return {"policy": learned, "best_rule": best}
