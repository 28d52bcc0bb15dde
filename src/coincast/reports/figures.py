"""Every picture of a report by name, and the writing of all of them as PNG files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coincast.reports.numbers import file_stems
from coincast.reports.palette import LIGHT, Palette
from coincast.reports.pictures_forecast import draw_errors, draw_forecast
from coincast.reports.pictures_further import draw_fluctuation, draw_lag, draw_span, draw_steps
from coincast.reports.pictures_intervals import draw_coverage, draw_fan
from coincast.reports.pictures_market import draw_price, draw_shift, draw_split
from coincast.reports.pictures_models import draw_seeds, draw_skill, draw_training
from coincast.reports.pictures_outlook import draw_outlook
from coincast.reports.story import Story
from coincast.tabular import write_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES: dict[str, Callable[..., Figure | None]] = {
    "skill": draw_skill,
    "forecast": draw_forecast,
    "outlook": draw_outlook,
    "errors": draw_errors,
    "steps": draw_steps,
    "span": draw_span,
    "fluctuation": draw_fluctuation,
    "lag": draw_lag,
    "fan": draw_fan,
    "coverage": draw_coverage,
    "seeds": draw_seeds,
    "training": draw_training,
    "price": draw_price,
    "split": draw_split,
    "shift": draw_shift,
}


def write_figures(story: Story, folder: Path, *, theme: Palette = LIGHT) -> list[Path]:
    """Write every picture that the story has the tables for.

    Args:
        story: one or several markets; with several, each file's name begins with its market.
        folder: where they go; made if it is not there.
        theme: the colours.

    Returns:
        The files written.
    """
    sections = story.sections()
    several = len({section.quantity for section in sections}) > 1
    names = [f"{part.market}-{part.interval}{f'-{part.quantity}' if several else ''}" for part in sections]
    paths = []
    for section, stem in zip(sections, file_stems(names), strict=True):
        prefix = f"{stem}-" if len(sections) > 1 else ""
        for name, draw in FIGURES.items():
            figure = draw(section, theme=theme)
            if figure is not None:
                path = folder / f"{prefix}{name}.png"
                paths.append(write_beside(path, partial(figure.savefig, pil_kwargs={"compress_level": 3})))
    return paths
