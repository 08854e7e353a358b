"""Divide, conquer, reunite with learned networks (Zheng et al., NeurIPS 2024, UDC): the reference arm for routing.

A graph network gives edges their heat, sequences of customers are decoded from it and cut into short paths, and a
second network constructs each path anew between its ends. Better ones are kept, the cuts move, and it starts again.
Everything is linear in the number of customers.
"""

from collections.abc import Callable, Mapping

import numpy as np

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing, objective
from copt.solvers.randomness import random_state
from copt.solvers.routing.cost_kernels import Float32
from copt.solvers.routing.nearest import tree_of
from copt.solvers.routing.udc_graph import Graph, encode_paths, graph_of, heat_of
from copt.solvers.routing.udc_kernels import Task, Walk, construct, decode
from copt.solvers.routing.udc_paths import (
    Parts,
    Sequence,
    by_angle,
    capacity_of,
    cut,
    frames_of,
    mirrored,
    part_costs,
    routes_of,
    sequence_of,
)

__all__ = ["Conqueror", "Divider", "even_bounds", "heat_order", "sequence_of_walk", "settings_of", "udc_search"]

STARTS = 8  # decoded sequences of which the best is improved
CHUNK = 256  # paths that are encoded at once
EPSILON = 1e-9  # relative gain below which two paths cost the same


