"""Dynamics of any number of like things by two networks that all of them share, in torch.

Solvers plan with the same weights in numpy: ``copt.problems.pairwise.Pairwise``.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from copt.models.control import Rolled, SparseNet, View
from copt.problems.pairwise import ACTIONS, Pairwise, pairs

__all__ = ["PairNet"]


class PairNet(Rolled):
    """What ``Pairwise`` computes, of states of any size.

    Args:
        net: Weights.
        unit: Length that motions are measured in.
        dtype: Precision.
    """

    def __init__(self, net: Pairwise, unit: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        view = View.whole(2, ACTIONS - 2)
        self.own, self.other = (SparseNet(part, view, dtype) for part in (net.own, net.other))
        self.unit = unit
        self.weights = nn.ParameterList([*self.own.weights, *self.other.weights])
        self.logits = nn.ParameterList([*self.own.logits, *self.other.logits])

    def seen(self, x: Tensor, u: Tensor) -> Tensor:
        """Return what ``own`` sees of each thing, shape (batch, things, 4); see ``forward``."""
        return torch.cat([x - u[:, None, :2], u[:, None, 2:].expand_as(x)], dim=2)

    def met(self, x: Tensor, motions: Tensor) -> Tensor:
        """Return what ``other`` sees of each pair, shape (batch, pairs, 4), by places and motions by the stroke."""
        both = pairs(x.shape[1])
        first, second = [i for i, _ in both], [j for _, j in both]
        return torch.cat([x[:, first] - x[:, second], motions[:, second]], dim=2)

    def forward(self, x: Tensor, u: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """Return the next places, shape (batch, things, 2).

        Args:
            x: Places, shape (batch, things, 2).
            u: Strokes, shape (batch, 4).
            masks: Kinds of the units of both networks, as ``drawn``; as they are fixed if None.
        """
        first = None if masks is None else masks[: len(self.own.logits)]
        second = None if masks is None else masks[len(self.own.logits) :]
        batch, things, _ = x.shape
        motions: Tensor = self.own(self.seen(x, u).flatten(0, 1), first).view(batch, things, 2)
        if things == 1:
            return x + motions
        told: Tensor = self.other(self.met(x, motions).flatten(0, 1), second)
        told = told - self.other(self.met(x, torch.zeros_like(motions)).flatten(0, 1), second)
        return x + motions + told.view(batch, things, things - 1, 2).sum(dim=2)

    def rollout(self, start: Tensor, actions: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """Return the states after each step; see ``Rolled``."""
        x, states = start.view(len(start), -1, 2), []
        for u in actions.unbind(dim=1):
            x = self(x, u, masks)
            states.append(x.flatten(1))
        return torch.stack(states, dim=1)

    def apart(self, states: Tensor, others: Tensor) -> Tensor:
        """Return differences of states in units."""
        return (states - others) / self.unit

    def moved(self, outputs: Tensor) -> Tensor:
        """Return units as differences of states."""
        return outputs * self.unit

    def net(self) -> Pairwise:
        """Return the networks in numpy."""
        return Pairwise(self.own.net(), self.other.net())
