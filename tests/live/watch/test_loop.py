"""The loop, turn by turn: what must be in the ledger whatever happens to the exchange, the machine and the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from coincast.errors import ExchangeError, MaintenanceError, UsageError
from coincast.live.ledger import verify
from coincast.live.watch.loop import close_watch, open_watch, turn
from exchange_server.watching import START, PlainModel, Scene
from exchange_server.world import HOUR, MINUTE

MakeScene = Callable[..., Scene]
BTC, ETH = "binance:BTC/USDT", "binance:ETH/USDT"


def hours(n: float) -> int:
    return START + round(n * HOUR)


def scored(scene: Scene, market: str = BTC) -> dict[int, float]:
    """Hour -> the newest value that a candle was scored with."""
    return {
        (body["target_time"] - START) // HOUR: body["actual"]
        for body in scene.entries("score")
        if body["market"] == market
    }


def truth(scene: Scene, hour: int, symbol: str = "BTC/USDT") -> float:
    return scene.world.truth(symbol, "1h", hours(hour - 1), hours(hour))[0][4]


def outages(scene: Scene) -> list[tuple[Any, str, list[int]]]:
    """Market, reason and missed hours of every outage."""
    return [
        (body["market"], body["reason"], [(origin - START) // HOUR for origin in body["missed"]])
        for body in scene.entries("outage")
    ]


def test_every_close_has_a_forecast_on_time_and_every_settled_candle_its_score(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(6.5))
    for market, symbol in ((BTC, "BTC/USDT"), (ETH, "ETH/USDT")):
        assert scene.origins(market) == [1, 2, 3, 4, 5, 6]
        assert scored(scene, market) == {hour: truth(scene, hour, symbol) for hour in range(2, 7)}
    first = scene.entries("forecast")[0]
    assert first["last_close"] == truth(scene, 1)
    assert 0 <= first["last_trade_at"] - hours(1) - scene.plan.grace < 1000
    made = [entry.made_at - entry.body["origin"] for entry in scene.ledger.entries(kind="forecast")]
    assert max(made) < 5000
    assert outages(scene) == []
    assert verify(scene.ledger.path).ok


def test_without_a_model_closes_are_outages_and_a_model_that_comes_late_makes_a_late_forecast(
    make_scene: MakeScene,
) -> None:
    scene = make_scene(model=False)
    open_watch(scene.watch)
    scene.run_until(hours(3.5))
    scene.watch.nursery.waiting = PlainModel(scene.plan)
    scene.run_until(hours(5.5))
    assert scene.origins(late=True) == [3]
    assert scene.origins() == [4, 5]
    assert outages(scene) == [(None, "no model", [1, 2])]
    assert sorted(scored(scene)) == [5]


def test_a_candle_that_comes_after_the_allowance_makes_a_late_forecast(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.feed.hidden.add(("BTC/USDT", hours(1)))
    scene.run_until(hours(2) + 10 * MINUTE)
    assert (scene.origins(), scene.origins(ETH)) == ([1], [1, 2])
    scene.feed.hidden.clear()
    scene.run_until(hours(4.5))
    assert (scene.origins(), scene.origins(late=True)) == ([1, 3, 4], [2])
    assert scored(scene) == {hour: truth(scene, hour) for hour in (2, 3, 4)}
    assert outages(scene) == []


def test_a_candle_within_the_allowance_is_waited_for(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.feed.hidden.add(("BTC/USDT", hours(1)))
    scene.run_until(hours(2) + 20_000)
    scene.feed.hidden.clear()
    scene.run_until(hours(2.5))
    assert scene.origins() == [1, 2]


@pytest.mark.long
def test_a_candle_that_never_comes(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own close is missed, and those whose window it lies in; what it would have scored is given up in time."""
    monkeypatch.setattr("coincast.live.watch.books.GIVEN_UP_AFTER", 5 * HOUR)
    scene = make_scene()
    open_watch(scene.watch)
    scene.feed.hidden.add(("BTC/USDT", hours(2)))
    scene.run_until(hours(9.5))
    assert scene.origins() == [1, 2, 7, 8, 9]
    missed = [entry for entry in outages(scene) if entry[1] == "exchange"]
    assert missed == [(BTC, "exchange", [3, 4, 5, 6])]
    given_up = [body for body in scene.entries("outage") if body["reason"] == "missing candle"]
    assert [(body["since"], body["until"]) for body in given_up] == [(hours(2), hours(3))]
    assert sorted(scored(scene)) == [2, 4, 8, 9]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ExchangeError("binance did not answer; the last answer was a lost connection (is there a network?)"),
            "network",
        ),
        (MaintenanceError("binance is closed for maintenance"), "maintenance"),
        (ExchangeError("binance answers with HTTP 500"), "exchange"),
    ],
    ids=["network", "maintenance", "exchange"],
)
def test_an_exchange_that_does_not_answer_for_hours(make_scene: MakeScene, error: ExchangeError, reason: str) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(2.5))
    scene.feed.error = error
    scene.run_until(hours(5.5))
    scene.feed.error = None
    scene.run_until(hours(8.5))
    assert (scene.origins(), scene.origins(late=True)) == ([1, 2, 6, 7, 8], [5])
    assert outages(scene) == [(None, reason, [3, 4])]
    assert scored(scene) == {hour: truth(scene, hour) for hour in (2, 3, 4, 7, 8)}


