"""Files, names and generators of control problems: what the registry asks of a family's instances."""

from pathlib import Path

from copt.errors import UnknownNameError
from copt.instances.control_generators import GENERATORS
from copt.instances.control_json import INLINE, WITH_WEIGHTS
from copt.instances.control_solution import format_solution, parse_solution
from copt.instances.text import load
from copt.problems.control import ControlProblem, toy

__all__ = ["FORMATS", "GENERATORS", "format_solution", "named", "names", "parse_solution"]

FORMATS = (INLINE, WITH_WEIGHTS)

_SHIPPED = ("cartpole-walls", "pusht", "slalom")


def names() -> list[str]:
    """Return the names of the instances at hand without a file."""
    return [toy().name, *_SHIPPED]


def named(name: str) -> ControlProblem:
    """Return the instance called ``name``.

    Raises:
        UnknownNameError: If it is not one of ``names()``.
    """
    if name not in names():
        raise UnknownNameError("instance", name, names())
    if name not in _SHIPPED:
        return toy()
    shipped: ControlProblem = INLINE.read(load(Path(__file__).with_name("data") / f"{name}.json"))
    return shipped
