"""From an instance to the arrays of the kernels: costs, neighbours, depot legs."""

import numpy as np
from scipy.spatial import Delaunay, KDTree, QhullError

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routing, costs
from copt.solvers.routing.cost_kernels import ATT, CEIL, EXACT, GEO, MATRIX, NEAREST, Costs, Int32
from copt.solvers.routing.route_kernels import Plan

__all__ = ["NO_LIMIT", "costs_of", "nearest_among", "neighbours", "plan_of", "quadrant_neighbours"]

NO_LIMIT = 2**62
WIDER = 16  # nearest nodes that are looked through for each one wanted in a direction
CODES = {"exact": EXACT, "euc_2d": NEAREST, "ceil_2d": CEIL, "att": ATT, "geo": GEO}


def costs_of(instance: Routing) -> Costs:
    """Return what the kernels compute costs from: arrays of one type for all, so that kernels are compiled once."""
    points, matrix, code = np.zeros((1, 2)), np.zeros((1, 1)), MATRIX
    if instance.coordinates is None:
        assert instance.matrix is not None
        matrix = np.ascontiguousarray(instance.matrix)
    else:
        points, code = instance.coordinates, CODES[instance.metric]
    if instance.metric == "geo":
        degrees = np.trunc(points)
        points = 3.141592 * (degrees + 5.0 * (points - degrees) / 3.0) / 180.0
    x, y = (np.ascontiguousarray(points[:, k]) for k in (0, 1))
    for table in (x, y, matrix):
        table.setflags(write=False)  # as those of instances are
    return Costs(x, y, matrix, code)


def neighbours(instance: Routing, count: int) -> Int32:
    """Return the ``count`` nearest other customers of each node, nearest first, shape (nodes, count).

    Fewer if there are not so many. A row of an asymmetric matrix is judged by the cheaper of the two directions.
    """
    customers = instance.customers
    if customers.size == 1:
        return np.full((instance.num_nodes, 1), customers[0], dtype=np.int32)
    nodes = np.arange(instance.num_nodes)
    return _nearest(instance, nodes, customers, min(count, customers.size - 1))


def quadrant_neighbours(instance: Routing, count: int, each: int, across: int) -> Int32:
    """Return ``count`` neighbours of each node, nearest first: near ones in every direction, and some across gaps.

    Where nodes lie in clusters or rows, the nearest ones alone do not lead out (Johnson and McGeoch 1997). So there are
    up to ``each`` in each of the four quadrants about a node, and up to ``across`` with which it shares a side of a
    Delaunay triangle although many others are nearer: these join one cluster to the next, however large both are. The
    nearest fill what is left; without coordinates there are no others. Shape (nodes, count).
    """
    near = neighbours(instance, max(count, WIDER * each))
    if instance.coordinates is None or near.shape[1] <= count:
        return np.ascontiguousarray(near[:, :count])
    points = instance.coordinates
    x, y = (points[near, axis] - points[:, axis, None] for axis in (0, 1))
    wanted = np.zeros(near.shape, dtype=bool)
    for east in (True, False):
        for north in (True, False):
            inside = ((x > 0) == east) & ((y > 0) == north)
            wanted |= inside & (np.cumsum(inside, axis=1) <= each)
    far = _across_gaps(points, near, across)
    # Those across gaps come first, then directions, then the nearest; where there is none, -1 goes last.
    rank = np.hstack([np.where(far >= 0, 0, 3), np.where(wanted, 1, 2)])
    chosen = np.argsort(rank, axis=1, kind="stable")[:, :count]
    listed = np.take_along_axis(np.hstack([far, near]), chosen, axis=1)
    apart = np.linalg.norm(points[listed] - points[:, None], axis=2)
    result: Int32 = np.take_along_axis(listed, np.argsort(apart, axis=1, kind="stable"), axis=1)
    return result


def _across_gaps(points: FloatArray, near: Int32, count: int) -> Int32:
    """Return up to ``count`` Delaunay neighbours of each node that are not in ``near``, shortest first, -1 for none."""
    n = len(points)
    far = np.full((n, count), -1, dtype=np.int32)
    try:
        corners = Delaunay(points).simplices
    except QhullError:  # all on one line
        return far
    sides = np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    sides = np.unique(np.vstack([sides, sides[:, ::-1]]), axis=0)
    apart = np.linalg.norm(points[sides[:, 0]] - points[sides[:, 1]], axis=1)
    beyond = apart > np.linalg.norm(points[near[:, -1]] - points, axis=1)[sides[:, 0]]
    sides, apart = sides[beyond], apart[beyond]
    sides = sides[np.lexsort((apart, sides[:, 0]))]
    first = np.searchsorted(sides[:, 0], np.arange(n))
    place = np.arange(len(sides)) - first[sides[:, 0]]
    kept = place < count
    far[sides[kept, 0], place[kept]] = sides[kept, 1]
    return far


def nearest_among(instance: Routing, nodes: IntArray, count: int) -> Int32:
    """Return the ``count`` nearest others of each of ``nodes`` among themselves, shape (nodes, count)."""
    return _nearest(instance, nodes, nodes, min(count, nodes.size - 1))


def _nearest(instance: Routing, nodes: IntArray, others: IntArray, count: int) -> Int32:
    """Return the ``count`` nearest of ``others`` to each of ``nodes``, without the node itself."""
    if instance.coordinates is not None:
        # By straight lines, of which every metric is a monotone or nearly monotone function.
        points = instance.coordinates
        _, found = KDTree(points[others]).query(points[nodes], k=count + 1, workers=-1)
        near = others[found]
    else:
        assert instance.matrix is not None
        both = np.minimum(instance.matrix, instance.matrix.T)[np.ix_(nodes, others)]
        near = others[np.argsort(both, axis=1, kind="stable")[:, : count + 1]]
    own = near == nodes[:, None]
    # Where many share a place, a node may be missing among its own nearest: the last one goes instead.
    own[~own.any(axis=1), -1] = True
    result: Int32 = near[~own].reshape(nodes.size, count).astype(np.int32)
    return result


def plan_of(instance: Routing, neighbours: Int32, beside: Int32 | None = None) -> Plan:
    """Return the problem as the kernels see it.

    Args:
        instance: A problem with a depot.
        neighbours: Nearest customers of each node, shape (nodes, neighbours).
        beside: Customers that moves bring beside each other, shape (nodes, candidates); by default the nearest.
    """
    assert instance.depot is not None
    nodes = np.arange(instance.num_nodes)
    depot = np.full_like(nodes, instance.depot)
    leave, enter = costs(instance, depot, nodes), costs(instance, nodes, depot)
    leave[instance.depot] = 0.0
    enter = np.zeros_like(leave) if instance.open_routes else np.array(enter)
    enter[instance.depot] = 0.0
    capacity = NO_LIMIT if instance.capacity is None else int(instance.capacity)
    near_cost = np.array(costs(instance, nodes[:, None], neighbours))
    beside_cost = near_cost
    if beside is not None:
        beside_cost = np.array(costs(instance, nodes[:, None], beside))
    return Plan(
        costs_of(instance),
        instance.depot,
        capacity,
        demand=np.array(instance.demands),
        near=neighbours,
        near_cost=near_cost,
        beside=neighbours if beside is None else beside,
        beside_cost=beside_cost,
        leave=leave,
        enter=enter,
        turn=instance.symmetric,
    )
