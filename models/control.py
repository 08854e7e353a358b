"""Networks of dynamics whose hidden units each become a ReLU, the identity or zero, in torch.

Solvers plan with the same weights in numpy: ``copt.problems.relu.ReluNet``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU, ReluNet

__all__ = ["Rolled", "SparseNet", "View", "random_net"]

KINDS = 3  # ReLU, identity, zero, in the order of their numbers
TEMPERATURE = 0.5


@dataclass(frozen=True, eq=False)
class View:
    """What a network sees of states and actions z = (x, u), and what its outputs y mean.

    It sees ``features @ z + offset``, and the next state is ``plain @ z + shift + motions @ y``.

    Args:
        features: Shape (inputs, states + actions).
        offset: Shape (inputs,).
        plain: Shape (states, states + actions).
        shift: Shape (states,).
        motions: Shape (states, outputs), of full column rank.
    """

    features: FloatArray
    offset: FloatArray
    plain: FloatArray
    shift: FloatArray
    motions: FloatArray

    @classmethod
    def whole(cls, states: int, actions: int) -> "View":
        """Return the view of everything, in which outputs are what a step adds to the states."""
        every = np.eye(states + actions)
        return cls(every, np.zeros(states + actions), every[:states], np.zeros(states), every[:states, :states])

    def told(self, before: FloatArray, after: FloatArray, *, by: FloatArray | None = None) -> FloatArray:
        """Return the outputs that tell the way from states to others, shape (batch, outputs).

        Args:
            before: Shape (batch, states).
            after: Shape (batch, states).
            by: The actions in between, shape (batch, actions); nought if None.
        """
        u = np.zeros((len(before), self.features.shape[1] - before.shape[1])) if by is None else by
        return np.asarray((after - np.hstack([before, u]) @ self.plain.T - self.shift) @ np.linalg.pinv(self.motions).T)

    def scaled(self, states: FloatArray, actions: FloatArray, *, alike: bool) -> "View":
        """Return the view in which inputs and outputs have mean 0 and spread 1 over episodes.

        Args:
            states: Shape (episodes, steps + 1, states).
            actions: Shape (episodes, steps, actions).
            alike: Whether outputs are in one unit, so that all have the same scale.
        """
        before, after = (part.reshape(-1, states.shape[2]) for part in (states[:, :-1], states[:, 1:]))
        u = actions.reshape(-1, actions.shape[2])
        seen = np.hstack([before, u]) @ self.features.T + self.offset
        y = self.told(before, after, by=u)
        spread, motion = _positive(seen.std(axis=0)), y.std(axis=0)
        motion = _positive(np.full(motion.size, math.sqrt(np.square(motion).mean())) if alike else motion)
        return View(
            self.features / spread[:, None],
            (self.offset - seen.mean(axis=0)) / spread,
            self.plain,
            self.shift + self.motions @ y.mean(axis=0),
            self.motions * motion,
        )

    def outward(self, net: ReluNet) -> ReluNet:
        """Return the next state as a network of states and actions, by one that sees and tells through this view."""
        weights, biases = [], []
        for w, b in zip(net.weights, net.biases, strict=True):
            own, hidden = w[:, : net.inputs], w[:, net.inputs :]
            weights.append(np.hstack([own @ self.features, hidden]))
            biases.append(b + own @ self.offset)
        weights[-1], biases[-1] = self.motions @ weights[-1], self.motions @ biases[-1] + self.shift
        weights[-1][:, : self.plain.shape[1]] += self.plain
        return ReluNet(self.plain.shape[1], tuple(weights), tuple(biases), net.kinds).folded()

    def inward(self, net: ReluNet) -> ReluNet:
        """Return the network that ``outward`` turns into one of states and actions.

        Raises:
            InvalidNetworkError: If the network sees or tells what the view does not.
        """
        seen, told = np.linalg.pinv(self.features), np.linalg.pinv(self.motions)
        weights, biases, net = [], [], net.folded()
        if (net.inputs, net.outputs) == self.plain.shape[::-1]:
            plain, shift = net.weights[-1].copy(), net.biases[-1] - self.shift
            plain[:, : net.inputs] -= self.plain
            for w, b in zip((*net.weights[:-1], told @ plain), (*net.biases[:-1], told @ shift), strict=True):
                own = w[:, : net.inputs] @ seen
                weights.append(np.hstack([own, w[:, net.inputs :]]))
                biases.append(b - own @ self.offset)
            found = ReluNet(len(self.features), tuple(weights), tuple(biases), net.kinds)
            again = self.outward(found)
            pairs = zip((*net.weights, *net.biases), (*again.weights, *again.biases), strict=True)
            if all(np.allclose(old, new, rtol=1e-3, atol=1e-3) for old, new in pairs):
                return found
        raise InvalidNetworkError("the dynamics see or tell something else than those of this system do")


def random_net(inputs: int, widths: Sequence[int], outputs: int, rng: np.random.Generator) -> ReluNet:
    """Return a network with random hidden layers (He et al. 2015) whose outputs are zero."""
    seen, weights, biases = inputs, [], []
    for width in widths:
        weights.append(rng.standard_normal((width, seen)) * math.sqrt(2.0 / seen))
        biases.append(0.5 * rng.standard_normal(width))
        seen += width
    return ReluNet(inputs, (*weights, np.zeros((outputs, seen))), (*biases, np.zeros(outputs)))


class Rolled(nn.Module):
    """Dynamics that can be fitted to rollouts, with kinds of hidden units that can be drawn."""

    weights: nn.ParameterList
    logits: nn.ParameterList

    def drawn(self) -> list[Tensor]:
        """Return kinds drawn for each layer, one-hot, shape (units, 3), with gradients to the logits."""
        return [nn.functional.gumbel_softmax(logits, tau=TEMPERATURE, hard=True) for logits in self.logits]

    def shares(self) -> Tensor:
        """Return the expected shares of ReLUs, identities and zeros, shape (3,)."""
        return torch.cat([logits.softmax(dim=1) for logits in self.logits]).mean(dim=0)

    def rollout(self, start: Tensor, actions: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """Return the states after each step, shape (batch, steps, states).

        Args:
            start: Shape (batch, states).
            actions: Shape (batch, steps, actions).
            masks: Kinds of the units of each layer as ``drawn``; those of the network if None.
        """
        raise NotImplementedError

    def apart(self, states: Tensor, others: Tensor) -> Tensor:
        """Return differences of states, shape (..., states), in outputs, shape (..., outputs)."""
        raise NotImplementedError

    def moved(self, outputs: Tensor) -> Tensor:
        """Return what outputs, shape (..., outputs), add to states, shape (..., states)."""
        raise NotImplementedError


class SparseNet(Rolled):
    """A residual network in which every layer sees the inputs and all layers before it.

    Where kinds are drawn, each pass draws them by Gumbel-softmax with straight-through gradients (Jang et al. 2017), as
    Liu et al. (2023) do.

    Args:
        net: Weights, which see and tell through ``view``.
        view: What inputs and outputs mean.
        dtype: Precision.
    """

    def __init__(self, net: ReluNet, view: View, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.inputs, self.kinds = net.inputs, net.kinds

        def tensor(values: Any) -> Tensor:
            return torch.tensor(np.ascontiguousarray(values), dtype=dtype)  # as L-BFGS asks for

        self.weights = nn.ParameterList(nn.Parameter(tensor(w)) for w in net.weights)
        self.biases = nn.ParameterList(nn.Parameter(tensor(b)) for b in net.biases)
        self.logits = nn.ParameterList(
            nn.Parameter(tensor(np.full((len(k), KINDS), 1 / KINDS)).log()) for k in net.kinds
        )
        self.features: Tensor
        self.offset: Tensor
        self.plain: Tensor
        self.shift: Tensor
        self.motions: Tensor
        self.telling: Tensor
        for name in ("features", "offset", "plain", "shift", "motions"):
            self.register_buffer(name, tensor(getattr(view, name)))
        self.register_buffer("telling", tensor(np.linalg.pinv(view.motions)))
        for k, kinds in enumerate(net.kinds):
            self.register_buffer(f"kinds_{k}", tensor(np.eye(KINDS)[kinds]))

    def forward(self, z: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """Return outputs, shape (batch, outputs), of inputs, (batch, inputs), with kinds as drawn or as fixed."""
        for k, (w, b) in enumerate(zip(self.weights[:-1], self.biases[:-1], strict=True)):
            a = nn.functional.linear(z, w, b)
            if masks is None and (self.kinds[k] == RELU).all():
                h = torch.relu(a)
            else:
                mask: Any = getattr(self, f"kinds_{k}") if masks is None else masks[k]
                h = mask[:, RELU] * torch.relu(a) + mask[:, IDENTITY] * a
            z = torch.cat([z, h], dim=1)
        return nn.functional.linear(z, self.weights[-1], self.biases[-1])

    def rollout(self, start: Tensor, actions: Tensor, masks: Sequence[Tensor] | None = None) -> Tensor:
        """Return the states after each step; see ``Rolled``."""
        x, states = start, []
        for u in actions.unbind(dim=1):
            z = torch.cat([x, u], dim=1)
            y = self(nn.functional.linear(z, self.features, self.offset), masks)
            x = nn.functional.linear(z, self.plain, self.shift) + nn.functional.linear(y, self.motions)
            states.append(x)
        return torch.stack(states, dim=1)

    def apart(self, states: Tensor, others: Tensor) -> Tensor:
        """Return differences of states, shape (..., states), in outputs, shape (..., outputs)."""
        return nn.functional.linear(states - others, self.telling)

    def moved(self, outputs: Tensor) -> Tensor:
        """Return what outputs, shape (..., outputs), add to states, shape (..., states)."""
        return nn.functional.linear(outputs, self.motions)

    def net(self) -> ReluNet:
        """Return the network in numpy, still through the view."""
        weights, biases = (
            tuple(p.detach().cpu().double().numpy() for p in group) for group in (self.weights, self.biases)
        )
        return ReluNet(self.inputs, weights, biases, self.kinds)


def _positive(spread: FloatArray) -> FloatArray:
    """Return standard deviations, 1 for what stays the same but for rounding."""
    return np.where(spread > 1e-9, spread, 1.0)
