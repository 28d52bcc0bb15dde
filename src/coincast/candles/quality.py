"""What is missing, doubtful or worth knowing in a candle table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from coincast.candles.doubts import (
    Doubt,
    find_bad_prints,
    find_bad_wicks,
    find_odd_spacing,
    find_repeated_values,
    find_stale_runs,
    find_unfinished_end,
)
from coincast.candles.table import INTERVALS, KEYS, ROUNDING, add_intervals, parse_market

Counts = NDArray[np.int64]

_FEW, _MIXED_UP = 5, 0.2


class Kind(NamedTuple):
    """A kind of finding: how grave it is, and the rule in words."""

    severity: str
    rule: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "outside range": Kind("doubtful", "open or close above high or below low by more than rounding"),
        "bad print": Kind(
            "doubtful",
            "up to 3 closes at least 3 % and 15 usual moves away from their neighbours, which are near each other; "
            "or a high or low at least 35 % and 20 median ranges beyond open and close",
        ),
        "stale run": Kind("doubtful", "an unchanged close for longer than one in 100 such series would show by chance"),
        "repeated values": Kind("doubtful", "a moving candle with all the values of an earlier one"),
        "unfinished end": Kind(
            "doubtful",
            "a last candle with less volume than each of the 30 before it, and less than 10 % of their median",
        ),
        "odd spacing": Kind("doubtful", "open times off the grid of the others, such as at a change of clocks"),
        "gap": Kind("note", "no candle where the interval asks for one"),
        "zero volume": Kind("note", "volume 0"),
        "unknown volume": Kind("note", "no volume is told"),
        "constant column": Kind("note", "a column with the same number in every candle"),
    }
)
"""Kinds of findings, the gravest first; rows that cannot be true are faults (`coincast.candles.faults`)."""

FINDINGS = {
    "market": pl.String(),
    "interval": pl.String(),
    "kind": pl.String(),
    "severity": pl.String(),
    "first": pl.Datetime("ms", "UTC"),
    "last": pl.Datetime("ms", "UTC"),
    "count": pl.Int64(),
    "cause": pl.String(),
    "detail": pl.String(),
}
"""Columns of a table of findings."""


def find_gaps(candles: pl.DataFrame) -> pl.DataFrame:
    """Find the places where a candle does not open when the one before it closed.

    Returns:
        One row per gap, in order of market, interval and time: `market`, `interval`, `after` (close of the last candle
        before it), `before` (open of the next), `missing` (candles that would fill it; 0 where the times shift by less
        than one interval).
    """
    found = [_gaps_of(candles.head(0)), *(_gaps_of(series) for series in _each_series(candles))]
    return pl.concat(found).sort("market", "interval", "after")


def _gaps_of(series: pl.DataFrame) -> pl.DataFrame:
    """Gaps of one market and interval, in order of time."""
    before = pl.col("open_time").shift(-1)
    gaps = series.select("market", "interval", pl.col("close_time").alias("after"), before.alias("before")).filter(
        pl.col("before") > pl.col("after")
    )
    length = pl.col("interval").replace_strict(dict(INTERVALS), return_dtype=pl.Int64)
    months = (pl.col("before").dt.year() - pl.col("after").dt.year()).cast(pl.Int64) * 12 + (
        pl.col("before").dt.month().cast(pl.Int64) - pl.col("after").dt.month().cast(pl.Int64)
    )
    fixed = (pl.col("before") - pl.col("after")).dt.total_milliseconds() // length
    missing = pl.when(pl.col("interval") == "1M").then(months).otherwise(fixed)
    return gaps.with_columns(missing.alias("missing"))


def find_outside_range(candles: pl.DataFrame) -> pl.DataFrame:
    """Find the candles whose open or close lies outside low to high by more than rounding.

    Such a candle is doubtful and not impossible: some sources take the open from the close before.
    """
    return candles.filter(_is_outside_range())


def count_mixed_up(candles: pl.DataFrame) -> int:
    """How many candles open or close outside low to high, where that is so many that columns must be mixed up; else 0.

    These are more than 5 and more than one in five; the worst real file has one in twenty.
    """
    outside = find_outside_range(candles).height
    return outside if outside > max(_FEW, _MIXED_UP * candles.height) else 0


def _is_outside_range() -> pl.Expr:
    doubtful = [
        (pl.col(price) > pl.col("high") * (1 + ROUNDING)) | (pl.col(price) < pl.col("low") * (1 - ROUNDING))
        for price in ("open", "close")
    ]
    return pl.any_horizontal(doubtful).fill_null(False)


def examine(candles: pl.DataFrame) -> pl.DataFrame:
    """Find what is missing, doubtful or worth knowing. Nothing is changed.

    The rules and their thresholds stand in `KINDS` and, exactly, in `coincast.candles.doubts`.

    Args:
        candles: candle table as `check_candles` returns it.

    Returns:
        One row per finding, in order of market, interval, time: `market`, `interval`, `kind` (a name in `KINDS`),
        `severity` (`doubtful` or `note`), `first` and `last` (open times of the first and last candle of it), `count`
        (candles of it; of a gap the missing ones), `cause` and `detail` (one short sentence). A gap, a bad print and a
        stale run is a finding of its own; the other kinds are one finding for all candles of a market and interval.
        `cause` is a guess about a gap, null elsewhere: `outage` where all other markets of the same source and
        interval that have candles before and after it miss all of its candles, `illiquid` where none of them does,
        else, and where there are no others, `unknown`.
    """
    every = list(_each_series(candles))
    found = [pl.DataFrame(schema=FINDINGS)]
    for series in every:
        found += [_findings(series, kind, doubts) for kind, doubts in _examine_one(series) if doubts]
    found.append(_examine_gaps(every))
    return pl.concat(found).sort("market", "interval", "first", maintain_order=True)


def _each_series(candles: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Candles of each market and interval, in order of time."""
    if candles.is_empty():
        return
    one = all((candles[name] == candles[name][0]).all() for name in ("market", "interval"))
    for series in [candles] if one else candles.partition_by("market", "interval", maintain_order=True):
        yield series if series["open_time"].is_sorted() else series.sort("open_time")


