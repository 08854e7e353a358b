"""The anisotropic graph network that learned parts of routing share, in torch.

Solvers run the same weights in numpy: ``copt.solvers.routing.graph_net``.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing

__all__ = ["GatedArcs", "GraphNet", "graph_data", "mlp"]


class GatedArcs(MessagePassing):  # type: ignore[misc]
    """One layer of the anisotropic graph network: gated means over neighbours, residual nodes and edges.

    Layer normalisation takes the place of batch normalisation, so that one graph alone gives the same embedding.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__(aggr="mean")
        self.own, self.value, self.edge, self.tail, self.head = (nn.Linear(hidden, hidden) for _ in range(5))
        self.node_norm, self.edge_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)

    def forward(self, h: Tensor, e: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        """Return new embeddings of nodes and edges; ``edge_index`` leads from the neighbour to the node."""
        mean = self.propagate(edge_index, value=self.value(h), gate=torch.sigmoid(e))
        near, node = edge_index
        edges = self.edge(e) + self.tail(h)[node] + self.head(h)[near]
        silu = nn.functional.silu
        return h + silu(self.node_norm(self.own(h) + mean)), e + silu(self.edge_norm(edges))

    def message(self, value_j: Tensor, gate: Tensor) -> Tensor:
        """Return the message of each edge."""
        message: Tensor = gate * value_j
        return message


def mlp(hidden: int, out: int | None = None) -> nn.Sequential:
    """Return two linear layers with a SiLU between them, ``out`` values wide, ``hidden`` by default."""
    return nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, out or hidden))


class GraphNet(nn.Module):
    """Layers of gated arcs over a sparse graph.

    Args:
        features: Number of features of a node.
        edge_features: Number of features of an edge.
        hidden: Width of every layer.
        layers: Number of message-passing layers.
    """

    def __init__(self, features: int, edge_features: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, hidden)
        self.enter_edge = nn.Linear(edge_features, hidden)
        self.layers = nn.ModuleList(GatedArcs(hidden) for _ in range(layers))

    def embed(self, graph: Data) -> tuple[Tensor, Tensor]:
        """Return the embeddings of nodes and edges, shapes (nodes, hidden) and (edges, hidden)."""
        h: Tensor = self.enter(graph.x)
        e: Tensor = self.enter_edge(graph.edge_attr)
        for layer in self.layers:
            h, e = layer(h, e, graph.edge_index)
        return h, e


def graph_data(nodes: NDArray[np.float32], near: NDArray[np.int32], edges: NDArray[np.float32]) -> Data:
    """Return a sparse graph for torch; edges lead from the neighbour to the node, those of a node side by side.

    Args:
        nodes: Features of the nodes, shape (nodes, features).
        near: Where the edges of each node lead, shape (nodes, neighbours).
        edges: Features of the edges, shape (nodes, neighbours, features).
    """
    n, k = near.shape
    index = np.stack([near.ravel(), np.repeat(np.arange(n), k)]).astype(np.int64)
    tensor = torch.from_numpy
    return Data(x=tensor(nodes), edge_index=tensor(index), edge_attr=tensor(edges.reshape(n * k, -1)))
