"""Pictures: drawn without a screen, honest about their figures, and never without the naive line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure

from coincast.reports.canvas import drawable
from coincast.reports.figures import FIGURES, write_figures
from coincast.reports.numbers import amount, percent
from coincast.reports.palette import DARK, LIGHT, Palette
from coincast.reports.pictures_forecast import draw_errors, draw_forecast, liveliest, rolling_mean
from coincast.reports.pictures_models import draw_skill, mean_curve, skill_limits
from coincast.reports.pictures_network import draw_network
from coincast.reports.reading import deciding_rows, forecast_lines, losses
from coincast.reports.story import Story
from coincast.scores.verdict import score_forecasts
from coincast.sources.simulated import simulate

WITH_NAIVE = ("forecast", "outlook", "errors", "skill", "seeds")
FURTHER = ("steps", "span", "fluctuation", "lag", "fan", "coverage")


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("name", FIGURES)
def test_every_picture_names_market_and_unit(name: str, section: Story, examined_section: Story) -> None:
    figure = FIGURES[name](examined_section if name in FURTHER else section)
    assert figure is not None
    assert any("coinmarketcap:ETH/USD" in text for text in texts(figure))
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert any(labels)


@pytest.mark.parametrize("name", [*WITH_NAIVE, *(name for name in FURTHER if name != "coverage")])
def test_naive_is_there_dashed(name: str, section: Story, examined_section: Story) -> None:
    figure = FIGURES[name](examined_section if name in FURTHER else section)
    assert figure is not None
    lines = [line for axes in figure.axes for line in axes.lines if line.get_gid() == "naive"]
    assert lines
    assert all(line.is_dashed() and line.get_visible() for line in lines)


def test_naive_line_is_the_last_close(section: Story) -> None:
    figure = draw_forecast(section)
    assert figure is not None
    assert section.forecasts is not None
    line = next(line for line in figure.axes[0].lines if line.get_gid() == "naive")
    known = section.forecasts.filter(pl.col("model") == "drift").sort("target_time")["last_close"]
    np.testing.assert_array_equal(line.get_ydata(), known.to_numpy())


def test_there_is_no_forecast_picture_without_naive(section: Story) -> None:
    assert section.forecasts is not None
    bare = section.forecasts.filter(pl.col("model") != "naive").drop("last_close")
    assert draw_forecast(replace(section, forecasts=bare)) is None


def test_naive_comes_from_the_last_close_where_it_was_not_run(section: Story) -> None:
    assert section.forecasts is not None
    lines = forecast_lines(replace(section, forecasts=section.forecasts.filter(pl.col("model") != "naive")))
    whole = forecast_lines(section)
    assert lines is not None
    assert whole is not None
    np.testing.assert_array_equal(lines.naive, whole.naive)


def test_annotated_error_is_the_mean_absolute_error(section: Story) -> None:
    figure = draw_forecast(section)
    assert figure is not None
    assert section.forecasts is not None
    own = section.forecasts.filter(pl.col("model") == "lstm.ensemble")
    expected = float((own["value"] - own["actual"]).abs().mean())  # type: ignore[arg-type]
    naive = float((own["last_close"] - own["actual"]).abs().mean())  # type: ignore[arg-type]
    notes = {text.get_gid(): text.get_text() for text in figure.texts if text.get_gid()}
    assert notes == {"mae": f"MAE {amount(expected, 'USD')}", "mae_naive": f"naive {amount(naive, 'USD')}"}


def test_annotated_error_is_that_of_the_drawn_step(section: Story) -> None:
    assert section.forecasts is not None
    later = section.forecasts.with_columns(
        step=pl.lit(2, pl.Int64), target_time=pl.col("target_time") + pl.duration(days=1), actual=pl.col("actual") * 1.5
    )
    both = pl.concat([section.forecasts, later])
    figure = draw_forecast(replace(section, forecasts=both, scores=score_forecasts(both)))
    assert figure is not None
    own = section.forecasts.filter(pl.col("model") == "lstm.ensemble")
    expected = float((own["value"] - own["actual"]).abs().mean())  # type: ignore[arg-type]
    assert f"MAE {amount(expected, 'USD')}" in texts(figure)
    assert any("step 1 of 2" in text.replace("\n", " ") for text in texts(figure))


def test_errors_by_date_average_to_the_score(section: Story) -> None:
    table = losses(section, "lstm.ensemble")
    assert table is not None
    row = deciding_rows(section.scores).filter(pl.col("model") == "lstm.ensemble").row(0, named=True)
    assert table["loss"].mean() == pytest.approx(row["value"], rel=1e-12)
    assert table["naive_loss"].mean() == pytest.approx(row["naive"], rel=1e-12)
    figure = draw_errors(section)
    assert figure is not None
    assert any(percent(row["value"], digits=2) in text for text in texts(figure))


def test_skill_picture_shows_the_score_table(section: Story) -> None:
    figure = draw_skill(section)
    assert figure is not None
    shown = texts(figure)
    for row in deciding_rows(section.scores).filter(pl.col("model") != "naive").iter_rows(named=True):
        assert percent(row["skill"], signed=True) in shown
        assert row["verdict"] in shown


def test_every_seed_is_a_dot(section: Story) -> None:
    figure = FIGURES["seeds"](section)
    assert figure is not None
    dots = next(line for line in figure.axes[0].lines if line.get_marker() == ".")
    runs = section.scores.filter(pl.col("level") == "run", pl.col("metric") == "abs_log_error")
    np.testing.assert_allclose(dots.get_xdata(), runs["skill"].sort().to_numpy())


def test_band_holds_ninety_percent_of_the_runs(section: Story) -> None:
    lines = forecast_lines(section)
    assert lines is not None
    assert lines.low is not None
    assert lines.high is not None
    assert section.forecasts is not None
    runs = section.forecasts.filter(pl.col("model") == "lstm").sort("run", "target_time")
    values = runs["value"].to_numpy().reshape(25, -1)
    np.testing.assert_allclose(lines.low, np.quantile(values, 0.05, axis=0))
    np.testing.assert_allclose(lines.high, np.quantile(values, 0.95, axis=0))


def test_a_long_price_keeps_its_extremes(section: Story) -> None:
    volume = pl.Series("volume", np.random.default_rng(0).uniform(1, 900, 6_000))
    candles = simulate("walk", candles=6_000).with_columns(volume)
    figure = FIGURES["price"](replace(section, candles=candles))
    assert figure is not None
    upper, lower = figure.axes
    drawn = [top for _, (_, top) in lower.collections[0].get_segments()]  # type: ignore[attr-defined]
    price = upper.lines[0].get_ydata()
    assert len(drawn) == len(price) < 2_500
    assert max(drawn) == volume.max()
    assert (min(price), max(price)) == (candles["close"].min(), candles["close"].max())
    assert any("thinned to its peaks" in text for text in texts(figure))


def test_mean_training_curve(section: Story) -> None:
    assert section.history is not None
    mean = mean_curve(section.history, "lstm", "loss")
    assert mean is not None
    losses_by_run = section.history["loss"].to_numpy().reshape(25, 50)
    np.testing.assert_allclose(mean[:, 1], losses_by_run.mean(axis=0))


def test_liveliest_stretch_has_the_largest_movement() -> None:
    actual = np.r_[np.full(100, 10.0), 10 + np.resize([0.0, 3.0], 25), np.full(60, 10.0)]
    inside = liveliest(actual)
    assert inside.size == 30
    moves = np.abs(np.diff(actual[inside])).sum()
    assert moves == max(np.abs(np.diff(actual[start : start + 30])).sum() for start in range(actual.size - 29))


def test_rolling_mean_equals_polars() -> None:
    values = np.random.default_rng(0).random(50)
    np.testing.assert_allclose(rolling_mean(values, 7)[6:], pl.Series(values).rolling_mean(7)[6:].to_numpy())


def test_one_hopeless_model_does_not_flatten_the_axis() -> None:
    rows = [{"skill": skill, "low": skill - 0.02, "high": skill + 0.02} for skill in (0.03, -0.02, -0.1, -3.0)]
    low, high = skill_limits(rows)
    assert -0.6 < low < -0.12
    assert 0.05 < high < 0.2


def test_all_pictures_are_written_and_nothing_global_changes(make_story, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    story = make_story(rows=240, train=160, seeds=3)
    paths = write_figures(story, tmp_path / "figures")
    assert len(paths) == 2 * (len(FIGURES) - len(FURTHER)) == len(list((tmp_path / "figures").iterdir()))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert dict(matplotlib.rcParams) == before


def test_dark_theme_and_odd_names(section: Story) -> None:
    odd = pl.col("model").replace({"drift": "my$model^2$ with a very long name, and more of it than fits"})
    assert section.forecasts is not None
    strange = replace(section, scores=section.scores.with_columns(odd))
    figure = draw_skill(strange, theme=DARK)
    assert figure is not None
    figure.canvas.draw()
    assert any("my$model^2$" in text for text in texts(figure))


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("model", ["lstm", "lstm(lookback=20, units=100, dropout=0.25)"])
def test_nothing_is_cut_off(name: str, model: str, section: Story, examined_section: Story) -> None:
    rename = pl.col("model").str.replace("lstm", model, literal=True)
    story = examined_section if name in FURTHER else section
    tables = {
        table: getattr(story, table).with_columns(rename)
        for table in ("scores", "forecasts", "history", "outlook", "intervals", "calibration", "full_interval")
        if getattr(story, table) is not None
    }
    further = {test: table.with_columns(rename) for test, table in story.further.items() if "model" in table.columns}
    figure = FIGURES[name](replace(story, **tables, further=further))
    assert figure is not None
    box = figure.get_tightbbox(figure.canvas.get_renderer())  # type: ignore[attr-defined]
    width, height = figure.get_size_inches()
    assert box.x0 >= 0.05
    assert box.y0 >= 0.05
    assert box.x1 <= width - 0.05
    assert box.y1 <= height - 0.05


@pytest.mark.parametrize("skill", [0.05, 0.1, 0.15, 0.2, 0.3])
def test_ticks_of_the_skill_picture_are_exact(section: Story, skill: float) -> None:
    scale = pl.col("skill", "low", "high") * skill
    figure = draw_skill(replace(section, scores=section.scores.with_columns(scale)))
    assert figure is not None
    figure.canvas.draw()
    axes = figure.axes[0]
    shown = [(tick, label.get_text()) for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)]
    for tick, word in shown:
        if word != "naive":
            assert float(word.replace("\u2212", "-").removesuffix(" %")) == pytest.approx(100 * tick)


def test_letters_without_a_face_become_squares(rivalry: Story) -> None:
    missing = "\U000e0041\x1b"
    assert drawable(f"a{missing}\n\u00e9") == "a\u25a1\u25a1\n\u00e9"
    rename = pl.col("model").replace({"insider": f"\u65e5{missing}"})
    assert rivalry.forecasts is not None
    market = pl.lit(f"file:\u65e5{missing}/\u5186{missing}")
    strange = replace(
        rivalry,
        scores=rivalry.scores.with_columns(rename, market=market),
        forecasts=rivalry.forecasts.with_columns(rename, market=market),
    )
    for draw in (draw_skill, draw_forecast, draw_errors):
        figure = draw(strange)
        assert figure is not None
        figure.canvas.draw()  # a warning, such as for a missing glyph, is an error here


def test_pictures_of_markets_that_are_spelled_alike_do_not_replace_each_other(rivalry: Story, tmp_path: Path) -> None:
    assert rivalry.forecasts is not None
    markets = ("a/b", "a-b", "A-B")
    tables = {
        name: pl.concat([getattr(rivalry, name).with_columns(market=pl.lit(market)) for market in markets])
        for name in ("scores", "forecasts")
    }
    paths = write_figures(replace(rivalry, **tables), tmp_path)
    assert len({path.name.lower() for path in paths}) == len(paths) == 3 * 4


def test_pictures_of_log_returns_have_no_percent(two_quantities: Story) -> None:
    returns = two_quantities.sections()[0]
    figure = draw_errors(returns)
    assert figure is not None
    figure.canvas.draw()
    assert not any("%" in text for text in texts(figure))
    assert any("log return" in text for text in texts(figure))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("long", [1, 40])
def test_a_network_is_drawn_without_overlaps(theme: Palette, long: int) -> None:
    layers = [
        ("input", "20 candles of 6 inputs", (20, 6), 0),
        ("attention_" * long, "MultiHeadAttention of 8 heads " * long, (20, 512, 64), 12_345_678),
        ("$x^{$", "1 parameter", (), 1),
    ]
    figure = draw_network(f"lstm(units=20{', dropout=0.1' * long}), 1,234 parameters", layers, theme=theme)
    figure.canvas.draw()
    shown = texts(figure)
    for word in ("20 \u00d7 512 \u00d7 64", "12,345,678 parameters", "no parameters", "1 parameter", "$x^{$"):
        assert word in shown
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
    sheet = figure.bbox
    assert all(box.x0 >= sheet.x0 and box.x1 <= sheet.x1 and box.y0 >= sheet.y0 and box.y1 <= sheet.y1 for box in boxes)
