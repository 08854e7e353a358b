"""Divisions of routes into zones, one for each worker."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routing, costs
from copt.solvers.routing.cost_kernels import Int32

__all__ = [
    "DIVISIONS",
    "Division",
    "Layout",
    "at_random",
    "by_barycentre",
    "by_kd",
    "by_sequence",
    "by_sweep",
    "layout_of",
]


class Layout(NamedTuple):
    """What routes are divided by."""

    centres: FloatArray  # (routes, 2) mean of each route's customers, seen from the depot
    sizes: Int32  # (routes,) customers
    owner: Int32  # (nodes,) route of each customer, -1 for the depot


def layout_of(instance: Routing, owner: Int32, routes: int, rng: np.random.Generator) -> Layout:
    """Return the layout of routes, ``owner`` being the route of each customer and -1 for other nodes.

    Without coordinates, the cost from a random customer stands for a place.
    """
    nodes = np.flatnonzero(owner >= 0)
    if instance.coordinates is None:
        away = costs(instance, np.full(nodes.size, rng.choice(instance.customers)), nodes)
        points = np.stack([away, np.zeros(nodes.size)], axis=1)
    else:
        points = instance.coordinates[nodes] - instance.coordinates[instance.depot]
    sizes = np.bincount(owner[nodes], minlength=routes).astype(np.int32)
    sums = [np.bincount(owner[nodes], points[:, k], routes) for k in (0, 1)]
    return Layout(np.stack(sums, axis=1) / np.maximum(1, sizes)[:, None], sizes, owner)


# Takes a layout, the number of zones and a generator; returns the zone of each route. Empty routes are dealt out
# evenly.
Division = Callable[[Layout, int, np.random.Generator], Int32]


def by_barycentre(layout: Layout, parts: int, rng: np.random.Generator) -> Int32:
    """Cut by parallel lines between the routes' centres, at a random angle."""
    angle = rng.uniform(0.0, np.pi)
    return _cut(layout.centres @ np.array([np.cos(angle), np.sin(angle)]), layout.sizes, parts)


def by_sweep(layout: Layout, parts: int, rng: np.random.Generator) -> Int32:
    """Cut by rays from the depot, the first at a random angle."""
    angle = np.arctan2(layout.centres[:, 1], layout.centres[:, 0]) + rng.uniform(0.0, 2 * np.pi)
    return _cut(np.mod(angle, 2 * np.pi), layout.sizes, parts)


def by_kd(layout: Layout, parts: int, rng: np.random.Generator) -> Int32:
    """Bisect the routes' centres again and again across their wider side (Bentley 1975), turned by a random angle.

    Zones are compact where parallel lines would leave many narrow strips.
    """
    angle = rng.uniform(0.0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    labels = np.zeros(layout.sizes.size, dtype=np.int32)
    _bisect(layout.centres @ turn, layout.sizes, np.flatnonzero(layout.sizes > 0), range(parts), labels)
    return _with_empty(labels, layout.sizes, parts)


def at_random(layout: Layout, parts: int, rng: np.random.Generator) -> Int32:
    """Deal the routes out at random: the control of every other division."""
    return _cut(rng.random(layout.sizes.size), layout.sizes, parts)


def by_sequence(order: IntArray) -> Division:
    """Return the division that cuts a cyclic sequence of customers, first at a random place.

    A route lies at the mean place of its customers.

    Args:
        order: All customers, such as ``copt.solvers.routing.udc.heat_order`` gives; then the division is learned.
    """
    place = np.zeros(order.max() + 1)
    place[order] = np.arange(order.size)

    def divide(layout: Layout, parts: int, rng: np.random.Generator) -> Int32:
        nodes = np.flatnonzero(layout.owner >= 0)
        total = np.bincount(layout.owner[nodes], place[nodes], layout.sizes.size)
        mean = total / np.maximum(1, layout.sizes)
        return _cut(np.mod(mean - rng.uniform(0.0, order.size), order.size), layout.sizes, parts)

    return divide


def _cut(position: FloatArray, sizes: Int32, parts: int) -> Int32:
    """Return the zones that cut the line of ``position`` into parts with about equally many customers."""
    labels = np.zeros(sizes.size, dtype=np.int32)
    filled = np.flatnonzero(sizes > 0)
    order = filled[np.argsort(position[filled], kind="stable")]
    labels[order] = np.minimum(parts - 1, _middles(sizes[order]) * parts // max(1, int(sizes.sum())))
    return _with_empty(labels, sizes, parts)


def _bisect(points: FloatArray, sizes: Int32, routes: IntArray, zones: range, labels: Int32) -> None:
    """Write the zone of each of ``routes`` into ``labels``, with customers in proportion on both sides of a cut."""
    if len(zones) == 1 or routes.size == 0:
        labels[routes] = zones.start
        return
    side = int(np.argmax(np.ptp(points[routes], axis=0)))
    order = routes[np.argsort(points[routes, side], kind="stable")]
    half = len(zones) // 2
    place = int(np.searchsorted(_middles(sizes[order]), sizes[order].sum() * half / len(zones)))
    _bisect(points, sizes, order[:place], zones[:half], labels)
    _bisect(points, sizes, order[place:], zones[half:], labels)


def _middles(sizes: Int32) -> FloatArray:
    """Return how many customers lie before the middle of each route."""
    middles: FloatArray = np.cumsum(sizes) - 0.5 * sizes
    return middles


def _with_empty(labels: Int32, sizes: Int32, parts: int) -> Int32:
    """Return ``labels`` with the empty routes dealt out in turn."""
    empty = np.flatnonzero(sizes == 0)
    labels[empty] = np.arange(empty.size) % parts
    return labels


DIVISIONS: dict[str, Division] = {
    "barycentre": by_barycentre,
    "sweep": by_sweep,
    "kd": by_kd,
    "random": at_random,
}
