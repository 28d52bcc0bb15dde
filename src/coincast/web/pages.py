"""The page: one HTML shell, its style sheet, its scripts; all of them files of this package, known by name beforehand.

Nothing of a request is ever used as a path: a table of names is made once, and what is not in it is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from coincast.reports.palette import DARK, LIGHT, Palette
from coincast.web.answers import has_tag, make_tag
from coincast.web.faults import Refusal

FOLDER = Path(__file__).parent
SHELL, STATIC = FOLDER / "templates" / "page.html", FOLDER / "static"
STYLE = "page.css"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FRESH = "no-cache"
"""A browser asks each time and is mostly told that nothing has changed, so that an update is seen at once."""


@dataclass(frozen=True)
class Asset:
    """A file as it is sent: its bytes, its media type, and a tag that changes with its bytes."""

    body: bytes
    media_type: str
    tag: str

    def answer(self, request: Request) -> Response:
        """The file; only "has not changed" to a browser that has it."""
        headers = {"Cache-Control": FRESH, "ETag": self.tag}
        if has_tag(request, self.tag):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def make_router() -> APIRouter:
    """The page at `/`, and what it needs at `/static/NAME`."""
    router = APIRouter(include_in_schema=False)
    assets = read_assets()
    shell = _make_asset(SHELL.read_bytes(), "text/html")

    @router.get("/")
    def show_page(request: Request) -> Response:
        return shell.answer(request)

    @router.get("/static/{name}")
    def show_asset(request: Request, name: str) -> Response:
        if name not in assets:
            raise Refusal(404, "there is no such file")
        return assets[name].answer(request)

    return router


@cache
def read_assets() -> dict[str, Asset]:
    """Every file of the page by its name; the style sheet begins with the colours of reports."""
    return dict(_read_assets())


def _read_assets() -> Iterator[tuple[str, Asset]]:
    for path in sorted(STATIC.iterdir()):
        if path.suffix in KINDS:
            colours = write_colours() if path.name == STYLE else ""
            yield path.name, _make_asset(colours.encode() + path.read_bytes(), KINDS[path.suffix])


def _make_asset(body: bytes, media_type: str) -> Asset:
    return Asset(body, f"{media_type}; charset=utf-8", make_tag(body))


def write_colours() -> str:
    """The palette as custom properties: light, dark where the reader's setting says so, and light again on paper."""
    light = f":root {{ color-scheme: light; {_properties(LIGHT)} }}"
    dark = f":root {{ color-scheme: dark; {_properties(DARK)} }}"
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{ {dark} }}\n"


def _properties(palette: Palette) -> str:
    return " ".join(f"--{role}: {colour};" for role, colour in palette.roles())
