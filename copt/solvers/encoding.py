"""CP-SAT on the generic CP encoding: the model, and the solver of family ``encoding``."""

import itertools
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.encoding import Encoding, Intervals, objective
from copt.solvers import cpsat
from copt.solvers.list_schedule import list_schedule

__all__ = ["NAME", "EncodingModel", "fits", "solve"]

NAME = "cp-sat"
LARGEST = 20_000  # intervals: a larger model takes seconds to build, and CP-SAT answers a stop late in presolve


class EncodingModel:
    """A CP-SAT model of an encoding, whose optimum is the encoding's.

    Args:
        encoding: What to model.
        lower: A proved lower bound on the objective.
        upper: Largest objective to admit, or None for any.
        hint: A solution; every variable gets its value there as a hint.
    """

    def __init__(
        self,
        encoding: Encoding,
        *,
        lower: int = 0,
        upper: int | None = None,
        hint: Intervals | None = None,
    ) -> None:
        self.encoding = encoding
        self.model = cp_model.CpModel()
        self._hint = hint
        self._lower, self._upper = lower, upper
        self._horizon = self._latest_end()
        self._options = _options_of_masters(encoding)
        self._start: dict[int, cp_model.IntVar] = {}
        self._size: dict[int, int | cp_model.IntVar] = {}
        self._presence: dict[int, cp_model.IntVar] = {}
        self._add_variables()
        self._add_alternatives()
        self._add_earliest_starts()
        self._add_precedences()
        self._add_no_overlaps()
        if encoding.due is None:
            self._minimize_makespan()
        else:
            self._minimize_weighted_tardiness()

    def read(self, value: cpsat.Reader) -> tuple[float, Intervals]:
        """Return the objective and the intervals of the solution that ``value`` reads."""
        start = np.full(self.encoding.num_intervals, -1, dtype=np.int64)
        end = start.copy()
        for i in range(start.size):
            if i not in self._presence or value(self._presence[i]):
                start[i] = value(self._start[i])
                end[i] = start[i] + value(self._size[i])
        solution = Intervals(start, end)
        return objective(self.encoding, solution), solution

    def _latest_end(self) -> int:
        """Return a time by which everything ends: in the hint and, if any is admitted, in a best solution."""
        if self.encoding.due is None and self._upper is not None:
            return self._upper
        latest = self.encoding.horizon
        return latest if self._hint is None else max(latest, int(self._hint.end.max()))

    def _variable(self, low: int, high: int, hint: int) -> cp_model.IntVar:
        """Add a variable; an empty domain, which CP-SAT rejects, is left for the objective to refute."""
        variable = self.model.new_int_var(low, max(low, high), "")
        if self._hint is not None:
            self.model.add_hint(variable, hint)
        return variable

    def _hinted(self, i: int) -> tuple[int, int]:
        """Start and end of interval ``i`` in the hint."""
        return (0, 0) if self._hint is None else (int(self._hint.start[i]), int(self._hint.end[i]))

    def _end(self, i: int) -> cp_model.LinearExpr:
        return self._start[i] + self._size[i]

    def _presences(self, *intervals: int) -> list[cp_model.IntVar]:
        """Literals of those ``intervals`` that may be absent."""
        return [self._presence[i] for i in intervals if i in self._presence]

    def _add_variables(self) -> None:
        """Each mandatory interval has a start, each master a size, each option a presence.

        An option has no start of its own: it starts where its master starts.
        """
        size, earliest = self.encoding.size.tolist(), self.encoding.earliest.tolist()
        for i in np.flatnonzero(~self.encoding.optional).tolist():
            options = self._options.get(i)
            choices = [size[i]] if options is None else [size[o] for o in options]
            shortest, longest = min(choices, default=0), max(choices, default=0)
            start, end = self._hinted(i)
            self._start[i] = self._variable(earliest[i], self._horizon - shortest, start)
            fixed = shortest == longest
            self._size[i] = shortest if fixed else self._variable(shortest, longest, end - start)
        for master, options in self._options.items():
            for o in options:
                self._start[o], self._size[o] = self._start[master], size[o]
                self._presence[o] = self._variable(0, 1, self._hinted(o)[0] >= 0)

    def _add_alternatives(self) -> None:
        """Exactly one option of each master is present, and the master has its size."""
        for master, options in self._options.items():
            presences = self._presences(*options)
            self.model.add_exactly_one(presences)
            size = self._size[master]
            if isinstance(size, cp_model.IntVar):
                self.model.add(size == cp_model.LinearExpr.weighted_sum(presences, self.encoding.size[options]))

    def _add_earliest_starts(self) -> None:
        """A present option starts no earlier than its own earliest start."""
        for options in self._options.values():
            for o in options:
                earliest = int(self.encoding.earliest[o])
                if earliest > 0:
                    self.model.add(self._start[o] >= earliest).only_enforce_if(self._presence[o])

    def _add_precedences(self) -> None:
        """The first interval ends before the second starts, where both are present."""
        for a, b in self.encoding.before.tolist():
            self.model.add(self._start[b] >= self._end(a)).only_enforce_if(self._presences(a, b))

    def _add_no_overlaps(self) -> None:
        """Present intervals of a resource do not overlap.

        A master is represented by its options. Empty intervals are left out: CP-SAT would keep them from
        lying inside others.
        """
        size, items = self.encoding.size.tolist(), self.encoding.resource_items.tolist()
        bounds = self.encoding.resource_offsets.tolist()
        for first, last in itertools.pairwise(bounds):
            members = [o for i in items[first:last] for o in self._options.get(i, [i])]
            self.model.add_no_overlap([self._interval(i) for i in members if size[i] > 0])

    def _interval(self, i: int) -> cp_model.IntervalVar:
        start, size = self._start[i], int(self.encoding.size[i])
        if i in self._presence:
            return self.model.new_optional_fixed_size_interval_var(start, size, self._presence[i], "")
        return self.model.new_fixed_size_interval_var(start, size, "")

    def _minimize_makespan(self) -> None:
        """Minimise the largest end; options end with their masters."""
        hinted = 0 if self._hint is None else objective(self.encoding, self._hint)
        makespan = self._variable(min(self._lower, self._horizon), self._horizon, hinted)
        for i in np.flatnonzero(~self.encoding.optional).tolist():
            self.model.add(makespan >= self._end(i))
        self.model.minimize(makespan)

    def _minimize_weighted_tardiness(self) -> None:
        """Minimise the sum of weights times ends after due dates."""
        assert self.encoding.due is not None and self.encoding.weights is not None
        weighted = np.flatnonzero(self.encoding.weights > 0)
        late = []
        for i in weighted.tolist():
            due = int(self.encoding.due[i])
            late.append(self._variable(0, self._horizon - due, max(0, self._hinted(i)[1] - due)))
            self.model.add(late[-1] >= self._end(i) - due).only_enforce_if(self._presences(i))
        total = cp_model.LinearExpr.weighted_sum(late, self.encoding.weights[weighted])
        if self._upper is not None:
            self.model.add_linear_constraint(total, min(self._lower, self._upper), self._upper)
        self.model.minimize(total)


