"""Bytes of a file, unpacked where it is compressed, within limits that no bad file can break."""

import contextlib
import gzip
import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from copt.errors import FormatError

__all__ = ["MAX_BYTES", "contents"]

MAX_BYTES = 128 * 2**20  # sixteen times the largest known instance, a million operations
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


def contents(path: Path) -> bytes:
    """Return the bytes of the file at ``path``; those of its text if it is gzip, or zip with a single member.

    Raises:
        FormatError: If it is no readable regular file, is damaged, or holds more than 128 MiB.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe or a device may never end
            kind = "a directory" if path.is_dir() else "not a regular file"
            raise FormatError(path, None, f"is {kind}; expected a file")
        with path.open("rb") as file:
            raw = _limited(path, file)
    except FormatError:
        raise
    except FileNotFoundError:
        raise FormatError(path, None, "no such file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FormatError(path, None, f"cannot be read: {reason}") from None
    if raw.startswith(_GZIP):
        with _unpacking(path, "gzip"), gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            return _limited(path, packed)
    if raw.startswith(_ZIP):
        return _only_member(path, raw)
    return raw


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _limited(path: Path, file: _Readable) -> bytes:
    raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise FormatError(path, None, f"expected at most {MAX_BYTES // 2**20} MiB of text, found more")
    return raw


@contextlib.contextmanager
def _unpacking(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except FormatError:
        raise
    except Exception as error:  # damaged bytes make the unpackers raise many undocumented types
        reason = " ".join(str(error).split())[:80]
        raise FormatError(path, None, f"expected an intact {kind} file, but unpacking failed: {reason}") from None


def _only_member(path: Path, raw: bytes) -> bytes:
    with _unpacking(path, "zip"), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise FormatError(path, None, f"expected a zip file with one member, found {len(members)}; unpack it first")
        with archive.open(members[0]) as packed:
            return _limited(path, packed)
