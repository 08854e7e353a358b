"""Piecewise-linear networks: forward passes, folding, composition, malformed weights."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from relu_cases import random_mlp

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet

ROUNDING = 1e-12  # of values near one, through a few layers


def points(count: int, inputs: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=(count, inputs))


def test_forward_is_that_of_torch() -> None:
    torch.manual_seed(0)
    twin = torch.nn.Sequential(
        torch.nn.Linear(5, 9), torch.nn.ReLU(), torch.nn.Linear(9, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2)
    ).double()
    layers = [layer for layer in twin if isinstance(layer, torch.nn.Linear)]
    net = ReluNet.mlp([m.weight.detach().numpy() for m in layers], [m.bias.detach().numpy() for m in layers])
    x = points(20, 5)
    assert np.allclose(net.forward(x), twin(torch.from_numpy(x)).detach().numpy(), rtol=0, atol=ROUNDING)
    assert (net.inputs, net.units, net.outputs) == (5, 15, 2)


def test_the_skip_of_a_perceptron_is_added() -> None:
    weights, biases, skip = [np.ones((1, 2)), np.array([[2.0]])], [np.zeros(1), np.ones(1)], np.array([[10.0, 20.0]])
    net = ReluNet.mlp(weights, biases, skip=skip)
    assert net.forward(np.array([[1.0, 2.0], [-1.0, -2.0]])).tolist() == [[57.0], [-49.0]]


def test_the_residual_form() -> None:
    rng = np.random.default_rng(3)
    k, n, m = 6, 4, 3
    skip, shift, lift, w, b = (rng.normal(size=shape) for shape in ((m, n), (m,), (m, k), (k, n), (k,)))
    inner = np.tril(rng.normal(size=(k, k)), -1) * (rng.random((k, k)) < 0.4)
    net = ReluNet.residual(skip, shift, lift, w, b, recurrent=inner)
    x = points(10, n)
    for row, found in zip(x, net.forward(x), strict=True):
        r = np.zeros(k)
        for i in range(k):
            r[i] = max(0.0, w[i] @ row + inner[i] @ r + b[i])
        assert np.allclose(found, skip @ row + shift + lift @ r, rtol=0, atol=ROUNDING)
    assert len(net.weights) > 2  # units that see others come in later layers


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_folding_keeps_the_function(data: st.DataObject) -> None:
    sizes = [2, *data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4)), 2]
    kind = st.sampled_from([RELU, IDENTITY, ZERO])
    kinds = [np.array(data.draw(st.lists(kind, min_size=n, max_size=n))) for n in sizes[1:-1]]
    net = random_mlp(sizes, data.draw(st.integers(0, 99)), kinds=kinds)
    folded = net.folded()
    x = points(8, 2)
    assert np.allclose(folded.forward(x), net.forward(x), rtol=0, atol=1e-10)
    assert (folded.kind == RELU).all()
    assert folded.units == sum(int((own == RELU).sum()) for own in kinds)


def test_phases_tell_which_units_pass() -> None:
    net = ReluNet.mlp(
        [np.array([[1.0], [1.0], [1.0]]), np.ones((1, 3))], [[0, 0, 0], [0]], kinds=[[RELU, IDENTITY, ZERO]]
    )
    assert net.phases(np.array([[2.0], [-2.0]])).tolist() == [[1, 1, 0], [0, 1, 0]]


def test_one_network_after_another() -> None:
    first, second = random_mlp([3, 4, 2], 0), random_mlp([2, 5, 3, 1], 1)
    x = points(10, 3)
    both = first.then(second)
    assert np.allclose(both.forward(x), second.forward(first.forward(x)), rtol=0, atol=ROUNDING)
    assert both.folded().units == first.units + second.units


def test_unrolling_runs_through_all_states() -> None:
    net = random_mlp([5, 4, 3, 2], 2)  # two states, three actions
    steps, rng = 4, np.random.default_rng(0)
    x0, actions = rng.normal(size=2), rng.normal(size=(steps, 3))
    states, x = [], x0
    for u in actions:
        x = net.forward(np.append(x, u)[None])[0]
        states.append(x)
    long = net.unrolled(steps)
    inputs = np.append(x0, actions.ravel())[None]
    for form in (long, long.folded()):
        assert np.allclose(form.forward(inputs)[0], np.concatenate(states), rtol=0, atol=1e-10)
    assert long.folded().units == steps * net.units


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: ReluNet.mlp([], []), "weights is empty"),
        (lambda: ReluNet.mlp([np.ones((2, 2)), np.ones((1, 3))], [[0, 0], [0]]), r"weights\[1\] has 3 columns for 2"),
        (lambda: ReluNet.mlp([np.ones((2, 2)), np.ones((1, 2))], [[0, 0]]), "biases has 1 layers"),
        (lambda: ReluNet.mlp([np.ones((2, 2)), np.ones((1, 2))], [[0], [0]]), r"weights\[0\] has shape \(2, 2\)"),
        (lambda: ReluNet.mlp([np.full((1, 1), np.nan)], [[0]]), r"weights\[0\] holds nan"),
        (lambda: ReluNet.mlp([[[1, 2], [3]]], [[0]]), r"weights\[0\] must hold numbers"),
        (lambda: ReluNet.mlp([np.ones((1, 1)), np.ones((1, 1))], [[0], [0]], kinds=[[7]]), r"kinds\[0\] must hold"),
        (lambda: ReluNet.mlp([np.ones((1, 1))], [[0]], skip=np.ones((2, 2))), "skip has shape"),
        (lambda: ReluNet(0, (np.ones((1, 0)),), (np.ones(1),)), "inputs = 0"),
        (
            lambda: ReluNet.residual([[1]], [0], [[1, 1]], [[1], [1]], [0, 0], recurrent=np.eye(2)),
            "recurrent must be zero on and above",
        ),
        (lambda: ReluNet.residual([[1]], [0], [[1]], [[1], [1]], [0, 0]), "lift has shape"),
        (lambda: random_mlp([2, 3, 2], 0).then(random_mlp([3, 1], 0)), "3 inputs cannot follow 2 outputs"),
        (lambda: random_mlp([2, 3, 3], 0).unrolled(2), "cannot unroll"),
        (lambda: random_mlp([2, 3], 0).forward(np.ones((4, 3))), r"x has shape \(4, 3\)"),
    ],
)
def test_malformed_weights_name_the_field(build: Any, text: str) -> None:
    with pytest.raises(InvalidNetworkError, match=text):
        build()
