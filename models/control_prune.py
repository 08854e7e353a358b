"""Which ReLUs a network of dynamics needs least, and what replaces them."""

from collections.abc import Callable, Sequence

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.relu import IDENTITY, ReluNet

__all__ = ["magnitudes", "needs", "pruned", "refitted", "straightened"]

RIDGE = 1e-6  # of least squares, relative to features of size 1


def needs(net: ReluNet, inputs: FloatArray, outputs: FloatArray) -> FloatArray:
    """Return by how much the mean square error grows when a ReLU becomes the closest affine function, shape (units,).

    Args:
        net: A network of ReLUs.
        inputs: Shape (batch, inputs).
        outputs: What the network should return, shape (batch, outputs).
    """
    values = np.hstack([inputs, np.maximum(net.preactivations(inputs), 0.0)])
    base = np.square(values @ net.weights[-1].T + net.biases[-1] - outputs).mean()
    entering = net.preactivations(inputs)
    slope, level = _closest(entering)
    grown = []
    for unit in range(net.units):
        changed = values.copy()
        changed[:, net.inputs + unit] = slope[unit] * entering[:, unit] + level[unit]
        for w, b, _ in net.hidden():
            begin = w.shape[1]
            if begin > net.inputs + unit:  # the layers that see the unit
                changed[:, begin : begin + len(b)] = np.maximum(changed[:, :begin] @ w.T + b, 0.0)
        grown.append(np.square(changed @ net.weights[-1].T + net.biases[-1] - outputs).mean() - base)
    return np.array(grown, dtype=np.float64)


def magnitudes(net: ReluNet) -> FloatArray:
    """Return the norm of what enters each unit times the norm of what leaves it, shape (units,)."""
    found, column = [], net.inputs
    for k, (w, _, kinds) in enumerate(net.hidden()):
        columns = slice(column, column + len(kinds))
        leaving = sum(np.square(later[:, columns]).sum(axis=0) for later in net.weights[k + 1 :])
        found.append(np.linalg.norm(w, axis=1) * np.sqrt(leaving))
        column += len(kinds)
    return np.concatenate([np.zeros(0), *found])


def straightened(net: ReluNet, gone: Sequence[int], inputs: FloatArray) -> ReluNet:
    """Return a network without some of its ReLUs: each becomes the affine function of what enters it that is closest.

    Where the affine function is constant, the unit is zero in effect, and the identity where it has slope 1.

    Args:
        net: A network of ReLUs.
        gone: Numbers of units.
        inputs: What "closest" is measured on, by least squares, shape (batch, inputs).
    """
    slope, level = _closest(net.preactivations(inputs)[:, list(gone)])
    weights, biases, kinds = [], [], []
    rise, height = np.ones(net.units), np.zeros(net.units)
    rise[list(gone)], height[list(gone)] = slope, level
    kind = net.kind
    kind[list(gone)] = IDENTITY
    unit = 0
    for w, b in zip(net.weights, net.biases, strict=True):
        seen = w.shape[1] - net.inputs
        biases.append(b + w[:, net.inputs :] @ height[:seen])
        weights.append(np.hstack([w[:, : net.inputs], w[:, net.inputs :] * rise[:seen]]))
        kinds.append(kind[unit : unit + len(b)])
        unit += len(b)
    return ReluNet(net.inputs, tuple(weights), tuple(biases), tuple(kinds[:-1])).folded()


def refitted(net: ReluNet, inputs: FloatArray, outputs: FloatArray) -> ReluNet:
    """Return the network with the output layer that is best by least squares."""
    values = np.hstack([inputs, np.maximum(net.preactivations(inputs), 0.0), np.ones((len(inputs), 1))])
    gram = values.T @ values / len(values) + RIDGE * np.eye(values.shape[1])
    last = np.linalg.solve(gram, values.T @ outputs / len(values)).T
    return ReluNet(net.inputs, (*net.weights[:-1], last[:, :-1]), (*net.biases[:-1], last[:, -1]))


def pruned(
    net: ReluNet,
    budget: int,
    rank: Callable[[ReluNet], FloatArray],
    inputs: FloatArray,
    outputs: FloatArray,
    *,
    parts: int = 4,
) -> ReluNet:
    """Return a network with ``budget`` ReLUs at most, the lowest in ``rank`` gone.

    Args:
        net: A network of ReLUs.
        budget: Number of ReLUs to keep.
        rank: Returns how much each unit is needed, shape (units,).
        inputs: What affine replacements and the output layer are fitted on, shape (batch, inputs).
        outputs: What the network should return, shape (batch, outputs).
        parts: After each of so many parts of those that are still too many, the others are ranked again.
    """
    while net.units > budget:
        gone: IntArray = np.argsort(rank(net), kind="stable")[: max(1, (net.units - budget) // parts)]
        net = refitted(straightened(net, gone.tolist(), inputs), inputs, outputs)
    return net


def _closest(entering: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return slopes and levels of the affine functions closest to ReLUs of columns of samples, each (columns,)."""
    leaving = np.maximum(entering, 0.0)
    variance = entering.var(axis=0)
    covariance = (entering * leaving).mean(axis=0) - entering.mean(axis=0) * leaving.mean(axis=0)
    slope = np.where(variance > 0, covariance / np.where(variance > 0, variance, 1.0), 0.0)
    return slope, leaving.mean(axis=0) - slope * entering.mean(axis=0)
