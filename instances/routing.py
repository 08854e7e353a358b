"""Files, names and generators of routing problems: what the registry asks of a family's instances."""

from copt.errors import UnknownNameError
from copt.instances.routing_generators import GENERATORS
from copt.instances.routing_solution import format_solution, parse_solution
from copt.instances.routing_vrplib import VRPLIB
from copt.problems.routing import Routing, toy

__all__ = ["FORMATS", "GENERATORS", "format_solution", "named", "names", "parse_solution"]

FORMATS = (VRPLIB,)


def names() -> list[str]:
    """Return the names of the instances at hand without a file."""
    return [toy().name]


def named(name: str) -> Routing:
    """Return the instance called ``name``.

    Raises:
        UnknownNameError: If it is not one of ``names()``.
    """
    if name not in names():
        raise UnknownNameError("instance", name, names())
    return toy()
