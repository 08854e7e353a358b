"""Features of candidates to branch on by Khalil et al. (2016), from the relaxation alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from copt.envs.mip_observation import LARGEST, Room, per_variable
from copt.envs.mip_search import Search
from copt.instances.mip_relaxation import Relaxation
from copt.problems.base import FloatArray, IntArray

__all__ = ["KHALIL_FEATURES", "KHALIL_MISSING", "Khalil2016"]

STATISTICS = ("mean", "deviation", "min", "max")
SIGNS = ("positive", "negative")
WEIGHTS = ("unit", "row_sum", "candidate_sum", "dual")
KHALIL_MISSING = ("cutoffs_up", "cutoffs_down", "cutoffs_up_share", "cutoffs_down_share")
KHALIL_FEATURES = (
    *("objective", "objective_positive", "objective_negative", "rows"),
    *(f"degree_{statistic}" for statistic in STATISTICS),
    *(f"{sign}_{statistic}" for sign in SIGNS for statistic in ("count", *STATISTICS)),
    *("slack", "distance_up"),
    *(f"pseudocost_{what}" for what in ("up", "down", "ratio", "sum", "product")),
    *KHALIL_MISSING,
    *(f"free_degree_{statistic}" for statistic in STATISTICS),
    *(f"free_degree_{statistic}_share" for statistic in ("mean", "min", "max")),
    *(f"limit_{sign}_{statistic}" for sign in SIGNS for statistic in ("min", "max")),
    *(f"{sign}_of_{other}_{end}" for sign in SIGNS for other in SIGNS for end in ("min", "max")),
    *(f"active_{weight}_{statistic}" for weight in WEIGHTS for statistic in ("count", "sum", *STATISTICS)),
)


@dataclass(frozen=True)
class Khalil2016:
    """The 72 features of every candidate, of which 68 can be had through pyscipopt.

    ``khalil`` has shape (variables, 72), its columns are ``KHALIL_FEATURES``; those named in ``KHALIL_MISSING``, how
    often branching on the variable cut a side off, are 0. Static features are those of the relaxation at hand, not of
    the first one. What is no candidate is 0.
    """

    def space(self, room: Room) -> spaces.Dict:
        """Return the space."""
        return spaces.Dict({"khalil": per_variable(room, len(KHALIL_FEATURES))})

    def __call__(self, search: Search, room: Room) -> dict[str, NDArray[Any]]:
        """Return the features."""
        features = np.zeros((room.variables, len(KHALIL_FEATURES)), np.float32)
        places = np.array(list(search.candidates), dtype=np.int64)
        if places.size:
            lp = search.relaxation()
            column = np.full(room.variables, -1)
            known = lp.place >= 0
            column[lp.place[known]] = np.flatnonzero(known)
            columns = column[places]
            costs = np.array(
                [
                    [search.model.getVarPseudocost(variable, direction) for direction in (1, 0)]  # up, down
                    for variable in search.candidates.values()
                ]
            )
            table = candidate_features(lp, columns, costs)
            features[places] = np.clip(table, -LARGEST, LARGEST)
        return {"khalil": features}


def candidate_features(relaxation: Relaxation, candidates: IntArray, costs: FloatArray) -> FloatArray:
    """Return the features of candidates, shape (candidates, 72).

    Args:
        relaxation: The relaxation.
        candidates: Columns of the candidates, shape (candidates,).
        costs: Their pseudocosts up and down, shape (candidates, 2).
    """
    lp, count = relaxation, candidates.size
    number = np.full(lp.value.size, -1)
    number[candidates] = np.arange(count)
    chosen = np.flatnonzero(number[lp.columns] >= 0)
    owner, rows, factors = number[lp.columns[chosen]], lp.rows[chosen], lp.coefficients[chosen]
    degree = np.diff(lp.starts).astype(np.float64)
    free_degree = np.bincount(lp.rows, lp.lower[lp.columns] < lp.upper[lp.columns], degree.size)
    degrees = _statistics(owner, degree[rows], count)
    free_degrees = _statistics(owner, free_degree[rows], count)
    objective = lp.objective[candidates]
    return np.column_stack(
        [
            *(objective, np.maximum(0.0, objective), np.minimum(0.0, objective)),
            np.bincount(owner, minlength=count),
            degrees,
            _signed(owner, factors, count),
            _rounding(lp.value[candidates], costs),
            np.zeros((count, len(KHALIL_MISSING))),
            free_degrees,
            _share(free_degrees[:, [0, 2, 3]], degrees[:, [0, 2, 3]]),
            _limits(lp, owner, rows, factors, count),
            _one_to_all(lp, owner, rows, factors, count),
            _active(lp, candidates, owner, rows, factors),
        ]
    )


def _signed(owner: IntArray, factors: FloatArray, count: int) -> FloatArray:
    """Return count and statistics of positive and negative coefficients, shape (candidates, 10)."""
    parts: list[NDArray[Any]] = []
    for within in (factors > 0, factors < 0):
        parts.append(np.bincount(owner[within], minlength=count)[:, None])
        parts.append(_statistics(owner[within], factors[within], count))
    return np.column_stack(parts)


def _rounding(values: FloatArray, costs: FloatArray) -> FloatArray:
    """Return distances and weighted pseudocosts, shape (candidates, 7)."""
    up, down = np.ceil(values) - values, values - np.floor(values)
    dear_up, dear_down = up * costs[:, 0], down * costs[:, 1]
    return np.column_stack(
        [
            *(np.minimum(up, down), up, dear_up, dear_down),
            *(_share(dear_up, dear_down), dear_up + dear_down, dear_up * dear_down),
        ]
    )


def _limits(lp: Relaxation, owner: IntArray, rows: IntArray, factors: FloatArray, count: int) -> FloatArray:
    """Return the extremes of coefficients over positive and negative limits of their rows, shape (candidates, 4)."""
    both = [np.where(np.isfinite(limit), limit, 0.0)[rows] for limit in (lp.row_lower, lp.row_upper)]
    limits, factors, owner = np.concatenate(both), np.tile(factors, 2), np.tile(owner, 2)
    ratios = factors / (np.abs(factors) + np.abs(limits))  # bounded, as Ecole has it
    parts = [_statistics(owner[within], ratios[within], count)[:, 2:] for within in (limits > 0, limits < 0)]
    return np.column_stack(parts)


def _one_to_all(lp: Relaxation, owner: IntArray, rows: IntArray, factors: FloatArray, count: int) -> FloatArray:
    """Return the extremes of the shares of coefficients in the sums of their rows by sign, shape (candidates, 8)."""
    size = lp.starts.size - 1
    sums = [np.bincount(lp.rows, np.maximum(0.0, sign * lp.coefficients), size) for sign in (1, -1)]
    parts: list[NDArray[Any]] = []
    for own in (factors > 0, factors < 0):
        for total in sums:
            magnitude = np.abs(factors[own])
            shares = _share(magnitude, magnitude + total[rows[own]])
            parts.append(_statistics(owner[own], shares, count)[:, 2:])
    return np.column_stack(parts)


def _active(lp: Relaxation, candidates: IntArray, owner: IntArray, rows: IntArray, factors: FloatArray) -> FloatArray:
    """Return statistics of weighted coefficients in the rows without slack, shape (candidates, 24)."""
    count, size = candidates.size, lp.starts.size - 1
    tight = np.minimum(np.abs(lp.activity - lp.row_lower), np.abs(lp.activity - lp.row_upper)) <= 1e-6
    within = tight[rows]
    owner, rows, factors = owner[within], rows[within], np.abs(factors[within])
    everything = np.abs(lp.coefficients)
    candidate = np.isin(lp.columns, candidates)
    sums = np.bincount(lp.rows, everything, size)
    fractional = np.bincount(lp.rows, everything * candidate, size)
    weights = (np.ones(size), _share(np.ones(size), sums), _share(np.ones(size), fractional), np.abs(lp.dual))
    parts: list[NDArray[Any]] = []
    for weight in weights:
        weighted = weight[rows] * factors
        parts += [np.bincount(owner, minlength=count), np.bincount(owner, weighted, count)]
        parts.append(_statistics(owner, weighted, count))
    return np.column_stack(parts)


def _statistics(owner: IntArray, values: NDArray[Any], count: int) -> FloatArray:
    """Return mean, standard deviation, minimum and maximum of each owner's values, 0 without any; shape (count, 4)."""
    numbers = np.maximum(1, np.bincount(owner, minlength=count))
    mean = np.bincount(owner, values, count) / numbers
    spread = np.sqrt(np.bincount(owner, (values - mean[owner]) ** 2, count) / numbers)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, owner, values)
    np.maximum.at(high, owner, values)
    return np.column_stack([mean, spread, np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)])


def _share(part: Any, whole: Any) -> FloatArray:
    """Return ``part / whole``, 0 where the whole is 0."""
    ratio: FloatArray = np.where(whole != 0, part / np.where(whole != 0, whole, 1.0), 0.0)
    return ratio
