"""Drawings for a page: small, narrow where there is little room, and with everything that the picture says."""

from __future__ import annotations

import re
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from coincast.reports.canvas import add_axes, legend, name_axes, new_figure, time_axis
from coincast.reports.palette import LIGHT
from coincast.reports.reflow import frame, lighten, narrow, spare_ticks, take_heading, take_legends
from coincast.reports.study import Chapter, Picture, Side, Study
from coincast.reports.study_pictures import DRAWN, DrawingHand, draw_for_page, draw_pictures
from coincast.reports.svg import page_svg


def draw(rows: int = 164, *, marker: str = "") -> Any:
    figure = new_figure("A title", "What is seen,\nand on how many.", theme=DRAWN)
    axes = add_axes(figure, DRAWN)
    time = np.datetime64("2017-06-11") + np.arange(rows)
    values = 100 + np.random.default_rng(0).normal(size=rows).cumsum()
    style = {"marker": marker, "linestyle": "none"} if marker else {}
    lines = axes.plot(time, values, color=DRAWN.model, label="LSTM", **style)
    lines += axes.plot(time[1:], values[:-1], color=DRAWN.naive, dashes=(4, 2), label="naive")
    time_axis(axes, DRAWN, time, "1d")
    name_axes(axes, DRAWN, y="USD")
    legend(axes, DRAWN, lines)
    return figure


