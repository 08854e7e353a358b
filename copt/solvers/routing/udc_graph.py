"""The sparse graph on which UDC divides, and the numpy forward pass of its two networks (Zheng et al. 2024).

``copt.models.routing_udc`` holds the same networks in torch. Work and memory are linear in the edges of the graph,
and in the number of paths.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from copt.problems.routing import FloatArray, Routing
from copt.solvers.routing.cost_kernels import Float32, Float64, Int32
from copt.solvers.routing.graph_net import Weights, blocks, embed, linear, mlp, norm, sigmoid
from copt.solvers.routing.udc_kernels import Code, Heat
from copt.solvers.routing.udc_paths import Frames, capacity_of

__all__ = ["Graph", "encode_paths", "graph_of", "heat_of"]


class Graph(NamedTuple):
    """Each node with the same number of edges to near ones."""

    nodes: Float32  # (nodes, features)
    near: Int32  # (nodes, neighbours)
    edges: Float32  # (nodes, neighbours, 2)
    space: Float64  # (nodes, dimensions) points among which nearness was judged


def unit_box(points: FloatArray) -> FloatArray:
    """Return ``points`` moved and scaled into the unit square, the longer side along the first axis."""
    span = np.ptp(points, axis=0)
    moved = (points - points.min(axis=0)) / max(1e-12, float(span.max()))
    return np.ascontiguousarray(moved[:, ::-1] if span[1] > span[0] else moved)


def graph_of(instance: Routing, neighbours: int) -> Graph:
    """Return the graph of a problem with coordinates.

    A tour joins nodes that are near. For routes nearness mixes distance with the angle seen from the depot (the two
    added, as the authors do for benchmark instances); the last edge of a customer leads to the depot, and those of
    the depot to the customers next to it.

    Args:
        instance: The problem.
        neighbours: Edges of each node; fewer where there are not so many others.
    """
    assert instance.coordinates is not None
    points = unit_box(instance.coordinates)
    n, home = instance.num_nodes, instance.depot
    k = min(neighbours, n - 1)
    if home is None:
        space = nodes = points
        near = _nearest(space, np.arange(n), k)
    else:
        away = points - points[home]
        radius = np.linalg.norm(away, axis=1)
        space = np.hstack([points, away / np.maximum(radius, 1e-12)[:, None]])
        angle = np.arctan2(away[:, 1], away[:, 0]) / np.pi
        nodes = np.stack([instance.demands / capacity_of(instance), radius, angle], axis=1)
        k = min(k, instance.customers.size)
        near = np.empty((n, k), dtype=np.int64)
        near[:, -1] = home
        near[instance.customers, :-1] = _nearest(space, instance.customers, k - 1)
        near[home] = instance.customers[np.argsort(radius[instance.customers], kind="stable")[:k]]
    scale = math.sqrt(n)  # near neighbours are as far apart in a large problem as in a small one
    edges = [scale * np.linalg.norm(space[near, :d] - space[:, None, :d], axis=2) for d in (2, space.shape[1])]
    return Graph(nodes.astype(np.float32), near.astype(np.int32), np.stack(edges, axis=2).astype(np.float32), space)


def _nearest(space: FloatArray, members: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the ``count`` nearest other members of each, shape (members, count)."""
    _, found = KDTree(space[members]).query(space[members], k=np.arange(1, count + 2))
    own = found == np.arange(members.size)[:, None]
    # Where many share a place, a node may be missing among its own nearest: the last one goes instead.
    own[~own.any(axis=1), -1] = True
    result: NDArray[np.int64] = members[found[~own].reshape(members.size, count)]
    return result


def heat_of(graph: Graph, depot: int | None, weights: Weights) -> Heat:
    """Return all that the heat maps of a problem are decoded from.

    Args:
        graph: The graph of the problem.
        depot: The depot, or None for a tour.
        weights: Parameters by name, as ``copt.models.routing_udc.UdcNet`` stores them.
    """
    h, e = embed(graph.nodes, graph.near, graph.edges, weights, "divide")
    key = np.empty_like(e)
    for block in blocks(len(h)):
        key[block] = mlp(weights, "divide.key", e[block])
    home = np.zeros(h.shape[1], dtype=np.float32)
    if depot is not None:
        home = mlp(weights, "divide.depot", h[depot])
    visited, first, last = (mlp(weights, f"divide.{part}", h) for part in ("visited", "first", "last"))
    return Heat(key, visited, first, last, home)


def encode_paths(frames: Frames, size: Int32, weights: Weights) -> Code:
    """Return what the compiled decoder needs of the paths.

    Args:
        frames: The paths, padded to one width.
        size: Number of nodes of each path.
        weights: Parameters by name, as ``copt.models.routing_udc.UdcNet`` stores them.
    """
    inside = np.arange(frames.x.shape[1]) < size[:, None]
    scale = np.log2(size).astype(np.float32)[:, None, None] * frames.apart
    h = linear(weights, "conquer.enter", frames.x)
    layer = 0
    while f"conquer.layers.{layer}.query.weight" in weights:
        name = f"conquer.layers.{layer}"
        z = norm(weights, f"{name}.norm", h)
        near = np.exp(-weights[f"{name}.sharpness"] * scale) * inside[:, None, :]
        weight = _softened(linear(weights, f"{name}.key", z), inside)
        mixed = (near @ (weight * linear(weights, f"{name}.value", z))) / (near @ weight)
        h = h + linear(weights, f"{name}.out", sigmoid(linear(weights, f"{name}.query", z)) * mixed)
        wide = linear(weights, f"{name}.wide", norm(weights, f"{name}.forward_norm", h))
        h = h + linear(weights, f"{name}.narrow", np.maximum(wide, np.float32(0.0)))
        layer += 1
    h = norm(weights, "conquer.norm", h)
    weight = _softened(linear(weights, "conquer.weight", h), inside)
    depot = "conquer.detour.weight" in weights
    end, none = h[np.arange(len(h)), size - 1], np.zeros((2, h.shape[2]), dtype=np.float32)
    return Code(
        weight=weight,
        value=weight * linear(weights, "conquer.value", h),
        key=linear(weights, "conquer.key", h),
        detour=linear(weights, "conquer.detour", h) if depot else h,
        last=linear(weights, "conquer.last", h),
        end=linear(weights, "conquer.end", end),
        state=np.ascontiguousarray(weights["conquer.state.weight"].T) if depot else none,
        bend=weights["conquer.bend.weight"] if depot else none,
        bend_bias=weights["conquer.bend.bias"] if depot else none.ravel(),
        sharpness=weights["conquer.sharpness"],
        depot=depot,
    )


def _softened(key: Float32, inside: NDArray[np.bool_]) -> Float32:
    """Return the weights of the nodes in every channel, 0 beyond the end of a path."""
    key = np.where(inside[:, :, None], key, np.float32(-np.inf))
    result: Float32 = np.exp(key - key.max(axis=1, keepdims=True))
    return result