def _examine_one(series: pl.DataFrame) -> Iterator[tuple[str, list[Doubt]]]:
    yield "outside range", _count_rows(series, _is_outside_range(), "with open or close outside low to high")
    yield "bad print", sorted([*find_bad_prints(series), *find_bad_wicks(series)])
    yield "stale run", find_stale_runs(series)
    yield "repeated values", find_repeated_values(series)
    yield "unfinished end", find_unfinished_end(series)
    yield "odd spacing", find_odd_spacing(series, series["interval"][0])
    yield "zero volume", _count_rows(series, pl.col("volume") == 0, "with volume 0")
    yield "unknown volume", _count_rows(series, pl.col("volume").is_null(), "without a volume")
    yield "constant column", _constant_columns(series)


def _count_rows(series: pl.DataFrame, rule: pl.Expr, words: str) -> list[Doubt]:
    """All candles of a rule as one finding."""
    rows = series.select(rule.fill_null(False).arg_true()).to_series()
    if rows.is_empty():
        return []
    detail = f"{rows.len():,} of {series.height:,} candles {words}"
    return [Doubt(rows[0], rows[-1], rows.len(), detail)]


def _constant_columns(series: pl.DataFrame) -> list[Doubt]:
    numbers = series.select(pl.exclude(KEYS))
    least, most, known = numbers.min().row(0), numbers.max().row(0), numbers.count().row(0)
    return [
        Doubt(0, series.height - 1, count, f"{name} is {low:,.8g} in all {count:,} candles that tell it")
        for name, low, high, count in zip(numbers.columns, least, most, known, strict=True)
        if count > 1 and low == high
    ]


def _findings(series: pl.DataFrame, kind: str, doubts: list[Doubt]) -> pl.DataFrame:
    times = series["open_time"]
    rows = pl.DataFrame(doubts, schema=Doubt._fields, orient="row")
    return pl.DataFrame(
        {
            "market": [series["market"][0]] * len(doubts),
            "interval": [series["interval"][0]] * len(doubts),
            "kind": [kind] * len(doubts),
            "severity": [KINDS[kind].severity] * len(doubts),
            "first": times[rows["first"]],
            "last": times[rows["last"]],
            "count": rows["candles"],
            "cause": [None] * len(doubts),
            "detail": rows["detail"],
        },
        schema=FINDINGS,
    )


