"""The token that readers from other machines must know, and the cookie that stands for it in a browser.

The token is 256 random bits, made on first start and kept in a file that only its owner can read. It is compared in
constant time and never written to a log. The cookie holds no token but a time of expiry with its HMAC under the token:
it outlives a restart, and a new token (delete the file) ends all cookies.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from coincast.errors import UsageError

COOKIE = "coincast_session"
SESSION_SECONDS = 30 * 86_400
BYTES = 32
FEWEST_LETTERS = 22
"""Of a token that the user wrote himself: 128 bits in the letters that `secrets` uses."""


def keep_token(path: Path) -> str:
    """The token in a file; a new one where the file is not there yet.

    Raises:
        UsageError: others may read the file, it is no plain file, it is too short, or the place cannot be written.
    """
    try:
        with contextlib.suppress(FileExistsError):
            _write_new(path, secrets.token_urlsafe(BYTES))
        return _read(path)
    except OSError as error:
        raise UsageError(f"the token file {path} cannot be used: {error.strerror or error}; name another one") from None


def _write_new(path: Path, token: str) -> None:
    """Write a file that must not be there yet, under another name first: nobody reads half a token."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise FileExistsError(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
        os.link(beside, path)  # unlike a rename, it never replaces the token of another start
    finally:
        beside.unlink(missing_ok=True)


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise UsageError(f"the token file {path} is no plain file; name another one")
        if os.name == "posix" and stat.S_IMODE(facts.st_mode) & 0o077:
            raise UsageError(f"others may read the token file {path}; run: chmod 600 {path}")
        token = file.read(1024).strip()
    if len(token) < FEWEST_LETTERS or not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(f"{path} holds no token of at least {FEWEST_LETTERS} letters; delete it, and one is made")
    return token


@dataclass(frozen=True)
class Tokens:
    """Checks tokens and cookies.

    Attributes:
        token: the right one.
        now: seconds since 1970.
    """

    token: str = field(repr=False)
    now: Callable[[], float] = time.time

    def is_right(self, given: str) -> bool:
        """Whether a token is the right one, in a time that does not tell how much of it is."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def make_session(self) -> str:
        """A cookie for a reader who knew the token."""
        expires = str(int(self.now()) + SESSION_SECONDS)
        return f"{expires}.{self._sign(expires)}"

    def is_session(self, cookie: str) -> bool:
        """Whether a cookie is one of ours, and has not expired."""
        expires, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(expires).encode()):
            return False
        return int(expires) > self.now()

    def _sign(self, expires: str) -> str:
        return hmac.new(self.token.encode(), f"coincast session {expires}".encode(), hashlib.sha256).hexdigest()
