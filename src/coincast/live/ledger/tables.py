"""The ledger as tables: forecasts with what became of them, scores, outages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from coincast.errors import UnknownNameError
from coincast.forecasts.table import FORECAST_COLUMNS, TIME, quantile_level
from coincast.live.ledger.book import Place
from coincast.live.ledger.entry import FORECAST, OUTAGE, SCORE, Entry
from coincast.live.ledger.forecast import NAIVE, quantiles_of
from coincast.live.ledger.ledger import Ledger

TABLE_COLUMNS: dict[str, pl.DataType] = {
    **FORECAST_COLUMNS,
    "actual": pl.Float64(),
    "last_close": pl.Float64(),
    "last_trade": pl.Float64(),
    "made_at": TIME,
    "late": pl.Boolean(),
    "source": pl.String(),
    "number": pl.Int64(),
    "hash": pl.String(),
}
OUTAGE_COLUMNS: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "made_at": TIME,
    "market": pl.String(),
    "interval": pl.String(),
    "since": TIME,
    "until": TIME,
    "reason": pl.String(),
    "words": pl.String(),
    "missed": pl.List(TIME),
}
SCORE_COLUMNS: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "made_at": TIME,
    "market": pl.String(),
    "interval": pl.String(),
    "target_time": TIME,
    "revision": pl.Int64(),
    "counts": pl.Boolean(),
    "actual": pl.Float64(),
    "forecast": pl.Int64(),
    "model": pl.String(),
    "origin": TIME,
    "step": pl.Int64(),
    "error": pl.Float64(),
    "naive_error": pl.Float64(),
    "last_trade_error": pl.Float64(),
}

Candle = tuple[str, str, int]
"""Market, interval and close."""


def forecast_table(
    ledger: Ledger,
    *,
    market: str | None = None,
    interval: str | None = None,
    model: str | None = None,
    since: int | None = None,
    on_time: bool = False,
    quantiles: bool = False,
    last: int | None = None,
) -> pl.DataFrame:
    """Every forecast as the library's forecast table, with what became of it.

    Args:
        ledger: any.
        market, interval, model: only those of these.
        since: only origins from this time on, milliseconds since 1970.
        on_time: without those that came late, which are never scored.
        quantiles: with those of the forecasts, `q05` ..., and of the naive interval, `naive_q05` ....
        last: only the newest so many forecasts.

    Returns:
        `TABLE_COLUMNS`: a row for each forecast and step in the order of the ledger; `run` is 0. `actual` is the close
        of the target where the ledger tells it, by the newest revision.
    """
    entries: Iterable[Entry] = _forecasts(ledger, market, interval, model, since, on_time, last)
    if last is not None:
        entries = list(entries)
        since = min((entry.body["origin"] for entry in entries), default=0)
    actuals = read_actuals(ledger, market=market, interval=interval, since=since or 0)
    rows = [
        _forecast_row(entry, step, actuals) | (_all_quantiles(step) if quantiles else {})
        for entry in entries
        for step in entry.body["steps"]
    ]
    levels = sorted({name for row in rows for name in row} - set(TABLE_COLUMNS), key=_level_order) if quantiles else []
    return to_table(rows, TABLE_COLUMNS | dict.fromkeys(levels, pl.Float64()))


def newest_forecasts(ledger: Ledger, market: str | None = None) -> list[Entry]:
    """The forecast of the newest origin of every market, interval and model."""
    newest = f"{_OF_PLACE} ORDER BY origin DESC LIMIT 1"
    places = [place for place in list_places(ledger) if market in (None, place.market)]
    return [entry for place in places for entry in ledger.find(newest, *place)]


def list_places(ledger: Ledger) -> list[Place]:
    """Every market, interval and model that was forecast; one look into the index for each, however many forecasts."""
    places: list[Place] = []
    while found := ledger.query(
        "SELECT market, interval, model FROM entries INDEXED BY forecasts WHERE kind = 'forecast' "
        "AND (market, interval, model, origin) > (?, ?, ?, ?) ORDER BY market, interval, model, origin LIMIT 1",
        *(places[-1] if places else ("", "", "")),
        2**62,  # beyond every origin, so that the next place is found at once
    ):
        places.append(Place(*found[0]))
    return places


def check_market(ledger: Ledger, market: str | None) -> None:
    """Refuse a market of which no entry speaks, with `UnknownNameError`; in a ledger that speaks of none, none is."""
    rows = ledger.query("SELECT DISTINCT market FROM entries WHERE market IS NOT NULL")
    known = [name for (name,) in rows]
    if known and market is not None and market not in known:
        raise UnknownNameError("market", market, known)


def read_actuals(
    ledger: Ledger, *, market: str | None = None, interval: str | None = None, since: int = 0
) -> dict[Candle, float]:
    """The closes that the ledger tells, by the newest revision of each.

    Args:
        ledger: any.
        market, interval: only those of these.
        since: only closes after this time, milliseconds since 1970.
    """
    candles = {place[:2] for place in list_places(ledger)}
    asked = [place for place in candles if market in (None, place[0]) and interval in (None, place[1])]
    rows = [
        (name, length, *row)
        for name, length in asked
        for row in ledger.query(
            "SELECT target_time, json_extract(body, '$.actual') FROM entries INDEXED BY scores WHERE kind = 'score' "
            "AND market = ? AND interval = ? AND target_time > ? ORDER BY target_time, revision",
            *(name, length, since),
        )
    ]
    return {(name, length, target): actual for name, length, target, actual in rows}


def outage_table(ledger: Ledger, market: str | None = None) -> pl.DataFrame:
    """Every outage of a market, those of all markets among them; without one, all outages."""
    rows = [
        {**entry.body, "number": entry.number, "made_at": entry.made_at}
        for entry in ledger.entries(kind=OUTAGE)
        if market is None or entry.body["market"] in (None, market)
    ]
    return to_table(rows, OUTAGE_COLUMNS)


def score_table(ledger: Ledger, *, market: str | None = None) -> pl.DataFrame:
    """Every score: a row for each forecast that it speaks of.

    Returns:
        `SCORE_COLUMNS`, then `covered_80`, `interval_score_80`, `naive_covered_80`, ... as far as there are any.
        `counts` is False of a score that a newer revision took the place of.
    """
    rows: list[dict[str, Any]] = []
    newest: dict[Candle, int] = {}
    for entry in ledger.entries(kind=SCORE, market=market):
        newest[_candle(entry.body)] = entry.number
        rows.extend(_score_row(entry, one) for one in entry.body["forecasts"])
    for row in rows:
        row["counts"] = newest[_candle(row)] == row["number"]
    further = sorted({name for row in rows for name in row} - set(SCORE_COLUMNS))
    kinds = {name: pl.Boolean() if "covered" in name else pl.Float64() for name in further}
    return to_table(rows, SCORE_COLUMNS | kinds)


_OF_PLACE = "kind = 'forecast' AND market = ? AND interval = ? AND model = ?"


def _forecasts(
    ledger: Ledger,
    market: str | None,
    interval: str | None,
    model: str | None,
    since: int | None,
    on_time: bool,
    last: int | None = None,
) -> Iterator[Entry]:
    """Forecasts in the order of the ledger."""
    timely = " AND late = 0" if on_time else ""
    if since is not None:
        asked = [place for place in list_places(ledger) if _is_asked(place, (market, interval, model))]
        where = f"{_OF_PLACE} AND origin >= ?{timely}"
        recent = [entry for place in asked for entry in ledger.find(where, *place, since)]
        return iter(sorted(recent, key=lambda entry: entry.number)[-last if last else 0 :])
    given = {"market": market, "interval": interval, "model": model}
    known = {name: value for name, value in given.items() if value is not None}
    where = f"kind = '{FORECAST}'" + "".join(f" AND {name} = ?" for name in known) + timely
    if last is None:
        return ledger.pages(where, *known.values())
    newest = list(ledger.pages(where, *known.values(), limit=last, newest_first=True))
    return iter(newest[::-1])


def _is_asked(place: Place, given: tuple[str | None, str | None, str | None]) -> bool:
    return all(wanted in (None, own) for own, wanted in zip(place, given, strict=True))


def _keys(body: Mapping[str, Any], step: Mapping[str, Any]) -> dict[str, Any]:
    keys = {name: body[name] for name in ("market", "interval", "model", "quantity", "trained_until", "origin")}
    return keys | {"run": 0, "step": step["step"], "target_time": step["target_time"]}


def _forecast_row(entry: Entry, step: Mapping[str, Any], actuals: Mapping[Candle, float]) -> dict[str, Any]:
    body = entry.body
    told = {name: body[name] for name in ("last_close", "last_trade", "late", "source")}
    actual = actuals.get((body["market"], body["interval"], step["target_time"]))
    own = {"made_at": entry.made_at, "number": entry.number, "hash": entry.hash}
    return {**_keys(body, step), **told, **own, "value": step["value"], "actual": actual}


def _all_quantiles(step: Mapping[str, Any]) -> dict[str, float]:
    return quantiles_of(step) | {f"{NAIVE}{name}": value for name, value in quantiles_of(step, NAIVE).items()}


def _level_order(name: str) -> tuple[bool, float]:
    """Own quantiles before those of the naive interval, each by level."""
    return name.startswith(NAIVE), quantile_level(name.removeprefix(NAIVE))


def _candle(row: Mapping[str, Any]) -> Candle:
    return row["market"], row["interval"], row["target_time"]


def _score_row(entry: Entry, one: Mapping[str, Any]) -> dict[str, Any]:
    body = entry.body
    row = {name: body[name] for name in ("market", "interval", "target_time", "revision", "actual")}
    row |= {name: one[name] for name in ("model", "origin", "step", "error", "naive_error", "last_trade_error")}
    for name in ("covered", "interval_score", "naive_covered", "naive_interval_score"):
        row |= {f"{name}_{percent}": value for percent, value in (one[name] or {}).items()}
    return row | {"number": entry.number, "made_at": entry.made_at, "forecast": one["number"]}


def to_table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows as a table; whole numbers of milliseconds become times."""
    listed = list(rows)
    plain = {name: pl.Int64() if kind == TIME else kind for name, kind in columns.items()}
    plain |= {name: pl.List(pl.Int64()) for name, kind in columns.items() if kind == pl.List(TIME)}
    lists = {name: [row.get(name) for row in listed] for name in columns}
    return pl.DataFrame(lists, schema=plain).cast(dict(columns))  # type: ignore[arg-type]
