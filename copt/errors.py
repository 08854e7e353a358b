"""Errors that a user of copt can meet; each text names the field, the value and the remedy."""

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "CoptError",
    "FormatError",
    "InvalidInstanceError",
    "InvalidNetworkError",
    "InvalidSolutionError",
    "MissingExtraError",
    "UnknownNameError",
    "WrongSolutionError",
]


class CoptError(Exception):
    """Base of every error that copt raises on purpose; the CLI prints it as one line."""


class InvalidInstanceError(CoptError, ValueError):
    """An instance cannot be built from the given fields."""


class InvalidNetworkError(CoptError, ValueError):
    """A network cannot be built from the given weights, or not be bounded or embedded as asked."""


class InvalidSolutionError(CoptError, ValueError):
    """A solution does not have the shape that its instance asks for, or breaks a constraint."""


class FormatError(CoptError, ValueError):
    """A file cannot be read in any known format."""

    def __init__(self, path: str | Path, line: int | None, message: str) -> None:
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {message}")
        self.path = str(path)
        self.line = line


class UnknownNameError(CoptError, LookupError):
    """A name is in no registry; the text offers the nearest known one."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        near = difflib.get_close_matches(name, list(known), n=1)
        text = f"unknown {kind} '{name}'"
        if near:
            text += f"; did you mean '{near[0]}'?"
        if hint:
            text += f"{'' if near else ';'} {hint}"
        super().__init__(text)


class MissingExtraError(CoptError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs optional packages; install them with: pip install 'copt-solver[{extra}]'")


class WrongSolutionError(CoptError, AssertionError):
    """A solver returned a solution that the checker rejects: a fault of copt, never of the user."""
