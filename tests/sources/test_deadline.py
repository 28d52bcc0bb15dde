"""An end for connections, however they are read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from coincast.sources.deadline import Deadline, guard


@pytest.fixture
def ours() -> Iterator[socket.socket]:
    """One end of a connection; the other one says nothing."""
    one, other = socket.socketpair()
    with one, other:
        yield one


def read(connection: socket.socket, *, seconds: float, late: float = 0.0) -> bytes:
    """A byte of a connection that goes under a deadline, perhaps some time after that began."""
    with Deadline(seconds):
        time.sleep(late)
        guard(connection)
        return connection.recv(1)


def fail(error: BaseException, *, seconds: float, late: float = 0.0) -> None:
    with Deadline(seconds):
        time.sleep(late)
        raise error


@pytest.mark.parametrize(("seconds", "late"), [(0.1, 0.0), (0.01, 0.1)])
def test_who_waits_finds_the_connection_closed(ours: socket.socket, seconds: float, late: float) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="is over"):
        read(ours, seconds=seconds, late=late)
    assert 0.1 <= time.monotonic() - began < 2


def test_what_is_left_in_time_stays_open(ours: socket.socket) -> None:
    with Deadline(0.1) as deadline:
        guard(ours)
        deadline.extend(10)
        time.sleep(0.15)
    ours.settimeout(0.05)
    with pytest.raises(TimeoutError, match="timed out"):
        ours.recv(1)


def test_another_error_comes_through_unless_the_time_is_over() -> None:
    with pytest.raises(ValueError, match="mine"):
        fail(ValueError("mine"), seconds=5)
    with pytest.raises(TimeoutError) as caught:
        fail(ValueError("mine"), seconds=0, late=0.05)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(KeyboardInterrupt):
        fail(KeyboardInterrupt(), seconds=0, late=0.05)


def test_no_deadline_no_guard(ours: socket.socket) -> None:
    guard(ours)
    guard(None)