def _options_of_masters(encoding: Encoding) -> dict[int, list[int]]:
    options = np.split(encoding.option_items, encoding.option_offsets[1:-1])
    return {master: options[k].tolist() for k, master in enumerate(encoding.masters.tolist())}


def fits(encoding: Encoding, monitor: Monitor) -> bool:
    """Return whether ``encoding`` is small enough for a model; tell the user if it is not."""
    if encoding.num_intervals <= LARGEST:
        return True
    monitor.note(f"no CP-SAT model: {encoding.num_intervals} intervals are more than {LARGEST}")
    return False


def solve(
    instance: Encoding,
    monitor: Monitor,
    *,
    start: Any | None,
    policy: Policy | None,
    workers: int,
    seed: int,
) -> None:
    """Solve ``instance`` by CP-SAT until it is proved optimal or infeasible or ``monitor`` says stop.

    Args:
        instance: The encoding.
        monitor: Receives incumbents and bounds, and says when to stop.
        start: A solution to start from, which the monitor has, or None.
        policy: Not used: no policy serves encodings.
        workers: Number of CP-SAT's threads.
        seed: Seed of CP-SAT.
    """
    hint = start or list_schedule(instance)
    if hint is not None:
        monitor.offer(objective(instance, hint), hint, "list schedule")
    if monitor.reason() is None and fits(instance, monitor):
        built = EncodingModel(instance, upper=None if hint is None else objective(instance, hint), hint=hint)
        cpsat.run(built.model, monitor, built.read, workers=workers, seed=seed)
