"""Points of mixed-integer programs as the ``.sol`` files of SCIP and MIPLIB: a name and a value a line, zeros left out.

::

    objective value: 19
    x0 1
    x3 2.5
"""

import math
import re

import numpy as np

from copt.instances.mip_mps import plain_names
from copt.instances.text import Text, quoted
from copt.problems.mip import MIP, Point

__all__ = ["format_solution", "parse_solution"]

_REST = re.compile(r"\s*(#|=obj=|objective value\s*:|solution status\s*:)", re.IGNORECASE)


def parse_solution(instance: MIP, text: Text) -> Point:
    """Return the point that ``text`` describes; variables without a line are 0.

    Where names of variables repeat or hold spaces, they are called x0, x1, ... in the file.

    Raises:
        FormatError: If a line is no name and number, or the instance has no variable of that name.
    """
    position = {name: place for place, name in enumerate(plain_names(instance))}
    values = np.zeros(instance.num_variables)
    for line in text.lines:
        if _REST.match(line.text):
            continue
        name, *rest = line.text.split()
        if name not in position:
            text.fail(line, f"expected the name of a variable of {instance.name} and its value, found {quoted(name)}")
        value = _number(rest[0]) if rest else None
        if value is None:
            text.fail(line, f"expected a number after {quoted(name)}, found {quoted(' '.join(rest[:1]))}")
        values[position[name]] = value
    return Point(values)


def _number(token: str) -> float | None:
    try:
        value = float(token)
    except ValueError:
        return None
    return value if math.isfinite(value) and token.isascii() and "_" not in token else None


def format_solution(instance: MIP, solution: Point, objective: float) -> str:
    """Return ``solution`` as text; numbers keep all their digits."""
    values = zip(plain_names(instance), solution.values.tolist(), strict=True)
    lines = [f"{name} {int(value) if value.is_integer() else value!r}" for name, value in values if value]
    return "\n".join([f"objective value: {objective!r}", *lines]) + "\n"
