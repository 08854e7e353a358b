"""Fixes variables one after the other with propagation, the Python side of the kernels."""

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP
from copt.solvers.mip.dive_kernels import Dive, Rows, dive

__all__ = ["Diver"]

CONFLICTS = 50  # variables that may be rejected
PATIENCE = 5000  # rows to look at after each fixing


class Diver:
    """Dives in one program.

    Args:
        instance: The program.
    """

    def __init__(self, instance: MIP) -> None:
        order = np.argsort(instance.columns, kind="stable")
        of_row = np.repeat(np.arange(instance.num_rows), np.diff(instance.starts))
        counts = np.bincount(instance.columns, minlength=instance.num_variables)
        self._instance = instance
        self.rows = Rows(
            instance.starts,
            instance.columns,
            instance.coefficients,
            np.concatenate([[0], np.cumsum(counts)]),
            of_row[order],
            instance.coefficients[order],
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
            *(np.zeros(r) for _ in range(2)),
            *(np.zeros(r, dtype=np.int64) for _ in range(3)),
            np.zeros(r, dtype=np.uint8),
            np.zeros(changes, dtype=np.int64),
            *(np.zeros(changes) for _ in range(2)),
            np.zeros(3, dtype=np.int64),
        )
        dive(self.rows, room, np.ascontiguousarray(order, dtype=np.int64), targets, CONFLICTS, PATIENCE)
        return room.lower, room.upper
