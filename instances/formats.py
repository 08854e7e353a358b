"""What every file format looks like from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from copt.instances.text import Text

__all__ = ["Format"]


@dataclass(frozen=True)
class Format:
    """One file format of one family.

    Args:
        name: Its name, such as ``fjsplib``.
        suffixes: File suffixes it is usually stored under; they decide only where the content does not.
        recognise: Whether a text looks like it; cheap, never raises.
        read: Parse a text; raises FormatError with the line.
        refusal: Why it cannot hold an instance and what to do about it, or None if it can.
        write: Return the text of an instance that is not refused.
        beside: Return the files that the text refers to, by their names in its folder; None if there are none.
    """

    name: str
    suffixes: tuple[str, ...]
    recognise: Callable[[Text], bool]
    read: Callable[[Text], Any]
    refusal: Callable[[Any], str | None]
    write: Callable[[Any], str]
    beside: Callable[[Any], Mapping[str, bytes]] | None = None
