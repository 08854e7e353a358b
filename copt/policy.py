"""All that copt knows of learning: a Policy takes arrays and returns arrays."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Policy", "load_policy", "policy_names"]


@runtime_checkable
class Policy(Protocol):
    """A trained decision maker for one family.

    ``weights`` are plain float32 arrays by name: solvers hand them to compiled kernels, so that no solver
    ever imports a deep-learning framework.
    """

    @property
    def name(self) -> str:
        """Name under which it is stored, such as ``jobshop-v1``."""

    @property
    def family(self) -> str:
        """The family whose solver can use it."""

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The parameters by name."""

    @property
    def card(self) -> dict[str, Any]:
        """How it was trained and what it was measured to gain."""


def load_policy(name: str) -> Policy:
    """Return the stored policy called ``name``.

    Raises:
        UnknownNameError: If no policy has that name.
    """
    from copt.models.store import load

    return load(name)


def policy_names() -> list[str]:
    """Return the names of all stored policies."""
    from copt.models.store import names

    return names()
