"""Linear relaxations of programs most of whose rows are short: rows come in once they are violated.

Rows such as ``x <= y``, one for each pair of a client and a site, outnumber all others in fixed-charge models, and few
of them matter at the optimum.
"""

import time
from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP, activities

__all__ = ["Growing", "mostly_short"]

LENGTH = 2  # nonzeros of a short row
MANY = 1000  # short rows from which they are worth the trouble
TIMES = 3  # by what they must outnumber others
MISSED = 1e-6  # by which a row may be missed


def mostly_short(instance: MIP) -> bool:
    """Return whether short rows are many, and most."""
    short = int((np.diff(instance.starts) <= LENGTH).sum())
    return short >= max(MANY, TIMES * (instance.num_rows - short))


class Growing:
    """The relaxation with a part of its rows, in HiGHS.

    Args:
        instance: The program.
        lower: Lower bounds of the variables, shape (variables,).
        upper: Upper bounds, shape (variables,).
        halted: Whether the search must end.
    """

    def __init__(self, instance: MIP, lower: FloatArray, upper: FloatArray, halted: Callable[[], bool]) -> None:
        self._instance, self._halted = instance, halted
        self._of = np.repeat(np.arange(instance.num_rows), np.diff(instance.starts))
        self._rows: IntArray = np.zeros(0, dtype=np.int64)  # which are in, in their order
        self._highs = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1)):
            self._highs.setOptionValue(option, value)
        self._highs.cbSimplexInterrupt.subscribe(self._look)
        n = instance.num_variables
        self._highs.addVars(n, lower, upper)
        self._highs.changeColsCost(n, np.arange(n, dtype=np.int32), instance.sign * instance.costs)
        self._highs.changeObjectiveOffset(instance.sign * instance.offset)
        self._add(np.diff(instance.starts) > LENGTH)

    def solve(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> bool:
        """Return whether it was solved with all rows that matter; not if it is unbounded without the others."""
        until, highs = clock() + seconds, self._highs
        while not self._halted() and clock() < until:
            highs.setOptionValue("time_limit", highs.getRunTime() + max(0.01, until - clock()))
            highs.run()
            if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                return False
            missed = self._missed()
            if not missed.any():
                return True
            self._add(missed)
        return False

    def solution(self) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return values and reduced costs of the variables, prices of all rows, and the cost."""
        found = self._highs.getSolution()
        prices = np.zeros(self._instance.num_rows)
        prices[self._rows] = found.row_dual
        cost = float(self._highs.getInfo().objective_function_value)
        return np.array(found.col_value), np.array(found.col_dual), prices, cost

    def _missed(self) -> NDArray[np.bool_]:
        """Return which rows the solution violates, shape (rows,)."""
        instance = self._instance
        activity = activities(instance, np.array(self._highs.getSolution().col_value))
        return np.maximum(activity - instance.row_upper, instance.row_lower - activity) > MISSED

    def _add(self, rows: NDArray[np.bool_]) -> None:
        instance, of = self._instance, rows[self._of]
        new, lengths = np.flatnonzero(rows), np.diff(instance.starts)[rows]
        self._highs.addRows(
            new.size,
            instance.row_lower[new],
            instance.row_upper[new],
            int(of.sum()),
            (np.cumsum(lengths) - lengths).astype(np.int32),
            instance.columns[of].astype(np.int32),
            instance.coefficients[of],
        )
        self._rows = np.concatenate([self._rows, new])

    def _look(self, event: Any) -> None:
        event.data_in.user_interrupt = self._halted()
