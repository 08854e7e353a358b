"""Checks what a peer claims, with nothing taken on trust."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

from copt.bench.answer import Answer
from copt.bench.isolate import Outcome
from copt.registry import family_of
from copt.result import Trace

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What is left of an answer after the check.

    Args:
        objective: Value of the solution, computed from the instance; None if there is no feasible solution.
        bound: The bound as claimed.
        proved: Whether objective and bound meet, and nothing is wrong with either.
        incumbents: The claimed incumbents if they fit the solution, or one pair at the end of the run.
        error: What is wrong; empty if nothing is.
    """

    objective: float | None
    bound: float | None
    proved: bool
    incumbents: tuple[tuple[float, float], ...]
    error: str

    @property
    def time_to_best(self) -> float | None:
        """Seconds until the last incumbent, or None without one."""
        return self.incumbents[-1][0] if self.incumbents else None

    def primal_integral(self, reference: float | None, seconds: float) -> float | None:
        """Return the mean primal gap to ``reference`` over ``seconds``, or None without a reference."""
        return None if reference is None else Trace(self.incumbents).primal_integral(reference, seconds)


def judge(
    instance: Any,
    outcome: Outcome,
    *,
    lower: float | None = None,
    upper: float | None = None,
    slack: float = 0.0,
) -> Verdict:
    """Recompute and check the answer of a peer.

    Args:
        instance: The instance, in this process's own copy.
        outcome: What came out of the peer's process.
        lower: Published bound on the optimum.
        upper: Published value of the best known solution.
        slack: By what part of both a right claim may pass them.
    """
    answer = outcome.answer
    if answer is None:
        return Verdict(None, None, False, (), outcome.error)
    objective, faults = _recompute(instance, answer)
    bound = answer.bound
    if bound is not None and not math.isfinite(bound):
        faults.append(f"claims bound {bound}")
        bound = None
    faults += _broken_bounds(instance.sign, objective, bound, lower, upper, slack)
    incumbents, broken = _checked_incumbents(answer, objective, instance.sign, outcome.seconds)
    error = "; ".join(faults + broken)
    met = objective is not None and bound is not None and _equal(objective, bound)
    met = met and getattr(answer.solution, "proved", True)
    return Verdict(objective, bound, met and not error, incumbents, error)


def _broken_bounds(
    sign: int,
    objective: float | None,
    bound: float | None,
    lower: float | None,
    upper: float | None,
    slack: float,
) -> list[str]:
    """Compare the claimed bound and the true objective with each other and with what is published."""
    faults = []
    if bound is not None:
        if upper is not None and _exceeds(sign * bound, sign * upper, slack):
            faults.append(f"claims bound {bound:.10g}, beyond the best known solution {upper:.10g}")
        elif objective is not None and _exceeds(sign * bound, sign * objective):
            faults.append(f"claims bound {bound:.10g}, beyond its own solution {objective:.10g}")
    if objective is not None and lower is not None and _exceeds(sign * lower, sign * objective, slack):
        faults.append(
            f"solution {objective:.10g} is beyond the published bound {lower:.10g}: wrong instance or wrong table"
        )
    return faults


def _recompute(instance: Any, answer: Answer) -> tuple[float | None, list[str]]:
    """Return the true value of the solution, or None, and what is wrong with it."""
    if answer.solution is None:
        return None, ["no solution" if answer.objective is None else f"claims {answer.objective:g} without a solution"]
    problem = family_of(instance).load("problem")
    try:
        violations = problem.check(instance, answer.solution)
        value = None if violations else float(problem.objective(instance, answer.solution))
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        return None, [f"not a solution of this family ({type(error).__name__}: {error})"]
    if violations:
        return None, [f"infeasible: {violations[0]}"]
    if value is not None and (answer.objective is None or not _equal(answer.objective, value)):
        return value, [f"claims {answer.objective}, its solution is worth {value:g}"]
    return value, []


def _equal(left: float, right: float, slack: float = 0.0) -> bool:
    """Compare up to the rounding of sums of floats; whole numbers below 1e9 compare exactly."""
    return math.isclose(left, right, rel_tol=max(1e-9, slack))


def _exceeds(left: float, right: float, slack: float = 0.0) -> bool:
    return left > right and not _equal(left, right, slack)


def _checked_incumbents(
    answer: Answer, objective: float | None, sign: int, seconds: float
) -> tuple[tuple[tuple[float, float], ...], list[str]]:
    if objective is None:
        return (), []
    final = ((seconds, objective),)
    if not answer.incumbents:
        return final, []
    values = [sign * value for _, value in answer.incumbents]
    times = [time for time, _ in answer.incumbents]
    falling = all(later < earlier for earlier, later in itertools.pairwise(values))
    ordered = times == sorted(times) and times[0] >= 0 and times[-1] <= seconds
    if not falling or not ordered or not _equal(values[-1], sign * objective):
        return final, ["its record of incumbents does not lead to its solution"]
    return answer.incumbents, []
