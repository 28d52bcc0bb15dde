"""The data of the interactive charts beside the verdict: steps, time, lags, intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coincast.reports.charts import Chart, Trace, band, dates, line, rounded
from coincast.reports.findings import fluctuations, lag_line, span_path, step_errors
from coincast.reports.numbers import model_name, things
from coincast.reports.pictures_intervals import band_names, fan_text, pit_text
from coincast.reports.quantities import error_axis, is_share, value_axis, value_unit
from coincast.reports.reading_intervals import fan, pit_bins
from coincast.reports.story import Story
from coincast.reports.thinning import thin


def chart_steps(story: Story) -> Chart | None:
    """The error that decides at each step ahead, beside naive's."""
    found = step_errors(story)
    if found is None:
        return None
    factor, unit = (100.0, "%") if is_share(story) else (1.0, "")
    name, x = model_name(found.model), found.steps.tolist()
    traces = [
        line("model", name, x, found.value * factor, unit) | {"mode": "lines+markers"},
        line("naive", "naive", x, found.naive * factor, unit),
    ]
    caption = f"{things(len(x), 'step')} ahead, each by itself. {found.summary}".rstrip()
    key = (("model", name), ("naive", "naive"))
    layout = {"y": f"{error_axis(story)}, {unit}".rstrip(", "), "x": "step ahead", "zero": True, "whole": True}
    return Chart("steps", "Error by step", caption, f"Errors by step. {caption}", key, traces, layout)


def chart_span(story: Story) -> Chart | None:
    """The whole test span, forecast from its first origin."""
    found = span_path(story)
    if found is None:
        return None
    kept = thin(np.nan_to_num(found.actual), found.value, most=800)
    x, unit, name = dates(found.time[kept], story), value_unit(story), model_name(found.model)
    traces = [
        line(role, words, x, values[kept], unit)
        for role, words, values in (
            ("price", "what came", found.actual),
            ("model", name, found.value),
            ("naive", "naive", found.naive),
        )
    ]
    key = (("price", "what came"), ("model", name), ("naive", "naive"))
    caption = f"{name}: {found.text}"
    layout = {"y": value_axis(story)}
    return Chart("span", "The whole span from one origin", caption, caption, key, traces, layout)


def chart_fluctuation(story: Story) -> Chart | None:
    """Skill over time, with the band of the fluctuation test around naive."""
    found = fluctuations(story)
    if found is None:
        return None
    kept = thin(found.skill, most=400)
    x, name = dates(found.time[kept], story), model_name(found.model)
    width = 100 * found.band[kept]
    traces = [trace | {"role": "muted"} for trace in band(x, -width, width)]
    traces += [
        line("model", name, x, 100 * found.skill[kept], "%"),
        line("naive", "naive", [x[0], x[-1]], np.zeros(2), "%"),
    ]
    key = (("model", f"skill of {name}"), ("muted", "as good as naive at every time"), ("naive", "naive"))
    layout = {"y": "skill against naive, %"}
    return Chart("fluctuation", "Skill over time", found.text, f"Skill by date. {found.text}", key, traces, layout)


def chart_lag(story: Story) -> Chart | None:
    """How far the line lies from the prices of each lag: the dip shows what it is."""
    found = lag_line(story)
    if found is None:
        return None
    x, name, best = found.lags.tolist(), model_name(found.model), found.best
    low = {"mode": "markers", "hoverinfo": "skip"}
    traces: list[Trace] = [
        line("model", name, x, 100 * found.distance, "%") | {"mode": "lines+markers"},
        line("naive", "naive", x, 100 * found.naive, "%"),
        line("lowest", "smallest distance", [x[best]], 100 * found.distance[[best]], "%") | low,
    ]
    where = "what came" if x[best] == 0 else f"the price of {things(x[best], 'candle')} before"
    key = (("model", name), ("naive", "naive"), ("lowest", f"smallest distance: {where}"))
    layout = {
        "y": "mean distance from that price, %",
        "x": f"candles before the target: 0 is what came, {found.step} the last known price",
        "zero": True,
        "whole": True,
    }
    return Chart("lag", "Is it an old price?", found.text, f"Distance by lag. {found.text}", key, traces, layout)


def chart_fan(story: Story) -> Chart | None:
    """Interval bands around the last forecasts, the naive interval beside."""
    found = fan(story)
    if found is None:
        return None
    x, unit, name = dates(found.time, story), value_unit(story), model_name(found.model)
    traces: list[Trace] = []
    for _, low, high in found.bands:
        traces += band(x, low, high)
    ends = zip(("upper", "lower"), reversed(found.naive), strict=True)
    traces += [line("naive", f"naive, {side} end", x, values, unit) for side, values in ends]
    traces += [
        line("price", "price", x, found.actual, unit),
        line("model", name, x, found.middle, unit),
    ]
    key = (
        *(("price", "price"), ("model", name), ("band", f"{band_names(found)} % intervals")),
        ("naive", f"naive interval, {found.bands[0][0]} %"),
    )
    caption = fan_text(found, story)
    return Chart("fan", "How sure it was", caption, caption, key, traces, {"y": value_axis(story)})


def chart_pit(story: Story) -> Chart | None:
    """Where the prices fell between the quantiles, beside what calibration expects."""
    bins = pit_bins(story)
    if bins is None:
        return None
    columns = {name: bins[name].to_numpy() for name in ("from_level", "to_level", "share", "expected", "naive")}
    start, end, expected = columns["from_level"], columns["to_level"], columns["expected"]
    edges = [float(level) for pair in zip(100 * start, 100 * end, strict=True) for level in pair]

    def steps(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.repeat(values / expected, 2)

    bars: Trace = {
        "role": "bars",
        "name": model_name(str(bins["model"][0])),
        "x": rounded(50 * (start + end)),
        "y": rounded(columns["share"] / expected),
        "width": rounded(100 * (end - start) - 0.6),
        "type": "bar",
        "unit": "times as often as promised",
    }
    low, high = (steps(bins[name].to_numpy()) for name in ("band_low", "band_high"))
    traces = [
        *(trace | {"role": "muted"} for trace in band(edges, low, high)),  # type: ignore[arg-type]
        bars,
        line("naive", "naive", edges, steps(columns["naive"]), ""),
    ]
    caption = pit_text(bins)
    key = (("bars", bars["name"]), ("muted", "expected if calibrated"), ("naive", "naive"))
    layout = {"y": "seen over promised", "x": "level of the quantiles, %", "zero": True}
    return Chart("pit", "Where the prices fell", caption, caption, key, traces, layout)


FURTHER_CHARTS: dict[str, Callable[[Story], Chart | None]] = {
    "steps": chart_steps,
    "span": chart_span,
    "fluctuation": chart_fluctuation,
    "lag": chart_lag,
    "fan": chart_fan,
    "pit": chart_pit,
}
