"""Networks from PyTorch modules, without importing torch."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU, ReluNet

__all__ = ["from_torch"]

KNOWN = ("Linear", "ReLU", "Identity", "Dropout")


def from_torch(module: Any, *, residual: bool = False) -> ReluNet:
    """Return the network that a module computes, in evaluation mode.

    Args:
        module: A ``torch.nn.Sequential`` of ``Linear``, ``ReLU``, ``Identity``, ``Dropout`` and more of its kind.
        residual: Whether the module predicts the change of the state: the first inputs, as many as there are
            outputs, are added to the outputs.

    Raises:
        InvalidNetworkError: If there are other modules, or shapes do not fit.
    """
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    kinds: list[int] = []  # of each layer but those that nothing has followed yet
    for place, layer in _leaves(module, ""):
        name = type(layer).__name__
        if name == "Linear":
            if len(weights) > len(kinds):
                kinds.append(IDENTITY)
            weights.append(_array(layer.weight))
            biases.append(np.zeros(len(weights[-1])) if layer.bias is None else _array(layer.bias))
        elif name == "ReLU" and weights:
            if len(weights) == len(kinds):  # a ReLU of ReLUs, which are the same
                continue
            kinds.append(RELU)
        elif name not in KNOWN[2:]:
            found = f"{name}{' before the first Linear' if name == 'ReLU' else ''}{f' at {place!r}' if place else ''}"
            raise InvalidNetworkError(f"copt takes {', '.join(KNOWN)} in torch.nn.Sequential, got {found}")
    if not weights:
        raise InvalidNetworkError("the module has no torch.nn.Linear; copt needs at least one")
    if len(weights) == len(kinds):
        weights.append(np.eye(len(weights[-1])))
        biases.append(np.zeros(len(weights[-1])))
    outputs, inputs = len(weights[-1]), weights[0].shape[1]
    if residual and outputs > inputs:
        raise InvalidNetworkError(f"residual: {outputs} outputs are no change of states among {inputs} inputs")
    hidden = [np.full(len(b), kind) for b, kind in zip(biases, kinds, strict=False)]
    return ReluNet.mlp(weights, biases, kinds=hidden, skip=np.eye(outputs, inputs) if residual else None)


def _leaves(module: Any, place: str) -> Iterator[tuple[str, Any]]:
    if type(module).__name__ != "Sequential":
        yield place, module
        return
    for k, child in enumerate(module):  # named_children would leave out a module that stands in it twice
        yield from _leaves(child, f"{place}.{k}" if place else str(k))


def _array(parameter: Any) -> FloatArray:
    return np.asarray(parameter.detach().cpu().double().numpy())
