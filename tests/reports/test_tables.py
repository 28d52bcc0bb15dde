"""The leaderboard: order, words, width and figures."""

from __future__ import annotations

import io

import polars as pl
import pytest
from rich.console import Console

from coincast.reports.palette import TERMINAL
from coincast.reports.story import Story
from coincast.reports.tables import COLUMNS, leaderboard, leaderboard_html, leaderboard_table, leaderboard_text


def test_leaderboard_is_sorted_with_naive_at_zero(story: Story) -> None:
    board = leaderboard(story.scores)
    assert board.columns == list(COLUMNS)
    for _, section in board.group_by("market", maintain_order=True):
        skills = section["skill"].to_list()
        assert skills == sorted(skills, reverse=True)
        assert section.filter(pl.col("model") == "naive")["skill"].to_list() == [0.0]
        assert section.height == 6


def test_runs_better_is_counted_from_raw_errors(story: Story) -> None:
    assert story.forecasts is not None
    runs = story.forecasts.filter(pl.col("model") == "lstm")
    error, naive = ((pl.col(name) / pl.col("actual")).log().abs().mean() for name in ("value", "last_close"))
    each = runs.group_by("market", "run").agg(better=error < naive)
    counted = each.group_by("market").agg(pl.col("better").sum(), runs=pl.len())
    board = leaderboard(story.scores).filter(pl.col("model") == "lstm.ensemble").select("market", "runs_better", "runs")
    assert sorted(board.rows()) == sorted(counted.select("market", "better", "runs").rows())


def test_naive_row_is_made_where_it_was_not_run(story: Story) -> None:
    without = story.scores.filter(pl.col("model") != "naive")
    with_it, made = (leaderboard(scores).filter(pl.col("model") == "naive") for scores in (story.scores, without))
    assert made["value"].to_list() == pytest.approx(with_it["value"].to_list())
    assert made["skill"].to_list() == [0.0, 0.0]


def test_terminal_table_fits_100_columns(story: Story) -> None:
    names = {"drift": "oracle", "average": "lstm(lookback=20, units=100, dropout=0.25)", "ar": "x" * 60}
    scores = story.scores.with_columns(
        pl.col("model").replace(names),
        n=pl.lit(20_000, pl.Int64),
        market="simulated:VERYLONGNAME/" + pl.col("market"),
    )
    lines = leaderboard_text(scores).splitlines()
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for shown in ("not distinguishable", "20,000", "oracle (the best", "24 of 25"):
        assert shown in text
    assert text.isascii()


def test_colours_only_in_a_terminal(story: Story) -> None:
    assert "\x1b" not in leaderboard_text(story.scores)
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", no_color=False)
    console.print(leaderboard_table(story.scores))
    coloured = console.file.getvalue()  # type: ignore[attr-defined]
    codes = {"green": "32", "red": "31", "yellow": "33"}
    for word in ("better", "worse", "not distinguishable"):
        assert f"\x1b[1;{codes[TERMINAL[word]]}m{word}" in coloured


def test_one_of_many_is_marked(story: Story) -> None:
    changed = pl.when(pl.col("model") == "ar", pl.col("verdict").is_not_null())
    scores = story.scores.with_columns(
        p=changed.then(0.03).otherwise("p"),
        p_holm=changed.then(0.24).otherwise("p_holm"),
        verdict=changed.then(pl.lit("not distinguishable")).otherwise("verdict"),
    )
    text = leaderboard_text(scores)
    assert "not distinguishable*" in text
    assert "* alone it would pass; it is one of 10" in text
    assert max(map(len, text.splitlines())) <= 100


def test_html_leaderboard_escapes_names(story: Story) -> None:
    scores = story.scores.with_columns(pl.col("model").replace({"ar": "<b>ar</b>"}))
    text = leaderboard_html(scores)
    assert "&lt;b&gt;ar&lt;/b&gt;" in text
    assert "<b>ar</b>" not in text
    assert text.count("<tr>") == 13


def test_empty_leaderboard(story: Story) -> None:
    assert leaderboard(story.scores.clear()).is_empty()
    leaderboard_text(story.scores.clear())


def test_log_returns_have_their_own_unit(two_quantities: Story) -> None:
    mixed = leaderboard_text(two_quantities.scores)
    assert "error %" not in mixed
    assert "file:ETH/USD 1d log return" in mixed
    assert "file:ETH/USD 1d price" in mixed
    assert max(map(len, mixed.splitlines())) <= 100
    board = leaderboard(two_quantities.scores)
    assert board["quantity"].to_list() == ["log_return"] * 2 + ["price"] * 2
    assert sorted(board.filter(pl.col("skill") == 0)["metric"]) == ["abs_error", "abs_log_error"]
    alone = leaderboard_text(two_quantities.scores.filter(pl.col("quantity") == "log_return"))
    assert "error %" not in alone
    assert "log-return" in alone
    value = board.filter(pl.col("model") == "ar")["value"][0]
    assert f"{value:.4g} (" in alone
    prices = leaderboard_text(two_quantities.scores.filter(pl.col("quantity") == "price"))
    assert "error %" in prices


def test_no_interval_reaches_beyond_an_error_of_nothing(story: Story) -> None:
    scores = story.scores.with_columns(high=pl.when(pl.col("skill").is_not_null()).then(120.8))
    assert "12,08" not in leaderboard_text(scores) + leaderboard_html(scores)
    assert "+100.0" in leaderboard_text(scores)


def test_misses_and_volatility_losses_have_their_own_units(direction: Story, volatility: Story) -> None:
    missed, loss = (leaderboard_text(story.scores) for story in (direction, volatility))
    assert "missed" in missed
    assert "QLIKE" in loss
    assert "error %" not in missed + loss
    share = direction.scores.filter(pl.col("metric") == "miss", pl.col("model") == "lstm")["value"][0]
    assert f"{100 * share:.1f} (" in missed
