"""What the loop writes into the ledger, and what it reads out of it. Times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from coincast.candles.table import INTERVALS, ROUNDING
from coincast.live.ledger import (
    Entered,
    Head,
    Ledger,
    LiveForecast,
    append_forecast,
    append_outage,
    append_score,
    due,
    forecast_table,
    live_forecasts,
    newest_forecasts,
    take_inbox,
)
from coincast.live.watch.keeping import Keeper
from coincast.live.watch.origins import Missed
from coincast.live.watch.plan import Plan
from coincast.sources.exchange.client import LastTrade
from coincast.sources.exchange.paging import to_time

if TYPE_CHECKING:
    from coincast.live.models import LiveAnswer

OURS = "coincast"
"""Source of the forecasts that the loop makes itself."""

NEVER_CAME = "missing candle"
"""The ledger's word for a candle that was forecast and never came."""

GIVEN_UP_AFTER = 86_400_000
"""A candle that an exchange does not have a day after its close will not come."""

LOOKED_BACK = 1000
"""Candles back to which scored values are compared with the store."""

MOST_OUTAGES = 1000
"""Newest outages that are looked at for what is accounted for."""

MOST_MISSED = 5000
"""Origins that one entry of an outage names."""


class Scorable(NamedTuple):
    """A forecast candle whose value counts now."""

    market: str
    interval: str
    target_time: int
    close: float


