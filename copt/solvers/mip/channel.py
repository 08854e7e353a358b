"""Messages between a solve and the process beside it: the solve's end of the line never waits, the other one does."""

import contextlib
import pickle
import socket
import struct
from typing import Any

__all__ = ["Desk", "Line"]

HEAD = struct.Struct("!Q")  # length of the message that follows
CHUNK = 2**16  # bytes read at once


def _packed(message: Any) -> memoryview:
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return memoryview(HEAD.pack(len(body)) + body)


class Desk:
    """The end of the solve. No method waits or raises, whatever the process at the other end does.

    It has no thread either: one would starve while ``pyscipopt.Model.optimize`` holds Python's lock.

    Args:
        line: The socket.
    """

    def __init__(self, line: socket.socket) -> None:
        line.setblocking(False)
        self._line = line
        self._inbox = bytearray()
        self._sending = memoryview(b"")
        self._due: list[memoryview] = []
        self._next: Any = None

    def insist(self, message: Any) -> None:
        """Send ``message`` when the other end takes it, in any case; what was put before and not sent is dropped."""
        self._due.append(_packed(message))
        self._next = None
        self._flush()

    def put(self, message: Any) -> None:
        """Send ``message`` when the other end takes it; it replaces one whose turn has not come."""
        self._next = message
        self._flush()

    def take(self) -> list[Any]:
        """Return the messages that have arrived whole since the last call."""
        self._flush()
        with contextlib.suppress(OSError):
            while data := self._line.recv(CHUNK):
                self._inbox += data
        messages = []
        while len(self._inbox) >= HEAD.size:
            end = HEAD.size + HEAD.unpack_from(self._inbox)[0]
            if len(self._inbox) < end:
                break
            messages.append(pickle.loads(self._inbox[HEAD.size : end]))  # from the process that this one started
            del self._inbox[:end]
        return messages

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _flush(self) -> None:
        with contextlib.suppress(OSError):  # the other end is busy, or gone
            while self._sending or self._due or self._next is not None:
                if not self._sending and self._due:
                    self._sending = self._due.pop(0)
                elif not self._sending:
                    self._sending, self._next = _packed(self._next), None
                self._sending = self._sending[self._line.send(self._sending) :]


class Line:
    """The end of the process, which waits.

    Args:
        handle: File descriptor of the socket.
    """

    def __init__(self, handle: int) -> None:
        self._line = socket.socket(fileno=handle)
        self._inbox = self._line.makefile("rb")

    def send(self, message: Any) -> None:
        """Send ``message``.

        Raises:
            OSError: If nobody listens any more.
        """
        self._line.sendall(_packed(message))

    def recv(self) -> Any:
        """Wait for the next message and return it.

        Raises:
            EOFError: If the other end has hung up.
        """
        head = self._inbox.read(HEAD.size)
        body = self._inbox.read(HEAD.unpack(head)[0]) if len(head) == HEAD.size else b""
        if not body:
            raise EOFError
        return pickle.loads(body)  # from the solve that started this process
