"""Plans as csv: a heading ``u0,u1,...``, then a line of actions for each step."""

import numpy as np

from copt.instances.text import Text, quoted
from copt.problems.control import ControlProblem, Plan

__all__ = ["format_solution", "parse_solution"]


def format_solution(instance: ControlProblem, solution: Plan, objective: float) -> str:
    """Return ``solution`` as text; numbers keep all their digits."""
    rows = [_heading(instance), *([repr(value) for value in step] for step in solution.actions.tolist())]
    return f"# {instance.name}: objective {objective!r}\n" + "".join(",".join(row) + "\n" for row in rows)


def parse_solution(instance: ControlProblem, text: Text) -> Plan:
    """Return the plan that ``text`` describes; lines that start with ``#`` are comments.

    Raises:
        FormatError: If there is no such heading, or not a line of actions for each step.
    """
    lines = [line for line in text.lines if not line.text.lstrip().startswith("#")]
    heading = _heading(instance)
    if not lines or [cell.strip() for cell in lines[0].text.split(",")] != heading:
        text.fail((lines or text.lines)[0], f"expected the heading {quoted(','.join(heading))}")
    rows = []
    for line in lines[1:]:
        cells = line.text.split(",")
        if len(cells) != len(heading):
            text.fail(line, f"expected {len(heading)} actions, found {len(cells)}")
        for cell in cells:
            try:
                finite = bool(np.isfinite(float(cell))) and cell.isascii() and "_" not in cell
            except ValueError:
                finite = False
            if not finite:
                text.fail(line, f"expected actions, found {quoted(cell)}, which is not a number")
        rows.append([float(cell) for cell in cells])
    if len(rows) != instance.horizon:
        text.fail(text.lines[-1], f"expected a line for each of {instance.horizon} steps, found {len(rows)}")
    return Plan(np.array(rows))


def _heading(instance: ControlProblem) -> list[str]:
    return [f"u{k}" for k in range(instance.num_actions)]
