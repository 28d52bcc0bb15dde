"""An end for every request, whatever the other side does.

The time-out of a socket counts the silence between two bytes: a byte a second of a status line, a header or a body
keeps its reader waiting for ever. So a second thread looks at the time and shuts the connections of a request down when
it is over. Whoever reads from them then finds them closed.

    class Connection(Guarded, http.client.HTTPSConnection): ...

    with Deadline(30.0):
        ...                 # whatever such connections do
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol, Self

_CURRENT: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class HasFileNumber(Protocol):
    """A socket, whatever is wrapped around it."""

    def fileno(self) -> int: ...


class Deadline:
    """A context that is over after a fixed time; leaving it then raises `TimeoutError`, whatever happened in it.

    Args:
        seconds: from its beginning.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._done = threading.Event()

    def extend(self, seconds: float) -> None:
        """Move the end."""
        self._end += seconds

    def add(self, connection: HasFileNumber) -> None:
        """Shut a connection down when the time is over, or now if it is."""
        # A second handle on it: the first one may be wrapped, detached or closed at any time.
        try:
            handle = socket.socket(fileno=socket.dup(connection.fileno()))
        except OSError:
            return  # it is closed already
        with self._lock:
            self._sockets.append(handle)
            if self._is_over:
                _shut_down(handle)

    def __enter__(self) -> Self:
        self._token = _CURRENT.set(self)
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _CURRENT.reset(self._token)
        self._done.set()
        with self._lock:
            for handle in self._sockets:
                handle.close()
            is_over = self._is_over
        if is_over and (error is None or isinstance(error, Exception)):
            raise TimeoutError("the time of a request is over") from error

    def _watch(self) -> None:
        while (seconds := self._end - time.monotonic()) > 0:
            if self._done.wait(seconds):
                return
        with self._lock:
            self._is_over = not self._done.is_set()
            for handle in self._sockets:
                _shut_down(handle)


def guard(connection: HasFileNumber | None) -> None:
    """Put a connection under the deadline in which this thread is, if there is one."""
    deadline = _CURRENT.get()
    if deadline is not None and connection is not None:
        deadline.add(connection)


class Guarded:
    """To be put before a class of connections of `http.client` or urllib3, which is then under the deadline.

    From the moment on at which its socket is there: a proxy or an encryption that does not come about counts, too.
    """

    @property
    def sock(self) -> Any:
        return self._sock

    @sock.setter
    def sock(self, sock: HasFileNumber | None) -> None:
        guard(sock)
        self._sock = sock

    def request(self, *arguments: Any, **options: Any) -> Any:
        guard(self.sock)  # of a connection that was kept from an earlier request
        return super().request(*arguments, **options)  # type: ignore[misc]


def _shut_down(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)
