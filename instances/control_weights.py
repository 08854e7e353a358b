"""Piecewise-linear networks as safetensors: layers, or the residual form that trained dynamics are stored in."""

import itertools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from copt.errors import FormatError, InvalidNetworkError
from copt.instances.files import contents
from copt.policy import load_policy
from copt.problems.base import as_integers
from copt.problems.dynamics import Dynamics
from copt.problems.pairwise import Pairwise
from copt.problems.planar import Planar
from copt.problems.relu import RELU, ReluNet

__all__ = ["arrays_of", "dynamics_of", "layered", "network_of", "stored_dynamics", "written"]

RESIDUAL = ("skip", "shift", "lift", "weights", "biases")  # and perhaps recurrent
HEADING = "heading"
PARTS = "own", "other"  # of pairwise dynamics, each before the names of its arrays
LAYER = re.compile(r"(weights|biases|kinds)\.(0|[1-9][0-9]{0,3})")


def stored_dynamics(name: str, folder: Path = Path()) -> Dynamics:
    """Return the dynamics in a file or, where there is no such file, of a trained policy.

    Args:
        name: Path of a safetensors file, or name of a policy, such as ``control-cartpole-walls-v1``.
        folder: Where relative paths begin.

    Raises:
        FormatError: If the file cannot be read.
        UnknownNameError: If there is neither such a file nor such a policy.
        InvalidNetworkError: If the policy is no network.
    """
    path = folder / name
    if path.suffix or os.path.lexists(path):
        return _read(path)
    return dynamics_of(load_policy(name).weights)


def _read(path: Path) -> Dynamics:
    raw = contents(path)
    try:
        return dynamics_of(load_arrays(raw))
    except (SafetensorError, KeyError, ValueError, TypeError) as error:  # KeyError: a type of numbers unknown to numpy
        if isinstance(error, InvalidNetworkError):
            raise FormatError(path, None, str(error)) from None
        raise FormatError(path, None, f"expected intact safetensors, reading failed: {str(error)[:80]}") from None


def dynamics_of(arrays: Mapping[str, Any]) -> Dynamics:
    """Return the dynamics of named arrays: those of a network, and perhaps the ``heading`` of planar dynamics.

    Pairwise dynamics are two networks: ``own.weights.0``, ..., ``other.weights.0``, ...

    Raises:
        InvalidNetworkError: If they make none; the text names the array.
    """
    prefixes = {name.partition(".")[0] for name in arrays}
    if prefixes == set(PARTS):
        return Pairwise(*(network_of(_part(arrays, part)) for part in PARTS))
    net = network_of({name: array for name, array in arrays.items() if name != HEADING})
    return Planar(net, arrays[HEADING]) if HEADING in arrays else net


def network_of(arrays: Mapping[str, Any]) -> ReluNet:
    """Return the network of named arrays.

    Args:
        arrays: ``weights.0``, ``biases.0``, ``weights.1``, ... and, where units are not ReLUs, ``kinds.0``, ...; or the
            arguments of ``ReluNet.residual`` by name.

    Raises:
        InvalidNetworkError: If they make no network; the text names the array.
    """
    if "skip" in arrays:
        missing = [name for name in RESIDUAL if name not in arrays]
        strangers = set(arrays) - {*RESIDUAL, "recurrent"}
        if missing or strangers:
            raise InvalidNetworkError(_complaint(missing, strangers, f"{', '.join(RESIDUAL)} and perhaps recurrent"))
        return ReluNet.residual(**{name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()})
    found = {name: LAYER.fullmatch(name) for name in arrays}
    depth = 1 + max((int(match[2]) for match in found.values() if match), default=0)
    wanted = [f"{what}.{k}" for k in range(depth) for what in ("weights", "biases")]
    missing = [name for name in wanted if name not in arrays]
    strangers = {name for name in arrays if name not in wanted and not (found[name] and name.startswith("kinds"))}
    if missing or strangers:
        raise InvalidNetworkError(_complaint(missing, strangers, "weights.0, biases.0, weights.1, ... or skip, ..."))
    weights, biases = ([arrays[f"{what}.{k}"] for k in range(depth)] for what in ("weights", "biases"))
    kinds: list[Any] = [np.full(len(b), RELU) for b in biases[:-1]]
    for name in arrays.keys() - wanted:
        if int(name[6:]) >= len(kinds):
            raise InvalidNetworkError(f"{name} is not of a hidden layer: the last of {depth} layers is the output")
        kinds[int(name[6:])] = as_integers(name, arrays[name], error=InvalidNetworkError)
    return layered(None, weights, biases, kinds)


def layered(inputs: int | None, weights: list[Any], biases: list[Any], kinds: list[Any]) -> ReluNet:
    """Return a network of layers that see the layer before, as in torch, or the inputs and all layers before.

    Args:
        inputs: Number of inputs; as many as the first layer has columns if None.
        weights: Of each layer, shape (units, units of the layer before) or (units, inputs + hidden units before).
        biases: Of each layer, shape (units,).
        kinds: Of each hidden layer, shape (units,).

    Raises:
        InvalidNetworkError: If they make no network.
    """
    shapes = [np.shape(w) for w in weights]
    chained = all(len(shape) == 2 for shape in shapes) and all(
        after[1] == before[0] for before, after in itertools.pairwise(shapes)
    )
    if chained and inputs in (None, shapes[0][1]):
        return ReluNet.mlp(weights, biases, kinds=kinds)
    first = shapes[0][1] if inputs is None and len(shapes[0]) == 2 else inputs
    return ReluNet(first or 0, tuple(weights), tuple(biases), tuple(kinds))


def arrays_of(dynamics: Dynamics) -> dict[str, Any]:
    """Return dynamics as ``dynamics_of`` takes them, layer by layer."""
    if isinstance(dynamics, Pairwise):
        parts = {part: arrays_of(getattr(dynamics, part)) for part in PARTS}
        return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
    net = dynamics.net if isinstance(dynamics, Planar) else dynamics
    arrays: dict[str, Any] = {HEADING: dynamics.heading} if isinstance(dynamics, Planar) else {}
    for what, values in (("weights", net.weights), ("biases", net.biases), ("kinds", net.kinds)):
        arrays |= {f"{what}.{k}": np.ascontiguousarray(array) for k, array in enumerate(values)}
    return arrays


def written(dynamics: Dynamics) -> bytes:
    """Return dynamics as safetensors."""
    raw: bytes = save_arrays(arrays_of(dynamics))
    return raw


def _part(arrays: Mapping[str, Any], part: str) -> dict[str, Any]:
    return {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{part}.")}


def _complaint(missing: list[str], strangers: set[str], expected: str) -> str:
    what = f"{missing[0]} is missing" if missing else f"unknown array {min(strangers)[:40]}"
    return f"{what}; expected {expected}"
