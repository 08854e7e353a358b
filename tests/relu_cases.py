"""Small random networks, and their maxima by brute force."""

import itertools

import numpy as np
from scipy.optimize import linprog

from copt.problems.base import FloatArray, IntArray
from copt.problems.relu import RELU, ReluNet


def random_mlp(sizes: list[int], seed: int, *, kinds: list[IntArray] | None = None, scale: float = 1.0) -> ReluNet:
    """A perceptron with weights of about the size that keeps values near one, times ``scale``; a random skip."""
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(sizes))
    return ReluNet.mlp(
        [scale * rng.normal(size=(after, before)) / np.sqrt(before) for before, after in pairs],
        [scale * 0.3 * rng.normal(size=after) for _, after in pairs],
        kinds=kinds or [],
        skip=rng.normal(size=(sizes[-1], sizes[0])),
    )


def greatest(net: ReluNet, lower: FloatArray, upper: FloatArray) -> float:
    """The greatest first output over a box: a linear program for each pattern of ReLUs on and off."""
    net = net.folded()
    assert (net.kind == RELU).all()
    best = -np.inf
    for pattern in itertools.product((0.0, 1.0), repeat=net.units):
        through, constant, rows, limits = np.eye(net.inputs), np.zeros(net.inputs), [], []
        for w, b, _ in net.hidden():
            on = np.array(pattern[len(through) - net.inputs :][: len(b)])
            entering, bias = w @ through, w @ constant + b
            rows.append(np.where(on[:, None] == 1, -entering, entering))
            limits.append(np.where(on == 1, bias, -bias))
            through, constant = np.vstack([through, on[:, None] * entering]), np.append(constant, on * bias)
        cost = net.weights[-1][0] @ through
        found = linprog(
            -cost, A_ub=np.vstack(rows), b_ub=np.hstack(limits), bounds=list(zip(lower, upper, strict=True))
        )
        if found.status == 0:
            best = max(best, -found.fun + net.weights[-1][0] @ constant + net.biases[-1][0])
    return float(best)
