"""Parts that pictures share: boxes, names at the ends of lines, logarithmic axes, a price above its volume."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.cbook import boxplot_stats

from coincast.reports.boxes import draw_box
from coincast.reports.canvas import add_axes, log_axis, name_ends, new_figure
from coincast.reports.palette import LIGHT
from coincast.reports.price_volume import draw_price_volume

VALUES = np.array([1.0, 2.0, 2.5, 3.0, 3.2, 4.0, 9.0])


@pytest.fixture
def axes() -> Any:
    return add_axes(new_figure("A title", "", theme=LIGHT), LIGHT)


@pytest.mark.parametrize("lies", [False, True])
@pytest.mark.parametrize("only_outer", [False, True])
def test_a_box_is_matplotlibs(axes: Any, lies: bool, only_outer: bool) -> None:
    draw_box(axes, 3, VALUES, line=LIGHT.model, fill=LIGHT.band, lies=lies, only_outer=only_outer)
    [stats] = boxplot_stats(VALUES)
    lines = [(line.get_xdata() if lies else line.get_ydata()).tolist() for line in axes.get_lines()]
    assert lines[0] == [stats["whislo"], stats["q1"]]
    assert lines[1] == [stats["whishi"], stats["q3"]]
    assert lines[2] == [stats["med"]] * 2
    assert sorted(lines[3]) == (stats["fliers"].tolist() if only_outer else VALUES.tolist())
    [box] = axes.patches
    length = (box.get_x(), box.get_width()) if lies else (box.get_y(), box.get_height())
    assert length == pytest.approx((stats["q1"], stats["q3"] - stats["q1"]))


@pytest.mark.parametrize("is_log", [False, True])
def test_names_stand_at_the_ends_of_lines_and_apart(axes: Any, is_log: bool) -> None:
    ends = [(10.0, "low"), (10.1, "near it"), (1000.0, "high"), (5000.0, "beyond the axis")]
    axes.plot([0, 1], [10, 1000])
    if is_log:
        log_axis(axes.yaxis)
    axes.set_ylim(1, 1000)
    name_ends(axes, LIGHT, ends, apart=0.1)
    low, near, high, beyond = (text.get_position()[1] for text in axes.texts)
    assert low == pytest.approx(np.log(10) / np.log(1000) if is_log else 9 / 999)
    assert near == pytest.approx(low + 0.1)
    assert (high, beyond) == pytest.approx((1.0, 1.1))


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (1, ["1", "2", "5", "10", "20", "50"]),
        (1, ["1", "10", "100", "1,000", "10,000", "100,000"]),
        (1e5, ["100,000", "1 M", "10 M", "100 M", "1,000 M"]),
        (0.01, ["0.01", "0.1", "1", "10"]),
    ],
)
def test_a_logarithmic_axis_has_plain_numbers(axes: Any, low: float, words: list[str]) -> None:
    marks = [float(word.replace(",", "").replace(" M", "e6")) for word in words]
    axes.set_xlim(low, marks[-1])
    log_axis(axes.xaxis)
    shown = [mark for mark in axes.get_xticks() if low <= mark <= marks[-1]]
    assert shown == pytest.approx(marks)
    assert [axes.xaxis.get_major_formatter()(mark, 0) for mark in shown] == words


@pytest.mark.parametrize("is_known", [True, False])
def test_a_price_stands_above_its_volume(is_known: bool) -> None:
    time = np.arange("2020-01-01", "2020-02-01", dtype="datetime64[D]")
    price = np.linspace(1.0, 2.0, time.size)
    told: dict[str, Any] = {"time": time, "interval": "1d", "price": price, "price_name": "close, USD", "logo": "BTC"}
    volume = 3e6 * price if is_known else None
    figure, upper, lower = draw_price_volume(
        "A title", "", LIGHT, volume=volume, volume_name="volume, {scale} USD", **told
    )
    assert upper.get_position().height == pytest.approx(3 * lower.get_position().height, rel=0.05)
    assert upper.get_xlim() == lower.get_xlim()
    assert [line.get_ydata().tolist() for line in upper.get_lines()] == [price.tolist()]
    words = [text.get_text() for text in lower.texts]
    assert ("volume, m USD" in words, "volume is not known" in words) == (is_known, not is_known)
    if is_known:
        assert [segment[1][1] for segment in lower.collections[0].get_segments()] == pytest.approx(3 * price)
    assert len(figure.axes) == 2
