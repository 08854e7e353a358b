"""A learned branching policy in numpy: a graph network once at the root, a small network at every node.

After the hybrid of Gupta et al. (2020).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.instances.mip_features import normed_coefficients, row_features, variable_features
from copt.instances.mip_relaxation import Relaxation
from copt.problems.base import FloatArray

__all__ = ["STATE_FEATURES", "candidate_states", "embed", "score"]

Weights = Mapping[str, NDArray[np.float32]]

STATE_FEATURES = (
    "fraction",
    "distance_up",
    "slack",
    "pseudocost_down",
    "pseudocost_up",
    "pseudocost_score",
    "pseudocost_lead",
    "branchings_down",
    "branchings_up",
    "depth",
)
DOWN, UP = 0, 1  # SCIP's numbers of directions
DEEP = 10.0  # levels


def candidate_states(model: Any, candidates: Sequence[Any]) -> FloatArray:
    """Return ``STATE_FEATURES`` of every candidate, shape (candidates, 10).

    Pseudocosts are in units of their means over the candidates; the lead is the score over the best one.

    Args:
        model: A ``pyscipopt.Model`` inside a branching rule.
        candidates: Its fractional variables.
    """
    table = np.array(
        [
            (
                value := variable.getLPSol(),
                model.getVarPseudocost(variable, DOWN),
                model.getVarPseudocost(variable, UP),
                model.getVarPseudocostScore(variable, value),
                variable.getNBranchings(DOWN),
                variable.getNBranchings(UP),
            )
            for variable in candidates
        ]
    ).reshape(-1, 6)
    fraction = table[:, 0] - np.floor(table[:, 0])
    costs = table[:, 1:4] / np.maximum(1e-12, table[:, 1:4].mean(axis=0))
    lead = table[:, 3] / max(1e-12, table[:, 3].max(initial=0.0))
    depth = model.getDepth()
    return np.column_stack(
        [
            fraction,
            1.0 - fraction,
            np.minimum(fraction, 1.0 - fraction),
            np.log1p(costs),
            lead,
            np.log1p(table[:, 4:]),
            np.full(fraction.size, depth / (depth + DEEP)),
        ]
    )


def embed(relaxation: Relaxation, weights: Weights) -> NDArray[np.float32]:
    """Return what the network knows of every column of the root's relaxation, shape (columns, 16)."""
    w, lp = weights, relaxation
    matrix = normed_coefficients(lp).astype(np.float32)[:, None]
    rows, columns = lp.rows, lp.columns
    variables = _relu(_standard(variable_features(lp), w, "variable") @ w["variable.weight"].T + w["variable.bias"])
    gathered = _sums(matrix * variables[columns], rows, lp.starts.size - 1)
    own = _standard(row_features(lp), w, "row") @ w["row.weight"].T + w["row.bias"]
    row = _relu(own + gathered @ w["to_row.weight"].T)
    returned = _sums(matrix * row[rows], columns, lp.value.size)
    return _relu(variables @ w["stay.weight"].T + w["stay.bias"] + returned @ w["to_variable.weight"].T)


def score(embedded: NDArray[np.float32], states: FloatArray, weights: Weights) -> NDArray[np.float32]:
    """Return a score of every candidate, the larger the better, shape (candidates,).

    Args:
        embedded: Rows of ``embed`` of the candidates, shape (candidates, 16).
        states: As ``candidate_states`` returns them.
        weights: Parameters by name.
    """
    w = weights
    hidden = embedded @ w["first.weight"].T + w["first.bias"] + _standard(states, w, "state") @ w["state.weight"].T
    hidden = _relu(_relu(hidden) @ w["second.weight"].T + w["second.bias"])
    scores: NDArray[np.float32] = (hidden @ w["last.weight"].T)[:, 0]
    return scores


def _standard(features: FloatArray, weights: Weights, what: str) -> NDArray[np.float32]:
    """Return features less their means in training, in units of their deviations there."""
    return (features.astype(np.float32) - weights[f"{what}_mean"]) / weights[f"{what}_deviation"]


def _relu(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(values, np.float32(0.0))


def _sums(messages: NDArray[np.float32], receivers: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """Return the sums of the messages by receiver, shape (count, width)."""
    order = np.argsort(receivers, kind="stable")
    sums = np.zeros((count, messages.shape[1]), np.float32)
    present, first = np.unique(receivers[order], return_index=True)
    if present.size:
        sums[present] = np.add.reduceat(messages[order], first)
    return sums
