"""Statistics of a benchmark: mean gaps, proofs, paired comparisons, convergence."""

import importlib
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copt.bench.records import Row
from copt.result import Trace, relative_gap

__all__ = [
    "Standing",
    "convergence",
    "mean_gaps",
    "percent_gap",
    "references",
    "shifted_mean",
    "signed_rank_p",
    "standing",
]

CAP_PERCENT = 100.0
NEAR_PERCENT = 1.0  # a gap that many users would call none
LATE_SECONDS = 5.0  # a first solution that comes later is late
SHIFT_PERCENT = 1.0  # of the geometric mean, so that integrals near 0 do not rule it


@dataclass(frozen=True)
class Standing:
    """How one solver did on a set of instances, all seeds.

    Args:
        solver: Name of the solver.
        runs: Number of runs.
        solved: Number of runs that ended with a feasible solution.
        faults: Number of runs with something wrong in the answer.
        mean_gap: Mean over the instances it solved with every seed, in percent of the reference, or None.
        time_to_best: Median over the runs with a solution, in seconds, or None.
        primal_integral: Mean primal gap over the time limit, in percent of it: the shifted geometric mean over the
            runs, shift 1 %; a run without a solution counts 100. None without runs.
        time_to_near: Time by which half of the runs were within 1 % of the reference, in seconds, or None.
        late: Number of runs without a solution after 5 s.
        proven_gap: Median over the runs of the gap between value and bound, in percent of the value, or None if
            more than half of the runs lack either.
        certified: Number of runs whose value is proved to be within 1 % of the optimum.
        proofs: Number of runs that ended with a proof of optimality.
        time_to_proof: Median over those, in seconds, or None.
        wins: Instances on which the baseline's mean gap is smaller.
        ties: Instances on which it is equal, or neither has a solution.
        losses: Instances on which it is larger.
        p_value: Two-sided Wilcoxon signed-rank test of the paired mean gaps, or None.
    """

    solver: str
    runs: int
    solved: int
    faults: int
    mean_gap: float | None
    time_to_best: float | None
    primal_integral: float | None
    time_to_near: float | None
    late: int
    proven_gap: float | None
    certified: int
    proofs: int
    time_to_proof: float | None
    wins: int
    ties: int
    losses: int
    p_value: float | None


def percent_gap(value: float, reference: float, sense: str) -> float:
    """Return how much worse ``value`` is than ``reference``, in percent of it; negative if better."""
    worse = value - reference if sense == "min" else reference - value
    if worse == 0:
        return 0.0
    return CAP_PERCENT if reference == 0 else 100.0 * worse / abs(reference)


def references(rows: Iterable[Row]) -> dict[str, float]:
    """Return for each instance the value that gaps refer to: the best known, else the best of these rows."""
    known: dict[str, float] = {}
    found: dict[str, float] = {}
    for row in rows:
        if row.best_known is not None:
            known[row.instance] = row.best_known
        if row.objective is not None:
            better = min if row.sense == "min" else max
            found[row.instance] = better(row.objective, found.get(row.instance, row.objective))
    return found | known


