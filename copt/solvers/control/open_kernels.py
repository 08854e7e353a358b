"""The open nodes of a tree, in a heap by cost."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.solvers.compiled import kernel

__all__ = ["FREE", "OPEN", "Pool", "pop", "push"]

Int64 = NDArray[np.int64]
Int8 = NDArray[np.int8]

OPEN, FREE = range(2)  # counts


class Pool(NamedTuple):
    """Nodes by their choices.

    Args:
        choices: Of each place, shape (places + 1, things to choose); the last row is the node at work.
        costs: Shape (places,).
        heap: Places of open nodes, the least cost first, shape (places,).
        idle: Places that are free, shape (places,).
        counts: Of open nodes and of free places, shape (2,).
    """

    choices: Int8
    costs: FloatArray
    heap: Int64
    idle: Int64
    counts: Int64


@kernel
def push(pool: Pool, cost: float, index: int, choice: int) -> None:
    """Open a node with the choices of the one at work and, unless ``choice`` is 0, one more."""
    pool.counts[FREE] -= 1
    node, last = pool.idle[pool.counts[FREE]], pool.choices.shape[0] - 1
    for k in range(pool.choices.shape[1]):
        pool.choices[node, k] = pool.choices[last, k]
    if choice > 0:
        pool.choices[node, index] = choice
    pool.costs[node] = cost
    i = pool.counts[OPEN]
    pool.counts[OPEN] += 1
    while i > 0 and pool.costs[pool.heap[(i - 1) // 2]] > cost:
        pool.heap[i] = pool.heap[(i - 1) // 2]
        i = (i - 1) // 2
    pool.heap[i] = node


@kernel
def pop(pool: Pool) -> float:
    """Take the node of least cost off the heap and to work; return its cost."""
    heap, node, last = pool.heap, pool.heap[0], pool.choices.shape[0] - 1
    pool.counts[OPEN] -= 1
    count = pool.counts[OPEN]
    moved, i = heap[count], 0
    while 2 * i + 1 < count:
        child = 2 * i + 1
        if child + 1 < count and pool.costs[heap[child + 1]] < pool.costs[heap[child]]:
            child += 1
        if pool.costs[heap[child]] >= pool.costs[moved]:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moved
    pool.idle[pool.counts[FREE]] = node
    pool.counts[FREE] += 1
    for k in range(pool.choices.shape[1]):
        pool.choices[last, k] = pool.choices[node, k]
    return float(pool.costs[node])
