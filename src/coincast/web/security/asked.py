"""A request as the guards see it, before any part of the application does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LONGEST_PATH = 2048
LARGEST_HEAD = 16 * 1024
"""Characters of all headers together."""


@dataclass(frozen=True)
class Asked:
    """The head of a request.

    Attributes:
        method, path: as sent; the path decoded, without its query.
        headers: lower-case name -> value; of a header that is sent twice both, with a comma between.
        scheme: "http" or "https".
        client: the address of the other side, as the socket tells it; headers never do.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    scheme: str
    client: str

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in SAFE_METHODS

    @property
    def is_page(self) -> bool:
        """Whether a person's browser opens a page, rather than a script asking for data."""
        return self.method == "GET" and "text/html" in self.headers.get("accept", "")


def read_head(scope: Mapping[str, Any]) -> Asked:
    """The head of a request out of its ASGI scope."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    client = scope.get("client")
    return Asked(scope["method"], scope["path"], headers, scope.get("scheme", "http"), client[0] if client else "")


def show(text: str, most: int = 80) -> str:
    """A text out of a request for the log: in one line, not too long, without marks that a terminal would obey."""
    return "".join(mark if mark.isprintable() else "?" for mark in text[:most])
