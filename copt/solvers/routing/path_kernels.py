"""A stretch of a tour as compiled kernels see it, and how it changes.

A tour is an array of nodes and the array of their places. Every change is a reversal of a stretch of places, which
undoes itself, so that taking back is running the list of reversals backwards. A worker changes the places from
``low`` to ``high`` only and keeps the nodes at both ends where they are; without wrapping round, what it does there
holds for the whole tour.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import inlined, kernel
from copt.solvers.random_kernels import UInt64
from copt.solvers.routing.cost_kernels import Costs, Float64, Int32
from copt.solvers.routing.route_kernels import Int64

__all__ = ["GAIN", "KICKS", "TINY", "Path", "flip", "push", "rewind"]

TINY = 1e-7  # a smaller gain is rounding
GAIN, KICKS = range(2)  # places in the account of a search


class Path(NamedTuple):
    """A stretch of the tour and what its worker remembers."""

    costs: Costs
    near: Int32  # (nodes, neighbours)
    tour: Int32  # (nodes,) shared by all workers
    place: Int32  # (nodes,) shared
    waiting: NDArray[np.uint8]  # (nodes,) shared: whether a node is queued
    low: int
    high: int
    reach: int  # longest stretch to be reversed
    queue: Int32  # (power of two,) ring of nodes to look at
    ends: Int64  # (2,) first entry of the ring, and number of entries
    log: Int64  # (reversals, 2)
    counts: Int64  # (1,) entries in ``log``
    random: UInt64  # (1,)
    account: Float64  # (2,) cost gained, kicks made


@inlined
def push(path: Path, node: int) -> None:
    """Queue ``node`` unless it is."""
    if not path.waiting[node]:
        path.waiting[node] = 1
        mask = path.queue.size - 1
        path.queue[(path.ends[0] + path.ends[1]) & mask] = node
        path.ends[1] += 1


@kernel
def reverse(path: Path, i: int, j: int) -> None:
    """Reverse the places from ``i`` to ``j``."""
    tour, place = path.tour, path.place
    while i < j:
        a, b = tour[i], tour[j]
        tour[i], tour[j] = b, a
        place[b], place[a] = i, j
        i += 1
        j -= 1


@inlined
def flip(path: Path, i: int, j: int) -> None:
    """Reverse and log it."""
    reverse(path, i, j)
    path.log[path.counts[0], 0], path.log[path.counts[0], 1] = i, j
    path.counts[0] += 1


@kernel
def rewind(path: Path, count: int) -> None:
    """Take back all but the first ``count`` logged reversals."""
    for k in range(path.counts[0] - 1, count - 1, -1):
        reverse(path, path.log[k, 0], path.log[k, 1])
    path.counts[0] = count
