"""Where a command's results go: standard output that may close, files that are never left half written."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from copt.errors import CoptError

__all__ = ["check_writable", "replacing", "say"]


def say(text: str, stream: TextIO) -> bool:
    """Write a line to ``stream`` at once; return False if nobody reads it any more."""
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        # what is left in the buffer must not fail again when the interpreter exits
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, stream.fileno())
        os.close(silence)
        return False
    return True


def check_writable(path: Path) -> None:
    """Say before the work is done that its result cannot be written to ``path``.

    Raises:
        CoptError: If ``path`` is a folder, or its folder is missing or closed to the user.
    """
    if path.is_dir():
        raise CoptError(f"{path}: is a directory; give the path of a file in it")
    if not path.parent.is_dir():
        raise CoptError(f"{path}: there is no directory {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CoptError(f"{path}: cannot be written: permission denied")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; its file takes the place of ``path`` when the block ends well.

    Links, devices and pipes, such as ``/dev/stdout``, are written through.

    Raises:
        CoptError: If the file cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        yield path
        return
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise CoptError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
