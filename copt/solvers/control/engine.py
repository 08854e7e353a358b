"""The solver of family ``control``."""

import math

import numpy as np

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.control import ControlProblem, Plan, check, objective
from copt.result import StopReason
from copt.solvers.control.horizon import Horizon
from copt.solvers.control.loading import KERNELS
from copt.solvers.control.phases import predictor_of
from copt.solvers.control.planner import Planner, Proposer, proposals
from copt.solvers.control.program import Program, solve_program
from copt.solvers.control.rollout_heuristic import RollOut
from copt.solvers.loading import COLD

__all__ = ["NAME", "solve"]

NAME = "control"


def solve(
    instance: ControlProblem,
    monitor: Monitor,
    *,
    start: Plan | None,
    policy: Policy | None,
    workers: int,
    seed: int,
) -> None:
    """Search until the monitor says stop or value and bound meet; see ``copt.solvers.base.Solver``."""
    proposer = predictor_of(policy)
    _await_kernels(instance, monitor, proposer)
    if monitor.reason() is None:
        Planner(seed, proposer=proposer).run(instance, monitor, [] if start is None else [start.actions])
    if monitor.reason() is None:
        monitor.end(StopReason.EXHAUSTED)


def _await_kernels(instance: ControlProblem, monitor: Monitor, proposer: Proposer | None) -> None:
    """Wait for the kernels; while they compile on first use, SCIP has the whole program."""
    KERNELS.begin()
    if not KERNELS.done():
        _offer_idle(instance, monitor)
    began = monitor.elapsed
    while not KERNELS.done() and monitor.wait(0.01) is None:
        if monitor.elapsed - began > COLD:
            monitor.note("compiling the search kernels on first use (once); `copt doctor --warm` does it ahead")
            _solve_plainly(instance, monitor, proposer)
            began = math.inf


def _solve_plainly(instance: ControlProblem, monitor: Monitor, proposer: Proposer | None) -> None:
    """Run SCIP on the whole program until the kernels are ready; it has the plans of its relaxations rolled out."""
    horizon = Horizon(instance)
    reach = horizon.reach(*horizon.box(), compiled=False)
    if reach is None:
        monitor.prove(math.inf, "bounds")
    else:
        program = Program(horizon, reach)
        RollOut(program, proposals(proposer, instance, monitor), improve=lambda actions: actions)
        solve_program(program, monitor, until=KERNELS.done)


def _offer_idle(instance: ControlProblem, monitor: Monitor) -> None:
    """Offer to do as little as is allowed, so that there is a plan at once."""
    least = np.clip(np.zeros(instance.num_actions), instance.u_lower, instance.u_upper)
    idle = Plan(np.tile(least, (instance.horizon, 1)))
    if not check(instance, idle):
        monitor.offer(objective(instance, idle), idle, "idle")
