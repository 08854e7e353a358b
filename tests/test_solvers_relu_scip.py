"""Networks in SCIP: maxima by brute force and by PySCIPOpt-ML, starts, phases, changes in place."""

from typing import Any

import numpy as np
import pytest
import torch
from pyscipopt import Model
from pyscipopt_ml.add_predictor import add_predictor_constr
from relu_cases import greatest, random_mlp

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet
from copt.solvers.relu_bounds import crown_bounds, interval_bounds
from copt.solvers.relu_scip import ENCODINGS, Embedding, Encoding, embed, light, update

EXACT = 1e-5  # SCIP keeps rows to 1e-6


def boxed(net: ReluNet, low: Any, high: Any, **options: Any) -> tuple[Model, Embedding]:
    """A model that maximises the first output over a box."""
    model = Model()
    model.hideOutput()
    light(model)
    model.setParam("limits/gap", 0.0)
    ends = zip(np.broadcast_to(low, net.inputs), np.broadcast_to(high, net.inputs), strict=True)
    embedding = embed(model, net, [model.addVar(lb=float(a), ub=float(b)) for a, b in ends], **options)
    model.setObjective(embedding.outputs[0], "maximize")
    return model, embedding


def solved(model: Model) -> float:
    model.optimizeNogil()
    assert model.getStatus() == "optimal"
    return float(model.getObjVal())


def chosen(embedding: Embedding) -> FloatArray:
    """Inputs of the best solution, shape (1, inputs)."""
    return np.array([[embedding.model.getVal(v) for v in embedding.inputs]])


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("seed", range(4))
def test_the_maximum_is_that_of_all_patterns(encoding: Encoding, seed: int) -> None:
    kinds = [np.array([RELU, RELU, IDENTITY, RELU, ZERO]), np.array([RELU, IDENTITY, RELU, RELU])]
    net = random_mlp([3, 5, 4, 2], seed, kinds=kinds)
    best = greatest(net, -np.ones(3), np.ones(3))
    for form in (net, net.folded()):
        for bounds in (None, interval_bounds(form, -np.ones(3), np.ones(3))):
            model, embedding = boxed(form, -1, 1, encoding=encoding, bounds=bounds)
            assert solved(model) == pytest.approx(best, abs=EXACT)
            assert form.forward(chosen(embedding))[0, 0] == pytest.approx(best, abs=EXACT)
            used = sum(unit.off is not None for unit in embedding.units)
            known = bounds or crown_bounds(form, -np.ones(3), np.ones(3))
            assert used == known.unstable(form).sum()
            assert len(embedding.binaries) == (used if encoding == "bigm" else 0)


@pytest.mark.parametrize("formulation", ["sos", "bigm"])
def test_the_maximum_is_that_of_pyscipopt_ml(formulation: str) -> None:
    torch.manual_seed(1)
    twin = torch.nn.Sequential(
        torch.nn.Linear(3, 6), torch.nn.ReLU(), torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1)
    )
    layers = [layer for layer in twin if isinstance(layer, torch.nn.Linear)]
    net = ReluNet.mlp([m.weight.detach().numpy() for m in layers], [m.bias.detach().numpy() for m in layers])
    peer = Model()
    peer.hideOutput()
    inputs = np.array([[peer.addVar(lb=-2, ub=2) for _ in range(3)]], dtype=object)
    output = np.array([[peer.addVar(lb=None, ub=None)]], dtype=object)
    add_predictor_constr(peer, twin, inputs, output, unique_naming_prefix="peer_", formulation=formulation)
    peer.setObjective(output[0, 0], "maximize")
    model, _ = boxed(net, -2, 2)
    assert solved(model) == pytest.approx(solved(peer), abs=EXACT)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("power", [-4, 4])
