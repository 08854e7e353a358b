"""Adapters of samplers written in PyTorch: the customary MPPI and iCEM packages, on the same model and cost.

They know neither limits of states nor regions: both are penalised, with the weight that our own samplers use. Rounds go
on until the time is up, as the packages' own command does one or a fixed number; the best plan of all rounds counts.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, toy

__all__ = ["plan_icem", "plan_mppi", "prepare_torch"]

# Tuned on other problems than those of the benchmark. Spreads are shares of half the range of an action. pytorch_mppi
# weighs its plans with an absolute temperature: it is a share of what divides the best plan from the best tenth.
MPPI_SAMPLES, MPPI_SPREAD, TEMPERATURE, TENTH, COLD = 512, 0.15, 0.01, 0.1, 1e-9
ICEM_SAMPLES, ICEM_SPREAD, ELITES, KEPT, MOMENTUM, COLOUR, LEAST = 256, 0.5, 24, 0.3, 0.1, 0.5, 0.01


def plan_mppi(
    problem: ControlProblem, end: float, workers: int, seed: int, means: Sequence[FloatArray] = ()
) -> FloatArray:
    """Return the best plan of ``pytorch_mppi.MPPI``; see ``copt.bench.peers_control.Planner``."""
    import torch
    from pytorch_mppi import MPPI

    model = _Model(problem, workers, seed)
    sampler = MPPI(
        model.dynamics,
        model.step_cost,
        problem.num_states,
        torch.diag((MPPI_SPREAD * model.half) ** 2),
        num_samples=MPPI_SAMPLES,
        horizon=problem.horizon,
        terminal_state_cost=model.extra_cost,
        u_min=model.lower,
        u_max=model.upper,
        U_init=model.first(means),
        lambda_=COLD,
    )
    while time.perf_counter() < end:
        sampler.command(model.start, shift_nominal_trajectory=False)
        costs = sampler.cost_total
        model.consider(torch.stack([sampler.U, sampler.perturbed_action[costs.argmin()]]))
        sampler.lambda_ = max(TEMPERATURE * float(costs.quantile(TENTH) - costs.min()), COLD)
    return model.best


def plan_icem(
    problem: ControlProblem, end: float, workers: int, seed: int, means: Sequence[FloatArray] = ()
) -> FloatArray:
    """Return the best plan of ``pytorch_icem.iCEM``; see ``copt.bench.peers_control.Planner``."""
    from pytorch_icem import iCEM

    model = _Model(problem, workers, seed)
    # The package takes a spread for each action only if it has as many dimensions as there are actions.
    spread = (ICEM_SPREAD * model.half).reshape((1,) * (problem.num_actions - 1) + (-1,))
    sampler = iCEM(
        model.dynamics,
        model.total_cost,
        problem.num_states,
        problem.num_actions,
        sigma=spread,
        num_samples=ICEM_SAMPLES,
        num_elites=ELITES,
        horizon=problem.horizon,
        elites_keep_fraction=KEPT,
        alpha=MOMENTUM,
        noise_beta=COLOUR if problem.horizon > 1 else 0,
        warmup_iters=1,
        online_iters=1,
    )
    sampler.mean = model.first(means)
    while time.perf_counter() < end:
        sampler.command(model.start, shift_nominal_trajectory=False)
        model.consider(sampler.kept_elites[:1])
        if bool((sampler.std <= LEAST * model.half).all()):
            sampler.reset()
            sampler.mean = model.first([model.best])
    return model.best


def prepare_torch() -> None:
    """Import PyTorch and both packages, and run each once."""
    for plan in (plan_mppi, plan_icem):
        plan(toy(), time.perf_counter() + 0.1, 1, 1)


class _Model:
    """A problem in tensors, and the best plan seen.

    Args:
        problem: The problem.
        workers: Threads of PyTorch.
        seed: Of all random choices.
    """

    def __init__(self, problem: ControlProblem, workers: int, seed: int) -> None:
        import torch

        from copt.solvers.control.flat import flatten

        torch.set_num_threads(workers)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the coloured noise of the package draws from it
        tensor = torch.tensor
        self._torch, self._cost, self._horizon = torch, problem.cost, problem.horizon
        net = problem.dynamics.folded()
        self._layers = [(tensor(w.T), tensor(b)) for w, b in zip(net.weights, net.biases, strict=True)]
        self._goal = tensor(problem.cost.goal)
        self._state, self._last = tensor(problem.cost.state.T), tensor(problem.cost.last.T)
        self._effort = None if problem.cost.action is None else tensor(problem.cost.action.T)
        flat = flatten(problem)
        self._penalty = flat.penalty
        self._low, self._high = tensor(flat.x_lower), tensor(flat.x_upper)
        self._regions = [(tensor(region.rows.T), tensor(region.limits)) for region in problem.keep_out]
        self.start, self.lower, self.upper = tensor(problem.start), tensor(problem.u_lower), tensor(problem.u_upper)
        self.half = (self.upper - self.lower) / 2
        self.best: FloatArray = np.tile((problem.u_lower + problem.u_upper) / 2, (problem.horizon, 1))
        self._rank = (math.inf, math.inf)
        self.consider(tensor(self.best)[None])

    def first(self, means: Sequence[FloatArray]) -> Any:
        """Return the plan to begin with, shape (horizon, actions)."""
        plan = self._torch.tensor(means[0] if len(means) else self.best)
        self.consider(plan[None])
        return plan

    def dynamics(self, x: Any, u: Any) -> Any:
        """Return the next states, shape (batch, states)."""
        seen = self._torch.cat([x, self._torch.clamp(u, self.lower, self.upper)], dim=-1)
        for weights, bias in self._layers[:-1]:
            seen = self._torch.cat([seen, self._torch.relu(seen @ weights + bias)], dim=-1)
        weights, bias = self._layers[-1]
        return seen @ weights + bias

    def step_cost(self, x: Any, u: Any) -> Any:
        """Return what actions and the states that they lead to cost, and the penalty, shape (batch,)."""
        cost = self._norm((x - self._goal) @ self._state) + self._penalty * self._violation(x)
        if self._effort is None:
            return cost
        return cost + self._norm(self._torch.clamp(u, self.lower, self.upper) @ self._effort)

    def extra_cost(self, states: Any, actions: Any) -> Any:
        """Return what the last states cost more than others, of states of shape (1, batch, horizon, states)."""
        away = states[..., -1, :] - self._goal
        return self._norm(away @ self._last) - self._norm(away @ self._state)

    def total_cost(self, states: Any, actions: Any) -> Any:
        """Return what plans cost, with penalties, of states and actions of shape (batch, horizon, ...)."""
        return self.step_cost(states, actions).sum(dim=-1) + self.extra_cost(states, actions)

    def consider(self, plans: Any) -> None:
        """Keep the best of some plans, shape (batch, horizon, actions), if it is the best so far."""
        x, states = self.start.expand(len(plans), -1), []
        for t in range(self._horizon):
            x = self.dynamics(x, plans[:, t])
            states.append(x)
        path = self._torch.stack(states, dim=1)
        broken = self._violation(path).sum(dim=-1)
        costs = self.total_cost(path, plans) - self._penalty * broken
        for plan, violation, cost in zip(plans, broken.tolist(), costs.tolist(), strict=True):
            if (violation, cost) < self._rank:
                self._rank = (violation, cost)
                self.best = self._torch.clamp(plan, self.lower, self.upper).numpy().copy()

    def _norm(self, terms: Any) -> Any:
        if self._cost.norm == "quadratic":
            return (terms * terms).sum(dim=-1)
        return terms.abs().sum(dim=-1) if self._cost.norm == "l1" else terms.abs().amax(dim=-1)

    def _violation(self, x: Any) -> Any:
        """Return by how much states break limits in total, shape (..., )."""
        relu = self._torch.relu
        total = (relu(self._low - x) + relu(x - self._high)).sum(dim=-1)
        for rows, limits in self._regions:
            total = total + relu((limits - x @ rows).amin(dim=-1))
        return total
