"""Fitting of networks of dynamics to rollouts by Adam."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from copt.models.control import Rolled, SparseNet, View
from copt.problems.base import FloatArray
from copt.problems.relu import IDENTITY, RELU, ReluNet

__all__ = ["Pieces", "Recipe", "errors", "errors_of", "fit", "fitted"]

GREATEST = 16.0  # weight of a rollout


@dataclass(frozen=True, eq=False)
class Pieces:
    """Recorded pieces of episodes.

    Args:
        states: Shape (pieces, steps + 1, states).
        actions: Shape (pieces, steps, actions).
    """

    states: FloatArray
    actions: FloatArray

    @classmethod
    def of(cls, states: FloatArray, actions: FloatArray, steps: int) -> "Pieces":
        """Cut episodes, shapes (episodes, length + 1, states) and (episodes, length, actions), into pieces."""
        at = steps * np.arange(actions.shape[1] // steps)[:, None] + np.arange(steps + 1)
        return cls(
            states[:, at].reshape(-1, steps + 1, states.shape[2]),
            actions[:, at[:, :-1]].reshape(-1, steps, actions.shape[2]),
        )

    def balanced(self, others: Sequence["Pieces"]) -> "Pieces":
        """Return these, and others repeated until there are about as many, all of as many steps."""
        states, actions = np.vstack([p.states for p in others]), np.vstack([p.actions for p in others])
        times = max(1, round(len(self.states) / len(states)))
        return Pieces(
            np.vstack([self.states, *[states] * times]),
            np.vstack([self.actions, *[actions] * times]),
        )

    def kept(self, which: NDArray[np.bool_]) -> "Pieces":
        """Return some of the pieces."""
        return Pieces(self.states[which], self.actions[which])

    def transitions(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return states, actions and next states, one row each."""
        before, after = (part.reshape(-1, part.shape[2]) for part in (self.states[:, :-1], self.states[:, 1:]))
        return before, self.actions.reshape(len(before), -1), after

    def pairs(self, view: View) -> tuple[FloatArray, FloatArray]:
        """Return what a network sees of each transition, and what it should tell."""
        before, u, after = self.transitions()
        return np.hstack([before, u]) @ view.features.T + view.offset, view.told(before, after, by=u)


@dataclass(frozen=True)
class Recipe:
    """How networks are fitted.

    Args:
        updates: Updates of Adam.
        rate: First learning rate; it falls along a cosine.
        batch: Rollouts of an update.
        steps: Steps of a rollout.
        noise: Standard deviation of what is added to where it starts, in outputs.
        decay: Weight of the mean magnitude of the weights.
        hard: Rollouts weigh exp(hard * error), up to 16.
        sparsity: Weight of the expected share of ReLUs, where kinds are drawn.
        identity: Weight of the expected share of identities, where kinds are drawn.
    """

    updates: int
    rate: float = 3e-3
    batch: int = 512
    steps: int = 1
    noise: float = 0.0
    decay: float = 0.0
    hard: float = 0.0
    sparsity: float = 1e-3
    identity: float = 5e-3


def fitted(
    net: ReluNet, view: View, data: Pieces, recipe: Recipe, fabric: Fabric, seed: int, *, draw: bool = False
) -> tuple[ReluNet, FloatArray]:
    """Return a network fitted by Adam, and the probabilities of kinds, shape (units, 3).

    Args:
        net: Where to start.
        view: What it sees and tells.
        data: What it should tell.
        recipe: How to fit it.
        fabric: Where.
        seed: Seed of batches, noise and kinds.
        draw: Whether kinds are drawn, and their probabilities learned.
    """
    torch.manual_seed(seed)
    module = SparseNet(net, view)
    chances = fit(module, data, recipe, fabric, draw=draw)
    return module.net(), np.vstack([np.zeros((0, 3)), *chances])


def fit(module: Rolled, data: Pieces, recipe: Recipe, fabric: Fabric, *, draw: bool = False) -> list[FloatArray]:
    """Fit dynamics in place by Adam; return the probabilities of kinds of each layer, shape (units, 3).

    Args:
        module: The dynamics.
        data: What they should tell.
        recipe: How to fit them.
        fabric: Where.
        draw: Whether kinds are drawn, and their probabilities learned.
    """
    model, adam = fabric.setup(module, torch.optim.Adam(module.parameters(), lr=recipe.rate))
    model.mark_forward_method("rollout")
    states, actions = (
        torch.tensor(part, dtype=torch.float32).to(fabric.device) for part in (data.states, data.actions)
    )
    span = torch.arange(recipe.steps + 1)
    for update in range(recipe.updates):
        for group in adam.param_groups:
            group["lr"] = recipe.rate * max(0.01, 0.5 + 0.5 * math.cos(math.pi * update / recipe.updates))
        piece = torch.randint(len(states), (recipe.batch, 1))
        at = torch.randint(actions.shape[1] - recipe.steps + 1, (recipe.batch, 1)) + span
        goal, u = states[piece, at], actions[piece, at[:, :-1]]
        start = goal[:, 0]
        if recipe.noise > 0:
            start = start + recipe.noise * module.moved(torch.randn_like(module.apart(start, start)))
        away = module.apart(model.rollout(start, u, module.drawn() if draw else None), goal[:, 1:])
        loss = _weighted(away.square().mean(dim=(1, 2)), recipe.hard)
        if draw:
            shares = module.shares()
            loss = loss + recipe.sparsity * shares[RELU] + recipe.identity * shares[IDENTITY]
        if recipe.decay > 0:
            loss = loss + recipe.decay * torch.cat([w.abs().flatten() for w in module.weights]).mean()
        adam.zero_grad()
        fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        adam.step()
    return [logits.softmax(dim=1).detach().cpu().double().numpy() for logits in module.logits]


def errors(net: ReluNet, view: View, data: Pieces) -> list[float]:
    """Return root mean square errors after 1, 2, ... steps from the starts of pieces, shape (steps,).

    Each is relative to the root mean square of the motion until then. Errors and motions are measured in outputs.
    """
    return errors_of(SparseNet(net, view, torch.float64), data)


@torch.no_grad()
def errors_of(module: Rolled, data: Pieces) -> list[float]:
    """Return the errors of dynamics of double precision, as ``errors``."""
    states, actions = torch.from_numpy(data.states), torch.from_numpy(data.actions)
    away = module.apart(module.rollout(states[:, 0], actions), states[:, 1:]).square().mean(dim=(0, 2))
    still = module.apart(states[:, :1], states[:, 1:]).square().mean(dim=(0, 2))
    return [float(value) for value in (away / still).sqrt()]


def _weighted(error: Tensor, hard: float) -> Tensor:
    if hard == 0:
        return error.mean()
    weight = torch.exp(hard * error.detach()).clamp_max(GREATEST)
    return (weight * error).sum() / weight.sum()