def _examine_gaps(every: list[pl.DataFrame]) -> pl.DataFrame:
    together: dict[tuple[str, str], list[pl.DataFrame]] = {}
    for series in every:
        source = parse_market(series["market"][0]).source
        together.setdefault((source, series["interval"][0]), []).append(series)
    found = [
        _gap_findings(series, [other for other in group if other is not series], source)
        for (source, _), group in together.items()
        for series in group
    ]
    return pl.concat([pl.DataFrame(schema=FINDINGS), *found])


def _gap_findings(series: pl.DataFrame, others: list[pl.DataFrame], source: str) -> pl.DataFrame:
    """Gaps of one series; the others are of the same source and interval."""
    gaps = _gaps_of(series).filter(pl.col("missing") > 0)
    listed, missing = _count_others(gaps, others)
    causes, details = [], []
    for gap, there, without in zip(gaps["missing"], listed.tolist(), missing.tolist(), strict=True):
        if there and without in (0, there):
            causes.append("outage" if without else "illiquid")
        else:
            causes.append("unknown")
        them = "it" if gap == 1 else "them"
        told = f", {without} of {there} other markets of {source} without {them} too" if there else ""
        details.append(f"{_count(gap, 'candle')} missing{told}")
    last = add_intervals(pl.col("after"), series["interval"][0], pl.col("missing") - 1)
    return gaps.select(
        "market",
        "interval",
        pl.lit("gap").alias("kind"),
        pl.lit(KINDS["gap"].severity).alias("severity"),
        pl.col("after").alias("first"),
        last.alias("last"),
        pl.col("missing").alias("count"),
        pl.lit(pl.Series(causes, dtype=pl.String)).alias("cause"),
        pl.lit(pl.Series(details, dtype=pl.String)).alias("detail"),
    )


def _count_others(gaps: pl.DataFrame, others: list[pl.DataFrame]) -> tuple[Counts, Counts]:
    """For each gap: series with candles before and after it, and how many of them have none within it."""
    after, before = (gaps[name].to_physical().to_numpy() for name in ("after", "before"))
    listed, missing = np.zeros(len(after), dtype=np.int64), np.zeros(len(after), dtype=np.int64)
    for other in others:
        opens = other["open_time"].to_physical().to_numpy()
        is_listed = (opens[0] < after) & (opens[-1] >= before)
        is_empty = np.searchsorted(opens, after) == np.searchsorted(opens, before)
        listed += is_listed
        missing += is_listed & is_empty
    return listed, missing


def summarise(findings: pl.DataFrame) -> list[str]:
    """One short sentence for each kind of finding, the gravest first.

    Args:
        findings: what `examine` returns, of one market or of several.
    """
    sentences = []
    for kind in KINDS:
        found = findings.filter(pl.col("kind") == kind)
        if found.height:
            words = _summarise_gaps(found) if kind == "gap" else _summarise_places(kind, found)
            markets = found["market"].n_unique()
            sentences.append(words + (f", in {markets} markets" if markets > 1 else ""))
    return sentences


def _summarise_gaps(gaps: pl.DataFrame) -> str:
    longest = gaps.row(int(gaps["count"].arg_max() or 0), named=True)
    causes = [
        f"{number:,} {words}"
        for cause, words in (("outage", "while other markets miss them too"), ("illiquid", "of this market alone"))
        if (number := gaps.filter(pl.col("cause") == cause).height)
    ]
    return (
        f"{_count(gaps.height, 'gap')}, {_count(int(gaps['count'].sum()), 'candle')} missing, "
        f"the longest {longest['count']:,} from {_moment(longest['first'])}" + "".join(f"; {cause}" for cause in causes)
    )


def _summarise_places(kind: str, found: pl.DataFrame) -> str:
    first = found.sort("first").row(0, named=True)
    label = f"{KINDS[kind].severity}: {kind}"
    if found.height == 1:
        return f"{label}: {first['detail']} ({_moment(first['first'])})"
    return f"{label} in {found.height:,} places, the first {_moment(first['first'])}: {first['detail']}"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
