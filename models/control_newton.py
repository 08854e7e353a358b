"""Fitting of small networks of ReLUs by the Gauss-Newton method, damped as by Levenberg (1944) and Marquardt (1963).

Where no ReLU changes sides, outputs are almost linear in the weights: few steps that know the curvature do more than
thousands along the gradient, as long as networks have at most about a thousand weights.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.problems.relu import ReluNet

__all__ = ["curvature", "refined", "slope"]

CHUNK = 4096  # samples whose derivatives are in memory at once
FEW, MANY = 6_000, 64_000  # samples that the curvature, and all else, is worked out on in each step
TRIES = 20  # of damping, before a step is given up
FIRST, LEAST = 1e-2, 1e-10  # damping
FLOOR = 1e-2  # of what is damped, relative to the mean of the curvature


def refined(
    net: ReluNet, inputs: FloatArray, outputs: FloatArray, iterations: int, rng: np.random.Generator
) -> ReluNet:
    """Return a network of ReLUs that comes closer to outputs by least squares.

    Args:
        net: Where to start.
        inputs: Shape (batch, inputs).
        outputs: Shape (batch, outputs).
        iterations: Steps.
        rng: Draws the samples of each step.
    """
    damping = FIRST
    for _ in range(iterations):
        some = rng.permutation(len(inputs))[:MANY]
        x, y = inputs[some], outputs[some]
        hessian, gradient = curvature(net, x[:FEW]), slope(net, x, y)
        own = np.diag(hessian)
        scale = np.maximum(own, FLOOR * own.mean())  # weights between units that few samples need together go nowhere
        before = _loss(net, x, y)
        for _ in range(TRIES):
            step = np.asarray(np.linalg.solve(hessian + np.diag(damping * scale), -gradient), dtype=np.float64)
            found = _moved(net, step)
            if _loss(found, x, y) < before:
                net, damping = found, max(LEAST, damping / 3.0)
                break
            damping *= 4.0
        else:
            return net  # as close as it gets
    return net


def curvature(net: ReluNet, inputs: FloatArray) -> FloatArray:
    """Return J'J of the derivatives J of outputs by all weights, in the mean over samples, shape (weights, weights).

    Weights are ordered by layers, then units; each unit's bias is behind its weights.

    Args:
        net: A network of ReLUs.
        inputs: Shape (batch, inputs).
    """
    hidden = sum(w.size + b.size for w, b in zip(net.weights[:-1], net.biases[:-1], strict=True))
    last = net.inputs + net.units + 1
    found = np.zeros((hidden + net.outputs * last,) * 2)
    for begin in range(0, len(inputs), CHUNK):
        values = _values(net, inputs[begin : begin + CHUNK]).astype(np.float32)  # half the time; steps need no more
        gram = values.T @ values
        for k, rows in enumerate(_derivatives(net, values)):
            own = slice(hidden + k * last, hidden + (k + 1) * last)
            cross = rows.T @ values
            found[:hidden, :hidden] += rows.T @ rows
            found[:hidden, own] += cross
            found[own, :hidden] += cross.T
            found[own, own] += gram
    return found / len(inputs)


def slope(net: ReluNet, inputs: FloatArray, outputs: FloatArray) -> FloatArray:
    """Return J'r of the residuals r, in the mean over samples, shape (weights,), in the order of ``curvature``.

    Args:
        net: A network of ReLUs.
        inputs: Shape (batch, inputs).
        outputs: Shape (batch, outputs).
    """
    values = _values(net, inputs)
    back = values[:, :-1] @ net.weights[-1].T + net.biases[-1] - outputs
    found = [(back.T @ values).ravel()]
    into = back @ net.weights[-1]
    ends = np.cumsum([net.inputs, *(len(kinds) for kinds in net.kinds)])
    for w, begin, end in zip(net.weights[-2::-1], ends[-2::-1], ends[:0:-1], strict=True):
        own = into[:, begin:end] * (values[:, begin:end] > 0)
        found.append(np.hstack([own.T @ values[:, :begin], own.sum(axis=0)[:, None]]).ravel())
        into[:, :begin] += own @ w
    return np.concatenate(found[::-1]) / len(inputs)


def _values(net: ReluNet, inputs: FloatArray) -> FloatArray:
    """Return inputs, hidden units and 1, shape (batch, inputs + units + 1)."""
    return np.hstack([inputs, np.maximum(net.preactivations(inputs), 0.0), np.ones((len(inputs), 1))])


def _derivatives(net: ReluNet, values: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield the derivatives of each output by the weights of hidden layers, shape (batch, weights), by ``_values``."""
    ends = np.cumsum([net.inputs, *(len(kinds) for kinds in net.kinds)])
    for last in net.weights[-1].astype(np.float32):
        back = np.tile(last, (len(values), 1))
        for w, begin, end in zip(net.weights[-2::-1], ends[-2::-1], ends[:0:-1], strict=True):
            back[:, begin:end] *= values[:, begin:end] > 0
            back[:, :begin] += back[:, begin:end] @ w.astype(np.float32)
        blocks = [np.zeros((len(values), 0), np.float32)]
        for begin, end in itertools.pairwise(ends):
            seen = np.hstack([values[:, :begin], values[:, -1:]])
            blocks.append((back[:, begin:end, None] * seen[:, None, :]).reshape(len(values), -1))
        yield np.hstack(blocks)


def _moved(net: ReluNet, step: FloatArray) -> ReluNet:
    """Return a network with a step, shape (weights,), added to its weights, in the order of ``curvature``."""
    weights, biases, at = [], [], 0
    for w, b in zip(net.weights, net.biases, strict=True):
        own = step[at : at + w.size + b.size].reshape(len(b), -1)
        weights.append(w + own[:, :-1])
        biases.append(b + own[:, -1])
        at += own.size
    return ReluNet(net.inputs, tuple(weights), tuple(biases))


def _loss(net: ReluNet, inputs: FloatArray, outputs: FloatArray) -> float:
    return float(np.square(net.forward(inputs) - outputs).mean())
