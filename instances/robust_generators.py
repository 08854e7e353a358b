"""Random two-stage robust problems by the recipes of the papers that introduced them. One seed, one instance."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from copt.errors import CoptError
from copt.problems.capital_budgeting import CapitalBudgeting, Loans
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray

__all__ = ["GENERATORS", "Correlation", "capital_budgeting", "capital_budgeting_loans", "robust_knapsack"]

Correlation = Literal["UN", "WC", "ASC", "SC"]

RANGE = 1000  # R of Arslan and Detienne: largest weight
SERIES = 100  # H: instances of a series; the capacity is the share h / (H + 1) of all weights
LARGEST = 100_000
CORRELATIONS: tuple[Correlation, ...] = ("UN", "WC", "ASC", "SC")


def _generator(count: int, seed: int, **positive: float) -> np.random.Generator:
    if not 1 <= count <= LARGEST:
        raise CoptError(f"the number of items or projects must be from 1 to {LARGEST}, got {count}")
    if seed < 0:
        raise CoptError(f"seed must be at least 0, got {seed}")
    for name, value in positive.items():
        if not 0 < value < np.inf:
            raise CoptError(f"{name} must be positive, got {value}")
    return np.random.default_rng(seed)


def robust_knapsack(
    *,
    items: int,
    correlation: Correlation = "UN",
    seed: int = 0,
    h: int = 40,
    deviation: float = 0.5,
    share: float = 0.15,
) -> RobustKnapsack:
    """Return a two-stage robust knapsack as Arslan and Detienne (2022) draw them; all numbers are whole.

    Args:
        items: Number of items.
        correlation: How profits and repair weights follow weights: ``UN`` not at all, ``WC`` weakly, ``ASC`` almost
            strongly, ``SC`` strongly.
        seed: Seed of every random choice.
        h: The capacity is ``h / 101`` of all weights.
        deviation: How much the degradations differ, as a share of the profit.
        share: How many of the items may degrade.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _generator(items, seed, h=h, share=share)
    if correlation not in CORRELATIONS:
        raise CoptError(f"correlation must be one of {', '.join(CORRELATIONS)}, got {correlation!r}")
    if not 0 <= deviation <= 1:
        raise CoptError(f"deviation must be from 0 to 1, got {deviation}")
    weights = rng.integers(1, RANGE + 1, items).astype(np.float64)
    narrow, tiny = RANGE / 20, RANGE / 1000
    shift, spread = {"UN": (0.0, 0.0), "WC": (0.0, narrow), "ASC": (RANGE / 10, tiny), "SC": (RANGE / 10, 0.0)}[
        correlation
    ]
    profits = weights + shift + rng.uniform(-spread, spread, items)
    if correlation == "UN":
        profits = rng.uniform(1, RANGE, items)
    profits = np.maximum(1.0, np.rint(profits))
    degradations = profits * rng.uniform((1 - deviation) / 2, (1 + deviation) / 2, items)
    if correlation == "UN":
        repair = rng.uniform(1, weights)
    else:
        middle = degradations / 2 + (0.0 if correlation == "WC" else 0.1 * weights)
        half = {"WC": RANGE / 40, "ASC": tiny, "SC": 0.0}[correlation]
        repair = middle + rng.uniform(-half, half, items)
    return RobustKnapsack(
        profits=profits,
        degradations=np.rint(degradations),
        weights=weights.astype(np.int64),
        repair_weights=np.maximum(1, np.rint(repair)).astype(np.int64),
        outsourcing=np.rint(profits * rng.uniform(1.1, 1.5, items)),
        capacity=int(h * weights.sum() / (SERIES + 1)),
        budget=round(share * items, 6),
        name=f"robust-knapsack-{correlation.lower()}-{items}-{h}-{deviation:g}-{share:g}-{seed}",
    )


def capital_budgeting(*, projects: int, factors: int = 4, seed: int = 0) -> CapitalBudgeting:
    """Return capital budgeting with uncertain costs as Subramanyam, Gounaris and Wiesemann (2020) draw it.

    Args:
        projects: Number of projects.
        factors: Number of risk factors.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _generator(projects, seed, factors=factors)
    costs = rng.uniform(1, 10, projects)
    return CapitalBudgeting(
        costs=costs,
        profits=costs / 5,
        cost_factors=_spacings(rng, projects, factors),
        profit_factors=_spacings(rng, projects, factors),
        budget=float(costs.sum()) / 2,
        name=f"capital-budgeting-{projects}-{factors}-{seed}",
    )


def _spacings(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    """Return rows of positive numbers with sum 1: the gaps between sorted uniform ones."""
    inner = np.sort(rng.random((rows, columns - 1)), axis=1)
    gaps: FloatArray = np.diff(np.hstack([np.zeros((rows, 1)), inner, np.ones((rows, 1))]), axis=1)
    return gaps


def capital_budgeting_loans(*, projects: int, factors: int = 4, seed: int = 0, h: int = 40) -> CapitalBudgeting:
    """Return capital budgeting with certain costs and two loans, in the manner of Arslan and Detienne (2022).

    Args:
        projects: Number of projects.
        factors: Number of risk factors.
        seed: Seed of every random choice.
        h: The budget is ``h / 101`` of all costs, each loan a fifth of it.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _generator(projects, seed, factors=factors, h=h)
    costs = rng.integers(1, 101, projects).astype(np.float64)
    budget = np.floor(h * costs.sum() / (SERIES + 1))
    amount = np.floor(0.2 * budget)
    signs = rng.choice((-1.0, 1.0), (projects, factors))
    return CapitalBudgeting(
        costs=costs,
        profits=costs / 5,
        cost_factors=np.zeros((projects, factors)),
        profit_factors=signs * _spacings(rng, projects, factors),
        budget=float(budget),
        loans=Loans(float(amount), float(amount), float(0.024 * amount), float(0.0288 * amount)),
        name=f"capital-budgeting-loans-{projects}-{factors}-{h}-{seed}",
    )


GENERATORS: dict[str, Callable[..., RobustKnapsack | CapitalBudgeting]] = {
    "robust-knapsack": robust_knapsack,
    "capital-budgeting": capital_budgeting,
    "capital-budgeting-loans": capital_budgeting_loans,
}
