"""Candidate edges: which of its near nodes a search tries to bring beside a node.

A graph network sees every node with its near ones, and scores each of these edges for being part of a very good
solution; the best ranked ones become the candidates. ``copt.models.routing_candidates`` is the same network in torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from copt.errors import CoptError
from copt.policy import Policy
from copt.problems.routing import FloatArray, Routing
from copt.solvers.routing.cost_kernels import Float32, Int32
from copt.solvers.routing.graph_net import Weights, blocks, embed, mlp
from copt.solvers.routing.route_kernels import Int64

__all__ = ["Candidates", "NearGraph", "candidates_of", "chosen", "near_graph", "opposite", "scores_of"]

LOCAL = 5  # nearest nodes whose mean distance is the unit of length about a node
TINY = 1e-9  # shortest unit, in means of all

Scorer = Callable[[Routing, Int32], Float32]  # from lists of near nodes, (nodes, neighbours), to as many scores


class NearGraph(NamedTuple):
    """What the network sees: numbers that units and size of a problem do not change."""

    nodes: Float32  # (nodes, features)
    near: Int32  # (nodes, neighbours)
    edges: Float32  # (nodes, neighbours, features)
    back: Int64  # (nodes, neighbours) number of the same edge in the other direction, -1 where it is not listed


@dataclass(frozen=True)
class Candidates:
    """How candidates are chosen, and how many.

    Args:
        score: Scores near nodes; a larger score is better.
        neighbours: Near nodes of each that are scored.
        width: Candidates of each node.
        exchange: How many of these local search of routes looks at, the best ranked ones.
    """

    score: Scorer
    neighbours: int
    width: int
    exchange: int

    def of(self, instance: Routing, near: Int32) -> Int32:
        """Return the candidates of each node among ``near``, nearest first but for those of ``exchange`` in front."""
        listed = near[:, : self.neighbours]
        return chosen(listed, self.score(instance, listed), self.exchange, self.width)


def chosen(near: Int32, scores: Float32, *counts: int) -> Int32:
    """Return the best-scored columns of ``near`` up to each of the rising ``counts``, each group nearest first.

    Args:
        near: Near nodes of each, nearest first, shape (nodes, neighbours).
        scores: Their scores, of the same shape.
        counts: How many are in the groups up to each; the last one is the number of columns returned, if there are
            so many.
    """
    ranked = np.argsort(-scores, axis=1, kind="stable")
    groups = [np.sort(ranked[:, begin:end], axis=1) for begin, end in zip((0, *counts[:-1]), counts, strict=True)]
    result: Int32 = np.take_along_axis(near, np.concatenate(groups, axis=1), axis=1)
    return np.ascontiguousarray(result)


def candidates_of(instance: Routing, policy: Policy) -> Candidates:
    """Return how ``policy`` chooses candidates for ``instance``.

    Raises:
        CoptError: If the policy does not fit the problem.
    """
    problem = "tsp" if instance.depot is None else "cvrp"
    if instance.coordinates is None:
        raise CoptError(f"{instance.name} has a matrix; candidates are learned from coordinates, pass policy=None")
    card = policy.card
    if (card.get("role"), card.get("problem")) != ("candidates", problem):
        raise CoptError(
            f"policy '{policy.name}' chooses no candidates for {problem}; take routing-candidates-{problem}-v1 or "
            f"train one with `copt train routing-candidates --problem {problem}`"
        )
    return Candidates(partial(scores_of, policy.weights), card["neighbours"], card["width"], card["exchange"])


def scores_of(weights: Weights, instance: Routing, near: Int32) -> Float32:
    """Return the network's score of each edge to a near node: the mean of both directions where both are listed.

    Args:
        weights: Parameters by name, as ``copt.models.routing_candidates.CandidateNet`` stores them.
        instance: A problem with coordinates.
        near: Near nodes of each, nearest first, shape (nodes, neighbours).
    """
    graph = near_graph(instance, near)
    _, e = embed(graph.nodes, graph.near, graph.edges, weights, "net")
    score = np.empty(near.shape, dtype=np.float32)
    for block in blocks(len(near)):
        score[block] = mlp(weights, "net.score", e[block])[:, :, 0]
    both = np.float32(0.5) * (score + score.ravel()[graph.back])
    return np.where(graph.back >= 0, both, score)


def opposite(near: Int32) -> Int64:
    """Return where each edge is listed in the other direction, as a place in the flattened lists, or -1."""
    n, k = near.shape
    node, other = np.repeat(np.arange(n), k), near.ravel().astype(np.int64)
    key, wanted = node * n + other, other * n + node
    order = np.argsort(key)
    place = order[np.minimum(np.searchsorted(key, wanted, sorter=order), key.size - 1)]
    return np.where(key[place] == wanted, place, -1).reshape(n, k)


def near_graph(instance: Routing, near: Int32) -> NearGraph:
    """Return what the network sees of a problem with coordinates.

    Lengths are compared with those about a node, ranks count the near nodes of each of both ends; nodes of routes see
    their demand and where the depot is, edges what share of the way by the depot they are.

    Args:
        instance: The problem.
        near: Near nodes of each, nearest first, shape (nodes, neighbours).
    """
    assert instance.coordinates is not None
    points, back = instance.coordinates, opposite(near)
    n, k = near.shape
    delta = points[near] - points[:, None]
    length = np.linalg.norm(delta, axis=2)
    local = length[:, :LOCAL].mean(axis=1)
    local = np.maximum(local, TINY * max(float(local.mean()), TINY))
    rank = np.broadcast_to(np.arange(k) / k, (n, k))
    edges = [
        np.log1p(length / local[:, None]),
        np.log1p(length / local[near]),
        *np.moveaxis(delta / np.maximum(length, TINY * local[:, None])[:, :, None], 2, 0),
        rank,
        np.where(back >= 0, back % k / k, 1.0),
    ]
    nodes = [np.log(local / local.mean())]
    if instance.depot is not None:
        more_nodes, more_edges = _seen_from_depot(instance, near, length, local)
        nodes, edges = nodes + more_nodes, edges + more_edges
    features = (np.stack(values, axis=-1).astype(np.float32) for values in (nodes, edges))
    return NearGraph(next(features), near, next(features), back)


def _seen_from_depot(
    instance: Routing, near: Int32, length: FloatArray, local: FloatArray
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return further features of nodes and of edges where routes start at a depot."""
    assert instance.coordinates is not None
    away = instance.coordinates - instance.coordinates[instance.depot]
    radius = np.linalg.norm(away, axis=1)
    unit = away / np.maximum(radius, TINY * local)[:, None]
    demand = instance.demands.astype(np.float64)
    capacity = float(instance.capacity or max(1.0, demand.sum()))
    route = np.full(len(local), np.log(capacity / max(TINY, float(demand[instance.customers].mean()))))
    nodes = [demand / capacity, route, np.log1p(radius / local), radius / max(TINY, float(radius.mean())), *unit.T]
    by_depot = radius[:, None] + radius[near]
    edges = [length / np.maximum(by_depot, TINY * local[:, None]), (unit[:, None] * unit[near]).sum(axis=2)]
    return nodes, edges
