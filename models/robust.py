"""The network that scores moves of local search on the robust knapsack, in torch.

Solvers run the same weights in numpy: ``copt.solvers.robust.move_net``.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["MoveNet", "Sets"]

LEAST = 0.05  # deviation of a feature: what hardly varies among small instances may vary more among large ones


class Sets(nn.Module):
    """One layer: each item sees itself, and the mean of the chosen items and of the others of its set."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.own, self.context = nn.Linear(hidden, hidden), nn.Linear(2 * hidden, hidden)

    def forward(self, h: Tensor, chosen: Tensor, owner: Tensor, count: int) -> Tensor:
        """Return new embeddings, shape (items, hidden); ``owner`` is the set of each item, of ``count``."""
        group = 2 * owner + (~chosen).long()
        sums = h.new_zeros(2 * count, h.shape[1]).index_add(0, group, h)
        sizes = torch.bincount(group, minlength=2 * count).clamp_min(1)
        context = (sums / sizes[:, None]).reshape(count, -1)
        return h + torch.relu(self.own(h) + self.context(context)[owner])


class MoveNet(nn.Module):
    """Set network over items, and a score for sums of their embeddings.

    Args:
        items: Features of an item.
        moves: Features of a move.
        hidden: Width of every layer.
        layers: Number of layers that see the whole set.
    """

    def __init__(self, items: int, moves: int, hidden: int = 32, layers: int = 2) -> None:
        super().__init__()
        self.item_mean: Tensor
        self.item_scale: Tensor
        self.move_mean: Tensor
        self.move_scale: Tensor
        for name, size in (("item", items), ("move", moves)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))
        self.enter = nn.Linear(items, hidden)
        self.layers = nn.ModuleList(Sets(hidden) for _ in range(layers))
        self.flip = nn.Linear(hidden, hidden, bias=False)
        self.move = nn.Linear(moves, hidden)
        self.score = nn.Linear(hidden, 1)

    def standardise(self, items: Tensor, moves: Tensor) -> None:
        """Let the network see features relative to their means and deviations here."""
        for name, rows in (("item", items), ("move", moves)):
            getattr(self, f"{name}_mean").copy_(rows.mean(dim=0))
            getattr(self, f"{name}_scale").copy_(rows.std(dim=0).clamp_min(LEAST))

    def forward(
        self, items: Tensor, chosen: Tensor, owner: Tensor, count: int, moves: Tensor, flipped: Tensor
    ) -> Tensor:
        """Return the score of each move, shape (moves,).

        Args:
            items: Features of the items of all sets, shape (items, features).
            chosen: Whether each item is chosen, shape (items,).
            owner: The set of each item, shape (items,).
            count: Number of sets.
            moves: Features of the moves, shape (moves, features).
            flipped: The two items that a move flips, the second may be -1, shape (moves, 2).
        """
        h = torch.relu(self.enter((items - self.item_mean) / self.item_scale))
        for layer in self.layers:
            h = layer(h, chosen, owner, count)
        e = torch.cat([self.flip(h), h.new_zeros(1, h.shape[1])])
        g = self.move((moves - self.move_mean) / self.move_scale)
        score: Tensor = self.score(torch.relu(e[flipped].sum(dim=1) + g)).squeeze(-1)
        return score

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return parameters and scales as numpy arrays by the names under which they are stored."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}
