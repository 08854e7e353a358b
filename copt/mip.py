"""A stream of mixed-integer programs, each solve learning from those before it."""

import weakref
from pathlib import Path
from typing import Any, Self

from copt.result import Result
from copt.solve import solve

__all__ = ["Session"]


class Session:
    """Solves one program after the other and remembers what paid on similar ones.

    The process beside SCIP waits for the next program, so that it can begin at once; ``close`` ends it, as does the
    end of a ``with`` block.

    Args:
        path: A JSON file that keeps what was learned; made by the first solve.

    Raises:
        CoptError: If the file holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        from copt.solvers.mip.memory import Memory

        self.memory = Memory(path)
        weakref.finalize(self, self.memory.spare.close)

    def solve(self, instance: Any, **options: Any) -> Result:
        """Solve ``instance``; takes the options of ``copt.solve`` but ``policy``."""
        return solve(instance, policy=self.memory, **options)

    def close(self) -> None:
        """End the process that waits; what was learned is in the file."""
        self.memory.spare.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
