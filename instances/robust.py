"""Files, names and generators of two-stage robust problems: what the registry asks of a family's instances."""

from copt.errors import UnknownNameError
from copt.instances.robust_files import BUDGETING, KNAPSACK, LOANS
from copt.instances.robust_generators import GENERATORS
from copt.instances.robust_solution import format_solution, parse_solution
from copt.problems.robust_knapsack import RobustKnapsack, toy_knapsack

__all__ = ["FORMATS", "GENERATORS", "format_solution", "named", "names", "parse_solution"]

FORMATS = (KNAPSACK, LOANS, BUDGETING)


def names() -> list[str]:
    """Return the names of the instances at hand without a file."""
    return [toy_knapsack().name]


def named(name: str) -> RobustKnapsack:
    """Return the instance called ``name``.

    Raises:
        UnknownNameError: If it is not one of ``names()``.
    """
    if name not in names():
        raise UnknownNameError("instance", name, names())
    return toy_knapsack()
