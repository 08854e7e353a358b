"""A zone cut out of routes, and put back: paths of its customers between ends that stay where they are."""

from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, Routing, costs

__all__ = ["NO_LIMIT", "Cut", "Path", "cut_out", "rejoin"]

NO_LIMIT = 2**62
FREE = -1  # where an open route ends

Path = list[int]  # stops by their numbers in the cut, the two ends included
Piece = list[int] | int  # nodes that stay as they are, or the number of a path


@dataclass(frozen=True, eq=False)
class Cut:
    """The customers of a zone on paths. Stops are numbered anew: the customers first, then two ends of each path.

    Args:
        nodes: Node of each stop, ``FREE`` for the end of an open route.
        cost: Cost from stop to stop: nothing to itself, to a free end, and from end to end of an empty route.
        demand: Demand of each stop, 0 for ends.
        paths: The paths as they were; the last one is empty if another route may begin.
        route: Route that each path belongs to.
        room: Demand that each route may carry on its paths.
        whole: Which paths are whole routes, so that their ends may change places with each other.
        frame: Each route as pieces.
    """

    nodes: IntArray  # (stops,)
    cost: FloatArray  # (stops, stops)
    demand: IntArray  # (stops,)
    paths: list[Path]
    route: IntArray  # (paths,)
    room: IntArray  # (routes,)
    whole: NDArray[np.bool_]  # (paths,)
    frame: list[list[Piece]]


@dataclass(frozen=True)
class _Run:
    """Customers of the zone that follow each other on a route, and the nodes around them."""

    route: int
    before: int
    customers: list[int]
    after: int
    whole: bool


def cut_out(instance: Routing, routes: Routes, zone: IntArray) -> Cut:
    """Cut the customers of ``zone`` out of ``routes``; a tour must have two nodes at least."""
    inside = np.zeros(instance.num_nodes, dtype=bool)
    inside[zone] = True
    runs: list[_Run] = []
    frame = [_pieces(instance, number, stops, inside, runs) for number, stops in enumerate(routes.to_lists())]
    count = len(frame)
    if instance.depot is not None and (instance.max_routes is None or count < instance.max_routes):
        frame.append([len(runs)])
        runs.append(_Run(count, instance.depot, [], FREE if instance.open_routes else instance.depot, True))
    customers = [node for run in runs for node in run.customers]
    nodes = np.array(customers + [end for run in runs for end in (run.before, run.after)])
    paths, done = [], 0
    for k, run in enumerate(runs):
        begin = len(customers) + 2 * k
        paths.append([begin, *range(done, done + len(run.customers)), begin + 1])
        done += len(run.customers)
    demand = np.where(np.arange(nodes.size) < len(customers), instance.demands[nodes], 0)
    whole = np.array([run.whole for run in runs], dtype=bool)
    cost = _costs(instance, nodes, np.array([[path[0], path[-1]] for path in paths])[whole])
    return Cut(
        nodes,
        cost,
        demand,
        paths,
        route=np.array([run.route for run in runs]),
        room=_room(instance, routes, inside, len(frame)),
        whole=whole,
        frame=frame,
    )


def rejoin(cut: Cut, paths: list[Path]) -> Routes:
    """Return the routes with ``paths`` in the places of those that were cut out."""
    lists = []
    for pieces in cut.frame:
        parts = [cut.nodes[paths[p][1:-1]].tolist() if isinstance(p, int) else p for p in pieces]
        lists.append([node for part in parts for node in part])
    return Routes.from_lists([route for route in lists if route])


def _pieces(
    instance: Routing, number: int, stops: list[int], inside: NDArray[np.bool_], runs: list[_Run]
) -> list[Piece]:
    """Return the pieces of a route, and append its runs."""
    pieces: list[Piece] = []
    if instance.depot is None:  # a tour begins at a node that stays: one outside of the zone if there is any
        turn = int(inside[stops].argmin())
        anchor, stops = stops[turn], stops[turn + 1 :] + stops[:turn]
        first = last = anchor
        pieces.append([anchor])
    else:
        first, last = instance.depot, FREE if instance.open_routes else instance.depot
    groups = [(taken, list(group)) for taken, group in groupby(stops, key=inside.tolist().__getitem__)]
    for k, (taken, group) in enumerate(groups):
        if not taken:
            pieces.append(group)
            continue
        before = groups[k - 1][1][-1] if k else first
        after = groups[k + 1][1][0] if k + 1 < len(groups) else last
        pieces.append(len(runs))
        runs.append(_Run(number, before, group, after, len(groups) == 1 and instance.depot is not None))
    return pieces


def _costs(instance: Routing, nodes: IntArray, whole: IntArray) -> FloatArray:
    """Return the costs between stops; ``whole`` holds the two ends of each whole route, shape (routes, 2)."""
    there = np.where(nodes == FREE, 0, nodes)
    cost = np.array(costs(instance, *np.meshgrid(there, there, indexing="ij")))
    np.fill_diagonal(cost, 0.0)
    cost[:, nodes == FREE] = 0.0
    cost[np.ix_(whole[:, 0], whole[:, 1])] = 0.0
    return cost


def _room(instance: Routing, routes: Routes, inside: NDArray[np.bool_], count: int) -> IntArray:
    room = np.full(count, NO_LIMIT if instance.capacity is None else int(instance.capacity))
    owner = np.repeat(np.arange(routes.offsets.size - 1), np.diff(routes.offsets))
    stays = ~inside[routes.nodes]
    np.subtract.at(room, owner[stays], instance.demands[routes.nodes[stays]])
    return room
