"""What a trained network knows of good plans of a family of problems, and so of which ReLUs are on along them.

The network proposes several plans by start and goal. What ReLUs do as the model rolls them out is a guess at what they
do along the best plan (Cauligi et al. 2021 predict integers of mixed-integer control; here the guesses are consistent
by construction): each plan stands for a region of equal phases, from which samplers and walks go on. A guess is never a
constraint. ``copt.models.control_phases`` holds the same network in torch.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.policy import Policy
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.problems.control_cost import NORMS
from copt.problems.planar import turned

__all__ = ["REACH", "ROLE", "Predictor", "features", "predictor_of", "traits", "turn_of", "turned_by"]

ROLE = "phases"
CLOSE = 1e-3  # relative, by which what is stored in single precision may differ
REACH = 2.0  # of proposals in halves of the range of actions; they are cut off once they are turned

Weights = Mapping[str, NDArray[Any]]
Turn = tuple[float, float]  # cosine and sine of an angle


class Predictor:
    """Proposes plans by a network.

    Args:
        weights: Its parameters by name.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = {name: np.asarray(value, dtype=np.float64) for name, value in weights.items()}

    def plans(self, problem: ControlProblem) -> list[FloatArray]:
        """Return plans within the bounds of actions, each of shape (horizon, actions), cut off at the horizon."""
        weights, layer = self._weights, 0
        turn = turn_of(problem.start, weights["heading"])
        x = (features(problem.start, problem.cost.goal, weights["heading"]) - weights["mean"]) / weights["scale"]
        while f"layers.{layer + 1}.weight" in weights:
            x = np.maximum(0.0, weights[f"layers.{layer}.weight"] @ x + weights[f"layers.{layer}.bias"])
            layer += 1
        x = weights[f"layers.{layer}.weight"] @ x + weights[f"layers.{layer}.bias"]
        raw = np.tanh(x).reshape(-1, int(weights["sizes"][2]), problem.num_actions)[:, : problem.horizon]
        half, middle = (problem.u_upper - problem.u_lower) / 2, (problem.u_upper + problem.u_lower) / 2
        return list(np.clip(middle + half * REACH * turned_by(raw, turn), problem.u_lower, problem.u_upper))

    def stranger(self, problem: ControlProblem) -> str | None:
        """Return what tells a problem from those that were trained on, or None."""
        weights = self._weights
        if problem.keep_out:
            return "there are regions to keep out of"
        states, actions, steps = weights["sizes"].astype(int).tolist()
        if (problem.num_states, problem.num_actions) != (states, actions) or problem.horizon > steps:
            return f"{problem.dimensions} states, actions and steps are not {states}x{actions}x{steps} or fewer steps"
        turn = turn_of(problem.start, weights["heading"])
        own = traits(problem, weights["probes"], turn)
        if not all(_same(own[name], weights[name]) for name in ("cost", "bounds")):
            return "costs or bounds of actions are others"
        return None if _same(own["answers"], weights["answers"]) else "the dynamics are others"


def predictor_of(policy: Policy | None) -> Predictor | None:
    """Return the predictor that a policy holds, None without one.

    Raises:
        CoptError: If it holds something else.
    """
    if policy is None:
        return None
    if policy.card.get("role") != ROLE:
        raise CoptError(
            f"policy '{policy.name}' has the role {policy.card.get('role')!r} and proposes no plans; "
            f"`copt train control-phases` makes one that does"
        )
    return Predictor(policy.weights)


def turn_of(start: FloatArray, heading: FloatArray) -> Turn:
    """Return cosine and sine of the angle of where a state points, ``heading @ start``; of 0 if there are no rows."""
    if not heading.size:
        return 1.0, 0.0
    x, y = heading @ start
    length = max(float(np.hypot(x, y)), 1e-12)
    return x / length, y / length


def features(start: FloatArray, goal: FloatArray, heading: FloatArray) -> FloatArray:
    """Return what a network sees: the start, the way to the goal, and the angle if the system is planar."""
    if not heading.size:
        return np.concatenate([start, goal - start])
    cosine, sine = turn_of(start, heading)
    own = turned(np.stack([start - np.tile(start[:2], start.size // 2), goal - start]), cosine, -sine)
    return np.concatenate([own.ravel(), start[:2], [cosine, sine]])


def traits(problem: ControlProblem, probes: FloatArray, turn: Turn) -> dict[str, FloatArray]:
    """Return what problems of a family have in common.

    Args:
        problem: One of them.
        probes: Inputs of the dynamics, as if states pointed along (1, 0), shape (probes, inputs).
        turn: Where the start points.
    """
    cost, (cosine, sine) = problem.cost, turn
    effort = np.zeros(0) if cost.action is None else cost.action.ravel()
    return {
        "sizes": np.array([problem.num_states, problem.num_actions, problem.horizon], dtype=np.float64),
        "answers": turned_by(problem.dynamics.forward(turned_by(probes, turn)), (cosine, -sine)),
        "cost": np.concatenate([[NORMS.index(cost.norm)], cost.state.ravel(), cost.last.ravel(), effort]),
        "bounds": np.concatenate([problem.u_lower, problem.u_upper]),
    }


def turned_by(pairs: FloatArray, turn: Turn) -> FloatArray:
    """Return pairs of coordinates in a table's last dimension turned by an angle."""
    return pairs if turn == (1.0, 0.0) else turned(pairs, *turn)  # without a heading, states need not be pairs


def _same(own: FloatArray, other: FloatArray) -> bool:
    return own.shape == other.shape and bool(np.allclose(own, other, rtol=CLOSE, atol=CLOSE))
