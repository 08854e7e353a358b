"""Compiled decoders of UDC: sequences from heat maps, paths from the conquering net."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.solvers.compiled import allocating, allocating_fused
from copt.solvers.random_kernels import UInt64, uniform
from copt.solvers.routing.cost_kernels import Float32, Int32
from copt.solvers.routing.nearest_kernels import DEPTH, Tree, nearest, take
from copt.solvers.routing.route_kernels import Int64

__all__ = ["Code", "Heat", "Task", "Walk", "construct", "decode"]

Bools = NDArray[np.bool_]

CLIP = np.float32(10.0)  # as in copt.models.routing_udc
NEVER = np.float32(-1e30)  # score of what is not allowed


class Heat(NamedTuple):
    """Embeddings from which the heat of an edge is a product of its key and a query."""

    key: Float32  # (nodes, neighbours, hidden)
    visited: Float32  # (nodes, hidden)
    first: Float32  # (nodes, hidden)
    last: Float32  # (nodes, hidden)
    depot: Float32  # (hidden,)


class Task(NamedTuple):
    """What is to be decoded."""

    near: Int32  # (nodes, neighbours)
    demand: Int64  # (nodes,)
    capacity: int
    depot: int  # -1 for a tour
    vehicles: int  # routes beyond which the depot is called at only where nothing else fits
    start: int  # first node: the depot if there is one
    refresh: int  # customers after which a new heat map is decoded
    sampled: int  # choices at the beginning that are sampled; then the hottest edge is taken


class Walk(NamedTuple):
    """The decoded sequence and the choices behind it."""

    sequence: Int32  # (visits,)
    column: Int32  # (visits,) edge taken from each visit to the next, -1 where none was allowed
    allowed: Bools  # (visits, neighbours)
    segment: Int32  # (visits,) number of the heat map in force
    starts: Int32  # (segments,) visit at which each heat map was decoded
    filled: Int32  # (2,) visits and segments


@allocating
def mark(task: Task, node: int, load: int, rest: int, routes: int, taken: Int32, allowed: Bools) -> bool:
    """Write which edges of ``node`` may be taken; return whether there are any."""
    # Full routes: the depot is kept for when the rest fits into the vehicles that are left (Zheng et al. 2024).
    fleet = (task.vehicles - routes) * task.capacity
    some = False
    for k in range(allowed.size):
        other = task.near[node, k]
        if other == task.depot:
            allowed[k] = rest <= fleet
        else:
            allowed[k] = taken[other] == 0 and load + task.demand[other] <= task.capacity
        some = some or allowed[k]
    return some


@allocating_fused
def choose(key: Float32, query: Float32, allowed: Bools, sample: bool, random: UInt64) -> int:
    """Return the hottest allowed edge, or one sampled from the softmax of the heat."""
    heat = np.empty(allowed.size, dtype=np.float32)
    best = -1
    for k in range(allowed.size):
        if allowed[k]:
            total = np.float32(0.0)
            for f in range(query.size):
                total += key[k, f] * query[f]
            heat[k] = total
            if best < 0 or total > heat[best]:
                best = k
    if not sample:
        return best
    top, mass = heat[best], 0.0
    for k in range(allowed.size):
        if allowed[k]:
            mass += np.exp(np.float64(heat[k] - top))
    point = uniform(random) * mass
    for k in range(allowed.size):
        if allowed[k]:
            point -= np.exp(np.float64(heat[k] - top))
            if point < 0.0:
                return k
    return best


@allocating
def decode(task: Task, heat: Heat, tree: Tree, random: UInt64, walk: Walk) -> None:
    """Decode one sequence into ``walk``; all points of ``tree`` but the depot are taken from it.

    Where no edge is allowed, the walk goes on to the nearest customer that fits, or to the depot if none does.
    """
    n, hidden = heat.visited.shape
    taken, stack = np.zeros(n, dtype=np.int32), np.empty(DEPTH, dtype=np.int32)
    mean, query = np.zeros(hidden, dtype=np.float32), np.empty(hidden, dtype=np.float32)
    customers = n if task.depot < 0 else n - 1
    node, load, routes, count, visits, segments, since = task.start, 0, 1, 0, 0, 0, task.refresh
    rest = int(task.demand.sum())
    if task.depot >= 0:
        taken[task.depot] = 1
        take(tree, task.depot)
    opening = node
    while True:
        walk.sequence[visits] = node
        if node == task.depot:
            load = 0
        else:
            if count == 0:
                opening = node
            taken[node] = 1
            take(tree, node)
            load += int(task.demand[node])
            rest -= int(task.demand[node])
            count += 1
            since += 1
            mean += heat.visited[node]
        visits += 1
        if count == customers:
            break
        if since >= task.refresh:
            walk.starts[segments] = visits - 1
            segments += 1
            since = 0
            for f in range(hidden):
                average = mean[f] / np.float32(max(1, count))
                query[f] = average + heat.first[opening, f] + heat.last[node, f] + heat.depot[f]
        walk.segment[visits - 1] = segments - 1
        allowed = walk.allowed[visits - 1]
        column = -1
        if mark(task, node, load, rest, routes, taken, allowed):
            column = choose(heat.key[node], query, allowed, visits <= task.sampled, random)
            node = task.near[node, column]
        else:
            found = nearest(tree, node, taken, task.demand, task.capacity - load, stack)
            node = task.depot if found < 0 else found
        walk.column[visits - 1] = column
        if node == task.depot:
            routes += 1
    walk.filled[0], walk.filled[1] = visits, segments


class Code(NamedTuple):
    """Encoded paths."""

    weight: Float32  # (parts, width, hidden)
    value: Float32  # (parts, width, hidden)
    key: Float32  # (parts, width, hidden)
    detour: Float32  # (parts, width, hidden) keys of visits by way of the depot
    last: Float32  # (parts, width, hidden)
    end: Float32  # (parts, hidden)
    state: Float32  # (3, hidden) of what fits, of what fits at the end, of what is left
    bend: Float32  # (2, hidden) how the state changes the weight of savings in direct visits and in detours
    bend_bias: Float32  # (2,)
    sharpness: Float32  # (2 or 4,) of the context, of direct visits, of detours, of the savings these give up
    depot: bool


@allocating_fused
def attend(code: Code, p: int, at: int, apart: Float32, scale: np.float32, left: Bools, query: Float32) -> None:
    """Turn ``query`` into its gated mean over the nodes that are left."""
    hidden = query.size
    above, below = np.zeros(hidden, dtype=np.float32), np.zeros(hidden, dtype=np.float32)
    for j in range(left.size):
        if left[j]:
            near = np.exp(-code.sharpness[0] * scale * apart[at, j])
            for f in range(hidden):
                above[f] += near * code.value[p, j, f]
                below[f] += near * code.weight[p, j, f]
    for f in range(hidden):
        gate = np.float32(1.0) / (np.float32(1.0) + np.exp(-query[f]))
        query[f] = gate * above[f] / below[f]


@allocating_fused
def score(query: Float32, key: Float32, bias: float) -> float:
    """Return the clipped score of a visit."""
    total = -bias
    for f in range(query.size):
        total += query[f] * key[f]
    clipped: float = CLIP * np.tanh(total)
    return clipped


@allocating
def construct(
    code: Code,
    apart: Float32,
    home: Float32,
    demand: Int64,
    capacity: int,
    size: Int32,
    limits: Int64,
    order: Int32,
    via: Bools,
    chance: Float32,
) -> None:
    """Construct every path, the best score at each step; write positions and calls at the depot.

    Args:
        code: The encoded paths.
        apart: Distances, shape (parts, width, width).
        home: Distances to the depot, shape (parts, width).
        demand: Demand of each node of the paths, shape (parts, width).
        capacity: Most load of a route.
        size: Nodes of each path, shape (parts,).
        limits: As in ``Parts``, shape (parts, 3).
        order: Receives the old positions in the new order, shape (parts, width).
        via: Receives whether the depot is called at before each, shape (parts, width).
        chance: Receives the log-probability of each path, shape (parts,).
    """
    for p in range(size.size):
        m = size[p]
        left = np.ones(m, dtype=np.bool_)
        left[0] = False
        order[p, 0], order[p, m - 1] = 0, m - 1
        load, limit, called, at, total = demand[p, 0], limits[p, 0], False, 0, 0.0
        for step in range(1, m - 1):
            at, detour, gain = visit(
                code, p, at, apart[p], home[p], demand[p], limit - load, limits[p, 1], capacity, left
            )
            total += gain
            left[at] = False
            order[p, step], via[p, step] = at, detour
            if detour:
                load, limit, called = np.int64(0), np.int64(capacity), True
            load += demand[p, at]
        if m > 1:
            load += demand[p, m - 1]
            via[p, m - 1] = code.depot and load > (limits[p, 1] if called else limits[p, 2])
        chance[p] = total


@allocating
def visit(
    code: Code,
    p: int,
    at: int,
    apart: Float32,
    home: Float32,
    demand: Int64,
    room: int,
    end_limit: int,
    capacity: int,
    left: Bools,
) -> tuple[int, bool, float]:
    """Return the next position of path ``p``, whether the depot is called at before it, and its log-probability."""
    scale = np.float32(np.log2(np.float32(left.size)))
    query = code.last[p, at] + code.end[p]
    if code.depot:
        rest = (demand[: left.size] * left).sum()
        for k, load in enumerate((room, end_limit, rest)):
            query += np.float32(load / capacity) * code.state[k]
    attend(code, p, at, apart, scale, left, query)
    bend, bend_detour = np.float32(0.0), np.float32(0.0)
    if code.depot:
        bend = code.bend_bias[0] + (code.bend[0] * query).sum()
        bend_detour = code.bend_bias[1] + (code.bend[1] * query).sum() + code.sharpness[3]
    query /= np.sqrt(np.float32(query.size))
    best, value, detour, mass = -1, NEVER, False, 0.0
    for j in range(left.size - 1):
        if not left[j]:
            continue
        saving = scale * (home[at] + home[j] - apart[at, j])  # of Clarke and Wright
        if demand[j] <= room:
            rating = score(query, code.key[p, j], float(code.sharpness[1] * scale * apart[at, j])) + bend * saving
            mass += np.exp(np.float64(rating))
            if rating > value:
                best, value, detour = j, rating, False
        if code.depot:
            rating = score(query, code.detour[p, j], float(code.sharpness[2] * scale * apart[at, j]))
            rating -= bend_detour * saving
            mass += np.exp(np.float64(rating))
            if rating > value:
                best, value, detour = j, rating, True
    return best, detour, value - np.log(mass)
