"""JSON read strictly: every fault is an error of the file that names the field, and written to be read by people."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from copt.instances.text import Text, one_line, quoted
from copt.problems.base import FloatArray

__all__ = [
    "FieldError",
    "Read",
    "entries",
    "fields",
    "laid_out",
    "matrix",
    "parsed",
    "shown",
    "vector",
    "whole",
    "word",
]

LARGEST = 1_000_000

Read = Callable[[Any, str], Any]  # of a value, and of where it stands


class FieldError(Exception):
    """What is wrong with a field, by readers that do not know the file."""


def parsed(text: Text) -> Any:
    """Return the value of a JSON text.

    Raises:
        FormatError: If it is not JSON.
        FieldError: If a key stands twice in one object, or a number is not finite.
    """
    # strings of JSON hold no line break: the blank lines that a text leaves out were between its tokens
    content = "\n".join(line.text for line in text.lines)
    try:
        return json.loads(content, parse_constant=_no_number, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        where = text.lines[min(error.lineno, len(text.lines)) - 1]
        text.fail(where, f"expected JSON: {error.msg} at column {error.colno}")
    except (RecursionError, ValueError) as error:  # nested too deep; more digits than Python reads
        text.fail(None, f"expected JSON: {str(error)[:80]}")


def _no_number(constant: str) -> NoReturn:
    raise FieldError(f"{constant} is not a number; what has no limit is null")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise FieldError(f"{quoted(key)} stands twice in one object")
        found[key] = value
    return found


def shown(value: Any) -> str:
    """Return the start of a value as it stands in a file."""
    return quoted(json.dumps(value, ensure_ascii=False)[:200])


def fields(value: Any, where: str, known: Mapping[str, Read], required: tuple[str, ...]) -> dict[str, Any]:
    """Return the entries of an object, each read by its own reader.

    Args:
        value: The object.
        where: Its path in the file, empty for the whole.
        known: Readers of all entries that there may be.
        required: Entries that there must be.

    Raises:
        FieldError: If it is not an object of these.
    """
    if not isinstance(value, dict):
        raise FieldError(f"{where or 'the file'} must be an object, got {shown(value)}")
    prefix = f"{where}." if where else ""
    for key in value:
        if key not in known:
            raise FieldError(f"{prefix}{one_line(key[:40])} is unknown; the fields are {', '.join(known)}")
    for key in required:
        if key not in value:
            raise FieldError(f"{prefix}{key} is missing")
    return {key: known[key](entry, prefix + key) for key, entry in value.items()}


def entries(value: Any, where: str, read: Read) -> list[Any]:
    """Return the entries of a list, each read by ``read``."""
    if not isinstance(value, list):
        raise FieldError(f"{where} must be a list, got {shown(value)}")
    return [read(entry, f"{where}[{k}]") for k, entry in enumerate(value)]


def word(value: Any, where: str) -> str:
    """Return a text that is not empty, on one line."""
    if not isinstance(value, str) or not one_line(value):
        raise FieldError(f"{where} must be a text, got {shown(value)}")
    return one_line(value)


def whole(value: Any, where: str) -> int:
    """Return a whole number from 1 on."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST:
        raise FieldError(f"{where} must be a whole number from 1 to {LARGEST}, got {shown(value)}")
    return value


def number(value: Any, where: str) -> float:
    """Return a number that double precision can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"{where} must be a number, got {shown(value)}")
    if abs(value) > sys.float_info.max:
        raise FieldError(f"{where} is beyond double precision")
    return float(value)


def vector(value: Any, where: str) -> FloatArray:
    """Return a list of numbers."""
    return np.array(entries(value, where, number), dtype=np.float64)


def matrix(value: Any, where: str) -> FloatArray:
    """Return a list of rows of numbers."""
    rows = entries(value, where, vector)
    for k, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise FieldError(f"{where}[{k}] has {len(row)} entries, {where}[0] has {len(rows[0])}")
    return np.array(rows).reshape(len(rows), len(rows[0]) if rows else 0)


def laid_out(value: Any, indent: str = "") -> str:
    """Return a value as JSON: what holds no list and no object inside on one line, the rest an entry a line."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        lines = [f"{json.dumps(key)}: {laid_out(entry, inner)}" for key, entry in value.items()]
        opening, closing = "{}"
    elif isinstance(value, list) and any(isinstance(entry, list | dict) for entry in value):
        lines = [laid_out(entry, inner) for entry in value]
        opening, closing = "[]"
    else:
        return json.dumps(value)
    joined = ",\n".join(inner + line for line in lines)
    return f"{opening}\n{joined}\n{indent}{closing}"
