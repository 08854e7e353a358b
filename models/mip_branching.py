"""The branching network in torch; ``copt.plugins.branching_policy`` runs the same weights in numpy."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from copt.instances.mip_features import ROW_FEATURES, VARIABLE_FEATURES, normed_coefficients, row_features
from copt.instances.mip_features import variable_features as features_of
from copt.instances.mip_relaxation import Relaxation

__all__ = ["BranchingNet", "Decisions", "RootGraph", "imitation_loss"]

LEAST = 1e-3  # deviation of a feature that never changed


@dataclass(frozen=True, eq=False)
class RootGraph:
    """The relaxation of a root in tensors.

    Args:
        variables: Features, shape (columns, 19).
        rows: Features, shape (rows, 14).
        edges: Row and column of each nonzero, shape (2, nonzeros).
        matrix: Coefficients over the norms of their rows, shape (nonzeros, 1).
    """

    variables: Tensor
    rows: Tensor
    edges: Tensor
    matrix: Tensor

    @staticmethod
    def of(relaxation: Relaxation) -> "RootGraph":
        """Return the graph of ``relaxation``."""
        edges = np.stack([relaxation.rows, relaxation.columns])
        return RootGraph(
            torch.from_numpy(features_of(relaxation)).float(),
            torch.from_numpy(row_features(relaxation)).float(),
            torch.from_numpy(edges),
            torch.from_numpy(normed_coefficients(relaxation)).float()[:, None],
        )


@dataclass(frozen=True, eq=False)
class Decisions:
    """Branching decisions of one instance with the expert's scores, one row a candidate.

    Args:
        columns: Columns of the root's relaxation, shape (rows,).
        states: Features of the candidates, shape (rows, 10).
        decision: Number of the decision, ascending from 0, shape (rows,).
        expert: Scores of strong branching, shape (rows,).
    """

    columns: Tensor
    states: Tensor
    decision: Tensor
    expert: Tensor


class BranchingNet(nn.Module):
    """A graph network for the root, and a small one for each candidate.

    Args:
        hidden: Width of the layers.
        width: Width of what is kept of each variable.
        state_features: Number of features of a candidate at a node.
    """

    def __init__(self, hidden: int = 32, width: int = 16, state_features: int = 10) -> None:
        super().__init__()
        sizes = {"variable": len(VARIABLE_FEATURES), "row": len(ROW_FEATURES), "state": state_features}
        for name, size in sizes.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_deviation", torch.ones(size))
        self.variable = nn.Linear(sizes["variable"], hidden)
        self.row = nn.Linear(sizes["row"], hidden)
        self.to_row = nn.Linear(hidden, hidden, bias=False)
        self.to_variable = nn.Linear(hidden, width, bias=False)
        self.stay = nn.Linear(hidden, width)
        self.first = nn.Linear(width, hidden)
        self.state = nn.Linear(sizes["state"], hidden, bias=False)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 1, bias=False)

    def standardise(self, name: str, features: Tensor) -> None:
        """Keep means and deviations of ``features`` of the kind ``variable``, ``row`` or ``state``."""
        setattr(self, f"{name}_mean", features.mean(dim=0))
        setattr(self, f"{name}_deviation", features.std(dim=0).clamp_min(LEAST))

    def _standard(self, name: str, features: Tensor) -> Tensor:
        return (features - self.get_buffer(f"{name}_mean")) / self.get_buffer(f"{name}_deviation")

    def embed(self, graph: RootGraph) -> Tensor:
        """Return what is kept of every variable, shape (columns, width)."""
        row, column = graph.edges
        variables = torch.relu(self.variable(self._standard("variable", graph.variables)))
        gathered = variables.new_zeros(len(graph.rows), variables.shape[1])
        gathered = gathered.index_add(0, row, graph.matrix * variables[column])
        own = self.row(self._standard("row", graph.rows))
        rows = torch.relu(own + self.to_row(gathered))
        returned = torch.zeros_like(variables).index_add(0, column, graph.matrix * rows[row])
        return torch.relu(self.stay(variables) + self.to_variable(returned))

    def forward(self, embedded: Tensor, states: Tensor) -> Tensor:
        """Return the scores of candidates, shape (rows,)."""
        hidden = self.first(embedded) + self.state(self._standard("state", states))
        scores: Tensor = self.last(torch.relu(self.second(torch.relu(hidden)))).squeeze(-1)
        return scores

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return parameters and the standard of the features by name as numpy arrays."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}


def imitation_loss(scores: Tensor, decisions: Decisions) -> Tensor:
    """Return the mean cross-entropy of the expert's choices; ties among them share."""
    count = int(decisions.decision[-1]) + 1

    def extreme(values: Tensor) -> Tensor:
        start = values.new_full((count,), -torch.inf)
        return start.scatter_reduce(0, decisions.decision, values, "amax")[decisions.decision]

    best = (decisions.expert >= extreme(decisions.expert) * (1 - 1e-6)).float()
    target = best / best.new_zeros(count).index_add(0, decisions.decision, best)[decisions.decision]
    shifted = scores - extreme(scores.detach())
    total = scores.new_zeros(count).index_add(0, decisions.decision, shifted.exp())[decisions.decision]
    return -(target * (shifted - total.log())).sum() / count
