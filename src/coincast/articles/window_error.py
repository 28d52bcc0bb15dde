"""The figure of the articles on daily candles: a mean error in units of the first close of the window."""

from __future__ import annotations

import polars as pl

from coincast.samples.samples import Samples
from coincast.samples.windows import Windows


def window_error(rows: pl.DataFrame, column: str = "value") -> float:
    """Mean |forecast - price| / first close of the window.

    Args:
        rows: of a forecast table with the truth.
        column: what is taken for the forecast; `last_close` gives the figure of the naive one.
    """
    return float(rows.select(((pl.col(column) - pl.col("actual")).abs() / pl.col("first_close")).mean()).item())


def error_on_windows(
    forecasts: pl.DataFrame, model: str, samples: Samples, windows: Windows, column: str = "value"
) -> float:
    """The same figure of one model's forecasts, on just those windows that an article forecasts.

    So what was forecast in another way, of more days, can be held against an article's own figure and against the
    naive one, which are of fewer days.

    Args:
        forecasts: a forecast table with the truth; its windows are as long as the article's.
        model: a name in it: an ensemble, or a model with a single run.
        samples: of the article, of one market.
        windows: that the article forecasts.
        column: as in `window_error`.
    """
    origins = samples.close_time[windows.origin_rows]
    is_own = (pl.col("market") == samples.market) & (pl.col("model") == model)
    rows = forecasts.filter(is_own, pl.col("origin").dt.epoch("ms").is_in(origins.tolist()))
    return window_error(rows, column)
