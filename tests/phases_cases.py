"""Hand-made networks that propose plans."""

from typing import Any

import numpy as np

from copt.models.store import StoredPolicy
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.solvers.control.phases import REACH, ROLE, features, traits, turn_of

NONE = np.zeros((0, 0))


def constant(like: ControlProblem, plans: FloatArray, heading: FloatArray = NONE) -> dict[str, FloatArray]:
    """Weights of a network that proposes the same plans for all starts, as if they pointed along (1, 0).

    Bounds of actions are symmetric.
    """
    turn = turn_of(like.start, heading)
    size = features(like.start, like.cost.goal, heading).size
    probes = np.random.default_rng(0).normal(size=(3, like.dynamics.inputs))
    return {
        "mean": np.zeros(size),
        "scale": np.ones(size),
        "layers.0.weight": np.zeros((plans.size, size)),
        "layers.0.bias": np.arctanh(plans / like.u_upper / REACH).ravel(),
        "heading": heading,
        "probes": probes,
        **traits(like, probes, turn),
    }


def policy(weights: dict[str, FloatArray], **card: Any) -> StoredPolicy:
    """A policy that is not stored."""
    single = {name: value.astype(np.float32) for name, value in weights.items()}
    return StoredPolicy("hand-made", "control", single, {"role": ROLE, **card})
