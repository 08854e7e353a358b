"""Where machine code of kernels is kept from one process to the next."""

import contextlib
import functools
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from copt.solvers.arguments import described, flat, readable
from copt.solvers.machine_code import Code, Entry, alone, cut_out, host

__all__ = ["Objects", "folder_of", "kept_in"]


class Objects:
    """The file with the machine code of a kernel for some types.

    Args:
        function: The kernel's Python function.
        kinds: Kinds of its arguments.
        options: Of numba.
        parts: Names and files of all kernels in it; it is made anew where a file has changed.
    """

    def __init__(
        self, function: FunctionType, kinds: tuple[Any, ...], options: dict[str, Any], parts: dict[str, str]
    ) -> None:
        self._kinds = kinds
        code = function.__code__
        chosen = {name: sorted(value) if isinstance(value, set) else value for name, value in options.items()}
        told = [code.co_filename, code.co_firstlineno, sorted(chosen.items()), *map(described, kinds), _system()]
        digest = hashlib.sha256(repr(told).encode()).hexdigest()[:20]
        self._symbol = f"copt_{digest}"
        stem = f"{Path(code.co_filename).stem}.{function.__qualname__}-{code.co_firstlineno}"
        self._path = folder_of(code.co_filename) / f"{stem}.{digest}.obj"
        self._stamps = [_stamp(name) for name in sorted({*parts.values()})]
        self._names = sorted(parts)

    def linked(self, compile: Callable[[], Any]) -> Entry | None:
        """Return the kernel as a function, None if only numba can run it.

        Args:
            compile: Returns what numba makes of it; called if no file has it.
        """
        if flat(self._kinds) is None or None in self._stamps or not readable():
            return None
        known, code = self._read()
        if not known:
            with alone():
                code = cut_out(compile(), self._symbol, self._kinds)
            self._keep(code)
        return None if code is None else Entry(self._symbol, self._kinds, code)

    def _read(self) -> tuple[bool, Code | None]:
        """Return whether there is a file that still holds, and what it says."""
        try:
            head, binary = self._path.read_bytes().split(b"\n", 1)
            facts = json.loads(head)
            sources, digest, result = facts["sources"], facts["sha256"], facts["result"]
        except (OSError, ValueError, KeyError):
            return False, None
        if sources != self._stamps or digest != hashlib.sha256(binary).hexdigest():
            return False, None
        return True, Code(result, binary) if binary else None

    def _keep(self, code: Code | None) -> None:
        """Write the file; where that is impossible every process compiles anew."""
        result, binary = (None, b"") if code is None else code
        facts = {"sources": self._stamps, "sha256": hashlib.sha256(binary).hexdigest(), "result": result}
        facts["kernels"] = self._names
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".obj-")
            with open(handle, "wb") as file:
                file.write(json.dumps(facts).encode() + b"\n" + binary)
            os.replace(name, self._path)


def kept_in(folder: Path) -> set[str]:
    """Return the names of the kernels whose machine code is kept in a folder and not older than their sources."""
    found: set[str] = set()
    for path in folder.glob("*.obj"):
        with contextlib.suppress(OSError, ValueError, KeyError), open(path, "rb") as file:
            facts = json.loads(file.readline())
            if facts["sources"] == [_stamp(name) for name, *_ in facts["sources"]]:
                found.update(facts["kernels"])
    return found


@functools.cache
def folder_of(source: str) -> Path:
    """Return where machine code of a source is kept: beside it, or with the user's if nothing can be written there."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    beside = Path(source).parent / "__pycache__"
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "copt"


@functools.cache
def _system() -> str:
    return f"{sys.version} {host()}"


@functools.cache
def _stamp(name: str) -> list[Any] | None:
    """Return what tells a version of a file from others, None if there is no such file."""
    try:
        found = os.stat(name)
    except OSError:
        return None
    return [name, found.st_size, found.st_mtime_ns]
