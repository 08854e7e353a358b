"""Parts of a routing problem as problems of their own, and problems as PyVRP takes them."""

import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from copt.instances.routing_vrplib import VRPLIB
from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routes, Routing, costs

__all__ = ["cost_matrix", "has_pyvrp", "part_of", "pyvrp_data", "pyvrp_routes", "whole"]

SPAN = 10_000  # to which exact distances are scaled, for solvers that count in whole numbers
READ_BY_PYVRP = ("euc_2d", "ceil_2d", "exact")  # metrics; others go into a matrix, whose diagonal must be 0


def part_of(instance: Routing, nodes: IntArray, max_routes: int | None) -> Routing:
    """Return the problem of ``nodes`` only, in this order, the first of them the depot.

    A tour becomes a problem of routes without capacity.
    """
    coordinates, matrix = instance.coordinates, instance.matrix
    return replace(
        instance,
        coordinates=None if coordinates is None else coordinates[nodes],
        matrix=None if matrix is None else matrix[np.ix_(nodes, nodes)],
        demand=None if instance.demand is None else instance.demand[nodes],
        depot=0,
        max_routes=max_routes,
    )


def whole(instance: Routing) -> Routing:
    """Return the instance with costs in whole numbers, rounded to a ten-thousandth of the largest extent."""
    if instance.integral:
        return instance
    if instance.coordinates is None:
        assert instance.matrix is not None
        return replace(instance, matrix=np.rint(instance.matrix * SPAN / max(1e-9, instance.matrix.max())))
    span = max(1e-9, np.ptp(instance.coordinates, axis=0).max())
    return replace(instance, coordinates=instance.coordinates * SPAN / span, metric="euc_2d")


def cost_matrix(instance: Routing) -> FloatArray:
    """Return all costs, shape (nodes, nodes), none from a node to itself.

    Where routes are open, closed ones cost the same by it.
    """
    nodes = np.arange(instance.num_nodes)
    matrix = np.array(costs(instance, *np.meshgrid(nodes, nodes, indexing="ij")))
    np.fill_diagonal(matrix, 0.0)
    if instance.open_routes:
        matrix[:, instance.depot] = 0.0
    return matrix


def has_pyvrp() -> bool:
    """Return whether PyVRP is installed; it is optional, in the extra ``bench``."""
    return importlib.util.find_spec("pyvrp") is not None


def pyvrp_data(instance: Routing) -> Any:
    """Return the problem as PyVRP's ``ProblemData``, in whole numbers; clients are the customers in their order.

    Of a tour, node 0 becomes the depot of one route. One-way costs are kept; open routes cost a matrix.

    Raises:
        InvalidInstanceError: If a matrix is needed and there are more than 5,000 nodes.
    """
    import pyvrp

    if instance.coordinates is None or instance.open_routes or instance.metric not in READ_BY_PYVRP:
        instance = replace(instance, coordinates=None, matrix=cost_matrix(instance), metric="exact", open_routes=False)
    nodes = np.array([_home(instance), *_clients(instance)])  # PyVRP wants the depot first
    renumbered = part_of(whole(instance), nodes, 1 if instance.depot is None else instance.max_routes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "instance.vrp"
        path.write_text(VRPLIB.write(renumbered), encoding="utf-8")
        return pyvrp.read(path, round_func="round")


def pyvrp_routes(instance: Routing, solution: Any) -> Routes:
    """Return PyVRP's ``solution`` of ``pyvrp_data(instance)`` as routes."""
    clients = _clients(instance)  # PyVRP numbers them apart from the depot
    routes = [[int(clients[stop.idx]) for stop in route if stop.is_client()] for route in solution.routes()]
    if instance.depot is None:
        routes[0].insert(0, _home(instance))
    return Routes.from_lists(routes)


def _home(instance: Routing) -> int:
    return instance.depot or 0  # a tour is a route from node 0 without a capacity


def _clients(instance: Routing) -> IntArray:
    return np.delete(np.arange(instance.num_nodes), _home(instance))
