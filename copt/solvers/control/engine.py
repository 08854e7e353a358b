"""The solver of family ``control``."""

import math

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.control import ControlProblem, Plan
from copt.result import StopReason
from copt.solvers.control.horizon import Horizon
from copt.solvers.control.program import Program, solve_program

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
    horizon = Horizon(instance)
    reach = horizon.reach(*horizon.box())
    if reach is None:
        monitor.prove(math.inf, "bounds")
    else:
        program = Program(horizon, reach)
        if monitor.best is not None:
            program.limit(monitor.best)
        solve_program(program, monitor)
    if monitor.reason() is None:
        monitor.end(StopReason.EXHAUSTED)
