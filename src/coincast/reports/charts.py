"""The data of the interactive charts: thinned, rounded, and with a role for each line instead of a colour.

A page's own script gives each role its colour, so that a chart follows the reader's light or dark setting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coincast.reports.numbers import amount, error, is_daily, model_name, percent, quote_currency, things
from coincast.reports.pictures_forecast import liveliest, rolling_mean, rolling_width, spell_step
from coincast.reports.pictures_market import part_text, span, spell_forecasts, volume_of
from coincast.reports.pictures_models import MOST_EPOCHS, fits_text, last_fits, loss_curves, mean_curve
from coincast.reports.pictures_outlook import outlook_text
from coincast.reports.price_volume import SCALES
from coincast.reports.quantities import error_axis, is_share, truth_name, value_axis, value_unit
from coincast.reports.reading import Lines, drawn_time, forecast_lines, losses, metric_row, subject_row
from coincast.reports.reading_outlook import look_ahead
from coincast.reports.story import Story
from coincast.reports.thinning import thin

Trace = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """One interactive chart.

    Attributes:
        name: what it is called in `CHARTS`.
        title: heading above it.
        caption: what it shows, over which span, on how many forecasts.
        alt: the same for those who cannot see it, with its main figures.
        key: (role, words) for each line, as the key above the chart names them.
        traces: lines for plotly; `role` stands for a colour.
        layout: units and axes for plotly.
        ranges: (words, first, last) for buttons that show a part of the axis of time.
    """

    name: str
    title: str
    caption: str
    alt: str
    key: tuple[tuple[str, str], ...]
    traces: list[Trace]
    layout: dict[str, Any]
    ranges: tuple[tuple[str, str, str], ...] = ()


def chart_forecast(story: Story) -> Chart | None:
    """Forecast, naive and price over the test span; there is no such chart without the naive line."""
    lines = forecast_lines(story)
    if lines is None or lines.time.size < 2:
        return None
    kept = thin(lines.actual, lines.value, lines.naive, most=1500)
    unit, name, truth = value_unit(story), model_name(lines.model), truth_name(story)
    x = dates(lines.time[kept], story)
    traces = []
    if lines.low is not None and lines.high is not None:
        traces += band(x, lines.low[kept], lines.high[kept])
    for role, words, values in (
        ("price", truth, lines.actual),
        ("model", name, lines.value),
        ("naive", "naive", lines.naive),
    ):
        traces.append(line(role, words, x, values[kept], unit))
    key = [("price", truth), ("model", name), ("naive", "naive")]
    if lines.low is not None:
        key.insert(2, ("band", f"90 % of {lines.runs} runs"))
    if story.quantity == "direction":
        traces[-3] |= {"role": "truth", "mode": "markers"}
        key[0] = ("truth", truth)
    ahead = spell_step(lines)
    caption = f"{spell_forecasts(lines.time, story)}, {ahead}."
    row = metric_row(story, lines.model, "mae", step=lines.scored_step)
    if row is not None:
        caption += f" Mean error {amount(row['value'], unit)}, naive {amount(row['naive'], unit)}."
    return Chart(
        name="forecast",
        title="What it said, and what happened",
        caption=caption,
        alt=f"Lines of {truth}, {name} and naive. {caption}",
        key=tuple(key),
        traces=traces,
        layout={"y": value_axis(story)},
        ranges=_ranges(lines, story),
    )


def chart_outlook(story: Story) -> Chart | None:
    """The forecast beyond the last candle, with naive and the band."""
    ahead = look_ahead(story)
    if ahead is None:
        return None
    x, unit, name = dates(ahead.time, story), value_unit(story), model_name(ahead.model)
    traces, key = [], [("model", name), ("naive", "naive")]
    for _, low, high in ahead.bands:
        traces += band(x, low, high)
    if ahead.bands:
        names = ", ".join(words for words, _, _ in reversed(ahead.bands))
        key.insert(1, ("band", f"{names} %"))
    elif ahead.low is not None and ahead.high is not None:
        traces += band(x, ahead.low, ahead.high)
        key.insert(1, ("band", "90 % of its runs"))
    if ahead.naive_bands:
        words, *ends = ahead.naive_bands[0]
        key.append(("muted", f"naive, {words} %"))
        traces += [edge | {"role": "muted"} for edge in band(x, *ends)]
    if ahead.past.size:
        key.insert(0, ("price", "price"))
        traces.append(line("price", "price", dates(ahead.past_time, story), ahead.past, unit))
    traces.append(line("model", name, x, ahead.value, unit) | {"mode": "lines+markers"})
    traces.append(line("naive", "naive", x, ahead.naive, unit))
    text = outlook_text(ahead, story)
    layout = {"y": value_axis(story)}
    return Chart("outlook", "What comes next, as the model sees it", text, text, tuple(key), traces, layout)


def chart_errors(story: Story) -> Chart | None:
    """The error that decides by date beside naive's."""
    prepared = _errors(story)
    if prepared is None:
        return None
    time, own, naive, name, caption = prepared
    width = rolling_width(own.size)
    lines = {"model": rolling_mean(own, width), "naive": rolling_mean(naive, width)}
    kept = thin(own, *lines.values(), most=1500)
    x = dates(time[kept], story)
    factor, unit = _error_scale(story)
    dots = line("dots", name, x, own[kept] * factor, unit) | {"mode": "markers"}
    words = {"model": f"{name}, mean of {width}", "naive": f"naive, mean of {width}"}
    traces = [dots, *(line(role, words[role], x, values[kept] * factor, unit) for role, values in lines.items())]
    key = (("dots", "each forecast"), *words.items())
    if story.quantity == "direction":  # a miss or none: dots would say nothing
        traces, key = traces[1:], key[1:]
    return Chart(
        "errors",
        "When it was wrong",
        caption,
        f"Errors by date. {caption}",
        key,
        traces,
        {"y": f"{error_axis(story)}, {unit}".rstrip(", "), "zero": True},
    )


