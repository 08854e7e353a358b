"""Control through a piecewise-linear model: actions over a horizon, what they cost and what limits they break."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.base import FloatArray, Violation
from copt.problems.control_cost import Cost, matrix
from copt.problems.relu import ReluNet
from copt.problems.uncertainty import vector

__all__ = ["TOLERANCE", "ControlProblem", "KeepOut", "Plan", "check", "objective", "shifted", "states_of", "toy"]

TOLERANCE = 1e-6  # by which limits may be missed, of their scale


@dataclass(frozen=True, eq=False)
class KeepOut:
    """A convex region that states must not enter: where ``rows @ x < limits`` in every row.

    Args:
        rows: Outward normals of its faces, shape (faces, states).
        limits: Offsets of its faces, shape (faces,).

    Raises:
        InvalidInstanceError: If shapes do not fit, or a number is not finite.
    """

    rows: FloatArray
    limits: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", matrix("rows", self.rows))
        object.__setattr__(self, "limits", vector("limits", self.limits, len(self.rows)))
        if not len(self.rows):
            raise InvalidInstanceError("a region to keep out of needs at least one face, got none")

    def depth(self, states: FloatArray) -> FloatArray:
        """Return how far inside states are, negative outside, shape (batch,), of states of shape (batch, states)."""
        inside: FloatArray = (self.limits - states @ self.rows.T).min(axis=1)
        return inside

    def corners(self, pair: tuple[int, int], lower: FloatArray, upper: FloatArray) -> FloatArray:
        """Return what a rectangle shows of the region where all states but two are zero (Sutherland and Hodgman 1974).

        Args:
            pair: The two states.
            lower: Least values of both, shape (2,).
            upper: Greatest values of both, shape (2,).

        Returns:
            The corners of a convex polygon, counter-clockwise, shape (corners, 2); none if nothing is to be seen.
        """
        polygon = np.array([lower, [upper[0], lower[1]], upper, [lower[0], upper[1]]], dtype=np.float64)
        for row, limit in zip(self.rows[:, pair], self.limits, strict=True):
            depth = limit - polygon @ row
            kept: list[FloatArray] = []
            for k, here in enumerate(depth):
                before = depth[k - 1]
                if (before > 0) != (here > 0):
                    kept.append(polygon[k - 1] + before / (before - here) * (polygon[k] - polygon[k - 1]))
                if here > 0:
                    kept.append(polygon[k])
            polygon = np.array(kept).reshape(-1, 2)
        return polygon


@dataclass(frozen=True, eq=False, kw_only=True)
class ControlProblem:
    """Choose actions u_0, ..., u_(horizon - 1) so that the states x_(t + 1) = dynamics(x_t, u_t) cost least.

    Args:
        dynamics: A network of states and actions, in this order, whose outputs are the next states.
        start: The state x_0, shape (states,); limits and regions do not apply to it.
        horizon: Number of steps.
        cost: What states and actions cost.
        u_lower: Least actions, finite, shape (actions,).
        u_upper: Greatest actions, finite, shape (actions,).
        x_lower: Least states, shape (states,); without limits if None, and where infinite.
        x_upper: Greatest states, likewise.
        keep_out: Regions that no state may be in.
        name: Name for tables and files.

    Raises:
        InvalidInstanceError: If shapes do not fit, actions are not bounded, or a lower bound is above its upper one.
    """

    family: ClassVar[str] = "control"
    sign: ClassVar[int] = 1

    dynamics: ReluNet
    start: FloatArray
    horizon: int
    cost: Cost
    u_lower: FloatArray
    u_upper: FloatArray
    x_lower: FloatArray | None = None
    x_upper: FloatArray | None = None
    keep_out: tuple[KeepOut, ...] = ()
    name: str = "unnamed"

    def __post_init__(self) -> None:
        states, actions = self.num_states, self.num_actions
        if actions < 1:
            raise InvalidInstanceError(
                f"dynamics has {self.dynamics.inputs} inputs and {states} outputs; inputs are states and actions"
            )
        if self.horizon < 1:
            raise InvalidInstanceError(f"horizon = {self.horizon}; give at least 1")
        object.__setattr__(self, "start", vector("start", self.start, states))
        for field in ("u_lower", "u_upper"):
            object.__setattr__(self, field, vector(field, getattr(self, field), actions))
        for field, free in (("x_lower", -np.inf), ("x_upper", np.inf)):
            object.__setattr__(self, field, _limits(field, getattr(self, field), states, free))
        for what in ("u", "x"):
            low, high = getattr(self, f"{what}_lower"), getattr(self, f"{what}_upper")
            if (low > high).any():
                k = int(np.argmax(low > high))
                raise InvalidInstanceError(f"{what}_lower[{k}] = {low[k]:g} is above {what}_upper[{k}] = {high[k]:g}")
        if self.cost.goal.size != states:
            raise InvalidInstanceError(f"the goal has {self.cost.goal.size} entries for {states} states")
        if self.cost.action is not None and self.cost.action.shape[1] != actions:
            raise InvalidInstanceError(f"the cost of actions has {self.cost.action.shape[1]} columns for {actions}")
        object.__setattr__(self, "keep_out", tuple(self.keep_out))
        for k, region in enumerate(self.keep_out):
            if region.rows.shape[1] != states:
                raise InvalidInstanceError(f"keep_out[{k}] has {region.rows.shape[1]} columns for {states} states")

    @property
    def num_states(self) -> int:
        """Number of states."""
        return self.dynamics.outputs

    @property
    def num_actions(self) -> int:
        """Number of actions of a step."""
        return self.dynamics.inputs - self.dynamics.outputs

    @property
    def dimensions(self) -> str:
        """States, actions and steps, for tables."""
        return f"{self.num_states}x{self.num_actions}x{self.horizon}"


@dataclass(frozen=True, eq=False)
class Plan:
    """Actions over the horizon.

    Args:
        actions: Shape (horizon, actions).

    Raises:
        InvalidSolutionError: If they are not finite numbers in two dimensions.
    """

    actions: FloatArray

    def __post_init__(self) -> None:
        array = np.array(self.actions, dtype=np.float64)
        if array.ndim != 2 or not np.isfinite(array).all():
            raise InvalidSolutionError(f"actions must be finite numbers of shape (horizon, actions), got {array.shape}")
        array.setflags(write=False)
        object.__setattr__(self, "actions", array)


def shifted(actions: FloatArray) -> FloatArray:
    """Return a plan for one step later: without its first action, and with its last one twice.

    Args:
        actions: Shape (horizon, actions).
    """
    return np.vstack([actions[1:], actions[-1:]])


def states_of(instance: ControlProblem, solution: Plan) -> FloatArray:
    """Return the states x_1, ..., x_horizon that a plan leads through, shape (horizon, states).

    Raises:
        InvalidSolutionError: If the plan has another shape.
    """
    wanted = (instance.horizon, instance.num_actions)
    if solution.actions.shape != wanted:
        raise InvalidSolutionError(f"actions has shape {solution.actions.shape} instead of {wanted}")
    states, x = [], instance.start
    for u in solution.actions:
        x = instance.dynamics.forward(np.concatenate([x, u])[None])[0]
        states.append(x)
    return np.array(states)


def objective(instance: ControlProblem, solution: Plan) -> float:
    """Return what a plan costs on the model.

    Raises:
        InvalidSolutionError: If it has another shape.
    """
    return float(instance.cost.of(states_of(instance, solution), solution.actions).sum())


def check(instance: ControlProblem, solution: Plan) -> list[Violation]:
    """Return the limits that a plan breaks by more than ``TOLERANCE`` of their scale.

    Raises:
        InvalidSolutionError: If it has another shape.
    """
    states = states_of(instance, solution)
    found = []
    for what, values, low, high in (
        ("action", solution.actions, instance.u_lower, instance.u_upper),
        ("state", states, instance.x_lower, instance.x_upper),
    ):
        assert low is not None
        assert high is not None
        for side, beyond, limit in (("below", low - values, low), ("above", values - high, high)):
            for t, k in np.argwhere(beyond > TOLERANCE * np.maximum(1.0, np.abs(limit))):
                text = f"{what} {k} of step {t} is {values[t, k]:.9g}, {side} {limit[k]:.9g}"
                found.append(Violation(f"{what}-limit", text))
    for k, region in enumerate(instance.keep_out):
        depth = region.depth(states)
        scale = TOLERANCE * max(1.0, float(np.abs(region.limits).max()))
        found += [
            Violation("keep-out", f"the state of step {t} is {depth[t]:.3g} deep in region {k}")
            for t in np.flatnonzero(depth > scale)
        ]
    return found


def toy() -> ControlProblem:
    """Return three steps along a line with a wall at zero that throws what is behind it back to zero."""
    dynamics = ReluNet.residual(skip=[[0.0, 1.0]], shift=[0.0], lift=[[1.0]], weights=[[1.0, 0.0]], biases=[0.0])
    values: dict[str, Any] = {"start": [-2.0], "u_lower": [-1.0], "u_upper": [1.0]}
    cost: dict[str, Any] = {"goal": [3.0], "state": [1.0]}
    return ControlProblem(dynamics=dynamics, horizon=3, cost=Cost(**cost), **values, name="toy-control")


def _limits(field: str, values: Any, size: int, free: float) -> FloatArray:
    """Return limits, ``free`` everywhere if None."""
    array = np.full(size, free) if values is None else np.array(values, dtype=np.float64)
    if array.shape != (size,):
        raise InvalidInstanceError(f"{field} must have shape ({size},), got shape {array.shape}")
    if np.isnan(array).any() or (array == -free).any():
        raise InvalidInstanceError(f"{field} must hold numbers or {free:g}, got {array.tolist()}")
    array.setflags(write=False)
    return array
