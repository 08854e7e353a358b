"""The network that scores candidate edges of routing, in torch.

Solvers run the same weights in numpy: ``copt.solvers.routing.candidates``.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from copt.models.routing_graph import GraphNet, mlp

__all__ = ["CandidateNet"]


class CandidateNet(GraphNet):
    """Anisotropic graph network and a score for each edge.

    Args:
        features: Number of features of a node.
        edge_features: Number of features of an edge.
        hidden: Width of every layer.
        layers: Number of message-passing layers.
    """

    def __init__(self, features: int, edge_features: int, hidden: int = 32, layers: int = 4) -> None:
        super().__init__(features, edge_features, hidden, layers)
        self.score = mlp(hidden, 1)

    def forward(self, graph: Data) -> Tensor:
        """Return the score of each edge, the mean of both directions where both are there, shape (edges,)."""
        _, e = self.embed(graph)
        one: Tensor = self.score(e).squeeze(-1)
        return torch.where(graph.back >= 0, 0.5 * (one + one[graph.back]), one)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters as numpy arrays by the names under which they are stored."""
        return {f"net.{name}": p.detach().cpu().numpy().copy() for name, p in self.named_parameters()}
