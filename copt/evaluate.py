"""What first-stage decisions of one's own are worth in the worst case."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from copt.errors import CoptError, InvalidSolutionError
from copt.problems.expressions import Expression
from copt.problems.robust import Robust
from copt.problems.robust_model import RobustModel
from copt.problems.two_stage import Columns
from copt.problems.uncertainty import Scenarios, vector
from copt.result import Result
from copt.solve import solve

__all__ = ["evaluate"]


def evaluate(
    instance: Robust,
    x: ArrayLike | Mapping[Expression, ArrayLike],
    *,
    scenario: ArrayLike | None = None,
    **options: Any,
) -> Result:
    """Solve a two-stage robust problem with its first-stage decisions fixed: what they are worth, and how to respond.

    Args:
        instance: A robust problem of any kind.
        x: First-stage decisions as a vector, such as ``solution.x``; for a model also a dict from its here-and-now
            variables to values.
        scenario: Look at this scenario alone, not at the worst one.
        **options: Passed on to ``copt.solve``.

    Raises:
        CoptError: If the instance is not of this family, decisions are missing or break their bounds, or an option is
            wrong.
    """
    if not hasattr(instance, "two_stage"):
        raise CoptError(f"evaluate takes a two-stage robust problem, got {type(instance).__name__}")
    problem = instance.two_stage()
    if isinstance(x, Mapping):
        if not isinstance(instance, RobustModel):
            raise CoptError("only decisions of a copt.RobustModel are given by a dict; give a vector")
        x = instance.decisions(x)
    decisions = vector("x", x, problem.x.size)
    violations = problem.x.violations("first stage", decisions)
    if violations:
        raise InvalidSolutionError(f"x is not a decision of {instance.name}: {violations[0]}")
    decisions = np.clip(decisions, problem.x.lower, problem.x.upper)  # both were kept up to a tolerance
    decisions = np.where(problem.x.integer, np.round(decisions), decisions)
    fixed = dataclasses.replace(problem, x=Columns(decisions, decisions, problem.x.integer))
    if scenario is not None:
        alone = Scenarios(vector("scenario", scenario, problem.uncertainty.size)[None])
        fixed = dataclasses.replace(fixed, uncertainty=alone)
    return solve(fixed, **options)
