"""First points: by fixing variables one after the other, or by repairing rows; the Python side of the kernels."""

import time

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP, activities, toy
from copt.solvers.mip.columns import by_columns
from copt.solvers.mip.dive_kernels import Dive, Rows, dive
from copt.solvers.mip.jump_kernels import Jump, jump, start_jump
from copt.solvers.mip.polish_kernels import polish
from copt.solvers.random_kernels import UInt64

__all__ = ["Points", "warm"]

CONFLICTS = 50  # variables that may be rejected
PATIENCE = 5000  # rows to look at after each fixing
MOVES = 5000  # of the search for a feasible point between two looks at the clock


class Points:
    """Makes points of one program.

    Args:
        instance: The program.
    """

    def __init__(self, instance: MIP) -> None:
        of_row = np.repeat(np.arange(instance.num_rows), np.diff(instance.starts))
        norms = np.sqrt(np.bincount(of_row, weights=instance.coefficients**2, minlength=instance.num_rows))
        self._instance = instance
        self._unit = 1.0 / np.where(norms > 0, norms, 1.0)  # first weight of each row in a search for a feasible point
        self._costs = instance.sign * instance.costs
        self._dearest = np.argsort(-np.abs(self._costs), kind="stable")
        self.rows = Rows(
            instance.starts,
            instance.columns,
            instance.coefficients,
            *by_columns(instance),
            instance.row_lower,
            instance.row_upper,
            instance.integer.astype(np.uint8),
        )

    def dive(self, order: IntArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the bounds that are left when the variables of ``order`` are fixed near ``targets``.

        Args:
            order: Integer variables, the first first.
            targets: Values wished, shape (variables,).
        """
        n, r = self._instance.num_variables, self._instance.num_rows
        changes = 4 * n + 1000
        room = Dive(
            self._instance.lower.copy(),
            self._instance.upper.copy(),
            np.zeros(r),
            np.zeros(r),
            np.zeros(r, dtype=np.int64),
            np.zeros(r, dtype=np.int64),
            np.zeros(r),
            np.zeros(r, dtype=np.int64),
            np.zeros(r, dtype=np.uint8),
            np.zeros(changes, dtype=np.int64),
            np.zeros(changes),
            np.zeros(changes),
            np.zeros(3, dtype=np.int64),
        )
        dive(self.rows, room, np.ascontiguousarray(order, dtype=np.int64), targets, CONFLICTS, PATIENCE)
        return room.lower, room.upper

    def jump(self, values: FloatArray, random: UInt64, seconds: float) -> FloatArray | None:
        """Return a point that satisfies all rows, found from ``values``; None if that takes longer."""
        until = time.perf_counter() + seconds
        instance = self._instance
        n, r = instance.num_variables, instance.num_rows
        room = Jump(
            np.clip(values, instance.lower, instance.upper),
            instance.lower,
            instance.upper,
            np.zeros(r),
            self._unit.copy(),
            self._unit,
            np.zeros(r, dtype=np.int64),
            np.zeros(r, dtype=np.int64),
            np.zeros(1, dtype=np.int64),
            np.zeros(n, dtype=np.int64),
        )
        start_jump(self.rows, room)
        while jump(self.rows, room, random, MOVES) > 0:
            if time.perf_counter() >= until:
                return None
        return room.values

    def polish(self, values: FloatArray) -> FloatArray:
        """Return a point at most as dear as ``values``, a feasible one: each variable moved as far as rows allow."""
        instance = self._instance
        better = values.copy()
        amounts = activities(instance, better)
        polish(self.rows, self._costs, instance.lower, instance.upper, self._dearest, better, amounts)
        return better


def warm() -> None:
    """Compile the kernels, or load them."""
    points, values = Points(toy()), np.zeros(3)
    points.dive(np.arange(2), values)
    points.jump(values, np.array([1], dtype=np.uint64), 0.0)
    points.polish(values)
