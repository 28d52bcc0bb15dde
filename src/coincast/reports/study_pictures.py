"""The pictures of a study: as files, and as drawings of a page that take the page's colours and width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from coincast.reports.numbers import file_stems
from coincast.reports.palette import LIGHT, Palette
from coincast.reports.reflow import frame, lighten, narrow, spare_ticks, take_heading, take_legends
from coincast.reports.study import Chapter, Picture, Study, refuse_doubles
from coincast.reports.svg import page_svg
from coincast.tabular import write_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NARROW = 4.0
"""Inches of a drawing that takes half of a page, or the whole of a phone."""


def _tell_apart(theme: Palette) -> Palette:
    """The same colours, each role with one of its own, so that a colour in a drawing tells its role."""
    taken: dict[str, str] = {}
    for role, colour in theme.roles():
        while colour in taken.values():
            colour = f"#{int(colour[1:], 16) + 1:06x}"
        taken[role] = colour
    return Palette(**taken)


DRAWN = _tell_apart(LIGHT)
"""What pictures are drawn with: the light colours, but for a last digit here and there that nobody sees."""
ROLES: Mapping[str, str] = MappingProxyType({colour: f"var(--{role})" for role, colour in DRAWN.roles()})


@dataclass(frozen=True)
class Drawing:
    """A picture as a page shows it.

    Attributes:
        wide, narrow: `<svg>` for a whole page, and for half of one or a phone; a twin has no wide one.
        key: what its lines and areas mean: a swatch as `<svg>`, and words.
        subtitle: what the drawing itself said below its title.
    """

    wide: str
    narrow: str
    key: tuple[tuple[str, str], ...]
    subtitle: str


def find_twins(chapters: Iterable[Chapter]) -> dict[str, str]:
    """Name every faithful picture that its fair twin follows at once, with the name of the twin."""
    return {
        one.name: other.name
        for chapter in chapters
        for one, other in pairwise(chapter.exhibits)
        if isinstance(one, Picture) and isinstance(other, Picture) and (one.side, other.side) == ("faithful", "fair")
    }


def draw_pictures(study: Study, folder: Path | None, *, prefix: str = "p") -> dict[str, Drawing]:
    """Draw every picture of a study once; arguments as for `plan_pictures`.

    Returns:
        The drawings by the names of their pictures.
    """
    return {name: draw() for name, draw in plan_pictures(study, folder, prefix=prefix).items()}


def plan_pictures(study: Study, folder: Path | None, *, prefix: str = "p") -> dict[str, Callable[[], Drawing]]:
    """What draws each picture of a study: as a PNG file in a folder, and as a drawing for a page.

    Args:
        study: whose pictures.
        folder: where the files go, each under the name of its picture; None: no files.
        prefix: begins every name in the drawings; one for each study of a page.

    Raises:
        ValueError: two pictures have one name.
    """
    pictures, twins = study.pictures(), find_twins(study.chapters)
    names = refuse_doubles(picture.name for picture in pictures)
    paired = {*twins, *twins.values()}
    return {
        picture.name: partial(
            _draw,
            picture,
            None if folder is None else folder / f"{stem}.png",
            name=f"{prefix}{number}",
            is_twin=picture.name in paired,
        )
        for number, (picture, stem) in enumerate(zip(pictures, file_stems(names), strict=True))
    }


class DrawingHand:
    """Draws the pictures of several studies on a thread of its own, while the next study is made.

        with DrawingHand() as hand:
            hand.draw(study, folder, prefix="d0p")
            drawings = hand.finish()

    One thread, since matplotlib draws one picture at a time. Left early, it stops after the one that is being drawn.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
        self._begun: list[dict[str, Future[Drawing]]] = []

    def __enter__(self) -> DrawingHand:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def draw(self, study: Study, folder: Path | None, *, prefix: str) -> None:
        """Begin with the pictures of a study; arguments as for `plan_pictures`."""
        plan = plan_pictures(study, folder, prefix=prefix)
        self._begun.append({name: self._pool.submit(draw) for name, draw in plan.items()})

    def finish(self) -> list[dict[str, Drawing]]:
        """The drawings of every study by the names of their pictures; raises what drawing one of them raised."""
        return [{name: drawn.result() for name, drawn in one.items()} for one in self._begun]


def _draw(picture: Picture, path: Path | None, *, name: str, is_twin: bool) -> Drawing:
    figure = picture.draw(DRAWN)
    if path is not None:
        write_beside(path, partial(figure.savefig, pil_kwargs={"compress_level": 3}))
    return draw_for_page(figure, name=name, is_twin=is_twin)


def draw_for_page(figure: Figure, *, name: str, is_twin: bool = False) -> Drawing:
    """Turn a figure drawn with `DRAWN` into a drawing; the figure is used up."""
    subtitle = take_heading(figure)
    key = tuple((_swatch(handle), words) for handle, words in take_legends(figure))
    lighten(figure)
    wide = ""
    if not is_twin:
        spare_ticks(figure)
        wide = page_svg(figure, name=f"{name}w", roles=ROLES, box=frame(figure))
    narrow(figure, NARROW)
    spare_ticks(figure)
    small = page_svg(figure, name=f"{name}n", roles=ROLES, box=frame(figure, is_narrow=True))
    return Drawing(wide, small, key, subtitle)


def _swatch(handle: Any) -> str:
    """Draw the sample of a line, an area or a mark that stands in a legend."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D

    if isinstance(handle, Line2D):
        line = _stroke(handle) if handle.get_linestyle() not in ("None", "none", "", " ") else ""
        mark = _mark(handle.get_markerfacecolor()) if handle.get_marker() not in ("None", "none", "", " ", None) else ""
        return f'<svg viewBox="0 0 24 10" aria-hidden="true">{line}{mark}</svg>'
    face = handle.get_facecolor()
    colour = _css(face[0] if isinstance(handle, Collection) else face)
    return (
        f'<svg viewBox="0 0 24 10" aria-hidden="true"><rect y="1" width="24" height="8" rx="2" style="{colour}"/></svg>'
    )


def _stroke(line: Any) -> str:
    dashes = "" if line.get_linestyle() == "-" else ";stroke-dasharray:5 3"
    colour = _css(line.get_color(), alpha=line.get_alpha(), what="stroke")
    return f'<path d="M0 5H24" style="{colour};stroke-width:{min(2.5, line.get_linewidth() + 0.6):g}{dashes}"/>'


def _mark(colour: Any) -> str:
    return f'<circle cx="12" cy="5" r="3.2" style="{_css(colour)}"/>'


def _css(colour: Any, *, alpha: float | None = None, what: str = "fill") -> str:
    """Write a colour of matplotlib as a style; one of the palette by its role."""
    from matplotlib.colors import to_hex, to_rgba

    opacity = to_rgba(colour, alpha)[3]
    written = to_hex(colour)
    faint = "" if opacity == 1 else f";{what}-opacity:{opacity:.2g}"
    return f"{what}:{ROLES.get(written, written)}{faint}"
