"""The k-d tree behind the search for what is left (Bentley 1975)."""

import math

import numpy as np

from copt.problems.routing import FloatArray
from copt.solvers.routing.nearest_kernels import Tree

__all__ = ["tree_of"]

LEAF = 8  # most points of a leaf


def tree_of(points: FloatArray) -> Tree:
    """Return a tree over ``points``, shape (points, dimensions), from which none is taken yet."""
    n = len(points)
    levels = max(0, math.ceil(math.log2(n / LEAF)))
    total = 2 ** (levels + 1) - 1
    order, leaf = np.arange(n), np.empty(n, dtype=np.int32)
    low, high = np.empty((total, points.shape[1])), np.empty((total, points.shape[1]))
    begin, end = np.empty(total, dtype=np.int32), np.empty(total, dtype=np.int32)
    for node in range(total):
        level = (node + 1).bit_length() - 1
        place = node + 1 - 2**level
        first, last = n * place // 2**level, n * (place + 1) // 2**level
        begin[node], end[node] = first, last
        members = order[first:last]
        low[node], high[node] = points[members].min(axis=0), points[members].max(axis=0)
        if level == levels:
            leaf[members] = node
        else:
            middle = n * (2 * place + 1) // 2 ** (level + 1) - first
            widest = int(np.argmax(high[node] - low[node]))
            order[first:last] = members[np.argpartition(points[members, widest], middle)]
    return Tree(np.ascontiguousarray(points), order.astype(np.int32), begin, end, low, high, leaf, end - begin)
