"""CP-SAT on the whole shop: proves optimality, and finds schedules where no other search fits the shop."""

import math
from collections.abc import Callable

from ortools.sat.python import cp_model

from copt.monitor import Monitor
from copt.problems.encoding import encode, intervals_of, schedule_of
from copt.problems.jobshop import JobShop, Schedule, objective
from copt.solvers import cpsat
from copt.solvers.encoding import EncodingModel

__all__ = ["prove"]

SOURCE = "cp-sat"
PARAMETERS: cpsat.Parameters = {"use_strong_propagation_in_disjunctive": True}


def prove(
    instance: JobShop,
    monitor: Monitor,
    *,
    workers: int,
    seed: int,
    seconds: float | None = None,
    stop: Callable[[], bool] | None = None,
) -> bool:
    """Search the whole shop until its optimum is proved; start from the monitor's incumbent and bound.

    Args:
        instance: The shop.
        monitor: Receives schedules and bounds, and says when to stop.
        workers: Number of CP-SAT's threads.
        seed: Seed of CP-SAT.
        seconds: Limit on wall time beside the monitor's own.
        stop: Further reason to stop, asked every 50 ms.

    Returns:
        Whether the optimum is proved.

    Raises:
        InvalidInstanceError: If the shop has no encoding.
    """
    incumbent: Schedule | None = monitor.solution
    model = EncodingModel(
        encode(instance),
        lower=math.ceil(monitor.lower_bound or 0),
        upper=None if incumbent is None else objective(instance, incumbent),
        hint=None if incumbent is None else intervals_of(instance, incumbent),
    )

    def translate(read: cpsat.Reader) -> tuple[float, Schedule]:
        value, intervals = model.read(read)
        return value, schedule_of(instance, intervals)

    status = cpsat.run(
        model.model,
        monitor,
        translate,
        workers=workers,
        seed=seed,
        source=SOURCE,
        seconds=seconds,
        stop=stop,
        parameters=PARAMETERS,
    )
    return bool(status == cp_model.OPTIMAL)
