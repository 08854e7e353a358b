"""The dispatching network for job shops in torch; solvers run the same weights in numpy and compiled code.

The encoder sees the whole shop once; the decoder scores the operations of one conflict set from their embeddings,
the state of the shop floor and the mean of the set. Sizes of shops appear nowhere in the weights.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import MeanAggregation, MultiAggregation
from torch_geometric.utils import softmax

__all__ = ["JobShopNet", "ShopGraph", "decision_loss"]


class ShopGraph(Data):  # type: ignore[misc]
    """A shop, and optionally decisions on it, so that PyTorch Geometric can batch them.

    Fields: ``x`` (operations, features), ``edge_index`` (2, arcs) from each operation to the next of its job,
    ``machine_index`` and ``job_index`` (operations,), ``num_machines``, ``num_jobs``; with decisions also ``state``
    (rows, floor features), ``operation_index`` (rows,), ``decision_index`` (rows,) and ``num_decisions``. The first
    row of each decision is the expert's choice.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return by how much indices grow from one shop of a batch to the next."""
        sizes = {"machine_index": "num_machines", "job_index": "num_jobs", "decision_index": "num_decisions"}
        if key in sizes:
            return getattr(self, sizes[key])
        return self.num_nodes if key == "operation_index" else super().__inc__(key, value, *args, **kwargs)


class JobArcs(MessagePassing):  # type: ignore[misc]
    """Hands each operation a linear image of its neighbour along the given arcs."""

    def __init__(self, hidden: int) -> None:
        super().__init__(aggr="sum")
        self.linear = nn.Linear(hidden, hidden, bias=False)

    def forward(self, h: Tensor, edge_index: Tensor) -> Tensor:
        """Return the incoming messages, shape (operations, hidden)."""
        messages: Tensor = self.propagate(edge_index, x=self.linear(h))
        return messages


class ShopLayer(nn.Module):
    """One exchange of messages along jobs and through machines, with a residual connection."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.own = nn.Linear(hidden, hidden)
        self.machine = nn.Linear(2 * hidden, hidden, bias=False)
        self.job = nn.Linear(hidden, hidden, bias=False)
        self.ahead = JobArcs(hidden)
        self.behind = JobArcs(hidden)
        self.over_machine = MultiAggregation(["mean", "max"])
        self.over_job = MeanAggregation()

    def forward(self, h: Tensor, graph: ShopGraph) -> Tensor:
        """Return new embeddings, shape (operations, hidden)."""
        machine, job = graph.machine_index, graph.job_index
        z = self.own(h)
        z = z + self.machine(self.over_machine(h, machine))[machine]
        z = z + self.job(self.over_job(h, job))[job]
        z = z + self.ahead(h, graph.edge_index) + self.behind(h, graph.edge_index.flip(0))
        return h + torch.relu(z)


class JobShopNet(nn.Module):
    """Encoder and decoder.

    Args:
        static_features: Number of features of an operation.
        floor_features: Number of features of an operation within a decision.
        hidden: Width of every layer.
        layers: Number of message-passing layers.
    """

    def __init__(
        self,
        static_features: int = 21,
        floor_features: int = 24,
        hidden: int = 32,
        layers: int = 2,
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(static_features, hidden)
        self.layers = nn.ModuleList(ShopLayer(hidden) for _ in range(layers))
        self.static = nn.Linear(hidden, hidden)
        self.dynamic = nn.Linear(floor_features, hidden, bias=False)
        self.own = nn.Linear(hidden, hidden)
        self.context = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(hidden, 1, bias=False)
        self.pool = MeanAggregation()

    def encode(self, graph: ShopGraph) -> Tensor:
        """Return the encoder's part of the decoder's first layer, shape (operations, hidden)."""
        h = torch.relu(self.enter(graph.x))
        for layer in self.layers:
            h = layer(h, graph)
        encoded: Tensor = self.static(h)
        return encoded

    def forward(self, graph: ShopGraph) -> Tensor:
        """Return the score of every row of every decision, shape (rows,)."""
        h = torch.relu(self.encode(graph)[graph.operation_index] + self.dynamic(graph.state))
        mixed = self.own(h) + self.context(self.pool(h, graph.decision_index))[graph.decision_index]
        scores: Tensor = self.out(torch.relu(mixed)).squeeze(-1)
        return scores

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name as numpy arrays."""
        return {name: p.detach().cpu().numpy().copy() for name, p in self.named_parameters()}


def decision_loss(scores: Tensor, decision: Tensor) -> Tensor:
    """Return the mean cross-entropy of decisions whose first row each is the expert's choice."""
    first = torch.ones_like(decision, dtype=torch.bool)
    first[1:] = decision[1:] != decision[:-1]
    return -torch.log(softmax(scores, decision)[first].clamp_min(1e-12)).mean()
