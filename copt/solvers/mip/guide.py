"""What a trained network knows of a family of programs: a guess at each variable, in numpy, and who is of the family.

A guess is never a constraint of the solve. The partner fixes variables by it in copies of the program, whose points
SCIP and the checker judge like any others. ``copt.models.mip_guide`` holds the same network in torch.
"""

from collections.abc import Mapping

import numpy as np

from copt.errors import CoptError
from copt.policy import Policy
from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.bandit import FIRST
from copt.solvers.mip.features import NAMES, describe
from copt.solvers.mip.graph import Float32, Graph, Reader
from copt.solvers.mip.submip import Mask, Relaxed

__all__ = ["FINGERPRINT", "IDLE", "SHARES", "NetGuide", "fingerprint", "forward", "guessable", "guide_of"]

FINGERPRINT = "fingerprint"  # weights of that name are the least and the largest descriptions, shape (2, len(NAMES))
SHARES = "shares"  # of the variables that guesses hold at first, without and with the relaxation, shape (2,)
IDLE = "idle"  # share of the variables to leave out of the relaxation, shape (1,)
MARGIN = {True: 0.5, False: 0.1}  # by which logarithms, and all else, may be outside; three times larger is no stranger

Weights = Mapping[str, Float32]


class NetGuide:
    """Guesses by a network.

    Args:
        weights: Its parameters by name.
    """

    def __init__(self, weights: dict[str, Float32]) -> None:
        self.weights = weights
        self._reader: Reader | None = None

    def probabilities(self, instance: MIP, relaxed: Relaxed | None) -> FloatArray:
        """Return how likely each variable is above its lower bound, NaN where nothing is known, shape (variables,)."""
        if self._reader is None or self._reader.instance is not instance:
            self._reader = Reader(instance)
        logits = forward(self._reader.read(relaxed), self.weights).astype(np.float64)
        return np.where(guessable(instance), 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0))), np.nan)

    def share(self, *, relaxed: bool) -> float:
        """Return the share of the integer variables to hold at first, found out on programs of the family."""
        return float(self.weights[SHARES][int(relaxed)]) if SHARES in self.weights else FIRST

    def idle(self) -> float:
        """Return the share of the integer variables to leave out of the relaxation."""
        return float(self.weights[IDLE][0]) if IDLE in self.weights else 0.0

    def stranger(self, instance: MIP) -> str | None:
        """Return what tells ``instance`` from the programs that were trained on, or None."""
        low, high = self.weights[FINGERPRINT]
        own = describe(instance)
        for name, value, least, most in zip(NAMES, own, low, high, strict=True):
            margin = MARGIN[_logarithm(name)]
            if not least - margin <= value <= most + margin:
                return f"{name}: {value:.3g} is not within {least:.3g} to {most:.3g}"
        return None


def guide_of(policy: Policy) -> NetGuide:
    """Return the guide that a policy holds.

    Raises:
        CoptError: If it holds none.
    """
    shape = policy.weights.get(FINGERPRINT, np.zeros(0)).shape
    if shape != (2, len(NAMES)) or "last.weight" not in policy.weights:
        raise CoptError(f"policy '{policy.name}' has no guide of this version; train it anew with `copt train mip`")
    return NetGuide(policy.weights)


def fingerprint(instances: list[MIP]) -> Float32:
    """Return the 2 % and 98 % quantiles of the descriptions of programs, shape (2, len(NAMES))."""
    limits: Float32 = np.quantile([describe(one) for one in instances], [0.02, 0.98], axis=0).astype(np.float32)
    return limits


def guessable(instance: MIP) -> Mask:
    """Return which variables a guess is about: whole ones that have a lower bound and room above it."""
    return instance.integer & np.isfinite(instance.lower) & (instance.upper >= instance.lower + 1.0)


def forward(graph: Graph, weights: Weights) -> Float32:
    """Return the logit of each variable, shape (variables,).

    Rounds of messages from variables to rows and back, each a sparse product (Kipf and Welling 2017); the last layer
    reads the features as well, and without rounds it is a logistic regression on them.
    """
    features = [graph.variables]
    if "enter.weight" in weights:
        variables = _silu(_linear(weights, "enter", graph.variables))
        rows = _silu(_linear(weights, "enter_row", graph.rows))
        turn = 0
        while f"rounds.{turn}.row.weight" in weights:
            told = np.concatenate([rows, graph.to_rows.times(variables)], axis=1)
            rows = rows + _silu(_linear(weights, f"rounds.{turn}.row", _normed(told)))
            told = np.concatenate([variables, graph.to_variables.times(rows)], axis=1)
            variables = variables + _silu(_linear(weights, f"rounds.{turn}.variable", _normed(told)))
            turn += 1
        features.append(_silu(_linear(weights, "mix", variables)))
    logits: Float32 = _linear(weights, "last", np.concatenate(features, axis=1))[:, 0]
    return logits


def _linear(weights: Weights, name: str, x: Float32) -> Float32:
    result: Float32 = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return result


def _silu(x: Float32) -> Float32:
    return x * (np.float32(1.0) / (np.float32(1.0) + np.exp(np.minimum(-x, np.float32(80.0)))))


def _normed(x: Float32) -> Float32:
    """Return ``x`` with mean 0 and deviation 1 in each line."""
    centred = x - x.mean(axis=1, keepdims=True)
    result: Float32 = centred / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
    return result


def _logarithm(name: str) -> bool:
    return name.startswith("log ") or name in ("mean row length", "mean column length")
