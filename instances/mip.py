"""Files, names and generators of mixed-integer programs: what the registry asks of a family's instances."""

from copt.errors import UnknownNameError
from copt.instances.mip_files import CIP, LP, MPS
from copt.instances.mip_generators import GENERATORS
from copt.instances.mip_solution import format_solution, parse_solution
from copt.problems.mip import MIP, toy

__all__ = ["FORMATS", "GENERATORS", "format_solution", "named", "names", "parse_solution"]

FORMATS = (MPS, LP, CIP)


def names() -> list[str]:
    """Return the names of the instances at hand without a file."""
    return [toy().name]


def named(name: str) -> MIP:
    """Return the instance called ``name``.

    Raises:
        UnknownNameError: If it is not one of ``names()``.
    """
    if name not in names():
        raise UnknownNameError("instance", name, names())
    return toy()
