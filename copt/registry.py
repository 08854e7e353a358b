"""Family word -> where its problem, solver and files live. Everything is imported on first use."""

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from copt.errors import UnknownNameError

__all__ = ["FAMILIES", "Family", "family_of"]


@dataclass(frozen=True)
class Family:
    """Where the rooms of one family are.

    Args:
        name: The family's word.
        problem: Module with the instance type, ``objective``, ``check`` and ``toy``.
        solver: Module with ``NAME`` and ``solve``; see ``copt.solvers.base.Solver``.
        instances: Module with ``FORMATS``, ``named``, ``names`` and ``GENERATORS``, or None if there are no files.
        policy: Name of the learned policy behind ``policy="auto"``, or None. With one, the solver module also has
            ``policy_pays(instance)``, which tells where it was measured to help.
    """

    name: str
    problem: str
    solver: str
    instances: str | None = None
    policy: str | None = None

    def load(self, room: str) -> ModuleType:
        """Import and return the module of ``room``: problem, solver or instances."""
        return importlib.import_module(getattr(self, room))


FAMILIES = {
    family.name: family
    for family in (
        Family("jobshop", "copt.problems.jobshop", "copt.solvers.jobshop", "copt.instances.jobshop", "jobshop-v1"),
        Family("routing", "copt.problems.routing", "copt.solvers.routing", "copt.instances.routing"),
        Family("robust", "copt.problems.robust", "copt.solvers.robust", "copt.instances.robust", "robust-moves-v1"),
        Family("control", "copt.problems.control", "copt.solvers.control", "copt.instances.control"),
        Family("mip", "copt.problems.mip", "copt.solvers.mip", "copt.instances.mip"),
        Family("encoding", "copt.problems.encoding", "copt.solvers.encoding"),
    )
}


def family_of(instance: Any) -> Family:
    """Return the family that ``instance`` belongs to.

    Raises:
        UnknownNameError: If it is not an instance of a registered family.
    """
    word = getattr(instance, "family", type(instance).__name__)
    if word not in FAMILIES:
        raise UnknownNameError(
            "family", str(word), FAMILIES, f"copt.solve takes one of: {', '.join(FAMILIES)}; read files with copt.read"
        )
    return FAMILIES[word]
