"""The game between plans and scenarios: which mix of plans is best against the worst scenario, and which that is.

With certain rows, the worst case of the best of some plans, max over u of min over k of c_k + s_k @ u, equals that of
their best convex mix, min over shares w of max over u of sum of w_k (c_k + s_k @ u), since the scenarios form a convex
set (von Neumann 1928).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from copt.errors import CoptError
from copt.problems.uncertainty import Box, Budget, FloatArray, Polyhedron, Product, UncertaintySet

__all__ = ["Game", "linear_rows", "play"]

ROUNDS = 300  # members generated for a set without linear rows
EXACT = 1e-8  # relative


class Game(NamedTuple):
    """The solution of a game.

    Args:
        value: What the mix costs at most; also what the best plan costs in the worst scenario.
        weights: Shares of the plans, shape (plans,).
        worst: The worst scenario, shape (entries,).
    """

    value: float
    weights: FloatArray
    worst: FloatArray


def linear_rows(uncertainty: UncertaintySet) -> tuple[FloatArray, FloatArray]:
    """Return A, shape (rows, entries), and b of the rows A @ u <= b that, with its bounds, describe the set.

    Raises:
        CoptError: If it is no polyhedron.
    """
    n = uncertainty.size
    if isinstance(uncertainty, Box):
        return np.zeros((0, n)), np.zeros(0)
    if isinstance(uncertainty, Budget):
        return np.ones((1, n)), np.array([uncertainty.budget])
    if isinstance(uncertainty, Polyhedron):
        return uncertainty.rows, uncertainty.limits
    if isinstance(uncertainty, Product):
        pairs = [linear_rows(part) for part in uncertainty.sets]
        matrix, first = np.zeros((sum(len(b) for _, b in pairs), n)), 0
        row = 0
        for (a, b), part in zip(pairs, uncertainty.sets, strict=True):
            matrix[row : row + len(b), first : first + part.size] = a
            row, first = row + len(b), first + part.size
        return matrix, np.concatenate([b for _, b in pairs])
    raise CoptError(f"{type(uncertainty).__name__} has no description by linear rows")


def play(constants: FloatArray, slopes: FloatArray, uncertainty: UncertaintySet) -> Game:
    """Return the best mix of plans that cost ``constants[k] + slopes[k] @ u`` in scenario u.

    Of a set that linear rows do not describe, members are generated until the mix is the best but for rounding; if it
    is not convex either, the best plan may cost less than the mix.

    Args:
        constants: Shape (plans,).
        slopes: Shape (plans, entries).
        uncertainty: The set.
    """
    if not _linear(uncertainty):
        return _play_by_members(constants, slopes, uncertainty)
    rows, limits = linear_rows(uncertainty)
    n = uncertainty.size
    lower, upper = uncertainty.bounds()
    # Maximise t over t <= c_k + s_k @ u: the multipliers of these rows are the shares.
    matrix = np.vstack([np.hstack([-slopes, np.ones((len(slopes), 1))]), np.hstack([rows, np.zeros((len(rows), 1))])])
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=matrix,
        b_ub=np.concatenate([constants, limits]),
        bounds=[*zip(lower, upper, strict=True), (None, None)],
        method="highs",
    )
    weights = np.maximum(0.0, -found.ineqlin.marginals[: len(constants)])
    return Game(float(found.x[-1]), weights / weights.sum(), np.clip(found.x[:-1], lower, upper))


def _linear(uncertainty: UncertaintySet) -> bool:
    if isinstance(uncertainty, Product):
        return all(_linear(part) for part in uncertainty.sets)
    return isinstance(uncertainty, Box | Budget | Polyhedron)


def _play_by_members(constants: FloatArray, slopes: FloatArray, uncertainty: UncertaintySet) -> Game:
    """Let the scenarios answer the best mix in turn; the mix of members that is best for them is the worst scenario."""
    members = [uncertainty.worst(slope) for slope in slopes]
    best, plans = Game(np.inf, np.ones(0), members[0]), len(constants)
    for _ in range(ROUNDS):
        costs = constants[:, None] + slopes @ np.array(members).T
        found = linprog(
            np.append(np.zeros(plans), 1.0),
            A_ub=np.hstack([costs.T, -np.ones((len(members), 1))]),
            b_ub=np.zeros(len(members)),
            A_eq=np.append(np.ones(plans), 0.0)[None],
            b_eq=[1.0],
            bounds=[*[(0.0, None)] * plans, (None, None)],
            method="highs",
        )
        weights = np.maximum(0.0, found.x[:plans])
        weights /= weights.sum()
        slope = weights @ slopes
        answer = uncertainty.worst(slope)
        value = float(weights @ constants + slope @ answer)
        shares = np.maximum(0.0, -found.ineqlin.marginals)
        middle = shares / shares.sum() @ np.array(members)
        if value < best.value:
            best = Game(value, weights, answer)
        if uncertainty.contains(middle):  # all plans cost at least what the program says there, ever more
            best = best._replace(worst=middle)
        if best.value - found.fun <= EXACT * max(1.0, abs(best.value)):
            break
        members.append(answer)
    return best
