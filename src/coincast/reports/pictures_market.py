"""Pictures of the data: price and volume, the split, and how far the test span leaves what training saw."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.reports.canvas import (
    SMALL,
    add_axes,
    drawable,
    faces,
    name_axes,
    new_figure,
    percent_axis,
    price_axis,
    time_axis,
    write,
)
from coincast.reports.numbers import base_currency, interval_name, is_daily, percent, quote_currency, things
from coincast.reports.palette import LIGHT, Palette
from coincast.reports.price_volume import draw_price_volume
from coincast.reports.quantities import quantity_name
from coincast.reports.reading import drawn_time
from coincast.reports.story import Story
from coincast.reports.thinning import thin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_INPUTS = 24
SHADES = {"train": 0.0, "validation": 0.35}
"""How dark each part is drawn; any other is a test."""


def draw_price(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the closing price above the traded volume, 3 to 1."""
    candles = story.candles
    if candles is None or candles.height < 2:
        return None
    time, close = drawn_time(candles["close_time"], story), candles["close"].to_numpy()
    volume, counted = volume_of(candles, story.market)
    kept = thin(close, close if volume is None else volume, most=2400)
    figure, _, _ = draw_price_volume(
        "Price and volume",
        f"{where(story)}. {span(candles, story)}.",
        theme,
        time=time[kept],
        interval=story.interval,
        price=close[kept],
        price_name=f"closing price, {quote_currency(story.market) or 'as given'}",
        volume=None if volume is None else volume[kept],
        volume_name=f"{counted}{', thinned to its peaks' if kept.size < close.size else ' of each candle'}",
    )
    return figure


