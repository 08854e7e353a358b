"""Files, names and generators of shops: what the registry asks of a family's instances."""

from pathlib import Path

from copt.errors import UnknownNameError
from copt.instances import taillard
from copt.instances.jobshop_flexible import FLEXIBLE
from copt.instances.jobshop_generators import GENERATORS
from copt.instances.jobshop_solution import format_solution, parse_solution
from copt.instances.jobshop_standard import STANDARD
from copt.instances.jobshop_taillard import TAILLARD
from copt.instances.text import load
from copt.problems.jobshop import JobShop

__all__ = ["FORMATS", "GENERATORS", "format_solution", "named", "names", "parse_solution"]

FORMATS = (STANDARD, FLEXIBLE, TAILLARD)

_SHIPPED = ("toy", "ft06", "ft10", "ft20")


def names() -> list[str]:
    """Return the names of the instances at hand without a file: toy, ft06, ft10, ft20, ta01 to ta80."""
    return [*_SHIPPED, *taillard.names()]


def named(name: str) -> JobShop:
    """Return the instance called ``name``.

    Raises:
        UnknownNameError: If it is not one of ``names()``.
    """
    if name in _SHIPPED:
        instance: JobShop = STANDARD.read(load(Path(__file__).with_name("data") / f"{name}.txt"))
        return instance
    if name in taillard.names():
        return taillard.named(name)
    raise UnknownNameError("instance", name, names())
