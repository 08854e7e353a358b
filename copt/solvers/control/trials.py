"""What proposals of plans gain the planner, on problems that it was not trained on."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from copt.events import Silent
from copt.monitor import Monitor
from copt.problems.control import ControlProblem
from copt.solvers.control.loading import KERNELS
from copt.solvers.control.planner import Planner, Proposer
from copt.stop import Stop

__all__ = ["compared"]

NORMAL = 1.96  # quantile of the normal distribution for an interval of 95 %


class ProcessorMonitor(Monitor):
    """A monitor whose seconds are those of the processor, which other processes cannot cut short."""

    @property
    def elapsed(self) -> float:
        """Seconds of processor time since the call."""
        return time.process_time() - self._started


def compared(problems: Sequence[ControlProblem], arms: Mapping[str, Proposer], seconds: float) -> dict[str, Any]:
    """Return what plans cost with and without proposals, and the mean relative gain of each arm with its interval.

    Args:
        problems: The problems.
        arms: What proposes plans, by name.
        seconds: Processor time of each plan.
    """
    KERNELS.wait()
    costs = {name: np.zeros(len(problems)) for name in ("none", *arms)}
    for k, problem in enumerate(problems):
        for name in costs:
            planner = Planner(k, proposer=arms.get(name))
            monitor = ProcessorMonitor(Stop(seconds=seconds), Silent(), time.process_time())
            planner.run(problem, monitor)
            costs[name][k] = np.nan if monitor.best is None else monitor.best
    gains = {name: (costs["none"] - costs[name]) / costs["none"] for name in arms}
    return {
        "problems": len(problems),
        "cost": {name: float(f"{np.nanmean(values):.4g}") for name, values in costs.items()},
        "gain": {name: _interval(values[np.isfinite(values)]) for name, values in gains.items()},
    }


def _interval(values: np.ndarray) -> list[float]:
    """Return mean, and its least and greatest value in the interval."""
    mean, away = float(values.mean()), NORMAL * float(values.std(ddof=1)) / np.sqrt(len(values))
    return [round(value, 4) for value in (mean, mean - away, mean + away)]
