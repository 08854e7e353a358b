"""Largest independent sets in random graphs, their edges covered by cliques; one seed, one graph."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from copt.errors import CoptError
from copt.instances.mip_rows import Block, program, randomness
from copt.problems.base import IntArray
from copt.problems.mip import MIP

__all__ = ["Graph", "cliques", "independent_set"]

Graph = Literal["barabasi-albert", "erdos-renyi"]

GRAPHS = ("barabasi-albert", "erdos-renyi")
LARGEST = 10_000  # nodes: the matrix of neighbours takes their square

BoolArray = NDArray[np.bool_]


def independent_set(
    *, nodes: int = 500, graph: Graph = "barabasi-albert", affinity: int = 4, density: float = 0.25, seed: int = 0
) -> MIP:
    """Return a largest independent set problem with one row for each clique of a partition and each edge left.

    Ready sizes are 500, 1000 and 1500 nodes with affinity 4 (Gasse et al. 2019), and 200 nodes of density 0.25.

    Args:
        nodes: Number of nodes.
        graph: ``barabasi-albert``, where new nodes are drawn to those with many neighbours, or ``erdos-renyi``.
        affinity: Neighbours that a new node of a Barabasi-Albert graph gets.
        density: Probability of each edge of an Erdos-Renyi graph.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = randomness(seed, most=LARGEST, nodes=nodes, affinity=affinity)
    if graph not in GRAPHS:
        raise CoptError(f"graph must be one of {', '.join(GRAPHS)}, got {graph!r}")
    if not 0 <= density <= 1:
        raise CoptError(f"density must be from 0 to 1, got {density}")
    if graph == "barabasi-albert" and affinity >= nodes:
        raise CoptError(f"affinity must be below the number of nodes, {nodes}, got {affinity}")
    if graph == "erdos-renyi":
        adjacent = np.triu(rng.random((nodes, nodes)) < density, 1)
        adjacent |= adjacent.T
    else:
        adjacent = _attached(rng, nodes, affinity)
    groups = cliques(adjacent)
    members = np.concatenate(groups) if groups else np.zeros(0, dtype=np.int64)
    rows = np.repeat(np.arange(len(groups)), [group.size for group in groups])
    return program(
        [Block.of(rows, members, count=len(groups), upper=1.0)],
        costs=np.ones(nodes),
        lower=np.zeros(nodes),
        upper=np.ones(nodes),
        integer=np.ones(nodes, dtype=bool),
        maximise=True,
        name=f"independent-set-{graph}-{nodes}-{affinity if graph == 'barabasi-albert' else density}-{seed}",
    )


def _attached(rng: np.random.Generator, nodes: int, affinity: int) -> BoolArray:
    """Return a graph that grows by preferential attachment (Barabasi and Albert 1999), shape (nodes, nodes)."""
    adjacent = np.zeros((nodes, nodes), dtype=bool)
    degrees = np.zeros(nodes)
    for node in range(affinity, nodes):
        old = degrees[:node]
        weights = old / old.sum() if node > affinity else np.full(node, 1 / node)
        chosen = rng.choice(node, affinity, replace=False, p=weights)
        adjacent[node, chosen] = adjacent[chosen, node] = True
        degrees[chosen] += 1
        degrees[node] = affinity
    return adjacent


def cliques(adjacent: BoolArray) -> list[IntArray]:
    """Return cliques of two or more nodes that cover every edge: a greedy partition, then the edges left.

    Args:
        adjacent: Whether two nodes are neighbours, symmetric, shape (nodes, nodes).
    """
    by_degree = np.argsort(-adjacent.sum(axis=1), kind="stable")
    free = np.ones(by_degree.size, dtype=bool)
    covered = np.zeros_like(adjacent)
    found = []
    for centre in by_degree:
        if not free[centre]:
            continue
        clique = [centre]
        common = adjacent[centre] & free
        for node in by_degree[common[by_degree]]:
            if common[node]:
                clique.append(node)
                common &= adjacent[node]
        free[clique] = False
        if len(clique) > 1:
            found.append(np.sort(np.array(clique, dtype=np.int64)))
            covered[np.ix_(clique, clique)] = True
    left = np.argwhere(np.triu(adjacent & ~covered, 1))
    return found + list(left.astype(np.int64))
