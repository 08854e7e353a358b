"""The numpy forward pass of the anisotropic graph network that learned parts of routing share.

Every node has the same number of edges to near ones; work and memory are linear in the edges.
``copt.models.routing_graph`` holds the same layers in torch.
"""

from collections.abc import Mapping

import numpy as np

from copt.solvers.routing.cost_kernels import Float32, Int32

__all__ = ["Weights", "blocks", "embed", "linear", "mlp", "norm", "sigmoid"]

BLOCK = 4096  # nodes whose edges are worked on at once: they fit the cache

Weights = Mapping[str, Float32]


def sigmoid(x: Float32) -> Float32:
    """Return the logistic function of ``x``."""
    return np.float32(1.0) / (np.float32(1.0) + np.exp(-x))


def _silu(x: Float32) -> Float32:
    return x * sigmoid(x)


def linear(weights: Weights, name: str, x: Float32) -> Float32:
    """Return a linear layer of ``x``."""
    result: Float32 = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return result


def mlp(weights: Weights, name: str, x: Float32) -> Float32:
    """Return two linear layers of ``x`` with a SiLU between them."""
    return linear(weights, f"{name}.2", _silu(linear(weights, f"{name}.0", x)))


def norm(weights: Weights, name: str, x: Float32) -> Float32:
    """Return a layer normalisation of ``x``."""
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(1e-5))
    result: Float32 = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return result


def blocks(count: int) -> list[slice]:
    """Return slices that together cover ``count`` nodes, each small enough for the cache."""
    return [slice(begin, begin + BLOCK) for begin in range(0, count, BLOCK)]


def embed(nodes: Float32, near: Int32, edges: Float32, weights: Weights, name: str) -> tuple[Float32, Float32]:
    """Return the embeddings of nodes and edges, shapes (nodes, hidden) and (nodes, neighbours, hidden).

    Args:
        nodes: Features of the nodes, shape (nodes, features).
        near: Where the edges of each node lead, shape (nodes, neighbours).
        edges: Features of the edges, shape (nodes, neighbours, features).
        weights: Parameters by name.
        name: What the names of the network's parameters begin with.
    """
    h, e = linear(weights, f"{name}.enter", nodes), linear(weights, f"{name}.enter_edge", edges)
    layer = 0
    while f"{name}.layers.{layer}.own.weight" in weights:
        h = _exchange(near, h, e, weights, f"{name}.layers.{layer}")
        layer += 1
    return h, e


def _exchange(near: Int32, h: Float32, e: Float32, weights: Weights, name: str) -> Float32:
    """Return the nodes after one layer; the edges are changed in place."""
    own, value, tail, head = (linear(weights, f"{name}.{part}", h) for part in ("own", "value", "tail", "head"))
    result = np.empty_like(h)
    for block in blocks(len(h)):
        mean = (sigmoid(e[block]) * value[near[block]]).mean(axis=1)
        result[block] = h[block] + _silu(norm(weights, f"{name}.node_norm", own[block] + mean))
        edges = linear(weights, f"{name}.edge", e[block]) + tail[block, None] + head[near[block]]
        e[block] += _silu(norm(weights, f"{name}.edge_norm", edges))
    return result
