"""What every environment checks and draws when it is made and reset."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from copt.errors import CoptError

__all__ = ["check_render_mode", "draw_seed", "reset_options"]


def check_render_mode(mode: str | None, known: Sequence[str]) -> None:
    """Refuse a render mode that is not known.

    Raises:
        CoptError: If it is not.
    """
    if mode is not None and mode not in known:
        raise CoptError(f"unknown render_mode {mode!r}; choose {' or '.join(known)}")


def reset_options(options: dict[str, Any] | None, *known: str) -> dict[str, Any]:
    """Return the options of a reset.

    Raises:
        CoptError: If one is not ``known``.
    """
    given = dict(options or {})
    strange = [name for name in given if name not in known]
    if strange:
        raise CoptError(f"unknown reset option {strange[0]!r}; the known ones are: {', '.join(known)}")
    return given


def draw_seed(rng: np.random.Generator) -> int:
    """Return a random seed."""
    return int(rng.integers(2**31 - 1))
