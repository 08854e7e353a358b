"""Sequences of customers, the paths they are cut into, and what the conquering net of UDC sees of a path."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, Routing, costs
from copt.solvers.routing.cost_kernels import Float32, Int32

__all__ = [
    "Frames",
    "Parts",
    "Sequence",
    "by_angle",
    "capacity_of",
    "cut",
    "frames_of",
    "mirrored",
    "part_costs",
    "routes_of",
    "sequence_of",
]

Bools = NDArray[np.bool_]


class Sequence(NamedTuple):
    """All customers in the cyclic order of their visits, and whether the depot is called at before each."""

    nodes: IntArray  # (customers,)
    via: Bools  # (customers,)

    def rolled(self, shift: int) -> "Sequence":
        """Return the same cycle from another customer on."""
        return Sequence(np.roll(self.nodes, -shift), np.roll(self.via, -shift))


class Parts(NamedTuple):
    """Consecutive paths of a sequence, padded to one width; their first and last nodes stay where they are."""

    nodes: IntArray  # (parts, width), padded with the last node
    via: Bools  # (parts, width) whether the depot is called at before each node
    size: Int32  # (parts,)
    limits: IntArray  # (parts, 3) most load before the first depot, after the last, and without any

    @classmethod
    def stacked(cls, several: Iterable["Parts"]) -> "Parts":
        """Return all parts of ``several``, which must be of one width."""
        nodes, via, size, limits = zip(*several, strict=True)
        return cls(np.concatenate(nodes), np.concatenate(via), np.concatenate(size), np.concatenate(limits))

    def rows(self, chosen: slice | IntArray) -> "Parts":
        """Return some of the parts."""
        return Parts(self.nodes[chosen], self.via[chosen], self.size[chosen], self.limits[chosen])

    def reordered(self, order: NDArray[Any], via: Bools) -> "Parts":
        """Return the parts with their nodes in the order of positions ``order``, calling at the depot by ``via``."""
        return self._replace(nodes=np.take_along_axis(self.nodes, order, axis=1), via=via)


class Frames(NamedTuple):
    """What the conquering net sees of each path, in a unit box of its own."""

    x: Float32  # (parts, width, features)
    apart: Float32  # (parts, width, width) distances
    home: Float32  # (parts, width) distances to the depot, zeros for tours


def capacity_of(instance: Routing) -> int:
    """Return the most demand on a route: all there is where capacity does not limit it."""
    return instance.capacity or max(1, int(instance.demands.sum()))


def sequence_of(instance: Routing, routes: Routes) -> Sequence:
    """Return the customers route by route."""
    via = np.zeros(routes.nodes.size, dtype=np.bool_)
    if instance.depot is not None:
        via[routes.offsets[:-1]] = True
    return Sequence(np.array(routes.nodes), via)


def routes_of(sequence: Sequence) -> Routes:
    """Return the routes, or the tour, of a sequence."""
    begins = np.flatnonzero(sequence.via)
    if not begins.size:
        return Routes(sequence.nodes, np.array([0, sequence.nodes.size]))
    rolled = sequence.rolled(int(begins[0]))
    return Routes(rolled.nodes, np.append(np.flatnonzero(rolled.via), rolled.nodes.size))


def by_angle(instance: Routing, sequence: Sequence) -> Sequence:
    """Return the routes sorted by the angle of their centroids about the depot; a tour stays as it is.

    So routes that follow each other are neighbours, and a path across their border has something to exchange.
    """
    if instance.depot is None or not sequence.via.any():
        return sequence
    assert instance.coordinates is not None
    routes = routes_of(sequence)
    sizes = np.diff(routes.offsets)
    points = instance.coordinates[routes.nodes] - instance.coordinates[instance.depot]
    centres = np.add.reduceat(points, routes.offsets[:-1]) / sizes[:, None]
    order = np.argsort(np.arctan2(centres[:, 1], centres[:, 0]), kind="stable")
    lists = np.split(routes.nodes, routes.offsets[1:-1])
    via = np.zeros(routes.nodes.size, dtype=np.bool_)
    via[np.cumsum(sizes[order]) - sizes[order]] = True
    return Sequence(np.concatenate([lists[r] for r in order]), via)


def cut(instance: Routing, sequence: Sequence, bounds: IntArray) -> Parts:
    """Cut a sequence into the parts from each of ``bounds`` to the next.

    What a cut route may still take is dealt out evenly to its pieces, so that parts can change at the same time.
    """
    sizes = np.diff(bounds)
    place = np.minimum(np.arange(int(sizes.max())), sizes[:, None] - 1) + bounds[:-1, None]
    nodes, via = sequence.nodes[place], sequence.via[place]
    capacity, demand = capacity_of(instance), instance.demands[sequence.nodes]
    route = np.cumsum(sequence.via)
    route[route == 0] = route[-1]  # a route may go on beyond the end of the list
    begins = sequence.via.copy()
    begins[bounds[:-1]] = True
    piece = np.cumsum(begins) - 1
    owner = route[begins]
    load = np.bincount(piece, demand).astype(np.int64)
    total = np.bincount(owner, load).astype(np.int64)
    most = load + (capacity - total[owner]) // np.maximum(1, np.bincount(owner))[owner]
    first, last = piece[bounds[:-1]], piece[bounds[1:] - 1]
    # Without any depot the rest of both routes becomes one.
    whole = np.where(first == last, load[first], most[first] + most[last] - capacity)
    return Parts(nodes, via, sizes.astype(np.int32), np.stack([most[first], most[last], whole], axis=1))


def mirrored(parts: Parts) -> Parts:
    """Return the same paths from their last node to their first."""
    step = np.arange(parts.nodes.shape[1])
    size = parts.size[:, None]
    row = np.arange(len(size))[:, None]
    nodes = parts.nodes[row, np.maximum(size - 1 - step, 0)]
    via = parts.via[row, np.clip(size - step, 1, size - 1)]
    return Parts(nodes, via, parts.size, parts.limits[:, [1, 0, 2]])


def part_costs(instance: Routing, parts: Parts) -> FloatArray:
    """Return the cost of each path between its ends, shape (parts,)."""
    tail, head, via = parts.nodes[:, :-1], parts.nodes[:, 1:], parts.via[:, 1:]
    legs = costs(instance, tail, head)
    if instance.depot is not None:
        depot = np.full_like(tail, instance.depot)
        legs = np.where(via, costs(instance, tail, depot) + costs(instance, depot, head), legs)
    inside = np.arange(1, parts.nodes.shape[1]) < parts.size[:, None]
    return np.asarray((legs * inside).sum(axis=1))


def frames_of(instance: Routing, parts: Parts) -> Frames:
    """Return the paths as the conquering net sees them: moved, turned and scaled into the unit square."""
    assert instance.coordinates is not None
    points = instance.coordinates[parts.nodes]
    if instance.depot is not None:
        place = np.broadcast_to(instance.coordinates[instance.depot], (len(points), 1, 2))
        points = np.concatenate([points, place], axis=1)
    low, high = points.min(axis=1, keepdims=True), points.max(axis=1, keepdims=True)
    span = high - low
    points = (points - low) / np.maximum(span.max(axis=2, keepdims=True), 1e-12)
    points = np.where(span[:, :, 1:] > span[:, :, :1], points[:, :, ::-1], points).astype(np.float32)
    width = parts.nodes.shape[1]
    at = points[:, :width]
    step = np.arange(width)
    ends = np.stack(np.broadcast_arrays(step == 0, step == parts.size[:, None] - 1), axis=2)
    x, home = [at, ends.astype(np.float32)], np.zeros(parts.nodes.shape, dtype=np.float32)
    if instance.depot is not None:
        away = at - points[:, width:]
        home = np.linalg.norm(away, axis=2)
        share = instance.demands[parts.nodes] / capacity_of(instance)
        x += [share[:, :, None].astype(np.float32), home[:, :, None], away]
    apart = np.linalg.norm(at[:, :, None] - at[:, None], axis=3)
    return Frames(np.concatenate(x, axis=2), apart, home)