def test_a_market_that_is_gone_from_the_list_for_a_while_is_an_outage_and_not_the_end(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(2.5))
    scene.feed.error = MaintenanceError("binance is closed for maintenance")
    scene.run_until(hours(3.2))
    scene.feed.error = UsageError("binance has no market BTC/USDT")
    scene.run_until(hours(4.5))
    scene.feed.error = None
    scene.run_until(hours(6.5))
    assert (scene.origins(), scene.origins(late=True)) == ([1, 2, 5, 6], [4])
    assert outages(scene) == [(None, "exchange", [3])]
    misspelt = make_scene()
    misspelt.feed.error = UsageError("binance has no market BTC/USDT")
    with pytest.raises(UsageError):
        open_watch(misspelt.watch)


def test_a_machine_that_slept_asks_what_time_it_is_before_anything_else(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(2.5))
    scene.clock.asleep(3 * HOUR / 1000)
    scene.run_until(hours(7.5))
    assert (scene.origins(), scene.origins(late=True)) == ([1, 2, 6, 7], [5])
    assert outages(scene) == [(None, "asleep", [3, 4])]
    late = [entry for entry in scene.ledger.entries(kind="forecast") if entry.body["late"]]
    assert all(entry.made_at >= hours(5.5) for entry in late)


def test_a_forecast_is_not_written_by_a_clock_that_jumped_since_it_was_made(make_scene: MakeScene) -> None:
    """The machine sleeps between the candle and the ledger."""
    scene = make_scene()
    open_watch(scene.watch)
    model, sleepy = scene.watch.nursery.model, []

    class Drowsy(PlainModel):
        def forecast(self, candles: Any) -> Any:
            if not sleepy:
                sleepy.append(scene.clock.asleep(HOUR / 2000))
            return super().forecast(candles)

    assert model is not None
    scene.watch.nursery.model = Drowsy(scene.plan)  # type: ignore[assignment]
    scene.run_until(hours(1.6))
    assert (scene.origins(), scene.origins(late=True)) == ([], [1])


def test_a_loop_that_stood_still_has_slept(make_scene: MakeScene) -> None:
    """A stopped process, or a system whose monotonic clock goes on in sleep."""
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(1.5))
    scene.clock.seconds += 3 * 3600
    scene.run_until(hours(5.5))
    assert (scene.origins(), scene.origins(late=True)) == ([1, 5], [4])
    assert outages(scene) == [(None, "asleep", [2, 3])]


