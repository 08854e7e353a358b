"""Slow, obvious twins of the kernels of capital budgeting with loans, and small random instances."""

import itertools
from collections.abc import Iterator

import numpy as np

from copt.problems.capital_budgeting import CapitalBudgeting, Loans
from copt.problems.uncertainty import Box, FloatArray
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.loans_game import units
from copt.solvers.robust.mixture import play

BARRED, CHOSEN, FREE = 0, 1, 2
EARLY, LATE = 1, 2


def random_budgeting(seed: int, most: int = 5) -> CapitalBudgeting:
    """Return a small instance; costs may be 0, profits negative in some scenarios, late ones worth more or nothing."""
    rng = np.random.default_rng(seed)
    n, factors = int(rng.integers(1, most + 1)), int(rng.integers(1, 4))
    unit = 0.1 if seed % 3 == 0 else 1.0
    costs = np.round(rng.integers(0, 12, n) * unit, 1)
    amounts = np.floor(rng.uniform(0.0, 0.4, 2) * costs.sum() / unit) * unit
    loans = Loans(*map(float, amounts), *map(float, np.round(rng.uniform(0.0, 0.1, 2) * amounts, 2)))
    return CapitalBudgeting(
        costs=costs,
        profits=costs / 5 + np.round(rng.random(n), 2),
        cost_factors=np.zeros((n, factors)),
        profit_factors=rng.uniform(-1.5, 1.5, (n, factors)),
        budget=float(np.floor(rng.uniform(0.1, 0.9) * costs.sum() / unit) * unit),
        late=float(rng.choice([0.0, 0.6, 0.8, 1.0, 1.2])),
        loans=None if seed % 5 == 0 else loans,
        name=f"loans-{seed}",
    )


def plans(instance: CapitalBudgeting, early_loan: bool, fixed: Bytes) -> Iterator[tuple[tuple[int, ...], bool, float]]:
    """Yield what each plan does with the projects and the late loan, and what it leaves of the early budget.

    The early budget itself is no limit here. What exceeds the costs of all projects, or is less than what all costs
    are multiples of, does not count.
    """
    loans, parts = instance.loans or Loans(0.0, 0.0, 0.0, 0.0), units(instance) or 1
    budget = min(float(instance.costs.sum()), instance.budget + early_loan * loans.early_amount)
    budget = np.floor(budget * parts + 1e-9) / parts
    for loan in (False, True) if instance.loans is not None else (False,):
        for ways in itertools.product((0, EARLY, LATE), repeat=instance.num_projects):
            early, late = np.array(ways) == EARLY, np.array(ways) == LATE
            limit = instance.budget + early_loan * loans.early_amount + loan * loans.late_amount
            fits = instance.costs @ (early | late) <= limit + 1e-9
            if fits and not early[fixed == BARRED].any() and early[fixed == CHOSEN].all():
                yield ways, loan, float(budget - instance.costs @ early)


def terms(instance: CapitalBudgeting, early_loan: bool, ways: tuple[int, ...], loan: bool) -> tuple[float, FloatArray]:
    """Return what a plan earns as an affine function of the scenario."""
    loans = instance.loans or Loans(0.0, 0.0, 0.0, 0.0)
    share = np.select([np.array(ways) == EARLY, np.array(ways) == LATE], [1.0, instance.late])
    worth = share * instance.profits
    return float(worth.sum() - early_loan * loans.early_cost - loan * loans.late_cost), (
        0.5 * worth @ instance.profit_factors
    )


def relaxation(instance: CapitalBudgeting, early_loan: bool, fixed: Bytes, most_price: float) -> float:
    """Return what the best mix of plans earns that keeps the early budget on average, or pays ``most_price``."""
    rows = [(*terms(instance, early_loan, ways, loan), rest) for ways, loan, rest in plans(instance, early_loan, fixed)]
    gains = np.array([gain for gain, _, _ in rows])
    slopes = np.array([np.append(slope, rest * most_price) for _, slope, rest in rows])
    factors = instance.num_factors
    box = Box(np.append(-np.ones(factors), 0.0), np.ones(factors + 1))
    return -play(-gains, -slopes, box).value
