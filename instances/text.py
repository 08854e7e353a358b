"""Text of a file as numbered lines, and the whole numbers on a line."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from copt.errors import FormatError
from copt.instances.files import contents
from copt.problems.base import IntArray

__all__ = ["MAX_NUMBER", "Line", "Text", "integers", "load", "one_line", "quoted"]

MAX_NUMBER = 2**31 - 1
MAX_LINES = 4_000_000
MAX_LINE_LENGTH = 8 * 2**20
_WHOLE = re.compile(r"[+-]?[0-9]+")
_PACKED = re.compile(r"\.(gz|zip)$", re.IGNORECASE)
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}$")


class Line(NamedTuple):
    """A line that is not blank, and its number in the file, from 1."""

    number: int
    text: str


@dataclass(frozen=True)
class Text:
    """A text file.

    Args:
        path: Where it came from, for error messages.
        name: File name without suffixes, the name of an instance that does not state one.
        lines: Its lines without the blank ones; at least one.
    """

    path: str
    name: str
    lines: tuple[Line, ...]

    def fail(self, line: Line | None, message: str) -> NoReturn:
        """Raise a FormatError at ``line``."""
        raise FormatError(self.path, line.number if line else None, message)


def load(path: Path) -> Text:
    """Read the file at ``path``, packed or not.

    Raises:
        FormatError: If it cannot be read, is empty, or is not UTF-8 text with lines of at most 8 MiB.
    """
    raw = contents(path)
    if b"\0" in raw:
        raise FormatError(path, raw.count(b"\n", 0, raw.index(b"\0")) + 1, "expected text, found binary data")
    if max(raw.count(b"\n"), raw.count(b"\r")) > MAX_LINES:
        raise FormatError(path, MAX_LINES + 1, f"expected at most {MAX_LINES} lines, found more")
    try:
        decoded = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        found = f"found byte 0x{error.object[error.start]:02x}"
        raise FormatError(path, number, f"expected UTF-8 text, {found}") from None
    rows = decoded.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = tuple(Line(number, row) for number, row in enumerate(rows, start=1) if row and not row.isspace())
    if not lines:
        raise FormatError(path, 1, "the file is empty; expected an instance or a solution")
    longest = max(lines, key=lambda line: len(line.text))
    if len(longest.text) > MAX_LINE_LENGTH:
        found = f"found one of {len(longest.text)}"
        raise FormatError(path, longest.number, f"expected lines of at most {MAX_LINE_LENGTH} characters, {found}")
    return Text(str(path), one_line(_SUFFIX.sub("", _PACKED.sub("", path.name))), lines)


def one_line(words: str) -> str:
    """Return ``words`` with single spaces between them and ``?`` for what cannot be printed."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(words.split()))


def quoted(token: str) -> str:
    """Return ``token`` in quotes, at most 40 characters of it, on one line."""
    return f"'{one_line(token[:40])}{'...' if len(token) > 40 else ''}'"


def integers(text: Text, line: Line, expected: str) -> IntArray:
    """Return the whole numbers on ``line``.

    Args:
        text: The file that the line belongs to.
        line: The line.
        expected: What the line should hold, for the error message.

    Raises:
        FormatError: If something else is on the line, or a number beyond 2147483647 in absolute value.
    """
    tokens = line.text.split()
    plain = line.text.isascii() or all(map(str.isascii, tokens))  # no-break spaces may part the tokens
    if plain and "_" not in line.text:  # Python would read 1_0 and Arabic digits as numbers
        try:
            values = np.array(tokens, dtype=np.int64)
        except (ValueError, OverflowError):
            pass
        else:
            if not values.size or (values.max() <= MAX_NUMBER and values.min() >= -MAX_NUMBER):
                return values
    for position, token in enumerate(tokens, start=1):
        if not _WHOLE.fullmatch(token):
            text.fail(line, f"expected {expected}, found {quoted(token)} as entry {position}, not a whole number")
        if len(token) > 20 or abs(int(token)) > MAX_NUMBER:
            text.fail(line, f"expected {expected}, found {quoted(token)} as entry {position}, beyond {MAX_NUMBER}")
    raise AssertionError("unreachable: a line of whole numbers was refused")