def chart_balance(story: Story) -> Chart | None:
    """What was saved against naive, summed up over time."""
    prepared = _errors(story)
    if prepared is None:
        return None
    time, own, naive, name, _ = prepared
    factor, unit = (1.0, "") if story.quantity == "direction" else _error_scale(story)
    axis = "directions missed" if story.quantity == "direction" else error_axis(story)
    balance = np.cumsum(naive - own) * factor
    kept = thin(balance, most=1500)
    x = dates(time[kept], story)
    traces = [
        line("naive", "naive", [x[0], x[-1]], np.zeros(2), unit),
        line("ink", "saved so far", x, balance[kept], unit) | {"fill": "tozeroy"},
    ]
    total = percent(float(balance[-1]) / 100, signed=True) if unit else amount(float(balance[-1]))
    caption = f"Rising: {name} is closer than naive; falling: farther off. {things(own.size, 'forecast')}; sum {total}."
    key = (("ink", "error saved, summed up"), ("naive", "naive"))
    return Chart(
        "balance",
        "What it saved",
        caption,
        caption,
        key,
        traces,
        {"y": f"summed {axis}, {unit}".rstrip(", ")},
    )


def chart_training(story: Story) -> Chart | None:
    """The loss of every run by epoch, their mean in bold, validation dashed."""
    if story.history is None or story.history.is_empty():
        return None
    history, fits = last_fits(story.history)
    models = history["model"].unique(maintain_order=True).to_list()
    curves = loss_curves(history)
    x, y = [], []
    for curve in curves[:200]:
        x += [*rounded(curve[:, 0]), None]
        y += [*rounded(curve[:, 1]), None]
    traces: list[Trace] = [{"role": "thin", "x": x, "y": y, "mode": "lines", "hoverinfo": "skip"}]
    key = [("thin", "each run")]
    for model in models[:8]:
        for column, role, words in (("loss", "model", "mean"), ("validation_loss", "validation", "mean, validation")):
            mean = mean_curve(history, model, column)
            if mean is not None:
                traces.append(line(role, f"{model_name(model)} {words}", rounded(mean[:, 0]), mean[:, 1], ""))
                key += [(role, words)] if (role, words) not in key else []
    epochs = int(history["epoch"].max())  # type: ignore[arg-type]
    means = [mean for model in models if (mean := mean_curve(history, model, "loss")) is not None]
    last = ", ".join(f"{model_name(model)} {mean[-1, 1]:.3g}" for model, mean in zip(models, means, strict=True))
    number = f"{things(len(curves), 'run')}, {things(epochs, 'epoch')}"
    caption = f"{part_text(story, 'train')}{number}. Mean loss at the end: {last}.{fits_text(fits)}"
    if epochs > MOST_EPOCHS:
        caption += f" About {MOST_EPOCHS} of the epochs are drawn."
    layout = {"y": "training loss, in the unit of the target", "x": "epoch", "zero": True}
    return Chart("training", "How the runs learnt", caption, f"Loss curves. {caption}", tuple(key), traces, layout)


