"""How well guides tell values of variables, and what the partner's search gains by them."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.problems.mip import MIP
from copt.solvers.mip.alone import search
from copt.solvers.mip.arms import State, guess
from copt.solvers.mip.bandit import FIRST, SECONDS
from copt.solvers.mip.guide import guessable
from copt.solvers.mip.lessons import Lesson
from copt.solvers.mip.partner import Guide
from copt.solvers.mip.submip import SubMIP

__all__ = ["auc", "aucs", "best_share", "compared", "gaps_of", "idle_share"]

LIKELY = (0.98, 0.95, 0.92, 0.88, 0.84, 0.8, 0.7, 0.6, 0.4)  # shares worth a try
LONG = 1.0  # seconds of such a try
IDLE = (0.9, 0.85, 0.8, 0.7, 0.6, 0.5)  # shares worth leaving out of a relaxation
KEPT = 0.9  # of the variables above their lower bounds in the best point, at least so many must stay


def auc(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """Return the probability that a positive one scores higher than a negative one, a tie counting half."""
    negative = np.sort(scores[~positive])
    below = np.searchsorted(negative, scores[positive], "left") + np.searchsorted(negative, scores[positive], "right")
    return float(below.mean()) / (2.0 * negative.size) if negative.size and positive.any() else 0.5


def aucs(lessons: Sequence[Lesson], guides: Mapping[str, Guide]) -> dict[str, dict[str, float]]:
    """Return the mean AUC of each guide, before and after the relaxation."""
    table: dict[str, dict[str, float]] = {"blind": {}, "with_relaxation": {}}
    for what, row in table.items():
        for name, guide in guides.items():
            found = []
            for lesson in lessons:
                relaxed = None if what == "blind" else lesson.relaxed
                scores = guide.probabilities(lesson.instance, relaxed)[guessable(lesson.instance)]
                found.append(auc(np.nan_to_num(scores), lesson.above[0] > 0.5))
            row[name] = round(float(np.mean(found)), 4)
    return table


def best_share(guide: Guide, lessons: Sequence[Lesson], *, relaxed: bool) -> float:
    """Return the share of the integer variables that a first guess had best hold: its points are the cheapest."""
    taught = [lesson for lesson in lessons if lesson.relaxed is not None or not relaxed]
    if not taught:
        return FIRST
    gaps = np.sum([_gaps_of_first(guide, lesson, relaxed) for lesson in taught], axis=0)
    return LIKELY[int(gaps.argmin())]


def idle_share(guide: Guide, lessons: Sequence[Lesson]) -> float:
    """Return the share of the integer variables that guesses may leave out of the relaxation; 0 if they are too bad."""
    kept = np.mean([_kept(guide, lesson) for lesson in lessons], axis=0)
    return next((share for share, found in zip(IDLE, kept, strict=True) if found >= KEPT), 0.0)


def _kept(guide: Guide, lesson: Lesson) -> list[float]:
    """Return for each share how much stays of what the best point has above its lower bounds."""
    chances = guide.probabilities(lesson.instance, None)[guessable(lesson.instance)]
    above = (lesson.above[0] > 0.5)[np.argsort(chances, kind="stable")]
    return [float(above[int(share * lesson.instance.integer.sum()) :].sum() / max(1, above.sum())) for share in IDLE]


def _gaps_of_first(guide: Guide, lesson: Lesson, relaxed: bool) -> list[float]:
    """Return for each likely share the gap, at most 1, of what is found where a guess holds as many variables."""
    instance, known = lesson.instance.bare(), lesson.relaxed if relaxed else None
    chances, best = guide.probabilities(instance, known), lesson.costs[0]
    gaps = []
    for share in LIKELY:
        hold = guess(State(instance, np.random.default_rng(0), known, guess=chances), share)
        if hold is None:
            return [1.0] * len(LIKELY)
        solver = SubMIP(instance, lambda _: True, lambda: False, 0, time.process_time)
        found = solver.solve(hold.fixed, hold.values, seconds=LONG, patience=SECONDS)
        gaps.append(float(min(1.0, max(0.0, (found.value - best) / max(abs(best), 1e-9)))))
    return gaps


def gaps_of(instances: Sequence[MIP], seconds: float, arms: Mapping[str, Guide | None]) -> dict[str, NDArray[Any]]:
    """Search so many seconds of processor time with each guide; return the mean gaps over time, shape (instances,)."""
    table = []
    for k, instance in enumerate(instances):
        searches = {name: search(instance, seconds, seed=k, guide=guide) for name, guide in arms.items()}
        best = min((found.pool[0][0] for found in searches.values() if found.pool), default=np.inf)
        table.append([found.mean_gap(best, seconds) for found in searches.values()])
        print(
            f"{instance.name:32s}",
            *(f"{name} {gap:.4f}" for name, gap in zip(arms, table[-1], strict=True)),
            flush=True,
        )
    return dict(zip(arms, np.array(table).T, strict=True))


def compared(instances: Sequence[MIP], seconds: float, arms: Mapping[str, Guide | None], kept: str) -> dict[str, Any]:
    """Return the mean gap over time with each guide, and where that with the kept one is smaller or larger."""
    gaps = gaps_of(instances, seconds, arms)
    return {
        "programs": [instance.name for instance in instances],
        "seconds": seconds,
        "mean_gap": {name: round(float(column.mean()), 4) for name, column in gaps.items()},
        "wins_and_losses_of_the_kept_against": {
            name: [int((gaps[kept] < column).sum()), int((gaps[kept] > column).sum())]
            for name, column in gaps.items()
            if name != kept
        },
    }