def draw_split(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw the closing price in the colours of training, validation and test."""
    candles, parts = story.candles, story.parts
    if candles is None or parts is None or parts.is_empty() or candles.height < 2:
        return None
    figure = new_figure(
        "What was learnt from, and what was kept back", f"{where(story)}. {_parts_text(parts)}", theme=theme
    )
    axes = add_axes(figure, theme, top=1.45)
    time = drawn_time(candles["close_time"], story)
    for part in parts.iter_rows(named=True):
        inside = ((candles["open_time"] >= part["first"]) & (candles["close_time"] <= part["last"])).to_numpy()
        if not inside.any():
            continue
        close, own = candles["close"].to_numpy()[inside], time[inside]
        color, width = (theme.muted, 1.0) if part["part"] == "train" else (theme.ink, 1.5)
        kept = thin(close)
        axes.plot(own[kept], close[kept], color=color, linewidth=width)
        axes.axvspan(own[0], own[-1], color=theme.rule, alpha=SHADES.get(part["part"], 0.7), linewidth=0)
        middle = own[0] + (own[-1] - own[0]) / 2
        edge: dict[str, Any] = {"ha": "center", "va": "bottom", "transform": axes.get_xaxis_transform()}
        write(axes, middle, 1.02, _part_name(part["part"]), size=SMALL + 1, color=color, weight="bold", **edge)
        axes.axvspan(own[0], own[-1], ymin=1.0, ymax=1.012, color=color, linewidth=0, clip_on=False)
    axes.margins(y=0.04)
    price_axis(axes)
    time_axis(axes, theme, time, story.interval)
    unit = quote_currency(story.market) or "as given"
    axes.set_ylabel(
        drawable(f"closing price, {unit}"), fontsize=SMALL, color=theme.muted, parse_math=False, **faces(unit)
    )
    return figure


def draw_shift(story: Story, *, theme: Palette = LIGHT) -> Figure | None:
    """Draw for each input the share of test values that lie outside the range seen in training."""
    if story.shift is None or story.shift.is_empty():
        return None
    rows = story.shift.sort("share_outside", descending=True, maintain_order=True)
    shown, hidden = rows.head(MOST_INPUTS), rows.slice(MOST_INPUTS)
    subtitle = f"{where(story)}. {part_text(story, 'test')}Share of the inputs outside all that training saw."
    if hidden.height:
        subtitle += f" The other {hidden.height} reach {percent(hidden['share_outside'][0])} at most."
    figure = new_figure("Inputs that training never saw", subtitle, theme=theme, height=1.9 + 0.27 * shown.height)
    axes = add_axes(figure, theme, left=2.6, right=1.5, top=1.05)
    place = np.arange(shown.height)
    below, above = shown["share_below"].to_numpy(), shown["share_above"].to_numpy()
    axes.barh(place, -below, height=0.55, color=theme.muted)
    axes.barh(place, above, height=0.55, color=theme.muted)
    least = 0.35 * max(below.max(), above.max(), 0.05)
    left, right = -max(below.max(), least), max(above.max(), least)
    axes.set_xlim(left * 1.06, right * 1.06)
    axes.set_ylim(shown.height - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=theme.rule, linewidth=0.8)
    axes.axvline(0, color=theme.ink, linewidth=0.9)
    percent_axis(axes.xaxis, absolute=True)
    side = axes.get_yaxis_transform()
    for row, name, outside in zip(place.tolist(), shown["input"], shown["share_outside"], strict=True):
        write(axes, -0.02, row, shorten(name), size=SMALL, color=theme.ink, ha="right", va="center", transform=side)
        write(axes, 1.02, row, f"{percent(outside)} outside", color=theme.ink, va="center", transform=side)
    edge = axes.get_xaxis_transform()
    write(axes, left * 0.03, 1.01, "\u25c2 below", color=theme.muted, ha="right", weight="bold", transform=edge)
    write(axes, -left * 0.03, 1.01, "above \u25b8", color=theme.muted, ha="left", weight="bold", transform=edge)
    name_axes(axes, theme, x="share of test inputs")
    return figure


def where(story: Story) -> str:
    """Name the market, its candles and what is forecast, where it is not the price."""
    text = f"{story.market}, candles of {interval_name(story.interval)}" if story.interval else story.market
    return text if story.quantity == "price" else f"{text}, {quantity_name(story.quantity)}"


def part_text(story: Story, part: str) -> str:
    """Say from when to when a part lasts and how many windows it holds; empty where that is not known."""
    rows = None if story.parts is None else story.parts.filter(pl.col("part") == part)
    if rows is None or rows.is_empty():
        return ""
    ends = drawn_time(pl.concat([rows["first"] + timedelta(milliseconds=1), rows["last"]]), story)
    name, windows = _part_name(part).capitalize(), things(rows["windows"][0], "window")
    return f"{name} {day(ends[0], story)} to {day(ends[1], story)}, {windows}. "


def span(table: pl.DataFrame, story: Story) -> str:
    """Say how many candles there are and from when to when."""
    time = drawn_time(table["close_time"], story)
    return f"{things(table.height, 'candle')}, {day(time[0], story)} to {day(time[-1], story)}"


def spell_forecasts(time: NDArray[np.datetime64], story: Story) -> str:
    """Say how many forecasts there are and from when to when."""
    return f"{things(time.size, 'forecast')}, {day(time[0], story)} to {day(time[-1], story)}"


def day(time: np.datetime64, story: Story) -> str:
    """Write a drawn moment as a date, with the hour where candles are shorter than a day."""
    return str(time.astype("datetime64[D]" if is_daily(story.interval) else "datetime64[m]")).replace("T", " ")


def shorten(name: str, most: int = 30) -> str:
    """Cut a long name in its middle, so that it still fits beside its bar."""
    tail = most // 3
    return name if len(name) <= most else f"{name[: most - tail - 1]}\u2026{name[-tail:]}"


def volume_of(candles: pl.DataFrame, market: str) -> tuple[NDArray[np.float64] | None, str]:
    """Return the traded volume and what it is counted in: base units where known, else the quote currency."""
    base, quote = base_currency(market) or "base units", quote_currency(market) or "quote currency"
    for column, text in (("volume", f"volume, {{scale}} {base}"), ("quote_volume", f"turnover, {{scale}} {quote}")):
        if column in candles.columns and candles[column].is_not_null().any():
            return candles[column].cast(pl.Float64).to_numpy().astype(np.float64), text
    return None, ""


def _parts_text(parts: pl.DataFrame) -> str:
    texts = (
        f"{_part_name(part['part'])}: {things(part['rows'], 'candle')}, {things(part['windows'], 'window')}"
        for part in parts.iter_rows(named=True)
    )
    return f"{'; '.join(texts)}.".capitalize()


def _part_name(part: str) -> str:
    return {"train": "training"}.get(part, part)