@pytest.mark.parametrize("skew", [-5 * HOUR, 5 * HOUR])
def test_the_clock_of_the_exchange_counts(make_scene: MakeScene, skew: int) -> None:
    scene = make_scene(skew=skew)
    open_watch(scene.watch)
    scene.run_until(START + skew + round(3.5 * HOUR))
    assert [hour - skew // HOUR for hour in scene.origins()] == [1, 2, 3]
    assert scene.origins(late=True) == []


def test_a_clock_that_was_set_is_not_a_sleep(make_scene: MakeScene) -> None:
    """The wall clock of the machine jumps by a day, the exchange's does not."""
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(1.5))
    scene.clock.slept += 86_400
    scene.world.skew -= 24 * HOUR
    scene.run_until(hours(3.5))
    assert (scene.origins(), outages(scene)) == ([1, 2, 3], [])


def test_a_revised_candle_is_scored_anew(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(4.5))
    before = truth(scene, 3)
    scene.world.revisions["BTC/USDT", "1h", hours(2)] = 500
    scene.run_until(hours(5.5))
    assert truth(scene, 3) == pytest.approx(before + 5)
    third = [body for body in scene.entries("score") if body["market"] == BTC and body["target_time"] == hours(3)]
    assert [(body["actual"], body["revision"]) for body in third] == [(before, 0), (truth(scene, 3), 1)]
    assert scored(scene) == {hour: truth(scene, hour) for hour in range(2, 6)}


def test_values_that_are_not_final_yet_are_not_scored(make_scene: MakeScene) -> None:
    """For 20 seconds after a close the exchange shows other prices; a score has the final ones, and only these."""
    scene = make_scene()
    scene.world.settling = 20_000
    open_watch(scene.watch)
    scene.run_until(hours(4.5))
    assert scene.origins() == [1, 2, 3, 4]
    assert scored(scene) == {hour: truth(scene, hour) for hour in range(2, 5)}
    assert {body["revision"] for body in scene.entries("score")} == {0}
    assert scene.entries("forecast")[0]["last_close"] != truth(scene, 1)  # naive is what was known at the origin


def test_another_start_goes_on_where_the_ledger_ends(make_scene: MakeScene) -> None:
    first = make_scene()
    open_watch(first.watch)
    first.run_until(hours(2) + 10_000)  # killed: nothing is closed, the scores of 2 are not written
    assert first.origins() == [1, 2]

    second = make_scene(start=hours(2) + 20_000, world=first.world)
    open_watch(second.watch)
    second.run_until(hours(2.5))
    assert second.origins() == [1, 2]
    assert sorted(scored(second)) == [2]

    third = make_scene(start=hours(5.5), world=first.world)
    open_watch(third.watch)
    third.run_until(hours(6.5))
    assert (third.origins(), third.origins(late=True)) == ([1, 2, 6], [5])
    assert outages(third) == [(None, "not running", [3, 4])]
    assert scored(third) == {hour: truth(third, hour) for hour in (2, 3, 4)}
    assert verify(third.ledger.path).ok


def test_a_kill_right_after_the_first_forecast_loses_no_outage(make_scene: MakeScene) -> None:
    """What was missed before is written before it."""
    first = make_scene()
    open_watch(first.watch)
    first.run_until(hours(2.5))
    second = make_scene(start=hours(5) + 5000, world=first.world)
    open_watch(second.watch)
    turn(second.watch)
    assert second.origins() == [1, 2, 5]
    third = make_scene(start=hours(5) + 40_000, world=first.world)
    open_watch(third.watch)
    third.run_until(hours(6.2))
    assert third.origins() == [1, 2, 5, 6]
    assert outages(third) == [(None, "not running", [3, 4])]


def test_a_candle_that_was_revised_while_nothing_ran_is_scored_anew(make_scene: MakeScene) -> None:
    first = make_scene()
    open_watch(first.watch)
    first.run_until(hours(4.5))
    first.world.revisions["BTC/USDT", "1h", hours(2)] = 500
    second = make_scene(start=hours(4.6), world=first.world)
    open_watch(second.watch)
    second.run_until(hours(5.5))
    assert scored(second) == {hour: truth(second, hour) for hour in range(2, 6)}


