"""Files, names and generators of control problems: what the registry asks of a family's instances."""

from copt.errors import UnknownNameError
from copt.instances.control_generators import GENERATORS
from copt.instances.control_json import INLINE, WITH_WEIGHTS
from copt.instances.control_solution import format_solution, parse_solution
from copt.problems.control import ControlProblem, toy

__all__ = ["FORMATS", "GENERATORS", "format_solution", "named", "names", "parse_solution"]

FORMATS = (INLINE, WITH_WEIGHTS)


def names() -> list[str]:
    """Return the names of the instances at hand without a file."""
    return [toy().name]


def named(name: str) -> ControlProblem:
    """Return the instance called ``name``.

    Raises:
        UnknownNameError: If it is not one of ``names()``.
    """
    if name not in names():
        raise UnknownNameError("instance", name, names())
    return toy()
