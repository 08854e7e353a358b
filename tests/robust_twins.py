"""Slow, obvious twins of the robust knapsack's kernels, and small random instances."""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.mixture import play

BARRED, CHOSEN, FREE = 0, 1, 2
Values = FloatArray | NDArray[np.uint8]


def random_knapsack(seed: int, most: int = 6) -> RobustKnapsack:
    """Return a small instance; weights may be 0, outsourcing may cost less than the profit."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, most + 1))
    weights = rng.integers(0, 12, n)
    profits = rng.integers(1, 30, n).astype(np.float64)
    return RobustKnapsack(
        profits=profits,
        degradations=np.round(profits * rng.uniform(0.1, 1.0, n)),
        weights=weights,
        repair_weights=rng.integers(0, 7, n),
        outsourcing=np.round(profits * rng.uniform(0.9, 1.5, n), 1),
        capacity=int(rng.uniform(0.2, 0.9) * weights.sum()),
        budget=round(float(rng.uniform(0.0, n)), 1),
        name=f"random-{seed}",
    )


def all_plans(instance: RobustKnapsack) -> FloatArray:
    """Return the choices of every plan that fits, shape (plans, items)."""
    choices = np.array(list(itertools.product((0, 1, 2), repeat=instance.num_items)))
    used = (choices > 0) @ instance.weights + (choices > 1) @ instance.repair_weights
    fitting: FloatArray = choices[used <= instance.capacity]
    return fitting


def plan_costs(instance: RobustKnapsack, plans: FloatArray, x: Values) -> tuple[FloatArray, FloatArray]:
    """Return what plans cost when nothing is lost, and what each item may lose."""
    costs = (instance.outsourcing - instance.profits) @ x - (plans > 0) @ instance.outsourcing
    return costs, (plans == 1) * instance.degradations


def worst_case(instance: RobustKnapsack, x: Values) -> float:
    """Return the cost of ``x`` in its worst scenario."""
    plans = all_plans(instance)
    plans = plans[((plans > 0) <= x).all(axis=1)]
    return play(*plan_costs(instance, plans, x), instance.two_stage().uncertainty).value


def best_decisions(instance: RobustKnapsack) -> float:
    """Return the cost of the best decisions."""
    return min(worst_case(instance, np.array(x)) for x in itertools.product((0, 1), repeat=instance.num_items))


def relaxation(instance: RobustKnapsack, fixed: Values, low: float, high: float) -> float:
    """Return the least cost over shares of plans, relaxed x with y <= x, and the price of the budget by one program.

    Args:
        instance: The instance.
        fixed: BARRED, CHOSEN or FREE for each item.
        low: Least price.
        high: Greatest price.
    """
    n, plans = instance.num_items, all_plans(instance)
    produced = (plans > 0).astype(np.float64)
    costs, losses = plan_costs(instance, plans, np.zeros(n))
    k = len(plans)
    # Variables: shares, x, price, nu.
    objective = np.concatenate([costs, instance.outsourcing - instance.profits, [instance.budget], np.ones(n)])
    links = np.hstack([produced.T, -np.eye(n), np.zeros((n, n + 1))])
    rise = np.hstack([losses.T, -low * np.eye(n), -np.ones((n, 1)), -np.eye(n)])
    rest = np.hstack([losses.T, -high * np.eye(n), np.zeros((n, 1)), -np.eye(n)])
    bounds = [(0, None)] * k + [(float(f == CHOSEN), float(f != BARRED)) for f in fixed] + [(low, high)]
    found = linprog(
        objective,
        A_ub=np.vstack([links, rise, rest]),
        b_ub=np.concatenate([np.zeros(n), np.full(n, -low), np.zeros(n)]),
        A_eq=np.concatenate([np.ones(k), np.zeros(2 * n + 1)])[None],
        b_eq=[1.0],
        bounds=bounds + [(0, None)] * n,
        method="highs",
    )
    return float(found.fun)
