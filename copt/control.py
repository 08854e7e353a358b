"""Model predictive control: plan over a horizon, do the first step, plan again."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from copt.errors import InvalidInstanceError
from copt.events import Silent
from copt.monitor import Monitor
from copt.policy import Policy, load_policy
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut, Plan, shifted, states_of
from copt.problems.control_cost import Cost
from copt.problems.dynamics import Dynamics
from copt.problems.pairwise import Pairwise
from copt.problems.planar import Planar
from copt.problems.relu import ReluNet
from copt.problems.relu_torch import from_torch
from copt.problems.uncertainty import vector
from copt.read import read_dynamics
from copt.result import Status, StopReason, relative_gap
from copt.stop import Stop

__all__ = ["MPC", "Cost", "Info", "KeepOut"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Info:
    """What is known of a command.

    Args:
        plan: Actions over the horizon, the command first, shape (horizon, actions).
        states: Where the model says that they lead, shape (horizon, states).
        value: What the plan costs on the model.
        bound: What no plan that keeps all limits costs less than; infinite if there is none.
        gap: Relative gap between value and bound, None if the plan breaks limits.
        status: ``OPTIMAL`` or ``FEASIBLE`` if the plan keeps all limits; if it does not, ``INFEASIBLE`` if no plan can,
            and ``UNKNOWN`` otherwise.
        violation: By how much the plan breaks limits in total: 0 if it keeps them.
        times: Seconds that each stage took.
        notes: What else there is to tell, such as why the policy is left aside.
    """

    plan: FloatArray
    states: FloatArray
    value: float
    bound: float
    gap: float | None
    status: Status
    violation: float
    times: Mapping[str, float]
    notes: tuple[str, ...] = ()


class MPC:
    """Commands a system whose dynamics are a piecewise-linear network, each within a time limit.

    Args:
        dynamics: The network of states and actions whose outputs are the next states; or a ``torch.nn.Sequential`` of
            linear layers and ReLUs, or the path of a safetensors file, or the name of a trained policy.
        cost: What states and actions cost.
        horizon: Steps to look ahead.
        u_bounds: Least and greatest actions, each a number or of shape (actions,).
        x_bounds: Least and greatest states, likewise; without limits if None, and where infinite.
        keep_out: Regions that no state may be in.
        seconds: Wall time of each command. Kernels that were never compiled are compiled here, before the first.
        seed: Seed of every random choice.
        policy: A trained policy that proposes plans to begin with, or the name of a stored one; None for none.

    Raises:
        CoptError: If something does not fit, or a file cannot be read.
    """

    def __init__(
        self,
        dynamics: Any,
        cost: Cost,
        *,
        horizon: int = 10,
        u_bounds: tuple[Any, Any],
        x_bounds: tuple[Any, Any] | None = None,
        keep_out: Sequence[KeepOut] = (),
        seconds: float = 0.1,
        seed: int = 0,
        policy: Policy | str | None = None,
    ) -> None:
        from copt.solvers.control.loading import KERNELS
        from copt.solvers.control.phases import predictor_of

        self._dynamics = _dynamics(dynamics)
        net = _sized(self._dynamics, cost)
        self._stop = Stop(seconds=seconds)
        self._seed = seed
        self._proposer = predictor_of(load_policy(policy) if isinstance(policy, str) else policy)
        self._problem = ControlProblem(
            dynamics=net,
            start=np.zeros(net.outputs),
            horizon=horizon,
            cost=cost,
            u_lower=_side("u_bounds", u_bounds, 0, net.inputs - net.outputs),
            u_upper=_side("u_bounds", u_bounds, 1, net.inputs - net.outputs),
            x_lower=None if x_bounds is None else _side("x_bounds", x_bounds, 0, net.outputs),
            x_upper=None if x_bounds is None else _side("x_bounds", x_bounds, 1, net.outputs),
            keep_out=tuple(keep_out),
            name="command",
        )
        KERNELS.wait()
        self.reset()

    def reset(self) -> None:
        """Forget the last plan and begin with the seed again, as for a new episode."""
        from copt.solvers.control.planner import Planner

        self._planner = Planner(self._seed, proposer=self._proposer)
        self._plan: FloatArray | None = None

    def command(self, x: Any, *, goal: Any = None) -> tuple[FloatArray, Info]:
        """Return the action to take in a state, shape (actions,), and what is known of it.

        If no plan is known that keeps all limits, the action is from the plan that breaks them least.

        Args:
            x: The state, shape (states,).
            goal: Where states should be from now on, shape (states,); as before if None.

        Raises:
            InvalidInstanceError: If the state or the goal does not fit.
        """
        began = time.perf_counter()
        cost = self._problem.cost
        if goal is not None:
            cost = dataclasses.replace(cost, goal=vector("goal", goal, self._problem.num_states))
        start = vector("start", x, self._problem.num_states)
        self._problem = dataclasses.replace(self._problem, dynamics=self._dynamics.at(start), start=start, cost=cost)
        monitor = Monitor(self._stop, Silent(), began)
        self._planner.run(self._problem, monitor, [] if self._plan is None else [shifted(self._plan)])
        if monitor.bound == np.inf:
            self._planner.relent(monitor)
        monitor.close()
        info = self._info(monitor)
        self._plan = info.plan
        return info.plan[0].copy(), info

    def _info(self, monitor: Monitor) -> Info:
        rough, bound = self._planner.best, monitor.bound
        assert rough is not None
        assert bound is not None
        found = Plan(rough.actions) if monitor.solution is None else monitor.solution
        value, violation, status = rough.cost, rough.violation, Status.UNKNOWN
        if monitor.objective is not None:
            value, violation = monitor.objective, 0.0
            status = Status.OPTIMAL if monitor.reason() is StopReason.PROVED else Status.FEASIBLE
        elif bound == np.inf:
            status = Status.INFEASIBLE
        return Info(
            plan=found.actions,
            states=states_of(self._problem, found),
            value=value,
            bound=bound,
            gap=relative_gap(monitor.objective, bound),
            status=status,
            violation=violation,
            times=dict(self._planner.times),
            notes=tuple(monitor.notes),
        )


def _dynamics(dynamics: Any) -> Dynamics:
    if isinstance(dynamics, Dynamics):
        return dynamics
    return read_dynamics(dynamics) if isinstance(dynamics, str | Path) else from_torch(dynamics)


def _sized(dynamics: Dynamics, cost: Cost) -> ReluNet:
    """Return a network with as many states and actions as those that plans are made with."""
    if isinstance(dynamics, Pairwise):
        return dynamics.at(cost.goal)
    return dynamics.net if isinstance(dynamics, Planar) else dynamics


def _side(field: str, bounds: tuple[Any, Any], side: int, size: int) -> FloatArray:
    """Return the lower or upper bounds of ``size`` entries."""
    try:
        ends = [np.broadcast_to(np.asarray(end, dtype=np.float64), (size,)) for end in bounds]
    except (TypeError, ValueError):
        ends = []
    if len(ends) != 2:
        raise InvalidInstanceError(
            f"{field} must be two numbers, or two vectors of {size} numbers, least first; got {bounds!r}"
        )
    return ends[side]
