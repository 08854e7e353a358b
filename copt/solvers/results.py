"""Results of compiled functions: how they lie in memory, and which Python values they stand for."""

import functools
import importlib
import struct
from collections.abc import Callable
from typing import Any

__all__ = ["Kind", "kind_of", "layout", "shaper"]

Kind = str | list[str]
"""What a kernel returns: a number, "none", or a tuple, which is the path of its class and its numbers."""

NONE = "none"
LETTERS = {"int64": "q", "int32": "i", "uint64": "Q", "uint8": "B", "float64": "d", "float32": "f", "bool": "?"}


def kind_of(result: Any) -> Kind | None:
    """Return the kind of numba's type of a result, None if it is no number and no tuple of numbers."""
    from numba import types

    if isinstance(result, types.BaseTuple):
        inner: tuple[Any, ...] = tuple(result)  # type: ignore[arg-type]
        members = [kind_of(member) for member in inner]
        owner = getattr(result, "instance_class", tuple)
        names = [member for member in members if isinstance(member, str) and member != NONE]
        importable = "<locals>" not in owner.__qualname__
        return [f"{owner.__module__}:{owner.__qualname__}", *names] if names == members and importable else None
    name = "bool" if isinstance(result, types.Boolean) else str(result)
    return name if name in LETTERS or name == NONE else None


def layout(kind: Kind) -> struct.Struct:
    """Return how a result lies in memory."""
    return struct.Struct(
        "@" + "".join(LETTERS.get(name, "") for name in ([kind] if isinstance(kind, str) else kind[1:]))
    )


def shaper(kind: Kind) -> Callable[[tuple[Any, ...]], Any]:
    """Return what makes a result of its numbers."""
    if isinstance(kind, str):
        return lambda numbers: numbers[0] if numbers else None
    module, name = kind[0].split(":")
    owner: Any = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    return lambda numbers: numbers if owner is tuple else owner(*numbers)