def mean_gaps(rows: Iterable[Row], reference: dict[str, float]) -> dict[str, dict[str, float | None]]:
    """Return solver -> instance -> mean gap in percent over the seeds, None if a seed has no solution."""
    cells: dict[str, dict[str, list[float | None]]] = {}
    for row in rows:
        gap = None if row.objective is None else percent_gap(row.objective, reference[row.instance], row.sense)
        cells.setdefault(row.solver, {}).setdefault(row.instance, []).append(gap)
    return {solver: {name: _mean(values) for name, values in row.items()} for solver, row in cells.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def standing(rows: Sequence[Row], solver: str, baseline: str, reference: dict[str, float]) -> Standing:
    """Summarise the rows of ``solver`` and compare it with ``baseline`` on the runs that both have.

    Args:
        rows: Rows of one time limit.
        solver: The solver to summarise.
        baseline: The solver from whose side wins and losses are counted.
        reference: See ``references``.
    """
    own = [row for row in rows if row.solver == solver]
    gaps = [gap for gap in mean_gaps(own, reference).get(solver, {}).values() if gap is not None]
    times = [row.time_to_best for row in own if row.time_to_best is not None]
    proofs = [row.seconds for row in own if row.proved]
    claims = [_proven_gap(row) for row in own]
    paired = paired_differences(rows, solver, baseline, reference)
    return Standing(
        solver=solver,
        runs=len(own),
        solved=sum(row.objective is not None for row in own),
        faults=sum(bool(row.error) for row in own),
        mean_gap=statistics.fmean(gaps) if gaps else None,
        time_to_best=statistics.median(times) if times else None,
        primal_integral=shifted_mean([_percent_integral(row, reference) for row in own]),
        time_to_near=_lower_median([_time_to_near(row, reference) for row in own]),
        late=sum(_first_time(row) > LATE_SECONDS for row in own),
        proven_gap=_lower_median(claims),
        certified=sum(claim <= NEAR_PERCENT for claim in claims),
        proofs=len(proofs),
        time_to_proof=statistics.median(proofs) if proofs else None,
        wins=sum(difference > 0 for difference in paired),
        ties=sum(difference == 0 for difference in paired),
        losses=sum(difference < 0 for difference in paired),
        p_value=None if solver == baseline else signed_rank_p(paired),
    )


def shifted_mean(values: Sequence[float]) -> float | None:
    """Return the geometric mean of ``values`` plus 1, less 1; None of none."""
    if not values:
        return None
    return math.exp(statistics.fmean(math.log(value + SHIFT_PERCENT) for value in values)) - SHIFT_PERCENT


def _percent_integral(row: Row, reference: dict[str, float]) -> float:
    if not row.incumbents:
        return CAP_PERCENT
    return 100.0 * Trace(row.incumbents).primal_integral(reference[row.instance], row.seconds_limit)


def _first_time(row: Row) -> float:
    return row.incumbents[0][0] if row.incumbents else math.inf


def _time_to_near(row: Row, reference: dict[str, float]) -> float:
    """Return when ``row`` first had a solution within 1 % of the reference, infinity if never."""
    near = (
        seconds
        for seconds, value in row.incumbents
        if percent_gap(value, reference[row.instance], row.sense) <= NEAR_PERCENT
    )
    return next(near, math.inf)


def _proven_gap(row: Row) -> float:
    """Return the gap between value and bound in percent of the value; infinity if one is unknown or wrong."""
    gap = relative_gap(row.objective, row.bound)
    return math.inf if gap is None or row.error else 100.0 * gap


def _lower_median(values: Sequence[float]) -> float | None:
    """Return the lower median, None if it is infinite or there are no values."""
    middle = statistics.median_low(values) if values else math.inf
    return middle if math.isfinite(middle) else None


def paired_differences(rows: Sequence[Row], solver: str, baseline: str, reference: dict[str, float]) -> list[float]:
    """Return per instance the mean gap of ``solver`` minus that of ``baseline``, over seeds that both ran.

    No solution is worse than any: it counts as a difference larger than every other.
    """
    seeds = {name: {(row.instance, row.seed) for row in rows if row.solver == name} for name in (solver, baseline)}
    shared = seeds[solver] & seeds[baseline]
    gaps = mean_gaps((row for row in rows if (row.instance, row.seed) in shared), reference)
    ours, theirs = gaps.get(baseline, {}), gaps.get(solver, {})
    # Equal objectives give equal gaps but means of several seeds may differ in the last bit.
    both = [(a, theirs[name]) for name, a in ours.items()]
    known = [round(b - a, 9) for a, b in both if a is not None and b is not None]
    beyond = max((abs(difference) for difference in known), default=0.0) + 1.0
    failed = [beyond * ((b is None) - (a is None)) for a, b in both if a is None or b is None]
    return known + failed


def signed_rank_p(differences: Sequence[float]) -> float | None:
    """Return the two-sided p-value of the Wilcoxon signed-rank test, exact for small samples without ties.

    None if every difference is zero or scipy is not installed.
    """
    if not any(differences):
        return None
    try:
        stats = importlib.import_module("scipy.stats")
    except ImportError:
        return None
    return float(stats.wilcoxon(differences).pvalue)


def convergence(rows: Iterable[Row], reference: dict[str, float], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean gap in percent at each of ``times``, shape (times,).

    Gaps are cut at 100 %, which is also what a run counts before its first solution. What came after the last
    of ``times`` counts as if it had come then: many solvers answer a little late.
    """
    curves = [_curve(row, reference, times) for row in rows]
    return np.mean(curves, axis=0) if curves else np.full(times.shape, CAP_PERCENT)


def _curve(row: Row, reference: dict[str, float], times: NDArray[np.float64]) -> NDArray[np.float64]:
    levels = [CAP_PERCENT]
    for _, value in row.incumbents:
        levels.append(min(CAP_PERCENT, percent_gap(value, reference[row.instance], row.sense)))
    moments = np.minimum([seconds for seconds, _ in row.incumbents], times[-1])
    return np.array(levels)[np.searchsorted(moments, times, side="right")]
