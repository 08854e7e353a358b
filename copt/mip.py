"""A stream of mixed-integer programs, each solve learning from those before it."""

from pathlib import Path
from typing import Any

from copt.result import Result
from copt.solve import solve

__all__ = ["Session"]


class Session:
    """Solves one program after the other and remembers what paid on similar ones.

    Args:
        path: A JSON file that keeps what was learned; made by the first solve.

    Raises:
        CoptError: If the file holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        from copt.solvers.mip.memory import Memory

        self.memory = Memory(path)

    def solve(self, instance: Any, **options: Any) -> Result:
        """Solve ``instance``; takes the options of ``copt.solve`` but ``policy``."""
        return solve(instance, policy=self.memory, **options)
