"""What the pictures of the study have in common: panels, the days of a coin, and the lines in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from coincast.articles.drawn import drawn_times
from coincast.articles.sheehan.ground import Coin, Ground
from coincast.reports.canvas import FOOT, add_axes, name_axes, new_figure, percent_axis, time_axis
from coincast.reports.numbers import is_daily, quote_currency
from coincast.reports.palette import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNIT = "MAE, share of the window's first close"
HEAD, GAP = 1.15, 0.75  # inches above the first panel and between two
NAIVE: dict[str, Any] = {"linewidth": 1.2, "dashes": (4, 2), "gid": "naive"}
IN_FRONT = 5
"""Where naive's line is drawn among others: above them, or it would be hidden by what copies it."""


def sheet(
    title: str, subtitle: str, theme: Palette, *, panels: int = 1, each: float = 2.4
) -> tuple[Figure, list[Axes]]:
    """A sheet with panels one below the other, each so many inches high."""
    height = HEAD + FOOT + panels * each + (panels - 1) * GAP
    figure = new_figure(title, subtitle, theme=theme, height=height)
    axes = []
    for place in range(panels):
        top = HEAD + place * (each + GAP)
        axes.append(add_axes(figure, theme, top=top, bottom=height - top - each))
    return figure, axes


def coin_sheet(
    title: str, subtitle: str, theme: Palette, ground: Ground, *, each: float = 2.4
) -> tuple[Figure, list[tuple[Coin, Axes]]]:
    """A sheet with a panel for each coin."""
    figure, axes = sheet(title, subtitle, theme, panels=len(ground.coins), each=each)
    return figure, list(zip(ground.coins, axes, strict=True))


def mark_axes(axes: Axes, theme: Palette, coin: Coin, time: NDArray[np.datetime64], *, y: str) -> None:
    """Mark the days, which are named below the lowest panel only, and say what stands upwards."""
    time_axis(axes, theme, time, coin.task.samples.interval, label=axes is axes.figure.axes[-1])
    name_axes(axes, theme, y=y)


def plot_lines(
    axes: Axes,
    theme: Palette,
    time: NDArray[np.datetime64],
    price: Any,
    naive: Any,
    told: Any = None,
    *,
    name: str = "LSTM",
    naive_name: str = "naive",
) -> list[Any]:
    """The price, what was forecast of it under a name, and naive; as handles of a legend."""
    handles = axes.plot(time, price, color=theme.price, linewidth=1.5, label="price")
    if told is not None:
        handles += axes.plot(time, told, color=theme.model, linewidth=1.3, label=name)
    return handles + axes.plot(time, naive, color=theme.naive, label=naive_name, zorder=IN_FRONT, **NAIVE)


def plot_changes(axes: Axes, theme: Palette, time: NDArray[np.datetime64], real: Any, told: Any = None) -> None:
    """Real changes as bars from zero, forecast ones as dots, and naive's at zero."""
    axes.vlines(time, 0, real, color=theme.price, linewidth=1.1, alpha=0.75)
    if told is not None:
        axes.plot(time, told, ".", color=theme.model, markersize=4, zorder=4)
    axes.plot([time[0], time[-1]], [0, 0], color=theme.naive, zorder=IN_FRONT, **NAIVE)
    percent_axis(axes.yaxis, bins=5, signed=True)


def tell_agreement(real: Any, told: Any) -> str:
    """The correlation of real and forecast changes, to stand behind other words; nothing where either never varies."""
    return f"; correlation {np.corrcoef(real, told)[0, 1]:+.2f}" if np.std(real) > 0 and np.std(told) > 0 else ""


def row_times(coin: Coin, rows: Sequence[int] | NDArray[np.int_]) -> NDArray[np.datetime64]:
    """Where candles of a coin are drawn."""
    samples = coin.task.samples
    return drawn_times(samples.candles["close_time"].gather(np.asarray(rows)), samples.interval)


def closes_of_test(
    coin: Coin,
) -> tuple[NDArray[np.datetime64], Float[np.ndarray, "candle"], Float[np.ndarray, "candle"]]:
    """Where the candles of the test span are drawn, their closes, and the close before each."""
    part, close = coin.task.parts.test, coin.task.samples.close
    rows = np.arange(part.first, part.end)
    return row_times(coin, rows), close[rows], close[rows - 1]


def spell_times(times: NDArray[np.datetime64], interval: str) -> list[str]:
    """Days as words, with the time of day where candles are shorter than one."""
    words = np.datetime_as_string(times, unit="D" if is_daily(interval) else "m")
    return [word.replace("T", " ") for word in words.tolist()]


def spell_span(times: NDArray[np.datetime64], interval: str) -> str:
    """The first and the last of some times as words."""
    return " to ".join(spell_times(times[[0, -1]], interval))


def span(coin: Coin, part: str = "") -> str:
    """First and last day of a part (`train`, `test`), or of all candles."""
    first, end = 0, coin.task.samples.close.size
    if part:
        own = getattr(coin.task.parts, part)
        first, end = own.first, own.end
    return spell_span(row_times(coin, [first, end - 1]), coin.task.samples.interval)


def unit(coin: Coin) -> str:
    """What its prices are counted in."""
    return quote_currency(coin.market) or "as given"