class Divider:
    """A problem with its heat, from which any number of sequences can be decoded.

    Args:
        instance: A problem with coordinates.
        weights: Parameters by name, as ``copt.models.routing_udc.UdcNet`` stores them.
        neighbours: Edges of each node.
        part: Customers after which a new heat map is decoded.
    """

    def __init__(self, instance: Routing, weights: Mapping[str, Float32], neighbours: int, part: int) -> None:
        self.instance = instance
        self.graph: Graph = graph_of(instance, neighbours)
        self._heat = heat_of(self.graph, instance.depot, weights)
        self._tree = tree_of(self.graph.space)
        self._part = part
        demand = instance.demands
        least = -(-int(demand.sum()) // capacity_of(instance)) + 1
        self._vehicles = least if instance.max_routes is None else min(least, instance.max_routes)

    def walk(self, rng: np.random.Generator, *, sample: bool = False) -> Walk:
        """Return one decoded sequence and the choices behind it.

        Args:
            rng: Where the sequence of a tour starts, and every other random choice.
            sample: Sample every choice; otherwise the hottest edges are taken, in routes after two random choices.
        """
        instance, near = self.instance, self.graph.near
        n, home = instance.num_nodes, instance.depot
        task = Task(
            near=near,
            demand=np.array(instance.demands),
            capacity=capacity_of(instance),
            depot=-1 if home is None else home,
            vehicles=self._vehicles,
            start=int(rng.integers(n)) if home is None else home,
            refresh=self._part,
            sampled=2 * n if sample else 0 if home is None else 2,
        )
        columns = [np.zeros(2 * n, dtype=np.int32) for _ in range(4)]
        walk = Walk(
            sequence=columns[0],
            column=columns[1],
            allowed=np.zeros((2 * n, near.shape[1]), dtype=np.bool_),
            segment=columns[2],
            starts=columns[3],
            filled=np.zeros(2, dtype=np.int32),
        )
        tree = self._tree._replace(left=self._tree.left.copy())
        decode(task, self._heat, tree, random_state(int(rng.integers(2**63))), walk)
        visits, segments = walk.filled.tolist()
        return walk._replace(
            sequence=walk.sequence[:visits],
            column=walk.column[: visits - 1],
            allowed=walk.allowed[: visits - 1],
            segment=walk.segment[: visits - 1],
            starts=walk.starts[:segments],
        )


def sequence_of_walk(instance: Routing, walk: Walk) -> Sequence:
    """Return the customers of a decoded walk."""
    nodes = walk.sequence.astype(np.int64)
    if instance.depot is None:
        return Sequence(nodes, np.zeros(nodes.size, dtype=np.bool_))
    place = np.flatnonzero(nodes != instance.depot)
    return Sequence(nodes[place], nodes[place - 1] == instance.depot)


def even_bounds(count: int, part: int) -> IntArray:
    """Return where to cut ``count`` customers into equal parts of at most ``part``, shape (parts + 1,)."""
    parts = -(-count // part)
    return np.arange(parts + 1) * count // parts


class Conqueror:
    """Improves parts of solutions with the conquering net.

    Args:
        instance: A problem with coordinates.
        policy: A policy trained by ``copt train routing-udc`` for this kind of problem.
        until: Asked between bundles of parts; True leaves the rest of a round as it is.

    Raises:
        CoptError: If the policy is of another kind, or the problem has no coordinates or open routes.
    """

    def __init__(self, instance: Routing, policy: Policy, until: Callable[[], bool] = lambda: False) -> None:
        _, self.part = settings_of(instance, policy)
        self._instance, self._weights, self._until = instance, policy.weights, until

    def path(self, nodes: IntArray) -> IntArray:
        """Return a better order of consecutive nodes of a tour, or the same; the first and the last stay.

        Raises:
            CoptError: If there is a depot.
        """
        if self._instance.depot is not None:
            raise CoptError(f"{self._instance.name} has a depot; pass whole routes to Conqueror.routes")
        sequence = Sequence(nodes, np.zeros(nodes.size, dtype=np.bool_))
        return self._improved(sequence, even_bounds(nodes.size, self.part)).nodes

    def routes(self, routes: Routes, shift: int = 0) -> Routes:
        """Return better routes for the same customers, or the same; for a tour, a better tour.

        Args:
            routes: All routes, or only those of a zone.
            shift: Customers by which the cuts are moved.
        """
        return routes_of(self.sequence(sequence_of(self._instance, routes), shift))

    def sequence(self, sequence: Sequence, shift: int) -> Sequence:
        """Return the sequence, its routes sorted by angle, after one round on cuts moved by ``shift``."""
        turned = by_angle(self._instance, sequence).rolled(shift)
        return self._improved(turned, even_bounds(turned.nodes.size, self.part)).rolled(-shift)

    def _improved(self, sequence: Sequence, bounds: IntArray) -> Sequence:
        parts = cut(self._instance, sequence, bounds)
        best, nodes, via = part_costs(self._instance, parts), parts.nodes.copy(), parts.via.copy()
        for side in (parts, mirrored(parts)):
            made = self._constructed(side)
            cost = part_costs(self._instance, made)
            better = cost < best - EPSILON * np.abs(best)
            if self._instance.max_routes is not None:
                better &= made.via[:, 1:].sum(axis=1) <= parts.via[:, 1:].sum(axis=1)
            if side is not parts:
                made = mirrored(made)
            nodes[better], best[better] = made.nodes[better], cost[better]
            via[better, 1:] = made.via[better, 1:]
        inside = np.arange(parts.nodes.shape[1]) < parts.size[:, None]
        return Sequence(nodes[inside], via[inside])

    def _constructed(self, parts: Parts) -> Parts:
        """Return what the conquering net makes of the parts."""
        order = np.tile(np.arange(parts.nodes.shape[1], dtype=np.int32), (len(parts.nodes), 1))
        via = parts.via.copy()
        inside = np.arange(parts.nodes.shape[1]) < parts.size[:, None]
        demand = self._instance.demands[parts.nodes]
        for begin in range(0, len(order), CHUNK):
            if self._until():
                break
            some = slice(begin, begin + CHUNK)
            chunk = parts.rows(some)
            frames = frames_of(self._instance, chunk)
            code = encode_paths(frames, chunk.size, self._weights)
            chance = np.empty(len(chunk.size), dtype=np.float32)
            via[some] = False
            construct(
                code,
                frames.apart,
                frames.home,
                demand[some],
                capacity_of(self._instance),
                chunk.size,
                chunk.limits,
                order[some],
                via[some],
                chance,
            )
        order = np.where(inside, order, parts.size[:, None] - 1)
        return parts.reordered(order, via & inside)


def settings_of(instance: Routing, policy: Policy) -> tuple[int, int]:
    """Return the neighbours of a node and the size of a part that ``policy`` was trained with.

    Raises:
        CoptError: If the policy does not fit the problem.
    """
    if instance.coordinates is None or instance.open_routes:
        what = "a matrix" if instance.coordinates is None else "open routes"
        raise CoptError(f"{instance.name} has {what}; UDC needs coordinates and closed routes, pass policy=None")
    problem = "tsp" if instance.depot is None else "cvrp"
    card = policy.card
    if (card.get("role"), card.get("problem")) != ("udc", problem):
        raise CoptError(
            f"policy '{policy.name}' is no UDC policy for {problem}; take routing-udc-{problem}-v1 or train one with "
            f"`copt train routing-udc --problem {problem}`"
        )
    arguments = card["arguments"]
    return int(arguments["neighbours"]), int(arguments["part"])


def heat_order(instance: Routing, policy: Policy, rng: np.random.Generator) -> IntArray:
    """Return the customers in the order of a sequence decoded from the heat map, shape (customers,).

    Raises:
        CoptError: If the policy does not fit the problem.
    """
    divider = Divider(instance, policy.weights, *settings_of(instance, policy))
    return sequence_of_walk(instance, divider.walk(rng)).nodes


def first_sequence(divider: Divider, starts: int, rng: np.random.Generator, until: Callable[[], bool]) -> Sequence:
    """Return the best of ``starts`` decoded sequences, of fewer if ``until`` holds between two.

    Raises:
        CoptError: If all have too many routes.
    """
    instance = divider.instance
    most = instance.max_routes or instance.customers.size
    made = [sequence_of_walk(instance, divider.walk(rng))]
    while len(made) < starts and not until():
        made.append(sequence_of_walk(instance, divider.walk(rng)))
    able = [sequence for sequence in made if sequence.via.sum() <= most]
    if not able:
        raise CoptError(f"the heat map found no {most} routes for {instance.name}; pass policy=None or a start")
    return min(able, key=lambda sequence: objective(instance, routes_of(sequence)))


def udc_search(instance: Routing, monitor: Monitor, policy: Policy, seed: int, starts: int = STARTS) -> None:
    """Search with both networks until the monitor says stop; a move is one round over all parts.

    Args:
        instance: A problem with coordinates and closed routes.
        monitor: Hears of every better solution.
        policy: A policy trained by ``copt train routing-udc`` for this kind of problem.
        seed: Seed of starts and cuts.
        starts: Decoded sequences of which the best is improved.

    Raises:
        CoptError: If the policy does not fit the problem, or no start has few enough routes.
    """

    def until() -> bool:
        return monitor.reason() is not None

    conqueror, rng = Conqueror(instance, policy, until), np.random.default_rng(seed)
    divider = Divider(instance, policy.weights, *settings_of(instance, policy))
    sequence = first_sequence(divider, starts, rng, until)
    rounds = 0
    while True:
        routes = routes_of(sequence)
        monitor.offer(objective(instance, routes), routes, "udc")
        limit = monitor.stop.moves
        if monitor.reason() is not None or (limit is not None and rounds >= limit):
            return
        half = conqueror.part // 2
        shift = (half, 2 * half)[rounds] if rounds < 2 else int(rng.integers(1, conqueror.part + 1))
        sequence = conqueror.sequence(sequence, shift)
        rounds += 1
