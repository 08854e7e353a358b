"""Compiled search for the nearest point that is still there, in a k-d tree that counts what is left of it."""

from typing import NamedTuple

import numpy as np

from copt.solvers.compiled import kernel
from copt.solvers.routing.cost_kernels import Float64, Int32
from copt.solvers.routing.route_kernels import Int64

__all__ = ["DEPTH", "Tree", "nearest", "take"]

DEPTH = 64  # tree nodes that wait to be looked into: two a level


class Tree(NamedTuple):
    """A complete binary tree over points; node ``i`` has the children ``2i + 1`` and ``2i + 2``."""

    points: Float64  # (points, dimensions)
    order: Int32  # (points,) so that each tree node holds a range
    begin: Int32  # (tree nodes,) first place of the range in ``order``
    end: Int32  # (tree nodes,)
    low: Float64  # (tree nodes, dimensions) corners of the bounding box
    high: Float64
    leaf: Int32  # (points,) the leaf of each point
    left: Int32  # (tree nodes,) points that have not been taken


@kernel
def take(tree: Tree, point: int) -> None:
    """Take ``point`` away."""
    node = tree.leaf[point]
    while True:
        tree.left[node] -= 1
        if node == 0:
            return
        node = (node - 1) // 2


@kernel
def outside(tree: Tree, node: int, point: int) -> float:
    """Return the squared distance from ``point`` to the box of a tree node."""
    total = 0.0
    for d in range(tree.points.shape[1]):
        x = tree.points[point, d]
        gap = max(tree.low[node, d] - x, x - tree.high[node, d], 0.0)
        total += gap * gap
    return total


@kernel
def nearest(tree: Tree, point: int, taken: Int32, demand: Int64, room: int, stack: Int32) -> int:
    """Return the nearest point not ``taken`` whose demand fits in ``room``, or -1; ``stack`` is scratch, (DEPTH,)."""
    stack[0] = 0
    height, best, found = 1, np.inf, -1
    inner = tree.begin.size // 2
    while height > 0:
        height -= 1
        node = stack[height]
        if tree.left[node] == 0 or outside(tree, node, point) >= best:
            continue
        if node < inner:
            near, far = 2 * node + 1, 2 * node + 2
            if outside(tree, far, point) < outside(tree, near, point):
                near, far = far, near
            stack[height], stack[height + 1] = far, near
            height += 2
            continue
        for k in range(tree.begin[node], tree.end[node]):
            other = tree.order[k]
            if taken[other] or demand[other] > room:
                continue
            apart = 0.0
            for d in range(tree.points.shape[1]):
                apart += (tree.points[other, d] - tree.points[point, d]) ** 2
            if apart < best:
                best, found = apart, other
    return found
