"""A control problem over its horizon as one network, and what its states can reach."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import TOLERANCE, ControlProblem
from copt.problems.relu import ReluNet
from copt.solvers.relu_bounds import Bounds, clipped_bounds

__all__ = ["Horizon", "Reach"]


@dataclass(frozen=True, eq=False)
class Reach:
    """What pre-activations and outputs of a horizon stay between, for actions in a box.

    Args:
        lower: Least action of each step, shape (horizon, actions).
        upper: Greatest action, likewise.
        bounds: Of the network.
    """

    lower: FloatArray
    upper: FloatArray
    bounds: Bounds


@dataclass(frozen=True, eq=False)
class Horizon:
    """The network of x_0 and all actions whose outputs are the terms of the cost, then the faces of regions.

    A term is an entry of Q (x_t - goal) or R u_t; a face is ``rows @ x_t - limits``, not negative beyond it.

    Args:
        problem: The problem.
    """

    problem: ControlProblem

    @cached_property
    def net(self) -> ReluNet:
        """The network; each state is a layer of identities."""
        problem, unrolled = self.problem, self.problem.dynamics.unrolled(self.problem.horizon)
        rows, biases = [], []
        states = unrolled.weights[-1]  # picks them
        for t, own in enumerate(np.split(states, problem.horizon)):
            cost = problem.cost.last if t == problem.horizon - 1 else problem.cost.state
            rows.append(cost @ own)
            biases.append(-cost @ problem.cost.goal)
        if problem.cost.action is not None:
            actions = np.eye(problem.horizon * problem.num_actions, states.shape[1], problem.num_states)
            for own in np.split(actions, problem.horizon):
                rows.append(problem.cost.action @ own)
                biases.append(np.zeros(len(rows[-1])))
        for region in problem.keep_out:
            for own in np.split(states, problem.horizon):
                rows.append(region.rows @ own)
                biases.append(-region.limits)
        weights, bias = np.vstack(rows), np.concatenate(biases)
        return ReluNet(
            unrolled.inputs, (*unrolled.weights[:-1], weights), (*unrolled.biases[:-1], bias), unrolled.kinds
        )

    @cached_property
    def terms(self) -> list[slice]:
        """Which outputs make up one norm each: states of all steps, then actions of all steps."""
        problem, cost = self.problem, self.problem.cost
        sizes = [len(cost.state)] * (problem.horizon - 1) + [len(cost.last)]
        if cost.action is not None:
            sizes += [len(cost.action)] * problem.horizon
        return _slices(0, sizes)

    @cached_property
    def faces(self) -> list[slice]:
        """Which outputs are the faces of one region at one step each."""
        sizes = [len(region.rows) for region in self.problem.keep_out for _ in range(self.problem.horizon)]
        return _slices(self.terms[-1].stop, sizes)

    def inputs(self, actions: FloatArray) -> FloatArray:
        """Return the inputs of the network for actions of shape (horizon, actions)."""
        return np.append(self.problem.start, actions)

    def box(self) -> tuple[FloatArray, FloatArray]:
        """Return the least and the greatest actions of all steps, shape (horizon, actions)."""
        shape = (self.problem.horizon, self.problem.num_actions)
        return np.broadcast_to(self.problem.u_lower, shape), np.broadcast_to(self.problem.u_upper, shape)

    def reach(self, lower: FloatArray, upper: FloatArray) -> Reach | None:
        """Return what actions in a box lead to if all limits are kept; None if no actions keep them.

        Args:
            lower: Least action of each step, shape (horizon, actions).
            upper: Greatest action, likewise.
        """
        net = self.net
        bounds = clipped_bounds(net, self.inputs(lower), self.inputs(upper), self._limits(), slack=TOLERANCE)
        if bounds is None or any((bounds.upper[-1][face] < -TOLERANCE).all() for face in self.faces):
            return None
        return Reach(lower, upper, bounds)

    def _limits(self) -> Bounds:
        """Return what the limits of states ask of each layer."""
        problem, layers = self.problem, len(self.problem.dynamics.weights)
        lower = [np.full(len(b), -np.inf) for b in self.net.biases]
        upper = [np.full(len(b), np.inf) for b in self.net.biases]
        assert problem.x_lower is not None
        assert problem.x_upper is not None
        for k in range(layers - 1, len(lower) - 1, layers):
            lower[k], upper[k] = problem.x_lower, problem.x_upper
        return Bounds(tuple(lower), tuple(upper))


def _slices(first: int, sizes: list[int]) -> list[slice]:
    ends = np.cumsum([first, *sizes]).tolist()
    return [slice(a, b) for a, b in itertools.pairwise(ends)]
