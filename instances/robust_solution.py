"""Solutions of two-stage robust problems as one JSON object: decisions, plans, worst scenario, proof."""

import dataclasses
import json
from typing import Any

import numpy as np

from copt.errors import InvalidSolutionError
from copt.instances.text import Text
from copt.problems.robust import Cells, Robust, RobustSolution

__all__ = ["format_solution", "parse_solution"]


def format_solution(instance: Robust, solution: RobustSolution, objective: float) -> str:
    """Return ``solution`` as text; numbers keep all their digits."""
    fields: dict[str, Any] = {"instance": instance.name, "objective": objective, "proved": solution.proved}
    for field in dataclasses.fields(solution):
        value = getattr(solution, field.name)
        if isinstance(value, Cells):
            value = {name: array.tolist() for name, array in vars(value).items()}
        fields[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
    return json.dumps(fields) + "\n"


def parse_solution(instance: Robust, text: Text) -> RobustSolution:
    """Return the solution that ``text`` describes. Whether it is right is for ``check`` to say.

    Raises:
        FormatError: If it is no JSON object with the fields of a solution.
    """
    problem = instance.two_stage()
    try:
        found = json.loads("\n".join(line.text for line in text.lines))
        cells = found.get("cells")
        plans = np.array(found["plans"], dtype=np.float64).reshape(len(found["plans"]), problem.y.size)
        return RobustSolution(
            x=np.array(found["x"], dtype=np.float64),
            plans=plans,
            worst=np.array(found["worst"], dtype=np.float64),
            proof=found["proof"],
            weights=None if found.get("weights") is None else np.array(found["weights"], dtype=np.float64),
            cells=None
            if cells is None
            else Cells(
                np.array(cells["entry"], dtype=np.int64),
                np.array(cells["cut"], dtype=np.float64),
                np.array(cells["child"], dtype=np.int64).reshape(-1, 2),
            ),
            value=None if found.get("value") is None else float(found["value"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, InvalidSolutionError) as error:
        text.fail(None, f"expected a JSON object with x, plans, worst and proof: {str(error)[:80]}")
