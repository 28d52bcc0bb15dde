"""Draw the pictures of judge-a-forecast.md anew, from a real leaderboard on simulated markets, and print its rows.

Run: python docs/how-to/pictures.py (half a minute; it needs the extra `stats`). In all three markets the same skill of
5 % is planted; they differ in their length. The seed was chosen so that every verdict is there.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import coincast as cc
from coincast.experiments.story import tell, tell_judgement
from coincast.models.averages import WeightedAverage
from coincast.reports.canvas import write
from coincast.reports.figures import FIGURES
from coincast.reports.page_tables import market_tables
from coincast.reports.palette import LIGHT
from coincast.reports.story import Story
from coincast.reports.tables import leaderboard_text

HERE = Path(__file__).parent
SKILL = 0.05
CANDLES = {"LONG": 4000, "SHORT": 1000, "YOUNG": 60}
SEED = 3

DPI = 125
COLOURS = 128
WIDTH = 9.6  # inches
LETTER = 10.3  # points
ADVANCE = 0.602 * LETTER / 72  # inches from letter to letter of the fixed-width face
LINE = 0.212  # inches
MARGIN = 0.42  # inches

VERDICTS = ("better", "worse", "not distinguishable", "too few")
COLUMNS = ("model", "%", "interval", "verdict", "(naive)", "show %", "better", "n")
"""What the heading of the terminal says of each column, from left to right; they are numbered from 1."""
FURTHER = ("may be the best", "p", "p (Holm)", "bootstrap", "hint")
"""The columns that only the page has; they are numbered on from there."""
EXAMPLES = {
    ("LONG", "LSTM ensemble"): "A",
    ("LONG", "drift"): "B",
    ("LONG", "theta"): "C",
    ("SHORT", "LSTM ensemble"): "D",
    ("YOUNG", "LSTM ensemble"): "E",
}
"""Rows that the page explains one by one."""
NOTES = {
    "LONG": "1,000 forecasts show the 5 % that are there",
    "SHORT": "the same 5 % are there, and 250 forecasts do not prove them",
    "YOUNG": "15 forecasts prove nothing",
}


def main() -> None:
    result = cc.compare(
        pl.concat([_market(name, place) for place, name in enumerate(CANDLES)]),
        models=["lstm", "ar", "drift", WeightedAverage(length=2), "theta", "naive"],
        test=0.25,
        epochs=8,
        learning_rate=0.003,
        seeds=8,
        seed=SEED,
    )
    sections = {section.market.split(":")[1].split("/")[0]: section for section in tell(result).sections()}
    text = leaderboard_text(result.scores)
    _save(draw_terminal(text), "leaderboard-terminal")
    _save(_own(FIGURES["skill"](sections["LONG"])), "leaderboard-page")
    _save(draw_further_columns(sections["SHORT"]), "leaderboard-columns")
    _save(_own(FIGURES["lag"](_shifted_line())), "old-price")
    print(text)


def draw_terminal(text: str) -> Figure:
    """The leaderboard of a terminal: its columns numbered, some of its rows lettered."""
    lines = text.splitlines()
    figure, height = _sheet(len(lines) + 2.2)
    market = ""
    for number, line in enumerate(lines):
        y = height - LINE * (number + 2.1)
        found = re.match(r"simulated:(\w+)/", line)
        if found:
            market = found[1]
            _letters(figure, y, 0, line, weight="bold")
            _note(figure, y, len(line) + 2, NOTES[market])
            continue
        for start, piece, color in _coloured(line):
            is_bold = number < 2 or piece in VERDICTS
            _letters(figure, y, start, piece, color=color, weight="bold" if is_bold else "normal")
        name = re.split(r"  +", line)[0]
        if (market, name) in EXAMPLES:
            _badge(figure, 0.21, y, EXAMPLES[market, name], color=LIGHT.ink)
    for number, (head, column) in enumerate(zip(COLUMNS, _head_columns(lines[1]), strict=True), start=1):
        middle = MARGIN + (column + len(head) / 2) * ADVANCE
        _badge(figure, middle, height - LINE * 1.1, str(number), color=LIGHT.model)
    return figure


def draw_further_columns(section: Story) -> Figure:
    """The columns of a page's leaderboard that a terminal does not have, numbered."""
    table = market_tables(section, "picture")[0]
    kept = [table.heads.index(head) for head in ("model", "verdict", *FURTHER)]
    rows = [
        [table.heads[place] for place in kept],
        *([line.cells[place].text for place in kept] for line in table.lines),
    ]
    lefts = [MARGIN + left for left in (0.0, 1.2, 3.9, 5.1, 5.8, 6.65, 8.0)]
    figure, height = _sheet(len(rows) * 1.25 + 1.9)
    for number, row in enumerate(rows):
        y = height - LINE * (1.25 * number + 2.1)
        for left, text in zip(lefts, row, strict=True):
            color = _word_color(text) if number else LIGHT.muted
            write(figure, left / WIDTH, y / height, text, size=8.6, color=color, va="center")
    for number, left in enumerate(lefts[2:], start=len(COLUMNS) + 1):
        _badge(figure, left + 0.1, height - LINE * 1.0, str(number), color=LIGHT.model)
    return figure


