"""What every environment checks and draws when it is made and reset."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from copt.errors import CoptError

__all__ = ["begun", "check_render_mode", "demand_going_on", "draw_seed", "instance_for", "reset_options"]

T = TypeVar("T")


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


def instance_for(given: dict[str, Any], fixed: Any, generator: Callable[[int], Any], rng: np.random.Generator) -> Any:
    """Return the instance of an episode: that of the reset's options, else the environment's own, else a random one."""
    instance = given.get("instance", fixed)
    return generator(draw_seed(rng)) if instance is None else instance


def begun(state: T | None) -> T:
    """Return the state of the episode.

    Raises:
        CoptError: If there is none yet.
    """
    if state is None:
        raise CoptError("there is no episode yet; call reset() first")
    return state


def demand_going_on(over: bool) -> None:
    """Refuse a step after the end of the episode.

    Raises:
        CoptError: If it is over.
    """
    if over:
        raise CoptError("the episode is over; call reset() to start another")
