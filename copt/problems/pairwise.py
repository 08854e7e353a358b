"""Dynamics of any number of like things in the plane, by two small networks that all of them share."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray, IntArray
from copt.problems.relu import IDENTITY, ReluNet

__all__ = ["ACTIONS", "SEEN", "TOLD", "Pairwise", "pairs"]

ACTIONS = 4  # of a stroke: where it starts, x before y, and how far it goes
SEEN, TOLD = 4, 2  # inputs and outputs of each network


@dataclass(frozen=True, eq=False)
class Pairwise:
    """Things that a stroke pushes, and that push each other.

    With the stroke from s by d, thing i at x_i is moved by m_i = own(x_i - s, d), and by those that the stroke moves
    into it: its next place is x_i + m_i + sum over j != i of other(x_i - x_j, m_j) - other(x_i - x_j, 0). Both are
    contacts with something round that moves along a line, which are the same everywhere, as in interaction networks
    (Battaglia et al. 2016); what is not moved does nothing, however many there are.

    Args:
        own: Motion by the stroke, of 4 inputs and 2 outputs.
        other: Motion by another thing, likewise.

    Raises:
        InvalidNetworkError: If the networks have other inputs or outputs.
    """

    own: ReluNet
    other: ReluNet

    def __post_init__(self) -> None:
        for name, net in (("own", self.own), ("other", self.other)):
            if (net.inputs, net.outputs) != (SEEN, TOLD):
                raise InvalidNetworkError(
                    f"{name} has {net.inputs} inputs and {net.outputs} outputs; it needs {SEEN} and {TOLD}"
                )

    def at(self, state: FloatArray) -> ReluNet:
        """Return the network to plan with from a state: that for as many things as it is made of.

        Args:
            state: Places of the things, x before y, shape (2 things,).

        Raises:
            InvalidNetworkError: If the state is not made of pairs.
        """
        if np.ndim(state) != 1 or np.size(state) % 2 or not np.size(state):
            raise InvalidNetworkError(f"the state has shape {np.shape(state)} instead of (2 things,)")
        return self.of(np.size(state) // 2)

    def of(self, things: int) -> ReluNet:
        """Return the next places of so many things by their places and a stroke; the last few are kept.

        Besides ReLUs there are units that hand on how far the stroke moves each thing, without which all pairs would
        see all ReLUs of ``own``.
        """
        return _network(self, things)


@lru_cache(8)
def _network(dynamics: Pairwise, things: int) -> ReluNet:
    inputs = 2 * things + ACTIONS
    start, way = np.eye(ACTIONS, inputs, 2 * things).reshape(2, 2, inputs)
    places = np.eye(2 * things, inputs).reshape(things, 2, inputs)
    weights, biases, kinds = _shared(
        dynamics.own.folded(), np.array([np.vstack([place - start, way]) for place in places])
    )
    seen = inputs + sum(map(len, kinds))
    values = seen + 2 * things  # motions by the stroke are a layer of identities
    places = np.eye(2 * things, values).reshape(things, 2, values)
    motions = np.eye(2 * things, values, seen).reshape(things, 2, values)
    both = pairs(things)
    features = [np.vstack([places[i] - places[j], motions[j] * moved]) for moved in (1.0, 0.0) for i, j in both]
    more, levels, others = _shared(dynamics.other.folded(), np.array(features).reshape(2 * len(both), SEEN, values))
    total = np.zeros((things, len(both)))  # adds up what others do to each thing
    total[[i for i, _ in both], np.arange(len(both))] = 1.0
    gather = np.kron(np.hstack([total, -total]), np.eye(2))
    last = gather @ more[-1]
    last[:, :values] += (places + motions).reshape(2 * things, values)
    return ReluNet(
        inputs,
        (*weights, *more[:-1], last),
        (*biases, *levels[:-1], gather @ levels[-1]),
        (*kinds, np.full(2 * things, IDENTITY), *others),
    )


def pairs(things: int) -> list[tuple[int, int]]:
    """Return all pairs of different things, by the thing that is moved."""
    return [(i, j) for i in range(things) for j in range(things) if i != j]


def _shared(net: ReluNet, features: FloatArray) -> tuple[list[FloatArray], list[FloatArray], list[IntArray]]:
    """Return weights, biases and kinds of copies of a network side by side, with their outputs as the last layer.

    Args:
        net: The network.
        features: What each copy sees, by all values so far, shape (copies, inputs, values).
    """
    copies, inputs, values = features.shape
    weights, ends = [], np.cumsum([0, *map(len, net.kinds)])
    for w in net.weights:
        units, before = len(w), w.shape[1] - inputs
        rows = np.zeros((copies, units, values + copies * before))
        rows[:, :, :values] = w[:, :inputs] @ features
        for begin, end in pairwise(ends[ends <= before]):
            for copy in range(copies):
                at = values + copies * begin + copy * (end - begin)
                rows[copy, :, at : at + end - begin] = w[:, inputs + begin : inputs + end]
        weights.append(rows.reshape(copies * units, rows.shape[2]))
    return weights, [np.tile(b, copies) for b in net.biases], [np.tile(kind, copies) for kind in net.kinds]
