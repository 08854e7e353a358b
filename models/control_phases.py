"""The network that proposes plans, in torch, and plans as the model rolls them out.

Solvers run the same weights in numpy: ``copt.solvers.control.phases``.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.problems.relu import ReluNet

__all__ = ["Batch", "Model", "PhaseNet", "tensor"]


class Batch(NamedTuple):
    """Problems as tensors; plans and states are turned as if starts pointed along (1, 0).

    Args:
        features: Shape (problems, features).
        start: Shape (problems, states).
        goal: Shape (problems, states), not turned.
        turn: Cosines and sines, shape (problems, 2).
    """

    features: Tensor
    start: Tensor
    goal: Tensor
    turn: Tensor

    def rows(self, index: Tensor) -> "Batch":
        """Return some of the problems."""
        return Batch(*(part[index] for part in self))


class PhaseNet(nn.Module):
    """Proposes several plans.

    Args:
        mean: Of the features, shape (features,).
        scale: Of the features, likewise.
        hidden: Width of the hidden layers, one after the other.
        plans: Number of plans.
        shape: Of a plan.
        reach: Greatest entry of a plan, in halves of the range of actions.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, mean: Tensor, scale: Tensor, hidden: Sequence[int], plans: int, shape: tuple[int, int], reach: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        widths = [len(mean), *hidden, plans * shape[0] * shape[1]]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self._shape, self._reach = (plans, *shape), reach

    def forward(self, x: Tensor) -> Tensor:
        """Return plans before they are turned, in halves of the range, shape (batch, plans, horizon, actions)."""
        x = (x - self.mean) / self.scale
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        raw: Tensor = self._reach * torch.tanh(self.layers[-1](x))
        return raw.reshape(-1, *self._shape)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the parameters by name."""
        return {name: value.detach().cpu().numpy() for name, value in self.state_dict().items()}


class Model:
    """What plans cost, for problems that are alike but for start and goal.

    Args:
        net: The dynamics, for states that point along (1, 0).
        like: One of the problems.
        planar: Whether they are turned for others.
    """

    def __init__(self, net: ReluNet, like: ControlProblem, planar: bool) -> None:
        folded = net.folded()
        self._layers = [(tensor(w), tensor(b)) for w, b in zip(folded.weights, folded.biases, strict=True)]
        self._planar = planar
        cost = like.cost
        self._state, self._last = tensor(cost.state), tensor(cost.last)
        self._action = None if cost.action is None else tensor(cost.action)
        self._norm = cost.norm
        self._lower, self._upper = tensor(like.u_lower), tensor(like.u_upper)
        self.variance = float(((self._upper - self._lower) / 2).square().mean())

    def plans(self, raw: Tensor, batch: Batch) -> Tensor:
        """Return plans within the bounds; gradients pass through the bounds."""
        half, middle = (self._upper - self._lower) / 2, (self._upper + self._lower) / 2
        free = middle + half * self._turned(raw, batch.turn, 1.0)
        return free + (free.clamp(self._lower, self._upper) - free).detach()

    def costs(self, plans: Tensor, batch: Batch) -> Tensor:
        """Return what plans of shape (problems, plans, horizon, actions) cost, shape (problems, plans)."""
        count = plans.shape[1]
        turn = batch.turn
        actions = self._turned(plans, turn, -1.0)
        x = batch.start[:, None].expand(-1, count, -1)
        total = torch.zeros(plans.shape[:2])
        for t in range(plans.shape[2]):
            x = self._step(torch.cat([x, actions[:, :, t]], dim=-1))
            away = self._turned(x, turn, 1.0) - batch.goal[:, None]
            total = total + self._size(away @ (self._last if t == plans.shape[2] - 1 else self._state).T)
            if self._action is not None:
                total = total + self._size(plans[:, :, t] @ self._action.T)
        return total

    def _step(self, z: Tensor) -> Tensor:
        for weight, bias in self._layers[:-1]:
            z = torch.cat([z, torch.relu(z @ weight.T + bias)], dim=-1)
        weight, bias = self._layers[-1]
        return z @ weight.T + bias

    def _size(self, terms: Tensor) -> Tensor:
        if self._norm == "quadratic":
            return terms.square().sum(dim=-1)
        return terms.abs().sum(dim=-1) if self._norm == "l1" else terms.abs().amax(dim=-1)

    def _turned(self, pairs: Tensor, turn: Tensor, way: float) -> Tensor:
        """Return vectors of pairs of shape (problems, ..., 2 n) turned by the angles of the problems, or back."""
        if not self._planar:
            return pairs
        shape = (-1,) + (1,) * (pairs.dim() - 2)
        c, s = turn[:, 0].view(shape), way * turn[:, 1].view(shape)
        x, y = pairs[..., 0::2], pairs[..., 1::2]
        c, s = c[..., None], s[..., None]
        return torch.stack([c * x - s * y, s * x + c * y], dim=-1).flatten(-2)


def tensor(array: FloatArray) -> Tensor:
    """Return an array in single precision."""
    return torch.from_numpy(np.asarray(array, dtype=np.float32).copy())
