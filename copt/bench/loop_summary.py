"""Statistics of control in closed loop: rates, means and paired differences, each with its 95 % interval."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from copt.bench.loop_records import EpisodeRow

__all__ = ["Form", "Interval", "best_of", "forms", "mean_interval", "rate_interval"]

LEVEL = 0.95
LATE = 1.1  # of the limit


@dataclass(frozen=True)
class Interval:
    """An estimate and between which values it lies with 95 % confidence; None where too few are known to tell."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Form:
    """How one controller did on one task.

    An episode counts once, with its mean over the seeds of the controller.

    Args:
        solver: Name of the controller.
        episodes: Number of episodes.
        failed: Number of runs without a course: something went wrong.
        success: Share of episodes in which the goal was reached.
        final_cost: Mean cost of the last state.
        final_margin: Mean of that minus what the baseline has in the same episodes; None of the baseline itself.
        cost: Mean cost of the whole episode.
        cost_margin: Likewise.
        beyond: Share of the steps after which the system was beyond a limit.
        broken: Share of the steps whose plan broke a limit on its own model.
        median_seconds: Of the steps.
        slow_seconds: What 99 of 100 steps took at most.
        late: Share of the steps that took more than a tenth longer than their limit.
    """

    solver: str
    episodes: int
    failed: int
    success: Interval | None
    final_cost: Interval | None
    final_margin: Interval | None
    cost: Interval | None
    cost_margin: Interval | None
    beyond: float | None
    broken: float | None
    median_seconds: float | None
    slow_seconds: float | None
    late: float | None


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the mean with its interval by Student's t, None of no values."""
    if not values:
        return None
    from scipy.stats import t

    mean, count = statistics.fmean(values), len(values)
    if count < 2:
        return Interval(mean, None, None)
    half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * statistics.stdev(values) / math.sqrt(count)
    return Interval(mean, mean - half, mean + half)


def rate_interval(rates: Sequence[float]) -> Interval | None:
    """Return the mean of rates of episodes with the score interval (Wilson 1927), None of no episodes."""
    if not rates:
        return None
    share, count = statistics.fmean(rates), len(rates)
    z = statistics.NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    whole = 1 + z * z / count
    return Interval(share, max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole))


def forms(rows: Sequence[EpisodeRow], baseline: str) -> list[Form]:
    """Return how each controller did, in the order of the rows.

    Args:
        rows: Rows of one task with one time limit.
        baseline: The controller that the others are paired with.
    """
    return [_form(rows, solver, baseline) for solver in dict.fromkeys(row.solver for row in rows)]


def best_of(known: Iterable[Form], baseline: str, measure: str) -> Form | None:
    """Return the other controller with the lowest mean ``final_cost`` or ``cost``."""
    others = [form for form in known if form.solver != baseline and getattr(form, measure) is not None]
    return min(others, key=lambda form: float(getattr(form, measure).value), default=None)


def _form(rows: Sequence[EpisodeRow], solver: str, baseline: str) -> Form:
    own = [row for row in rows if row.solver == solver]
    ended = [row for row in own if row.final_cost is not None]
    times = np.array([value for row in ended for value in row.step_seconds])
    late = sum(value > LATE * row.seconds_limit for row in ended for value in row.step_seconds)
    steps = times.size
    return Form(
        solver=solver,
        episodes=len({row.instance for row in own}),
        failed=len(own) - len(ended),
        success=rate_interval(list(_by_episode(own, lambda row: float(row.success)).values())),
        final_cost=mean_interval(list(_by_episode(ended, _final_cost).values())),
        final_margin=_margin(rows, solver, baseline, _final_cost),
        cost=mean_interval(list(_by_episode(ended, _cost).values())),
        cost_margin=_margin(rows, solver, baseline, _cost),
        beyond=sum(row.violations for row in ended) / steps if steps else None,
        broken=sum(row.broken_plans for row in ended) / steps if steps else None,
        median_seconds=float(np.quantile(times, 0.5)) if steps else None,
        slow_seconds=float(np.quantile(times, 0.99)) if steps else None,
        late=late / steps if steps else None,
    )


def _margin(
    rows: Sequence[EpisodeRow], solver: str, baseline: str, value: Callable[[EpisodeRow], float]
) -> Interval | None:
    """Return by how much a value exceeds that of the baseline in the runs that both ended."""
    if solver == baseline:
        return None
    ended = {(row.solver, row.instance, row.seed): row for row in rows if row.final_cost is not None}
    pairs: dict[str, list[float]] = {}
    for (name, instance, seed), theirs in ended.items():
        ours = ended.get((baseline, instance, seed))
        if name == solver and ours is not None:
            pairs.setdefault(instance, []).append(value(theirs) - value(ours))
    return mean_interval([statistics.fmean(values) for values in pairs.values()])


def _final_cost(row: EpisodeRow) -> float:
    return math.nan if row.final_cost is None else row.final_cost


def _cost(row: EpisodeRow) -> float:
    return math.nan if row.cost is None else row.cost


def _by_episode(rows: Iterable[EpisodeRow], value: Callable[[EpisodeRow], float]) -> dict[str, float]:
    """Return the mean of a value over the seeds of each episode."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.instance, []).append(value(row))
    return {name: statistics.fmean(values) for name, values in found.items()}