def _market(name: str, place: int) -> pl.DataFrame:
    market = cc.simulate("echo", skill=SKILL, candles=CANDLES[name], seed=SEED + 100 * place)
    return market.with_columns(market=pl.lit(f"simulated:{name}/USD"))


def _shifted_line() -> Story:
    """The forecasts that the page makes, yesterday's price and 0.2 %, as a story."""
    candles = cc.simulate("walk", candles=500, seed=1)
    day, yesterday = pl.col("open_time").dt.date(), pl.col("close").shift(1)
    line = candles.select(target_time=day, actual="close", predicted=(yesterday * 1.002).round(2)).drop_nulls()
    return tell_judgement(cc.judge(line, market="simulated:WALK1/USD")).sections()[0]


def _sheet(lines: float) -> tuple[Figure, float]:
    """An empty sheet for so many lines, and its height in inches."""
    height = LINE * lines
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=LIGHT.card)
    FigureCanvasAgg(figure)
    return figure, height


def _letters(figure: Figure, y: float, column: int, text: str, **style: Any) -> None:
    height = figure.get_size_inches()[1]
    face = {"family": "DejaVu Sans Mono", "fontsize": LETTER, "va": "center_baseline", "color": LIGHT.ink, **style}
    # Letter by letter: the face's own steps are rounded to dots, and columns would not stand below one another.
    for place, letter in enumerate(text):
        if letter != " ":
            x = MARGIN + (column + place + 0.5) * ADVANCE
            figure.text(x / WIDTH, y / height, letter, parse_math=False, ha="center", **face)


def _note(figure: Figure, y: float, column: int, text: str) -> None:
    height = figure.get_size_inches()[1]
    left = (MARGIN + column * ADVANCE) / WIDTH
    write(figure, left, y / height, text, size=9.2, color=LIGHT.model, va="center", style="italic")


def _badge(figure: Figure, x: float, y: float, text: str, *, color: str) -> None:
    height = figure.get_size_inches()[1]
    box = {"boxstyle": "circle,pad=0.22", "facecolor": color, "edgecolor": "none"}
    style = {"ha": "center", "va": "center", "weight": "bold", "bbox": box}
    write(figure, x / WIDTH, y / height, text, size=7.6, color=LIGHT.card, **style)


def _coloured(line: str) -> list[tuple[int, str, str]]:
    """Pieces of a line with their first column and colour: a verdict and the skill before it wear that of the word."""
    found = re.search(r"better|worse|not distinguishable|too few|the yardstick", line)
    if found is None or line.lstrip().startswith(("model", "skill", "*")):
        return [(0, line, LIGHT.ink)]
    color = _word_color(found[0])
    skill = re.search(r"[+-]?\d+\.\d", line)
    assert skill is not None
    places = [0, skill.start(), skill.end(), found.start(), found.end(), len(line)]
    colors = (LIGHT.ink, color, LIGHT.ink, color, LIGHT.ink)
    return [(start, line[start:end], ink) for start, end, ink in zip(places, places[1:], colors, strict=False)]


def _word_color(text: str) -> str:
    word = text.split(";")[0]
    return LIGHT.muted if word == "the yardstick" else LIGHT.verdict(word) if word in VERDICTS else LIGHT.ink


def _head_columns(line: str) -> list[int]:
    """Where the heading of each column begins."""
    places, place = [], 0
    for head in COLUMNS:
        place = line.index(head, place)
        places.append(place)
        place += len(head)
    return places


def _own(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def _save(figure: Figure, name: str) -> None:
    """Write a picture with few colours, so that the file is small."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI)
    Image.open(drawn).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
        HERE / f"{name}.png", optimize=True
    )


if __name__ == "__main__":
    main()
