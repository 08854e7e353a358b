"""A control problem over its horizon as one network, and what its states can reach."""

import itertools
from dataclasses import dataclass
from functools import partial

import numpy as np

from copt.problems.base import FloatArray
from copt.problems.control import TOLERANCE, ControlProblem
from copt.problems.control_cost import norm_of
from copt.problems.relu import ReluNet
from copt.solvers.relu_bounds import Bounds, clipped_bounds
from copt.solvers.relu_crown import Crown

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


class Horizon:
    """The network of x_0 and all actions whose outputs are Q x_t, then R u_t, then ``rows @ x_t`` of regions.

    Args:
        problem: The problem.
        like: Of a problem that differs in start, goal, limits or dynamics only; what is the same is used again.

    Attributes:
        net: The network; each state is a layer of identities.
        terms: Which outputs make up one norm each: states of all steps, then actions of all steps.
        faces: Which outputs are the faces of one region at one step each.
        offsets: What is added to outputs, so that terms are distances and faces not negative beyond them.
        crown: Bounds the network.
        limits: What pre-activations and outputs must keep to, shape (2, units + outputs).
    """

    def __init__(self, problem: ControlProblem, like: "Horizon | None" = None) -> None:
        steps, cost = problem.horizon, problem.cost
        costs = [cost.state] * (steps - 1) + [cost.last]
        efforts = [] if cost.action is None else [cost.action] * steps
        regions = [region for region in problem.keep_out for _ in range(steps)]
        sizes = [len(part) for part in (*costs, *efforts)]
        self.problem = problem
        same = like if like is not None and like.problem.dynamics is problem.dynamics else None
        self.net: ReluNet = _network(problem, costs, efforts) if same is None else same.net
        self.terms = _slices(0, sizes)
        self.faces = _slices(sum(sizes), [len(region.rows) for region in regions])
        self.offsets = np.concatenate(
            [
                *(-q @ cost.goal for q in costs),
                *(np.zeros(len(r)) for r in efforts),
                *(-region.limits for region in regions),
            ]
        )
        self.crown: Crown = Crown(self.net) if same is None else same.crown
        self.limits = self._rows_of_limits()

    def box(self) -> tuple[FloatArray, FloatArray]:
        """Return the least and the greatest actions of all steps, shape (horizon, actions)."""
        shape = (self.problem.horizon, self.problem.num_actions)
        return np.broadcast_to(self.problem.u_lower, shape), np.broadcast_to(self.problem.u_upper, shape)

    def inputs(self, actions: FloatArray) -> FloatArray:
        """Return the inputs of the network for actions of shape (horizon, actions)."""
        return np.append(self.problem.start, actions)

    def reach(
        self, lower: FloatArray, upper: FloatArray, *, limits: FloatArray | None = None, compiled: bool = True
    ) -> Reach | None:
        """Return what actions in a box lead to if all limits are kept; None if no actions keep them.

        Args:
            lower: Least action of each step, shape (horizon, actions).
            upper: Greatest action, likewise.
            limits: What pre-activations and outputs must keep to; those of the states if None.
            compiled: Use the kernel, which may have to be compiled first.
        """
        bounded = self.crown.bounds if compiled else partial(clipped_bounds, self.net)
        kept = self.limits if limits is None else limits
        bounds = bounded(self.inputs(lower), self.inputs(upper), kept, slack=TOLERANCE)
        if bounds is None:
            return None
        beyond = bounds.upper[-1] + self.offsets
        if any((beyond[face] < -TOLERANCE * np.maximum(1.0, np.abs(self.offsets[face]))).all() for face in self.faces):
            return None
        return Reach(lower, upper, bounds)

    def entered(self, reach: Reach) -> list[slice]:
        """Return the faces of those regions, of one step each, that states within reach may be in."""
        least = reach.bounds.lower[-1] + self.offsets
        return [face for face in self.faces if not (least[face] >= 0.0).any()]

    def least_cost(self, reach: Reach) -> float:
        """Return what no plan within reach costs less than, by the bounds of each term alone."""
        least, most = reach.bounds.lower[-1] + self.offsets, reach.bounds.upper[-1] + self.offsets
        sizes = np.maximum(0.0, np.maximum(least, -most))
        return float(sum(norm_of(sizes[terms], self.problem.cost.norm) for terms in self.terms))

    def _rows_of_limits(self) -> FloatArray:
        """Return what the limits of states ask of all hidden units and outputs."""
        problem, net = self.problem, self.net
        limits = np.array([[-np.inf], [np.inf]]) * np.ones(net.units + net.outputs)
        steps = limits[:, : net.units].reshape(2, problem.horizon, -1)
        assert problem.x_lower is not None
        assert problem.x_upper is not None
        steps[0, :, -problem.num_states :], steps[1, :, -problem.num_states :] = problem.x_lower, problem.x_upper
        return limits


def _network(problem: ControlProblem, costs: list[FloatArray], efforts: list[FloatArray]) -> ReluNet:
    unrolled = problem.dynamics.unrolled(problem.horizon)
    states = np.split(unrolled.weights[-1], problem.horizon)  # each picks one
    actions = np.eye(problem.horizon * problem.num_actions, states[0].shape[1], problem.num_states)
    rows = [q @ own for q, own in zip(costs, states, strict=True)]
    rows += [r @ own for r, own in zip(efforts, np.split(actions, problem.horizon), strict=False)]
    rows += [region.rows @ own for region in problem.keep_out for own in states]
    last = np.vstack(rows)
    biases = (*unrolled.biases[:-1], np.zeros(len(last)))
    return ReluNet(unrolled.inputs, (*unrolled.weights[:-1], last), biases, unrolled.kinds)


def _slices(first: int, sizes: list[int]) -> list[slice]:
    ends = np.cumsum([first, *sizes]).tolist()
    return [slice(a, b) for a, b in itertools.pairwise(ends)]
