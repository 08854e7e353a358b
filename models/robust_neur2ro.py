"""The networks of Neur2RO (Dumouchelle, Julien, Kurtz, Khalil, ICLR 2024) for the two-stage knapsack, in torch.

Solvers run the same weights in numpy and inside mixed-integer programs: ``copt.solvers.robust.neur2ro_net``.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["Neur2roNet"]

FEATURES = 6  # of an item
ITEM, POOL, WIDE, OUT = 32, 16, 64, 8  # widths of a set network
HIDDEN = 8  # of the value network


class SetEncoder(nn.Module):
    """A network of each item, their sum, a network of the sum; none has biases."""

    def __init__(self) -> None:
        super().__init__()
        self.item = nn.Linear(1 + FEATURES, ITEM, bias=False)
        self.pool = nn.Linear(ITEM, POOL, bias=False)
        self.wide = nn.Linear(POOL, WIDE, bias=False)
        self.out = nn.Linear(WIDE, OUT, bias=False)

    def forward(self, values: Tensor, items: Tensor, sizes: Tensor) -> Tensor:
        """Return the embeddings of sets of items, shape (sets, out).

        Args:
            values: What is decided, or degrades, of each item of all sets, shape (items,).
            items: Scaled features, shape (items, features).
            sizes: Items of each set, shape (sets,).
        """
        weight = self.item.weight
        hidden = torch.relu(values.unsqueeze(1) * weight[:, 0] + items @ weight[:, 1:].T)
        # The second layer is linear: after the sum it is the same, for a fraction of the work.
        pooled = self.pool(torch.segment_reduce(hidden, "sum", lengths=sizes))
        embedded: Tensor = self.out(torch.relu(self.wide(pooled)))
        return embedded


class Neur2roNet(nn.Module):
    """Predicts the scaled cost of the second stage from decisions and a scenario."""

    low: Tensor
    high: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.x, self.u = SetEncoder(), SetEncoder()
        self.hidden = nn.Linear(2 * OUT, HIDDEN)
        self.value = nn.Linear(HIDDEN, 1)
        self.register_buffer("low", torch.zeros(FEATURES))  # smallest value of each feature in training
        self.register_buffer("high", torch.ones(FEATURES))

    def forward(self, x: Tensor, u: Tensor, items: Tensor, sizes: Tensor) -> Tensor:
        """Return predictions, shape (samples,).

        Args:
            x: Decisions on the items of all samples, shape (items,).
            u: Scenarios, shape (items,).
            items: Scaled features, shape (items, features).
            sizes: Items of each sample, shape (samples,).
        """
        both = torch.cat([self.x(x, items, sizes), self.u(u, items, sizes)], dim=-1)
        predicted: Tensor = self.value(torch.relu(self.hidden(both))).squeeze(-1)
        return predicted

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return weights and scales by name as numpy arrays."""
        return {name: p.detach().cpu().numpy().copy() for name, p in self.state_dict().items()}