class Books:
    """The ledger, for the loop.

    Args:
        ledger: open for writing.
        inbox: folder of forecasts made elsewhere.
        store: folder of the candles.
    """

    def __init__(self, ledger: Ledger, inbox: Path, store: Path | None = None) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._store = store

    @property
    def head(self) -> Head:
        """The newest entry in short."""
        return self._ledger.head()

    # ------------------------------------------------------------ forecasts

    def accounted(self, plan: Plan, now: int) -> dict[str, int]:
        """Market -> the newest close that has a forecast of ours or an outage.

        One that has neither begins now; in a ledger without any, which may have been begun before a first training
        was done, with the ledger itself. Where one of several models lacks the newest close, that is still open: the
        loop was killed between the two.
        """
        names = {market.name for market in plan.markets}
        origins: dict[str, set[int]] = {}
        for entry in newest_forecasts(self._ledger):
            body = entry.body
            if body["market"] in names and body["interval"] == plan.interval and body["source"] == OURS:
                origins.setdefault(body["market"], set()).add(body["origin"])
        before = {name: max(own) - plan.length for name, own in origins.items()}
        done = {name: before[name] if before[name] in own else max(own) for name, own in origins.items()}
        for market, origin in self._newest_missed(plan.interval):
            for name in names if market is None else names & {market}:
                done[name] = max(done.get(name, 0), origin)
        genesis = self._ledger.entry(1)
        begun = genesis.made_at if genesis and not done else now
        return {name: done.get(name, min(begun, now) // plan.length * plan.length) for name in names}

    def _newest_missed(self, interval: str) -> Iterator[tuple[str | None, int]]:
        """Market, and the last origin that was missed, of the newest outages."""
        for entry in self._ledger.entries(kind="outage", newest_first=True, limit=MOST_OUTAGES):
            body = entry.body
            if body.get("interval") == interval and body.get("missed"):
                yield body.get("market"), max(body["missed"])

    def prepare(
        self, plan: Plan, answer: LiveAnswer, trades: Mapping[str, LastTrade | None]
    ) -> dict[tuple[str, int], list[LiveForecast]]:
        """(market, origin) -> what the ledger takes of a model's answer."""
        found: dict[tuple[str, int], list[LiveForecast]] = {}
        for forecast in live_forecasts(
            answer.forecasts,
            intervals=answer.intervals,
            naive_intervals=answer.naive_intervals,
            allowance=plan.allowance,
            fingerprints=answer.fingerprints,
            last_trades={name: (trade.price, trade.time) for name, trade in trades.items() if trade},
        ):
            found.setdefault((forecast.market, forecast.origin), []).append(forecast)
        return found

    def forecast(self, forecast: LiveForecast, now: int) -> Entered:
        """Write a forecast; what is there already is told, not written twice."""
        return append_forecast(self._ledger, forecast, now)

    def losses(self, plan: Plan, since: int) -> dict[str, np.ndarray]:
        """Market -> the loss of each scored forecast beside the naive one, of origins after a time, in their order.

        The loss is the deciding one, |ln(forecast / close)|, as a mean over the steps.
        """
        found = {}
        for market in plan.markets:
            table = forecast_table(
                self._ledger, market=market.name, interval=plan.interval, since=since, on_time=True
            ).filter(pl.col("actual").is_not_null() & (pl.col("source") == OURS))
            loss, naive = ((pl.col(name) / pl.col("actual")).log().abs() for name in ("value", "last_close"))
            origins = table.group_by("origin").agg((loss - naive).mean().alias("beside")).sort("origin")
            found[market.name] = origins["beside"].to_numpy()
        return found

    # ------------------------------------------------------------ scores

    def scorable(self, now: int, settle: int, keeper: Keeper, failed: Collection[str]) -> list[Scorable]:
        """What is due and has a value; a candle that will not come becomes an outage.

        Args:
            now: the exchange's time.
            settle: after a close, from when its value counts.
            keeper: of the candles.
            failed: markets whose newest candles could not be fetched now; they wait.
        """
        wanted: dict[tuple[str, str], list[int]] = {}
        for one in due(self._ledger, now, settle):
            if one.market not in failed:
                wanted.setdefault((one.market, one.interval), []).append(one.target_time)
        found = []
        for (market, interval), targets in wanted.items():
            closes = keeper.closes(market, interval, min(targets), max(targets))
            found += [Scorable(market, interval, time, closes[time]) for time in targets if time in closes]
            for time in set(targets) - set(closes):
                if now - time > GIVEN_UP_AFTER:
                    self._give_up(market, interval, time, now)
        return found

    def score(self, scorable: Scorable, now: int) -> Entered | None:
        """Write a score; None where no forecast speaks of that candle."""
        return append_score(self._ledger, *scorable, now)

    def outdated(self, plan: Plan, keeper: Keeper, now: int) -> list[Scorable]:
        """Scored candles of late whose stored value is another one now."""
        since = now - LOOKED_BACK * plan.length
        table = forecast_table(self._ledger, interval=plan.interval, since=since, on_time=True)
        scored = table.filter(pl.col("actual").is_not_null()).select(
            "market", pl.col("target_time").dt.epoch("ms"), "actual"
        )
        found = []
        for (name,), rows in scored.unique(["market", "target_time"]).group_by("market"):
            market, times = str(name), rows["target_time"].to_list()
            closes = keeper.closes(market, plan.interval, min(times), max(times))
            found += [
                Scorable(market, plan.interval, time, closes[time])
                for time, actual in zip(times, rows["actual"].to_list(), strict=True)
                if time in closes and abs(closes[time] - actual) > ROUNDING * actual
            ]
        return sorted(found)

    # ------------------------------------------------------------ outages and the inbox

    def outage(self, plan: Plan, missed: Missed, now: int) -> None:
        """Write closes that have no forecast, and why; very many as several entries."""
        origins = list(range(missed.first, missed.last + 1, plan.length))
        for start in range(0, len(origins), MOST_MISSED):
            part = origins[start : start + MOST_MISSED]
            append_outage(
                self._ledger,
                reason=missed.reason.word,
                words=missed.reason.words,
                since=part[0],
                until=part[-1] + plan.length,
                now=now,
                market=missed.market,
                interval=plan.interval,
                missed=part,
            )

    def take_inbox(self, now: int, keeper: Keeper) -> list[str]:
        """Take forecasts made elsewhere in; what became of each file, in a line."""
        if not self._inbox.is_dir():
            return []
        lines = []
        for taken in take_inbox(self._ledger, self._inbox, now, last_trade=keeper.trade_of, store=self._store):
            if not taken.is_waiting:
                refused = f", {len(taken.refused):,} refused: {taken.refused[0]}" if taken.refused else ""
                lines.append(f"inbox: {taken.name}: {taken.entered:,} forecasts, {taken.late:,} of them late{refused}")
        return lines

    def _give_up(self, market: str, interval: str, target: int, now: int) -> None:
        append_outage(
            self._ledger,
            reason=NEVER_CAME,
            words=f"the exchange has no candle that closed at {to_time(target):%Y-%m-%d %H:%M} UTC",
            since=target - INTERVALS[interval],
            until=target,
            now=now,
            market=market,
            interval=interval,
        )