def study_of(*pictures: Picture) -> Study:
    told = ("A title", "Nobody", "2017-11-20", "It sees.", "Nothing.", (), ())
    return Study("made", *told, (Chapter("What?", exhibits=pictures),), (), "Days.")


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_colours_differ_by_nothing_that_is_seen() -> None:
    colours = dict(DRAWN.roles())
    assert len(set(colours.values())) == len(colours)
    for role, colour in LIGHT.roles():
        apart = np.abs(
            np.subtract(*[[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in (colour, colours[role])])
        )
        assert apart.max() <= 2


def test_a_drawing_keeps_its_words_and_gives_heading_and_legend_to_the_page() -> None:
    drawn = draw_for_page(draw(), name="p")
    assert drawn.subtitle == "What is seen, and on how many."
    assert [words for _, words in drawn.key] == ["LSTM", "naive"]
    assert "stroke-dasharray" in drawn.key[1][0]
    assert "stroke-dasharray" not in drawn.key[0][0]
    for svg in (drawn.wide, drawn.narrow):
        ElementTree.fromstring(svg)
        shown = texts(svg)
        assert {"USD", "day (UTC)"} <= set(shown)
        assert not {"A title", "LSTM", "naive"} & set(shown)
        assert "font-family" not in svg
        assert len(svg) < 12_000


def test_a_narrow_drawing_keeps_its_margins() -> None:
    figure = draw()
    box, width = figure.axes[0].get_position(), figure.get_size_inches()[0]
    margins = (box.x0 * width, (1 - box.x1) * width)
    narrow(figure, 4.0)
    width = figure.get_size_inches()[0]
    assert 4.0 <= width < 4.8
    box = figure.axes[0].get_position()
    assert (box.x0 * width, (1 - box.x1) * width) == pytest.approx(margins)


def test_panels_keep_what_lies_between_them() -> None:
    figure = new_figure("Two", "", theme=DRAWN)
    add_axes(figure, DRAWN, left=0.75, right=5.2)
    add_axes(figure, DRAWN, left=5.2, right=0.35)
    narrow(figure, 5.0)
    width = figure.get_size_inches()[0]
    one, other = (axes.get_position() for axes in figure.axes)
    assert (other.x0 - one.x1) * width == pytest.approx(5.2 - (9.6 - 5.2))
    assert one.width / other.width == pytest.approx((4.4 - 0.75) / (9.25 - 5.2))


def test_wide_margins_leave_the_axes_some_room() -> None:
    figure = new_figure("Names", "", theme=DRAWN)
    add_axes(figure, DRAWN, left=3.0, right=1.5)
    narrow(figure, 4.0)
    width = figure.get_size_inches()[0]
    assert figure.axes[0].get_position().width * width == pytest.approx(2.1)


def test_words_beside_axes_stay_as_far_from_them_and_from_one_another() -> None:
    figure = new_figure("Rows", "", theme=DRAWN)
    axes = add_axes(figure, DRAWN, left=1.5, right=2.6)
    places = {"median": 1.02, "not distinguishable": 1.2, "LSTM": -0.1, "inside": 0.5}
    for words, x in places.items():
        axes.text(x, 0.5, words, transform=axes.get_yaxis_transform(), ha="right" if x < 0 else "left")
    note = axes.annotate("far", (1.4, 0.2), xycoords="axes fraction")
    old = axes.get_position().width * 9.6
    narrow(figure, 4.0)
    new = axes.get_position().width * figure.get_size_inches()[0]
    assert new < 0.6 * old
    moved = {text.get_text(): text.get_position()[0] for text in axes.texts} | {"far": note.xy[0]}
    for words, x in ({"far": 1.4} | places).items():
        border = float(x > 0.5)
        expected = x if words == "inside" else border + (x - border) * old / new
        assert moved[words] == pytest.approx(expected)


def test_panels_are_as_wide_as_what_is_written_below_them() -> None:
    figure = new_figure("Three", "", theme=DRAWN)
    for left in (0.75, 3.75, 6.75):
        axes = add_axes(figure, DRAWN, left=left, right=9.6 - left - 2.5)
        axes.set_xlabel("candles from the last close that was known", fontsize=9)
    narrow(figure, 4.0)
    figure.draw_without_rendering()
    boxes = [axes.xaxis.label.get_window_extent(figure.canvas.get_renderer()) for axes in figure.axes]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_names_of_ticks_never_touch() -> None:
    figure = draw()
    take_heading(figure)
    take_legends(figure)
    narrow(figure, 3.2)
    spare_ticks(figure)
    renderer = figure.canvas.get_renderer()
    labels = [tick.label1 for tick in figure.axes[0].xaxis.get_major_ticks() if tick.label1.get_visible()]
    boxes = sorted(box.intervalx.tolist() for label in labels if (box := label.get_window_extent(renderer)).width > 1)
    assert len(boxes) >= 2
    assert all(one[1] < other[0] for one, other in pairwise(boxes))


def test_names_of_settings_are_turned_and_all_stay() -> None:
    figure = new_figure("Boxes", "", theme=DRAWN)
    names = [f"l1 {number:.4f}, l2 0.0000" for number in range(9)]
    add_axes(figure, DRAWN).bar(names, range(9))
    take_heading(figure)
    narrow(figure, 4.0)
    spare_ticks(figure)
    assert set(names) <= set(texts(page_svg(figure, name="p", roles={}, box=frame(figure))))


def test_long_lines_are_thinned_and_keep_their_extremes() -> None:
    figure = draw(20_000)
    line = figure.axes[0].lines[0]
    values = np.asarray(line.get_ydata())
    lighten(figure)
    kept = np.asarray(line.get_ydata())
    assert 800 < kept.size <= 1700
    assert (kept.min(), kept.max()) == (values.min(), values.max())


def test_thousands_of_dots_are_one_picture() -> None:
    few, many = (draw_for_page(draw(rows, marker="."), name="p") for rows in (300, 4000))
    assert "<image" not in few.wide
    assert many.wide.count("<image") == 1
    assert "data:image/" in many.wide
    assert len(many.wide) < 150_000


def test_elements_have_names_of_their_own() -> None:
    drawings = [draw_for_page(draw(), name=name) for name in ("p1", "p2")]
    svgs = [svg for one in drawings for svg in (one.wide, one.narrow)]
    ids = [found for svg in svgs for found in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in svgs:
        assert set(re.findall(r"#([\w-]+)[\")]", svg)) <= set(re.findall(r' id="([^"]+)"', svg))


def test_files_hold_heading_and_legend_and_twins_are_drawn_narrow_only(tmp_path: Path) -> None:
    from matplotlib.image import imread

    sides: list[Side] = ["faithful", "fair", "both"]
    exhibits = [Picture(f"p-{side}", "One", "164 forecasts.", lambda theme: draw(), side) for side in sides]
    drawings = draw_pictures(study_of(*exhibits), tmp_path)
    assert [bool(one.wide) for one in drawings.values()] == [False, False, True]
    assert all(one.narrow for one in drawings.values())
    points = imread(tmp_path / "p-fair.png")[..., :3]
    assert points.shape[:2] == (506, 1056)
    heading = points[: int(0.2 * 506), :, 0]
    assert (heading < 0.5).mean() > 0.005


def test_two_pictures_of_one_name_are_refused() -> None:
    pictures = [Picture(name, "One", "Days.", lambda theme: draw()) for name in ("price", "test", "price")]
    with pytest.raises(ValueError, match="exhibits of a study are called price;"):
        draw_pictures(study_of(*pictures), None)


def test_pictures_of_several_studies_are_drawn_while_others_are_made(tmp_path: Path) -> None:
    threads = []

    def draw_here(theme: Any) -> Any:
        threads.append(threading.current_thread())
        return draw()

    one, other = (study_of(Picture(name, "One", "Days.", draw_here)) for name in ("price", "test"))
    with DrawingHand() as hand:
        hand.draw(one, tmp_path / "one", prefix="a")
        hand.draw(other, None, prefix="b")
        first, second = hand.finish()
    assert (list(first), list(second)) == (["price"], ["test"])
    assert first == draw_pictures(one, None, prefix="a")
    assert [path.name for path in tmp_path.rglob("*.png")] == ["price.png"]
    assert threads[0] is threads[1] is not threading.current_thread()


def test_what_a_drawing_raises_is_raised() -> None:
    with DrawingHand() as hand:
        hand.draw(study_of(Picture("price", "One", "Days.", lambda theme: 1 / 0)), None, prefix="a")
        with pytest.raises(ZeroDivisionError):
            hand.finish()