def test_layers_of_opposite_scale(encoding: Encoding, power: int) -> None:
    net = random_mlp([3, 6, 1], 5)
    hidden, last = net.weights
    scaled = last.copy()
    scaled[:, 3:] *= 10.0**-power
    other = ReluNet(3, (hidden * 10.0**power, scaled), (net.biases[0] * 10.0**power, net.biases[1]))
    model, _ = boxed(other, -1, 1, encoding=encoding)
    assert solved(model) == pytest.approx(greatest(net, -np.ones(3), np.ones(3)), rel=1e-4)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_forward_pass_is_a_start(encoding: Encoding) -> None:
    kinds = [np.array([RELU] * 5 + [IDENTITY, ZERO]), np.array([RELU] * 4)]
    net = random_mlp([3, 7, 4, 1], 7, kinds=kinds)
    model, embedding = boxed(net, -1, 1, encoding=encoding)
    x = np.array([0.25, -0.5, 0.75])
    start = model.createSol()
    pairs = embedding.start(x)
    for variable, value in pairs:
        model.setSolVal(start, variable, value)
    assert len({variable.name for variable, _ in pairs}) == len(pairs) == model.getNVars()
    assert model.checkSol(start, original=True)
    assert model.getSolVal(start, embedding.outputs[0]) == net.forward(x[None])[0, 0]
    assert embedding.phases(start).tolist() == net.phases(x[None])[0].tolist()
    for i in range(net.units):
        entering = embedding.preactivation(i)
        if entering is not None:
            assert model.getSolVal(start, entering) == pytest.approx(net.preactivations(x[None])[0, i], abs=1e-12)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_network_moves_in_place(encoding: Encoding) -> None:
    net = random_mlp([4, 5, 2], 3).unrolled(2)  # two states, two actions
    low, high = np.array([0.0, 0, -1, -1, -1, -1]), np.array([0.0, 0, 1, 1, 1, 1])
    model, embedding = boxed(net, low, high, encoding=encoding, reusable=True)
    before = model.getNConss()
    for state in ([0.0, 0.0], [3.0, -3.0], [-2.0, 0.5], [0.1, 0.0]):
        low[:2] = high[:2] = state
        update(embedding, low, high)
        fresh, _ = boxed(net, low, high, encoding=encoding)
        assert solved(model) == pytest.approx(solved(fresh), abs=EXACT)
        assert net.forward(chosen(embedding))[0, 0] == pytest.approx(model.getObjVal(), abs=EXACT)
        assert chosen(embedding)[0, :2] == pytest.approx(state, abs=EXACT)
    model.freeTransform()
    assert model.getNConss() == before


def test_inputs_may_be_expressions_and_numbers() -> None:
    net = random_mlp([3, 5, 1], 2)
    model = Model()
    model.hideOutput()
    z = model.addVar(vtype="B")
    embedding = embed(model, net, [2 * z - 1, z, 0.5])
    model.setObjective(embedding.outputs[0], "maximize")
    expected = net.forward(np.array([[-1.0, 0.0, 0.5], [1.0, 1.0, 0.5]]))
    assert solved(model) == pytest.approx(expected.max(), abs=EXACT)


def test_mistakes_say_what_to_do() -> None:
    net, model = random_mlp([2, 3, 1], 0), Model()
    free, x = model.addVar(lb=None, ub=None), model.addVar(lb=-1, ub=1)
    with pytest.raises(InvalidNetworkError, match=r"lower\[0\] = -inf: inputs need finite bounds"):
        embed(model, net, [free, x])
    with pytest.raises(InvalidNetworkError, match=r"lower\[1\] = -inf"):
        embed(model, net, [x, free + x])
    with pytest.raises(InvalidNetworkError, match=r"inputs\[1\] is not linear"):
        embed(model, net, [x, x * x])
    with pytest.raises(InvalidNetworkError, match=r"inputs\[0\] is str"):
        embed(model, net, ["x", x])
    with pytest.raises(InvalidNetworkError, match="inputs has 1 entries for a network of 2"):
        embed(model, net, [x])
    with pytest.raises(InvalidNetworkError, match="encoding must be one of bigm, sos1, got 'indicator'"):
        embed(model, net, [x, x], encoding="indicator")  # type: ignore[arg-type]
    with pytest.raises(InvalidNetworkError, match="infinite to SCIP"):
        embed(model, random_mlp([2, 3, 1], 0, scale=1e15), [x, x])
    with pytest.raises(InvalidNetworkError, match="call embed with reusable=True"):
        update(embed(model, net, [x, x]), -np.ones(2), np.ones(2))
    with pytest.raises(InvalidNetworkError, match=r"input 1 is the number 2\.0"):
        update(embed(model, net, [x, 2], reusable=True), np.zeros(2), np.ones(2))
