"""Solves the program, its relaxation, or what fixed variables leave of it, with HiGHS."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import highspy
import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip.relaxation import Growing, mostly_short

__all__ = ["Outcome", "Relaxed", "SubMIP"]

# Methods for the relaxation, and seconds for each; rows: those that matter come in one by one.
PLAIN = (("simplex", 0.25), ("ipm", np.inf), ("simplex", np.inf))
GROWN = (("simplex", 0.1), ("rows", np.inf), *PLAIN[1:])

Mask = NDArray[np.bool_]


class Outcome(NamedTuple):
    """How the search of a neighbourhood ended.

    Args:
        value: Cost of the best point found, infinity if there is none; minimised.
        exhausted: Whether the neighbourhood has nothing better, or nothing at all.
        seconds: How long it took.
    """

    value: float
    exhausted: bool
    seconds: float


class Relaxed(NamedTuple):
    """The solution of the linear relaxation.

    Args:
        values: Shape (variables,).
        prices: Reduced costs, shape (variables,); minimised.
        bound: Its cost; minimised.
        duals: Prices of the rows, shape (rows,); None if they were not kept.
    """

    values: FloatArray
    prices: FloatArray
    bound: float
    duals: FloatArray | None = None


class SubMIP:
    """A program whose variables can be fixed for a while.

    Args:
        instance: The program; costs are minimised here whatever its sense.
        tell: Called with the values of each point that HiGHS finds better, feasible but for rounding; returns whether
            it is the best known.
        halted: Whether the search must end.
        seed: Seed of HiGHS.
        clock: What counts as seconds.
    """

    def __init__(
        self,
        instance: MIP,
        tell: Callable[[FloatArray], bool | None],
        halted: Callable[[], bool],
        seed: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.instance, self._clock = instance, clock
        self._tell, self._halted = tell, halted
        self._all = np.arange(instance.num_variables, dtype=np.int32)
        self._kinds = np.where(instance.integer, 1, 0).astype(np.uint8)
        self._highs = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1), ("random_seed", seed % 2**31)):
            self._highs.setOptionValue(option, value)
        self._highs.passModel(_model(instance))
        self._highs.cbMipImprovingSolution.subscribe(self._hear)
        self._highs.cbMipInterrupt.subscribe(self._look)
        self._highs.cbSimplexInterrupt.subscribe(self._look)
        self._highs.cbIpmInterrupt.subscribe(self._look)
        self._patience = self._until = self._most = np.inf
        self._offset, self._began, self._asked = 0.0, 0.0, False
        self._born = clock(), time.perf_counter()

    def relax(self, seconds: float, fixed: Mask | None = None, values: FloatArray | None = None) -> Relaxed | None:
        """Return the solution of the linear relaxation, None if it is not found in time or there is none.

        Args:
            seconds: Most seconds.
            fixed: Which variables are held meanwhile, shape (variables,).
            values: Where they are held, shape (variables,).
        """
        highs, found, began = self._highs, None, self._clock()
        held = np.zeros(0, dtype=np.int32) if fixed is None else np.flatnonzero(fixed).astype(np.int32)
        if values is not None:
            highs.changeColsBounds(held.size, held, values[held], values[held])
        highs.changeColsIntegrality(self._all.size, self._all, np.zeros_like(self._kinds))
        # Any method may take fifty times as long as another, and nobody knows beforehand which.
        for method, most in GROWN if mostly_short(self.instance) else PLAIN:
            left = seconds - (self._clock() - began)
            grown = method == "rows"
            found = self._grown(left, fixed, values) if grown else self._relaxed(method, min(most, left))
            if found is not None or left <= 0.0 or self._halted():
                break
        highs.setOptionValue("solver", "choose")
        highs.changeColsIntegrality(self._all.size, self._all, self._kinds)
        highs.changeColsBounds(held.size, held, self.instance.lower[held], self.instance.upper[held])
        return found

    def _relaxed(self, method: str, seconds: float) -> Relaxed | None:
        """Return the relaxation of all rows by a method of HiGHS."""
        highs, found = self._highs, None
        highs.setOptionValue("solver", method)
        self._run(seconds, relaxed=True)
        if highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            solution = highs.getSolution()
            bound = float(highs.getInfo().objective_function_value)
            duals = np.array(solution.row_dual)
            found = Relaxed(np.array(solution.col_value), np.array(solution.col_dual), bound, duals)
        highs.clearSolver()
        return found

    def _grown(self, seconds: float, fixed: Mask | None, values: FloatArray | None) -> Relaxed | None:
        """Return the relaxation by rows that come in once they are violated."""
        lower, upper = self.instance.lower, self.instance.upper
        if fixed is not None and values is not None:
            lower, upper = np.where(fixed, values, lower), np.where(fixed, values, upper)
        growing = Growing(self.instance, lower, upper, self._halted)
        if not growing.solve(seconds, self._clock):
            return None
        point, reduced, prices, cost = growing.solution()
        return Relaxed(point, reduced, cost, prices)

    def solve(
        self,
        fixed: Mask,
        values: FloatArray,
        *,
        seconds: float,
        patience: float = np.inf,
        start: FloatArray | None = None,
    ) -> Outcome:
        """Search with the variables of ``fixed`` held at ``values``.

        Args:
            fixed: Which are held, shape (variables,).
            values: Where they are held, shape (variables,).
            seconds: Most seconds.
            patience: Most seconds without a point that is the best known, once the search has begun.
            start: A point of the neighbourhood that is to be beaten.
        """
        highs, instance = self._highs, self.instance
        held = np.flatnonzero(fixed).astype(np.int32)
        highs.changeColsBounds(held.size, held, values[held], values[held])
        began = self._clock()
        if start is not None:
            solution = highspy.HighsSolution()
            solution.col_value = start
            highs.setSolution(solution)
        self._run(seconds, patience)
        status = highs.getModelStatus()
        value = float(highs.getInfo().objective_function_value)
        known = highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        if known:
            self._tell(np.array(highs.getSolution().col_value))
        highs.clearSolver()
        highs.changeColsBounds(held.size, held, instance.lower[held], instance.upper[held])
        over = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible)
        return Outcome(value if known else np.inf, status in over, self._clock() - began)

    def _run(self, seconds: float, patience: float = np.inf, *, relaxed: bool = False) -> None:
        began = self._clock()
        self._patience, self._until, self._most, self._asked = patience, began + seconds, began + seconds, False
        # HiGHS' clock runs on from one linear program to the next, but starts anew with each tree.
        self._offset = self._highs.getRunTime() if relaxed else 0.0
        self._began = time.perf_counter()
        self._limit()
        self._highs.run()

    def _hear(self, event: Any) -> None:
        if self._tell(np.array(event.data_out.mip_solution)):
            self._wait()

    def _look(self, event: Any) -> None:
        if not self._asked:  # what HiGHS takes to begin costs no patience
            self._asked = True
            self._wait()
        event.data_in.user_interrupt = self._clock() >= self._until or self._halted()  # it stays as it is left

    def _wait(self) -> None:
        self._until = min(self._most, self._clock() + self._patience)
        self._limit()

    def _limit(self) -> None:
        """Tell HiGHS when to stop: within the linear programs of a tree it looks at its limit, but does not ask."""
        left = (self._until - self._clock()) * self._pace()
        passed = time.perf_counter() - self._began
        self._highs.setOptionValue("time_limit", self._offset + max(0.01, passed + left))

    def _pace(self) -> float:
        """Return how many seconds pass during one of the clock, which is slower where others use the processor."""
        own = self._clock() - self._born[0]
        return 1.0 if own < 0.1 else max(1.0, (time.perf_counter() - self._born[1]) / own)


def _model(instance: MIP) -> highspy.HighsLp:
    """Return the program as HiGHS has it, minimised."""
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = instance.num_variables, instance.num_rows
    program.col_cost_ = instance.sign * instance.costs
    program.offset_ = instance.sign * instance.offset
    program.col_lower_, program.col_upper_ = instance.lower, instance.upper
    program.row_lower_, program.row_upper_ = instance.row_lower, instance.row_upper
    matrix = program.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.num_col_, matrix.num_row_ = instance.num_variables, instance.num_rows
    matrix.start_, matrix.index_, matrix.value_ = instance.starts, instance.columns, instance.coefficients
    kinds = highspy.HighsVarType
    program.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in instance.integer]
    return program
