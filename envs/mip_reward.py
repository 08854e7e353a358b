"""What rewards and information of the branch-and-bound environments are made of: counters, time, integrals of gaps."""

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from copt.envs.reward import Arithmetic, Step
from copt.errors import CoptError
from copt.problems.base import FloatArray

__all__ = [
    "DualIntegral",
    "LpIterations",
    "Nodes",
    "PrimalDualIntegral",
    "PrimalIntegral",
    "Progress",
    "SolveStep",
    "SolvingTime",
    "gaps",
]

Bounds = NDArray[np.float64]  # (k, 3): for so many seconds there was this primal and this dual bound


@dataclass(frozen=True, slots=True)
class SolveStep(Step):
    """A step of a solve. The first one of an episode also counts what was done before the first decision.

    ``before`` and ``after`` are dual bounds, 0 before the first one; ``after`` the last step is the objective of the
    best point. ``scale`` is the size of the first dual bound, at least 1.

    Args:
        nodes: Nodes processed in the step.
        lp_iterations: Simplex iterations in the step, without those of strong branching.
        seconds: Time that SCIP worked in the step; the agent's own time does not count.
        bounds: The bounds during the step in the minimising sense, shape (k, 3): seconds, primal bound, dual bound.
    """

    nodes: int
    lp_iterations: int
    seconds: float
    bounds: Bounds


class Progress:
    """Bounds and counters of a solve over the time that it was at work.

    Args:
        sign: 1 if it minimises, -1 if it maximises.
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._worked, self._since = 0.0, 0.0
        self._running = False
        self._noted = 0.0  # working time of the last note
        self._bounds: list[tuple[float, float, float]] = []  # since the last step
        self.primal, self.dual = np.inf, -np.inf
        self.nodes = self.lp_iterations = 0
        self.scale = 1.0
        self._paid = (0.0, 0, 0, 0.0)  # dual bound, nodes, iterations and seconds up to the last step

    @property
    def seconds(self) -> float:
        """Working time."""
        return self._worked + (time.perf_counter() - self._since if self._running else 0.0)

    def go(self) -> None:
        """Let the clock run."""
        self._since, self._running = time.perf_counter(), True

    def stop(self) -> None:
        """Stop the clock."""
        self._worked, self._running = self.seconds, False

    def note(self, *, primal: float, dual: float, nodes: int, lp_iterations: int) -> None:
        """Keep what is true now, the bounds in the sense of the instance."""
        now = self.seconds
        self._bounds.append((now - self._noted, self.primal, self.dual))
        self._noted = now
        if np.isinf(self.dual) and np.isfinite(dual):
            self.scale = max(1.0, abs(dual))
        self.primal, self.dual = self._sign * primal, self._sign * dual
        self.nodes, self.lp_iterations = nodes, lp_iterations

    def step(self, *, done: bool) -> SolveStep:
        """Return what happened since the last step."""
        before, nodes, iterations, seconds = self._paid
        after = self.primal if done and np.isfinite(self.primal) else self.dual
        after = after if np.isfinite(after) else before
        self._paid = (after, self.nodes, self.lp_iterations, self._noted)
        bounds, self._bounds = np.array(self._bounds).reshape(-1, 3), []
        return SolveStep(
            before=before,
            after=after,
            scale=self.scale,
            done=done,
            nodes=self.nodes - nodes,
            lp_iterations=self.lp_iterations - iterations,
            seconds=self._noted - seconds,
            bounds=bounds,
        )


def gaps(bounds: FloatArray, others: FloatArray) -> FloatArray:
    """Return the gaps between bounds, each from 0 to 1 as Berthold (2013) defines it; 1 where there is no bound yet."""
    finite = np.isfinite(bounds) & np.isfinite(others)
    first, second = np.where(finite, bounds, 1.0), np.where(finite, others, -1.0)
    size = np.maximum(np.abs(first), np.abs(second))
    apart = np.where(first == second, 0.0, np.abs(first - second) / np.maximum(size, 1e-300))
    shares: FloatArray = np.where(first * second < 0, 1.0, apart)
    return shares


@dataclass(frozen=True)
class Nodes(Arithmetic):
    """Nodes processed in the step. A cost: give it a negative factor."""

    def __call__(self, step: Step) -> float:
        """Return the number of nodes."""
        return float(_solve_step(step).nodes)


@dataclass(frozen=True)
class LpIterations(Arithmetic):
    """Simplex iterations in the step, without those of strong branching. A cost."""

    def __call__(self, step: Step) -> float:
        """Return the number of iterations."""
        return float(_solve_step(step).lp_iterations)


@dataclass(frozen=True)
class SolvingTime(Arithmetic):
    """Seconds that SCIP worked in the step. A cost."""

    def __call__(self, step: Step) -> float:
        """Return the seconds."""
        return _solve_step(step).seconds


@dataclass(frozen=True)
class _ToOptimum(Arithmetic):
    """Integral of the gap between one of the bounds and the optimum.

    Args:
        optimum: Optimum of the instance, or the best value known.
        maximise: Whether the instance maximises.
    """

    optimum: float
    maximise: bool = False

    COLUMN: ClassVar[int]  # of the bounds of a step

    def __call__(self, step: Step) -> float:
        """Return the integral."""
        bounds = _solve_step(step).bounds
        optimum = np.full(len(bounds), -self.optimum if self.maximise else self.optimum)
        return float(bounds[:, 0] @ gaps(bounds[:, self.COLUMN], optimum))


@dataclass(frozen=True)
class PrimalIntegral(_ToOptimum):
    """Integral over the step's seconds of the gap between the best point and the optimum (Berthold 2013). A cost.

    Args:
        optimum: Optimum of the instance, or the best value known.
        maximise: Whether the instance maximises.
    """

    COLUMN: ClassVar[int] = 1


@dataclass(frozen=True)
class DualIntegral(_ToOptimum):
    """Integral over the step's seconds of the gap between the dual bound and the optimum. A cost.

    Args:
        optimum: Optimum of the instance, or the best value known.
        maximise: Whether the instance maximises.
    """

    COLUMN: ClassVar[int] = 2


@dataclass(frozen=True)
class PrimalDualIntegral(Arithmetic):
    """Integral over the step's seconds of the gap between the best point and the dual bound. A cost."""

    def __call__(self, step: Step) -> float:
        """Return the integral."""
        seconds, primal, dual = _solve_step(step).bounds.T
        return float(seconds @ gaps(primal, dual))


def _solve_step(step: Step) -> SolveStep:
    if not isinstance(step, SolveStep):
        raise CoptError("this reward pays for steps of a solve; use it with copt/Branching-v0, Diving-v0, Configure-v0")
    return step