def chart_price(story: Story) -> Chart | None:
    """Price above volume, with the test span shaded."""
    candles = story.candles
    if candles is None or candles.height < 2:
        return None
    time, close = drawn_time(candles["close_time"], story), candles["close"].to_numpy()
    volume, unit = volume_of(candles, story.market)
    filled = close if volume is None else np.nan_to_num(volume)
    kept = thin(close, filled, most=1500)
    x, currency = dates(time[kept], story), quote_currency(story.market)
    traces = [line("price", "closing price", x, close[kept], currency)]
    layout: dict[str, Any] = {"y": f"closing price, {currency}".rstrip(", ")}
    caption = f"{span(candles, story)}."
    if volume is not None:
        factor, scale = next((scale for scale in SCALES if np.nanmax(volume) >= scale[0]), SCALES[-1])
        layout["y2"] = " ".join(unit.format(scale=scale).split())
        traces.append(
            {
                "role": "volume",
                "name": layout["y2"],
                "x": x,
                "y": rounded(volume[kept] / factor),
                "type": "bar",
                "yaxis": "y2",
            }
        )
    if story.parts is not None:
        parts = [(row["part"], row["first"], row["last"]) for row in story.parts.iter_rows(named=True)]
        layout["parts"] = [
            [name, first.strftime("%Y-%m-%d %H:%M"), last.strftime("%Y-%m-%d %H:%M")]
            for name, first, last in parts
            if name != "train"
        ]
        caption += "".join(f" Shaded: {name}." for name, _, _ in parts if name != "train")
    return Chart("price", "Price and volume", caption, caption, (), traces, layout)


CHARTS: dict[str, Callable[[Story], Chart | None]] = {
    "forecast": chart_forecast,
    "outlook": chart_outlook,
    "errors": chart_errors,
    "balance": chart_balance,
    "training": chart_training,
    "price": chart_price,
}


def dates(time: NDArray[np.datetime64], story: Story) -> list[str]:
    """Write moments for a page: dates, with hours where candles are shorter than a day."""
    unit: Literal["D", "m"] = "D" if is_daily(story.interval) else "m"
    return [str(text).replace("T", " ") for text in np.datetime_as_string(time.astype("datetime64[s]"), unit=unit)]


def rounded(values: NDArray[np.float64]) -> list[float | None]:
    """Round to six significant digits; what is not finite becomes null."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values.tolist()]


def line(role: str, name: str, x: list[Any], y: NDArray[np.float64], unit: str) -> Trace:
    """A line of a role over dates or numbers."""
    return {"role": role, "name": name, "x": x, "y": rounded(y), "mode": "lines", "unit": unit}


def band(x: list[str], low: NDArray[np.float64], high: NDArray[np.float64]) -> list[Trace]:
    """Both edges of a filled band."""
    edge = {"role": "band", "x": x, "mode": "lines", "hoverinfo": "skip"}
    return [edge | {"y": rounded(low)}, edge | {"y": rounded(high), "fill": "tonexty"}]


def as_data(chart: Chart) -> dict[str, Any]:
    """Return what a page's script draws, every word spelled so that plotly shows it as it is.

    Plotly reads its texts as a little HTML and its hover texts as templates.
    """
    traces = [
        trace | {name: plain(trace[name]) for name in ("name", "unit") if name in trace} for trace in chart.traces
    ]
    layout = {name: plain(text) if isinstance(text, str) else text for name, text in chart.layout.items()}
    return {"name": chart.name, "traces": traces, "layout": layout, "ranges": chart.ranges}


def plain(text: str) -> str:
    """Spell a text so that plotly reads no markup, no entity and no template in it."""
    return escape(text, quote=False).replace("{", "&#123;")


def _error_scale(story: Story) -> tuple[float, str]:
    """Return what the error that decides is multiplied by, and its unit then: percent for a price and for misses."""
    return (100.0, "%") if is_share(story) else (1.0, "")


def _ranges(lines: Lines, story: Story) -> tuple[tuple[str, str, str], ...]:
    if lines.time.size < 60:
        return ()
    spans = [("all", 0, -1), ("last 40", -40, -1)]
    if story.quantity != "direction":
        inside = liveliest(lines.actual)
        spans.insert(1, (f"liveliest {inside.size}", int(inside[0]), int(inside[-1])))
    return tuple((words, *dates(lines.time[[first, last]], story)) for words, first, last in spans)  # type: ignore[misc]


def _errors(
    story: Story,
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.float64], str, str] | None:
    row = subject_row(story)
    table = None if row is None else losses(story, row["model"])
    if row is None or table is None or table.height < 2:
        return None
    time, name = drawn_time(table["target_time"], story), model_name(row["model"])
    caption = (
        f"{spell_forecasts(time, story)}. "
        f"Mean error {error(row['value'], row['metric'])}, naive {error(row['naive'], row['metric'])}."
    )
    return time, table["loss"].to_numpy(), table["naive_loss"].to_numpy(), name, caption
