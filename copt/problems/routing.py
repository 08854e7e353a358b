"""Routing: travelling salesman (symmetric or not), capacitated vehicle routing, closed or open routes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.base import FloatArray, IntArray, Violation, as_integers, as_offsets, first_where

__all__ = ["FloatArray", "Metric", "Routes", "Routing", "check", "costs", "objective", "toy"]

Metric = Literal["exact", "euc_2d", "ceil_2d", "geo", "att"]

METRICS: tuple[Metric, ...] = ("exact", "euc_2d", "ceil_2d", "geo", "att")
MAX_MATRIX = 5_000  # nodes: beyond them a matrix would take more memory than all the rest
MAX_COST = 2**53  # whole numbers beyond are not exact in 64-bit floating point


@dataclass(frozen=True, eq=False, kw_only=True)
class Routing:
    """Nodes to be visited once each: by one closed tour, or by routes that start at a depot.

    Without a depot the solution is one tour of all nodes. With a depot every other node is a customer, and each
    route starts at the depot and, unless routes are open, ends there.

    Args:
        coordinates: Place of each node; None where a matrix is given.
        matrix: Cost from row to column, need not be symmetric; None where coordinates are given.
        metric: How coordinates become costs: ``exact`` Euclidean distances, or rounded as TSPLIB prescribes.
        depot: Node at which routes start, or None for a tour.
        demand: Demand of each node, 0 for the depot; None for none.
        capacity: Most demand on a route, or None for any.
        max_routes: Most routes, or None for any number.
        open_routes: Whether routes end at their last customer.
        name: Name for tables and files.

    Raises:
        InvalidInstanceError: If a field has the wrong shape, a value is out of range, a customer's demand exceeds
            the capacity, or a matrix has more than 5,000 rows.
    """

    family: ClassVar[str] = "routing"
    sign: ClassVar[int] = 1

    coordinates: FloatArray | None = None  # (nodes, 2)
    matrix: FloatArray | None = None  # (nodes, nodes)
    metric: Metric = "exact"
    depot: int | None = None
    demand: IntArray | None = None  # (nodes,)
    capacity: int | None = None
    max_routes: int | None = None
    open_routes: bool = False
    name: str = "unnamed"

    def __post_init__(self) -> None:
        if (self.coordinates is None) == (self.matrix is None):
            raise InvalidInstanceError("give coordinates or a matrix, one of the two")
        if self.coordinates is not None:
            object.__setattr__(self, "coordinates", _table("coordinates", self.coordinates, columns=2))
        else:
            object.__setattr__(self, "matrix", _table("matrix", self.matrix))
            _check_matrix(self.matrix)
        if self.metric not in METRICS:
            raise InvalidInstanceError(f"unknown metric {self.metric!r}; choose one of: {', '.join(METRICS)}")
        if self.num_nodes < 1 + (self.depot is not None):
            raise InvalidInstanceError(f"an instance needs a node to visit, got {self.num_nodes} nodes in all")
        self._check_depot()
        if self.demand is not None:
            object.__setattr__(self, "demand", as_integers("demand", self.demand))
            self._check_demand()

    def _check_depot(self) -> None:
        if self.depot is None:
            for field in ("demand", "capacity", "max_routes"):
                if getattr(self, field) is not None:
                    raise InvalidInstanceError(f"{field} needs a depot; pass depot=")
            if self.open_routes:
                raise InvalidInstanceError("open_routes needs a depot; pass depot=")
        elif not 0 <= self.depot < self.num_nodes:
            raise InvalidInstanceError(f"depot = {self.depot} is no node; they count from 0 to {self.num_nodes - 1}")
        for field in ("capacity", "max_routes"):
            value = getattr(self, field)
            if value is not None and not (isinstance(value, (int, np.integer)) and value > 0):
                raise InvalidInstanceError(f"{field} must be a positive whole number, got {value!r}")

    def _check_demand(self) -> None:
        demand = self.demands
        if demand.size != self.num_nodes:
            raise InvalidInstanceError(f"demand has {demand.size} entries for {self.num_nodes} nodes")
        if self.depot is not None and demand[self.depot] != 0:
            raise InvalidInstanceError(f"demand[{self.depot}] = {demand[self.depot]}, but the depot has none; put 0")
        if self.capacity is not None:
            heavy = first_where(demand > self.capacity)
            if heavy is not None:
                raise InvalidInstanceError(f"demand[{heavy}] = {demand[heavy]} exceeds capacity = {self.capacity}")
            if self.max_routes is not None and demand.sum() > self.capacity * self.max_routes:
                raise InvalidInstanceError(
                    f"demand of {demand.sum()} does not fit max_routes = {self.max_routes} of capacity {self.capacity}"
                )

    @property
    def num_nodes(self) -> int:
        """Number of nodes, the depot included."""
        return len(self.matrix if self.coordinates is None else self.coordinates)  # type: ignore[arg-type]

    @property
    def dimensions(self) -> str:
        """Number of nodes to visit, for tables."""
        return str(self.customers.size)

    @property
    def customers(self) -> IntArray:
        """The nodes to visit."""
        nodes = np.arange(self.num_nodes)
        return nodes if self.depot is None else np.delete(nodes, self.depot)

    @property
    def demands(self) -> IntArray:
        """Demand of each node, zeros where none is given."""
        return np.zeros(self.num_nodes, dtype=np.int64) if self.demand is None else self.demand

    @property
    def integral(self) -> bool:
        """Whether all costs are whole numbers."""
        if self.matrix is not None:
            return bool((self.matrix == np.floor(self.matrix)).all())
        return self.metric != "exact"

    @property
    def symmetric(self) -> bool:
        """Whether the way back costs the same."""
        return self.matrix is None or bool((self.matrix == self.matrix.T).all())


def _table(field: str, values: Any, *, columns: int | None = None) -> FloatArray:
    """Return ``values`` as a read-only table of finite numbers, square if ``columns`` is None."""
    try:
        table = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInstanceError(f"{field} must be a table of numbers") from None
    wanted = f"(nodes, {columns or 'nodes'})"
    if table.ndim != 2 or table.shape[1] != (columns or table.shape[0]):
        raise InvalidInstanceError(f"{field} must have shape {wanted}, got {table.shape}")
    wrong = first_where(~np.isfinite(table.sum(axis=1)))
    if wrong is not None:
        raise InvalidInstanceError(f"{field}[{wrong}] = {table[wrong]} must be finite")
    if table.size and np.abs(table).max() * max(1, len(table)) > MAX_COST:
        raise InvalidInstanceError(f"{field} holds {np.abs(table).max():g}, too large for exact sums; scale it down")
    table.setflags(write=False)
    return table


def _check_matrix(matrix: FloatArray | None) -> None:
    assert matrix is not None
    if len(matrix) > MAX_MATRIX:
        raise InvalidInstanceError(f"matrix has {len(matrix)} rows, over {MAX_MATRIX}; give coordinates instead")
    below = np.argwhere(matrix < 0)
    if below.size:
        i, j = below[0]
        raise InvalidInstanceError(f"matrix[{i}, {j}] = {matrix[i, j]:g} is below 0; add a constant to all costs")


@dataclass(frozen=True, eq=False)
class Routes:
    """The customers in the order of their visits, route by route; a tour is one route.

    Route ``r`` visits ``nodes[offsets[r]]`` to ``nodes[offsets[r + 1] - 1]``.
    """

    nodes: IntArray  # (visits,)
    offsets: IntArray  # (routes + 1,)

    def __post_init__(self) -> None:
        nodes = as_integers("nodes", self.nodes, minimum=None, error=InvalidSolutionError)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "offsets", as_offsets("offsets", self.offsets, nodes.size, InvalidSolutionError))

    @classmethod
    def from_lists(cls, routes: Iterable[Sequence[int]]) -> Self:
        """Build a solution from one list of customers a route."""
        lists = [list(route) for route in routes]
        return cls(np.array([c for route in lists for c in route]), np.cumsum([0] + [len(route) for route in lists]))

    def to_lists(self) -> list[list[int]]:
        """Return one list of customers a route."""
        return [part.tolist() for part in np.split(self.nodes, self.offsets[1:-1])]


def costs(instance: Routing, origin: Any, target: Any) -> FloatArray:
    """Return the cost from each of ``origin`` to each of ``target``, arrays of nodes of one shape.

    The rounding rules are those of TSPLIB (Reinelt 1991), with its value of pi and its mean radius of the earth.
    """
    origin, target = np.asarray(origin, dtype=np.int64), np.asarray(target, dtype=np.int64)
    if instance.coordinates is None:
        assert instance.matrix is not None
        given: FloatArray = instance.matrix[origin, target]
        return given
    if instance.metric == "geo":
        return _geographical(instance.coordinates, origin, target)
    delta = instance.coordinates[origin] - instance.coordinates[target]
    length: FloatArray = np.sqrt((delta * delta).sum(axis=-1) / (10.0 if instance.metric == "att" else 1.0))
    rounded: FloatArray = np.floor(length + 0.5)
    match instance.metric:
        case "exact":
            return length
        case "euc_2d":
            return rounded
        case "ceil_2d":
            return np.asarray(np.ceil(length))
        case "att":
            return np.where(rounded < length, rounded + 1.0, rounded)


def _geographical(coordinates: FloatArray, origin: IntArray, target: IntArray) -> FloatArray:
    """Coordinates are DDD.MM: degrees and minutes of latitude and longitude."""
    degrees = np.trunc(coordinates)
    radians = 3.141592 * (degrees + 5.0 * (coordinates - degrees) / 3.0) / 180.0
    latitude, longitude = radians[:, 0], radians[:, 1]
    q1 = np.cos(longitude[origin] - longitude[target])
    q2 = np.cos(latitude[origin] - latitude[target])
    q3 = np.cos(latitude[origin] + latitude[target])
    angle = np.arccos(np.clip(0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3), -1.0, 1.0))
    return np.where(origin == target, 0.0, np.trunc(6378.388 * angle + 1.0))


def objective(instance: Routing, solution: Routes) -> float:
    """Return the cost of ``solution``, a whole number where all costs are."""
    total = 0.0
    if solution.nodes.size:
        owner = np.repeat(np.arange(solution.offsets.size - 1), np.diff(solution.offsets))
        inner = owner[1:] == owner[:-1]
        total = float(costs(instance, solution.nodes[:-1][inner], solution.nodes[1:][inner]).sum())
        filled = np.diff(solution.offsets) > 0
        first = solution.nodes[solution.offsets[:-1][filled]]
        last = solution.nodes[solution.offsets[1:][filled] - 1]
        if instance.depot is None:
            total += float(costs(instance, last, first).sum())
        else:
            depot = np.full_like(first, instance.depot)
            total += float(costs(instance, depot, first).sum())
            total += 0.0 if instance.open_routes else float(costs(instance, last, depot).sum())
    return int(total) if instance.integral else total


def check(instance: Routing, solution: Routes) -> list[Violation]:
    """Return every kind of constraint that ``solution`` breaks, each with its first offender."""
    nodes, sizes = solution.nodes, np.diff(solution.offsets)
    strange = first_where((nodes < 0) | (nodes >= instance.num_nodes) | (nodes == instance.depot))
    if strange is not None:
        return [Violation("visits", f"visit {strange} is to {nodes[strange]}, which is no customer")]
    found = []
    visits = np.bincount(nodes, minlength=instance.num_nodes)[instance.customers]
    wrong = first_where(visits != 1)
    if wrong is not None:
        found.append(
            Violation("visits", f"node {instance.customers[wrong]} is visited {visits[wrong]} times, not once")
        )
    empty = first_where(sizes == 0)
    if empty is not None:
        found.append(Violation("routes", f"route {empty} is empty"))
    most = 1 if instance.depot is None else instance.max_routes
    if most is not None and sizes.size > most:
        found.append(Violation("routes", f"there are {sizes.size} routes, at most {most} are allowed"))
    if instance.capacity is not None:
        load = np.add.reduceat(np.append(instance.demands[nodes], 0), solution.offsets[:-1]) * (sizes > 0)
        heavy = first_where(load > instance.capacity)
        if heavy is not None:
            found.append(Violation("capacity", f"route {heavy} carries {load[heavy]}, over {instance.capacity}"))
    return found


def toy() -> Routing:
    """Return six customers around a depot, capacity 3, whose optimal cost is 36: two clusters of three, 18 each."""
    right = [(4, 0), (4, 3), (8, 3)]
    points = [(0, 0), *right, *[(-x, -y) for x, y in right]]
    return Routing(
        coordinates=np.array(points, dtype=np.float64),
        metric="euc_2d",
        depot=0,
        demand=np.array([0, 1, 1, 1, 1, 1, 1]),
        capacity=3,
        name="toy-routing",
    )