def test_the_end_writes_what_was_missed(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(1.5))
    scene.feed.error = ExchangeError("binance answers with HTTP 500")
    scene.run_until(hours(3.5))
    close_watch(scene.watch)
    assert outages(scene) == [(None, "exchange", [2, 3])]


@pytest.mark.long
def test_one_market_alone_may_fail(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.feed.hidden |= {("ETH/USDT", hours(hour)) for hour in range(1, 4)}
    scene.run_until(hours(4.5))
    assert (scene.origins(BTC), scene.origins(ETH)) == ([1, 2, 3, 4], [1])
    close_watch(scene.watch)
    assert outages(scene) == [(ETH, "exchange", [2, 3, 4])]


def test_a_slow_exchange_makes_forecasts_late_and_not_early(make_scene: MakeScene) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.feed.seconds = 70.0
    scene.run_until(hours(2.5))
    assert (scene.origins(), scene.origins(late=True)) == ([], [1, 2])
    assert scored(scene) == {}


def test_a_market_that_hangs_holds_no_other_up(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene()
    open_watch(scene.watch)
    scene.run_until(hours(1.5))
    newest, released, asked = scene.feed.newest, threading.Event(), []

    def hang(market: Any, since: int) -> Any:
        if market.name == ETH and not asked:
            asked.append(market)
            released.wait(10)
        return newest(market, since)

    monkeypatch.setattr(scene.feed, "newest", hang)
    monkeypatch.setattr("coincast.live.watch.forecasting.SHORTEST_WAIT", 0.1)
    scene.run_until(hours(2.2))
    released.set()
    made = {entry.body["market"]: entry.made_at for entry in scene.ledger.entries(kind="forecast")}
    assert made[BTC] < made[ETH] < hours(2) + scene.plan.allowance  # ETH was asked once more
    assert (scene.origins(BTC), scene.origins(ETH), outages(scene)) == ([1, 2], [1, 2], [])


def test_what_the_ledger_refuses_of_one_model_is_no_outage_of_the_other(make_scene: MakeScene) -> None:
    """One of two networks forecasts other steps than before; its label was not changed."""
    scene = make_scene()

    class Pair(PlainModel):
        steps = 2

        def forecast(self, candles: Any) -> Any:
            answer = super().forecast(candles)
            other = answer.forecasts.filter(pl.col("step") <= self.steps).with_columns(model=pl.lit("other"))
            answer.forecasts = pl.concat([answer.forecasts, other])
            return answer

    scene.watch.nursery.model = pair = Pair(scene.plan)  # type: ignore[assignment]
    open_watch(scene.watch)
    scene.run_until(hours(1.5))
    pair.steps = 1
    scene.run_until(hours(3.5))
    made = [(body["model"], (body["origin"] - START) // HOUR) for body in scene.entries("forecast")]
    assert sorted(set(made)) == [("other", 1), ("plain", 1), ("plain", 2), ("plain", 3)]
    assert outages(scene) == []


def test_a_fault_of_ours_in_quiet_work_is_not_swallowed(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene()
    monkeypatch.setattr(scene.feed, "fill", lambda *_: 1 / 0)
    open_watch(scene.watch)
    with pytest.raises(ZeroDivisionError):
        scene.run_until(hours(1.5))


def test_a_model_is_not_asked_with_a_long_history(make_scene: MakeScene) -> None:
    """It is learnt from; to read years of minutes at every close would take longer than a forecast may."""
    scene, heights = make_scene(), []

    class Counting(PlainModel):
        def forecast(self, candles: Any) -> Any:
            heights.append(candles.filter(market=BTC).height)
            return super().forecast(candles)

    scene.watch.nursery.model = Counting(scene.plan)  # type: ignore[assignment]
    open_watch(scene.watch)
    scene.run_until(hours(2.2))
    assert heights == [2 * Counting.rows] * 2
