"""Random routing problems: tours, the recipe of the X set, and the sets of neural solvers. One seed, one instance."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from copt.errors import CoptError
from copt.problems.base import IntArray
from copt.problems.routing import FloatArray, Routing

__all__ = ["GENERATORS", "clustered_tour", "neural_cvrp", "neural_tsp", "uniform_tour", "x_routing"]

Depot = Literal["centre", "corner", "random"]
Places = Literal["random", "clustered", "mixed"]
Demands = Literal["unit", "1-10", "5-10", "1-100", "50-100", "quadrant", "many-small"]

GRID = 1000  # side of the square of the X set
SPREAD = 40.0  # how far a cluster of the X set attracts customers
RANGES = {"unit": (1, 1), "1-10": (1, 10), "5-10": (5, 10), "1-100": (1, 100), "50-100": (50, 100)}
LARGEST = 1_000_000


def _checked(field: str, count: int, seed: int) -> np.random.Generator:
    if not 1 <= count <= LARGEST:
        raise CoptError(f"{field} must be from 1 to {LARGEST}, got {count}")
    if seed < 0:
        raise CoptError(f"seed must be at least 0, got {seed}")
    return np.random.default_rng(seed)


def uniform_tour(*, nodes: int, seed: int = 0, side: int = 1_000_000) -> Routing:
    """Return a travelling salesman problem with nodes uniform on a square, as the E instances of the DIMACS challenge.

    Args:
        nodes: Number of nodes.
        seed: Seed of every random choice.
        side: Side of the square; coordinates are whole numbers.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked("nodes", nodes, seed)
    points = rng.integers(0, side, (nodes, 2))
    return Routing(coordinates=points.astype(np.float64), metric="euc_2d", name=f"uniform-tour-{nodes}-{seed}")


def clustered_tour(*, nodes: int, seed: int = 0, side: int = 1_000_000, size: int = 100) -> Routing:
    """Return a travelling salesman problem with normal clusters, as the C instances of the DIMACS challenge.

    Args:
        nodes: Number of nodes.
        seed: Seed of every random choice.
        side: Side of the square that the clusters' centres lie in.
        size: Nodes of a cluster on average.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked("nodes", nodes, seed)
    if size < 1:
        raise CoptError(f"size must be at least 1, got {size}")
    centres = rng.integers(0, side, (max(1, nodes // size), 2))
    points = centres[rng.integers(len(centres), size=nodes)] + rng.normal(0.0, side / math.sqrt(nodes), (nodes, 2))
    return Routing(coordinates=np.rint(points), metric="euc_2d", name=f"clustered-tour-{nodes}-{seed}")


def x_routing(
    *,
    customers: int,
    seed: int = 0,
    depot: Depot = "random",
    places: Places = "mixed",
    demands: Demands = "1-100",
    route_size: float = 10.0,
) -> Routing:
    """Return a capacitated problem by the recipe of the X set (Uchoa et al. 2017, section 3).

    Args:
        customers: Number of customers.
        seed: Seed of every random choice.
        depot: Where the depot lies: in the centre, in a corner, or at random.
        places: Where customers lie: at random, in clusters, or half of each.
        demands: Their demands: one of the ranges; by the quadrant; or many small and few large ones.
        route_size: Customers of a route that is full, on average.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked("customers", customers, seed)
    if not route_size >= 1.0:
        raise CoptError(f"route_size must be at least 1, got {route_size}")
    corner = {"centre": np.full(2, GRID // 2), "corner": np.zeros(2, dtype=np.int64)}
    home = corner[depot] if depot in corner else rng.integers(0, GRID, 2, endpoint=True)
    scattered = {"random": customers, "clustered": 0, "mixed": customers // 2}[places]
    points = rng.integers(0, GRID, (scattered, 2), endpoint=True).astype(np.float64)
    if scattered < customers:
        points = np.concatenate([points, _clustered(rng, customers - scattered)])
    demand = _demands(rng, demands, points)
    capacity = max(int(demand.max()), math.ceil(route_size * demand.sum() / customers))
    return Routing(
        coordinates=np.concatenate([home[None], points]),
        metric="euc_2d",
        depot=0,
        demand=np.concatenate([[0], demand]),
        capacity=capacity,
        name=f"x-{customers}-{seed}",
    )


def _clustered(rng: np.random.Generator, count: int) -> FloatArray:
    """Return points around three to eight seeds, accepted by their nearness to all of them."""
    seeds = rng.integers(0, GRID, (min(count, int(rng.integers(3, 8, endpoint=True))), 2), endpoint=True)
    found, missing = [seeds], count - len(seeds)
    while missing > 0:
        points = rng.integers(0, GRID, (4096, 2), endpoint=True)
        apart = np.linalg.norm(points[:, None] - seeds[None], axis=-1)
        taken = points[rng.random(len(points)) < np.exp(-apart / SPREAD).sum(axis=1)][:missing]
        found.append(taken)
        missing -= len(taken)
    return np.concatenate(found)


def _demands(rng: np.random.Generator, kind: Demands, points: FloatArray) -> IntArray:
    count = len(points)
    if kind == "quadrant":
        even = (points[:, 0] < GRID / 2) == (points[:, 1] < GRID / 2)
        return np.where(even, rng.integers(51, 101, count), rng.integers(1, 51, count))
    if kind == "many-small":
        large = rng.random(count) > rng.uniform(0.7, 0.95)
        return np.where(large, rng.integers(50, 101, count), rng.integers(1, 11, count))
    return rng.integers(*RANGES[kind], count, endpoint=True)


def neural_tsp(*, nodes: int, seed: int = 0) -> Routing:
    """Return a tour through points uniform on the unit square, exact distances (Kool et al. 2019).

    Args:
        nodes: Number of nodes.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked("nodes", nodes, seed)
    return Routing(coordinates=rng.random((nodes, 2)), name=f"neural-tsp-{nodes}-{seed}")


def neural_cvrp(*, customers: int, seed: int = 0, capacity: int | None = None) -> Routing:
    """Return a capacitated problem on the unit square, exact distances, demands of 1 to 9 (Kool et al. 2019).

    Args:
        customers: Number of customers.
        seed: Seed of every random choice.
        capacity: Capacity of a route; by default 50 up to 100 customers, 100 up to 500, 200 up to 1000, and 300
            (Zheng et al. 2024).

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = _checked("customers", customers, seed)
    if capacity is None:
        capacity = 50 if customers <= 100 else 100 if customers <= 500 else 200 if customers <= 1000 else 300
    return Routing(
        coordinates=rng.random((customers + 1, 2)),
        depot=0,
        demand=np.concatenate([[0], rng.integers(1, 10, customers)]),
        capacity=capacity,
        name=f"neural-cvrp-{customers}-{seed}",
    )


GENERATORS: dict[str, Callable[..., Routing]] = {
    "tour": uniform_tour,
    "clustered-tour": clustered_tour,
    "x": x_routing,
    "neural-tsp": neural_tsp,
    "neural-cvrp": neural_cvrp,
}
