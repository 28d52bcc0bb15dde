"""Directions against the last known price: counts by hand, intervals, costs, refusals and sentences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom, norm, t
from statsmodels.stats.proportion import proportion_confint

from coincast.errors import ForecastError, UsageError
from coincast.scores.direction import (
    DIRECTION_COLUMNS,
    article_direction,
    article_sentences,
    direction_table,
    forecasts_to_tell,
    hit_rate_needed,
    interval_of_share,
    judge_direction,
)
from coincast.scores.direction.counts import block_length
from coincast.scores.finding import Options

Table = Callable[..., pl.DataFrame]

UP = 1.01
DOWN = 0.99


def coin(share: float = 0.5, seed: int = 5) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A forecast that goes up or down by chance, whatever comes."""
    return lambda last, actual: last * np.where(np.random.default_rng(seed).random(last.size) < share, UP, DOWN)


def always_up(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return last * UP


def oracle(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return actual


def copy_last(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
    return last


def half_copy(last: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """A coin at every second origin, else the last price."""
    return np.where(np.arange(last.size) % 2, coin()(last, actual), last)


def small_table(make_forecasts: Table) -> pl.DataFrame:
    """Ten forecasts: two ties (one without a direction), one more without a direction, 7 judged, 4 hits; 5 rises."""
    went = np.array([UP, UP, UP, 1.0, UP, 1.0, UP, DOWN, DOWN, DOWN])
    said = np.array([UP, UP, DOWN, UP, 1.0, 1.0, UP, DOWN, UP, UP])
    last = 100 * np.cumprod(np.append(1.0, went[:-1]))
    return make_forecasts(copy_last, n=10).with_columns(
        value=pl.Series(last * said), actual=pl.Series(last * went), last_close=pl.Series(last)
    )


def to_direction(table: pl.DataFrame, naive: float | None = 1.0) -> pl.DataFrame:
    """A table of prices as one of probabilities of a rise."""
    last, actual = pl.col("last_close"), pl.col("actual")
    return table.with_columns(
        quantity=pl.lit("direction"),
        value=pl.lit(0.5) + 0.2 * (pl.col("value") / last - 1).sign(),
        actual=pl.when(actual != last).then((actual > last).cast(pl.Float64)),
        naive=pl.lit(naive, dtype=pl.Float64),
    )


# ---------------------------------------------------------------- counts, costs and numbers


def test_counts_by_hand(make_forecasts: Table) -> None:
    table = judge_direction(small_table(make_forecasts), majority={"made:UP/USD": "rise"})
    assert table.schema == pl.Schema(DIRECTION_COLUMNS)
    row = table.row(0, named=True)
    counts = {
        name: row[name] for name in ("step", "overlap", "forecasts", "ties", "undirected", "n", "hits", "origins")
    }
    assert counts == {
        "step": 0,
        "overlap": 1,
        "forecasts": 10,
        "ties": 2,
        "undirected": 1,
        "n": 7,
        "hits": 4,
        "origins": 7,
    }
    assert row["hit_rate"] == 4 / 7
    assert row["hit_rate_with_ties"] == 4 / 8
    assert (row["rises"], row["rises_with_ties"]) == (5 / 8, 5 / 10)
    assert (row["majority"], row["majority_hit_rate"]) == ("rise", 4 / 7)
    assert row["difference"] == pytest.approx(0)
    assert (row["p"], row["difference_low"]) == (None, None)
    assert row["mean_move"] == pytest.approx(0.01 * 8 / 10)


@pytest.mark.parametrize("quantity", ["log_return", "direction"])
def test_every_quantity_has_the_same_directions(make_forecasts: Table, quantity: str) -> None:
    prices = small_table(make_forecasts)
    last = pl.col("last_close")
    returns = prices.with_columns(
        quantity=pl.lit("log_return"), value=(pl.col("value") / last).log(), actual=(pl.col("actual") / last).log()
    )
    other = returns.drop("last_close") if quantity == "log_return" else to_direction(prices)
    names = ["forecasts", "ties", "undirected", "n", "hits", "rises", "low", "high", "pt_left_out", "majority_hit_rate"]
    expected = judge_direction(prices, majority={"made:UP/USD": "rise"}).select(names)
    assert judge_direction(other, majority={"made:UP/USD": "rise"}).select(names).equals(expected)


def test_ties_at_the_end_are_told_by_the_last_closes(make_forecasts: Table) -> None:
    """Rows 3 and 5 are ties; of a table that ends at one of them the close at its target is not known any more."""
    table = to_direction(small_table(make_forecasts))
    ties = [judge_direction(table[:rows])["ties"][0] for rows in (3, 4, 5, 6, 7)]
    assert ties == [0, 0, 1, 1, 2]
    still = table.with_columns(actual=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(ForecastError, match="has no direction"):
        judge_direction(still)


def test_the_majority_comes_from_the_table_of_directions(make_forecasts: Table) -> None:
    table = to_direction(make_forecasts(coin(), n=100), naive=0.0)
    row = judge_direction(table, majority={"made:UP/USD": "rise"}).row(0, named=True)
    assert row["majority"] == "fall"
    assert row["majority_hit_rate"] == pytest.approx(1 - row["rises"])
    refits = table.with_columns(naive=(pl.int_range(pl.len()) // 50).cast(pl.Float64))
    assert judge_direction(refits)["majority"].to_list() == ["varies"]
    even = table.with_columns(naive=pl.lit(0.5))
    assert judge_direction(even)["majority"].to_list() == [None]
    assert judge_direction(even)["majority_hit_rate"].to_list() == [None]


@pytest.mark.parametrize("quantity", ["price", "log_return", "direction"])
def test_the_column_of_the_majority_goes_before_all_else(make_forecasts: Table, quantity: str) -> None:
    prices = make_forecasts(coin(), n=100)
    table = to_direction(prices, naive=1.0) if quantity == "direction" else prices
    if quantity == "log_return":
        last = pl.col("last_close")
        table = prices.with_columns(
            quantity=pl.lit(quantity), value=(pl.col("value") / last).log(), actual=(pl.col("actual") / last).log()
        )
    row = judge_direction(table.with_columns(majority=0.0), majority={"made:UP/USD": "rise"}).row(0, named=True)
    falls = float((prices["actual"] < prices["last_close"]).mean())
    assert (row["majority"], row["majority_hit_rate"]) == ("fall", pytest.approx(falls))
    unknown = judge_direction(prices.with_columns(majority=pl.lit(None, dtype=pl.Float64))).row(0, named=True)
    assert (unknown["majority"], unknown["majority_hit_rate"]) == (None, None)


def test_a_copy_of_the_last_price_has_no_direction(make_forecasts: Table) -> None:
    runs = [make_forecasts(copy_last, run=run) for run in (1, 2, 3)]
    table = judge_direction(pl.concat(runs), majority={"made:UP/USD": "rise"})
    assert table["model"].to_list() == ["model.ensemble"]
    row = table.row(0, named=True)
    assert (row["n"], row["hits"], row["undirected"], row["forecasts"]) == (0, 0, 120, 120)
    for name in ("hit_rate", "hit_rate_with_ties", "low", "high", "difference", "p", "pt", "to_tell"):
        assert row[name] is None
    assert 0 < row["rises"] < 1
    assert row["sentence"].startswith("The model ensemble names no direction: it repeats the last known price (")


def test_runs_and_failed_forecasts_are_left_out(make_forecasts: Table) -> None:
    broken = make_forecasts(oracle, run=1, model="broken").with_columns(value=pl.lit(None, dtype=pl.Float64))
    outside = make_forecasts(oracle, model="outside").with_columns(
        value=pl.when(pl.int_range(pl.len()) < 20).then(float("nan")).otherwise("value")
    )
    table = judge_direction(pl.concat([broken, outside]))
    assert table["model"].to_list() == ["outside"]
    assert table["forecasts"].to_list() == [100]


def test_needed_hit_rates_are_those_of_the_field() -> None:
    """FIELD.md, section 5: rows are bars (mean move), columns round trips of 0.05, 0.1, 0.2 and 0.4 %."""
    costs = (0.0005, 0.001, 0.002, 0.004)
    told = {0.0012: (71, 92), 0.0035: (57, 64, 79), 0.007: (54, 57, 64, 79), 0.02: (51, 52.5, 55, 60)}
    for move, rates in told.items():
        for cost, rate in zip(costs, rates, strict=False):
            assert 100 * hit_rate_needed(cost, move) == pytest.approx(rate, abs=0.51)
    assert hit_rate_needed(0.002, 0.0012) > 1
    assert 100 * hit_rate_needed(0.0005, 0.06) == pytest.approx(50.4, abs=0.05)


@pytest.mark.parametrize(
    ("rate", "just", "powered"), [(0.51, 9604, 19600), (0.52, 2401, 4900), (0.53, 1068, 2180), (0.55, 385, 780)]
)
def test_numbers_that_tell_a_rate_are_those_of_the_field(rate: float, just: int, powered: int) -> None:
    """FIELD.md, section 5, the second rounded there to three figures."""
    found = forecasts_to_tell(rate)
    assert found is not None
    assert found[0] == just
    assert found[1] == pytest.approx(powered, rel=0.005)
    assert forecasts_to_tell(1 - rate) == found


def test_numbers_that_tell_a_rate_have_the_power_that_is_said() -> None:
    """The exact binomial: at the second number 80 % of the samples lie beyond the limits of the two-sided test."""
    found = forecasts_to_tell(0.55)
    assert found is not None
    n = found[1]
    limit = n / 2 + norm.ppf(0.975) * math.sqrt(n) / 2
    assert binom.sf(limit, n, 0.55) == pytest.approx(0.8, abs=0.02)
    assert forecasts_to_tell(0.5) is None


# ---------------------------------------------------------------- intervals and tests


def test_wilson_where_nothing_overlaps(make_forecasts: Table) -> None:
    row = judge_direction(make_forecasts(coin(), n=200)).row(0, named=True)
    low, high = proportion_confint(row["hits"], row["n"], method="wilson")
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    assert (row["method"], row["block"], row["overlap"]) == ("wilson", None, 1)


def test_blocks_where_targets_overlap(make_forecasts: Table) -> None:
    table = judge_direction(make_forecasts(coin(), n=150, steps=3))
    assert table["step"].to_list() == [0, 1, 2, 3]
    assert table["overlap"].to_list() == [3, 1, 2, 3]
    assert table["method"].to_list() == ["block bootstrap", "wilson", "block bootstrap", "block bootstrap"]
    assert table["block"].to_list() == [9, None, 6, 9]
    assert table["n"].to_list() == [450, 150, 150, 150]
    assert table["origins"].to_list() == [150] * 4
    assert table["hits"][0] == table["hits"][1:].sum()
    assert table["pt"].is_null().to_list() == [True, False, False, False]
    assert table["pt_left_out"][0] is None
    assert table["needed"].is_null().to_list() == [True, False, False, False]
    apart = judge_direction(make_forecasts(coin(), n=150, steps=3, stride=3))
    assert apart["method"].to_list() == ["block bootstrap", "wilson", "wilson", "wilson"]


def test_the_block_bootstrap_by_hand() -> None:
    """Blocks laid down one by one, with the same starts."""
    rng = np.random.default_rng(1)
    trials = rng.integers(0, 3, size=50)
    hits = rng.binomial(trials, 0.6)
    starts = np.random.default_rng(7).integers(50, size=(200, math.ceil(50 / 8)))
    shares = []
    for row in starts:
        places = [(start + i) % 50 for start in row for i in range(8)]
        shares.append(sum(hits[places]) / sum(trials[places]))
    half = t.ppf(0.975, 50 / 8 - 1) * np.std(shares) * math.sqrt((50 / 8) / (50 / 8 - 1))
    seen = hits.sum() / trials.sum()
    found = interval_of_share(hits, trials, block=8, seed=7, repetitions=200)
    assert found == (pytest.approx(seen - half), pytest.approx(seen + half))
    assert interval_of_share(hits, trials, block=26, seed=7, repetitions=200) is None


def test_a_share_of_all_or_none_has_wilsons_interval_of_the_blocks(make_forecasts: Table) -> None:
    """Every sample of the bootstrap would be the same; statsmodels gives what so many independent trials tell."""
    sure, trials = np.ones(84, dtype=np.int64), np.ones(84, dtype=np.int64)
    ends = interval_of_share(sure, trials, block=12, seed=0, repetitions=200)
    assert ends == pytest.approx(proportion_confint(7, 7, method="wilson"))
    ends = interval_of_share(0 * sure, trials, block=12, seed=0, repetitions=200)
    assert ends == pytest.approx(proportion_confint(0, 7, method="wilson"))
    trials[3:] = 0  # three trials are three, however many blocks there are
    ends = interval_of_share(trials, trials, block=12, seed=0, repetitions=200)
    assert ends == pytest.approx(proportion_confint(3, 3, method="wilson"))

    finding = direction_table(make_forecasts(oracle, n=84, steps=4), pl.DataFrame(), Options())
    whole = finding.table.row(0, named=True)
    assert (whole["hits"], whole["n"], whole["method"], whole["block"]) == (336, 336, "wilson", 12)
    assert (whole["low"], whole["high"]) == pytest.approx(proportion_confint(7, 7, method="wilson"))
    assert not [note for note in finding.notes if "draws of blocks" in note]


def test_the_block_bootstrap_covers_what_it_should() -> None:
    """The sign of a move over five candles of a walk beside that of the five before: a true hit rate of one half."""
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(1_000):
        path = np.cumsum(rng.standard_normal(261))
        hits = ((path[10:] > path[5:-5]) == (path[5:-5] > path[:-10])).astype(np.int64)
        ends = interval_of_share(hits, np.ones_like(hits), block=block_length(hits.size, 5), seed=0, repetitions=200)
        assert ends is not None
        covered.append(ends[0] <= 0.5 <= ends[1])
    assert 0.925 <= np.mean(covered) <= 0.97


def test_the_same_seed_gives_the_same_interval(make_forecasts: Table) -> None:
    table = make_forecasts(coin(), n=150, steps=3)
    first, again, other = (judge_direction(table, options=Options(seed=seed)) for seed in (3, 3, 4))
    assert first.equals(again)
    assert first["low"].to_list() != other["low"].to_list()
    assert judge_direction(table, options=Options(block=20))["block"].to_list() == [20, None, 20, 20]


def test_the_difference_from_the_majority_is_the_decisive_test(make_forecasts: Table) -> None:
    """The same figures as the judge's, which are proven elsewhere: its misses over the always-up line's."""
    right = make_forecasts(oracle, n=400)
    row = judge_direction(right, majority={"made:UP/USD": "rise"}).row(0, named=True)
    assert row["hit_rate"] == 1
    assert row["difference"] == pytest.approx(1 - row["rises"])
    assert row["p"] < 1e-6
    assert row["difference_low"] < row["difference"] < row["difference_high"]
    assert "and the difference is more than chance" in row["sentence"]
    chance = judge_direction(make_forecasts(coin(), n=400), majority={"made:UP/USD": "rise"}).row(0, named=True)
    assert chance["p"] > 0.05
    assert chance["difference_low"] < 0 < chance["difference_high"]


def test_always_up_is_the_majority_itself(make_forecasts: Table) -> None:
    row = judge_direction(make_forecasts(always_up), majority={"made:UP/USD": "rise"}).row(0, named=True)
    assert (row["difference"], row["p"], row["pt_left_out"]) == (0, 1, "only one direction is said")
    assert row["hit_rate"] == row["majority_hit_rate"] == row["rises"]
    assert ": it says the same" in row["sentence"]


def test_a_coin_is_right_half_of_the_time(make_forecasts: Table) -> None:
    rates = [judge_direction(make_forecasts(coin(seed=seed), n=500, seed=seed))["hit_rate"][0] for seed in range(20)]
    assert np.mean(rates) == pytest.approx(0.5, abs=3 * 0.5 / math.sqrt(500 * 20))


def test_few_overlapping_forecasts_have_no_interval(make_forecasts: Table) -> None:
    table = judge_direction(make_forecasts(coin(), n=59, steps=3))
    assert table["low"].is_null().to_list() == [True, False, False, True]


# ---------------------------------------------------------------- refusals, notes and sentences


def test_a_price_that_does_not_move_has_no_direction(make_forecasts: Table) -> None:
    flat = make_forecasts(always_up).with_columns(last_close=pl.lit(1.0), actual=pl.lit(1.0), value=pl.lit(1.01))
    with pytest.raises(ForecastError, match="made:UP/USD has no direction: at all 120 targets the price is the last"):
        judge_direction(flat)
    directions = to_direction(flat)
    with pytest.raises(ForecastError, match="has no direction"):
        direction_table(directions, pl.DataFrame(), Options())
    moving = make_forecasts(coin(), market="made:DOWN/USD")
    finding = direction_table(pl.concat([flat, moving]), pl.DataFrame(), Options())
    assert finding.table["market"].to_list() == ["made:DOWN/USD"]
    assert finding.notes[0] == "model on made:UP/USD: no direction is judged, for the price does not move"


def test_what_has_no_direction_is_refused(make_forecasts: Table) -> None:
    table = make_forecasts(coin()).with_columns(quantity=pl.lit("volatility"))
    with pytest.raises(UsageError, match="forecasts of volatility have no direction; what has one: price, log_return"):
        judge_direction(table)
    assert direction_table(table, pl.DataFrame(), Options()).table.is_empty()
    with pytest.raises(UsageError, match="was given as 'up'; it is 'rise' or 'fall'"):
        judge_direction(make_forecasts(coin()), majority={"made:UP/USD": "up"})


def test_notes_say_what_was_left_out(make_forecasts: Table) -> None:
    tables = [
        make_forecasts(coin(), n=30, steps=3, model="short", market="m:A/B"),
        make_forecasts(copy_last, n=150, model="copy", market="made:DOWN/USD"),
        make_forecasts(always_up, n=150, model="bull", market="made:DOWN/USD"),
        make_forecasts(half_copy, n=150, model="half", market="made:DOWN/USD"),
        make_forecasts(coin(), n=150, steps=2, model="long", market="made:SIDE/USD"),
    ]
    notes = direction_table(pl.concat(tables), pl.DataFrame(), Options()).notes
    assert notes == (
        "intervals of hit rates where targets overlap come from 1,000 draws of blocks of 6 origins, seed 0",
        "no direction at all is named by copy on made:DOWN/USD: a copy of the last price has none",
        "forecasts without a direction are left out, not counted as half right: half on made:DOWN/USD (75)",
        "the interval of a hit rate needs at least 40 forecasts and is left out for short on m:A/B at step 2 (30)",
        "the interval of a hit rate needs at least 60 forecasts and is left out for short on m:A/B (30), "
        "short on m:A/B at step 3 (30)",
        "the Pesaran-Timmermann test needs at least 40 forecasts and is left out for short on m:A/B at step 2 (30)",
        "the Pesaran-Timmermann test needs at least 60 forecasts and is left out for short on m:A/B at step 3 (30)",
        "the Pesaran-Timmermann test is left out for bull on made:DOWN/USD: only one direction is said",
    )


def test_sentences(make_forecasts: Table) -> None:
    table = small_table(make_forecasts)
    row = judge_direction(table, options=Options(cost=0.002)).row(0, named=True)
    assert row["sentence"] == (
        "The model forecast names the right direction in 57.1 % of 7 moves (between 25.0 % and 84.2 %), and 62.5 % of "
        "the moves were rises; at a round trip of 0.2 % it takes 62.5 % to earn the costs; 189 independent forecasts "
        "would tell 57.1 % from a coin."
    )
    row = judge_direction(table, options=Options(cost=0.02)).row(0, named=True)
    assert "at a round trip of 2 % no hit rate earns the costs" in row["sentence"]
    ahead = judge_direction(make_forecasts(coin(), n=150, steps=2))["sentence"].to_list()
    assert ahead[0].startswith("The model forecast names the right direction in ")
    assert ahead[1].startswith("The model forecast, 1 candle ahead, names the right direction in ")
    assert ahead[2].startswith("The model forecast, 2 candles ahead, names the right direction in ")
    unknown = judge_direction(table.with_columns(actual=pl.lit(None, dtype=pl.Float64)))["sentence"][0]
    assert unknown == "The model forecast has no direction that can be judged: nothing is known of what came."


# ---------------------------------------------------------------- the article's own formula


def test_the_formula_of_the_article_by_hand() -> None:
    actual = np.array([100.0, 101, 101, 99, 103])
    predicted = np.array([0.0, 100.5, 101.5, 100, 98])
    assert article_direction(actual, predicted) == (2, 4)
    with pytest.raises(UsageError, match="at least two"):
        article_direction(actual[:1], predicted[:1])
    with pytest.raises(UsageError, match="given 5 targets and 4 forecasts"):
        article_direction(actual, predicted[:4])


def test_the_formula_says_unknown_only_of_prices_that_were(make_forecasts: Table) -> None:
    """Neighbouring origins one step ahead know the target before; two steps ahead they do not."""
    [known] = article_sentences(make_forecasts(coin(), n=50))
    assert "not known" not in known
    assert known.endswith(
        "it compares with the price at the target before, which was known when each forecast was made."
    )
    [late] = article_sentences(make_forecasts(coin(), n=50, steps=2))
    assert late.endswith("it compares with a price that was not known yet, and measures no foresight.")
    apart = make_forecasts(coin(), n=10, steps=2).filter(~pl.col("origin").dt.day().is_in([2, 4]))
    [some] = article_sentences(apart)
    assert some.endswith("a price that was not known yet in 5 of 7 cases, and measures no foresight there.")


def test_persistence_on_a_gaussian_walk() -> None:
    """20,000 windows that jump by ten: 0.898 by the article's formula; undefined by the fair one."""
    path = np.cumsum(np.random.default_rng(0).standard_normal(10 * 20_000 + 11))
    ends = 10 * np.arange(20_000) + 10
    hits, pairs = article_direction(path[ends], path[ends - 1])
    assert pairs == 19_999
    assert hits / pairs == pytest.approx(0.898, abs=0.01)
    assert hits / pairs == pytest.approx(1 - math.acos(math.sqrt(0.9)) / math.pi, abs=4 * 0.0022)


def test_noise_on_a_gaussian_walk_is_a_coin(make_forecasts: Table) -> None:
    """20,000 windows: the last close plus independent noise is right in 0.50 +- 0.01 by the fair formula."""
    rng = np.random.default_rng(1)
    table = make_forecasts(copy_last, n=1).drop("actual", "last_close", "value", "origin", "target_time")
    last = 1_000 + np.cumsum(rng.standard_normal(20_001))
    hour = pl.datetime_range(pl.datetime(2000, 1, 1), pl.datetime(2003, 1, 1), "1h", time_zone="UTC", eager=True)
    n = 20_000
    table = pl.concat([table] * n).with_columns(
        interval=pl.lit("1h"),
        trained_until=hour[:n],
        origin=hour[:n],
        target_time=hour[1 : n + 1],
        last_close=pl.Series(last[:n]),
        actual=pl.Series(last[1:]),
        value=pl.Series(last[:n] + rng.standard_normal(n)),
    )
    row = judge_direction(table).row(0, named=True)
    assert row["n"] == n
    assert row["hit_rate"] == pytest.approx(0.50, abs=0.01)
    assert row["low"] < 0.5 < row["high"]
    copied = judge_direction(table.with_columns(value="last_close")).row(0, named=True)
    assert (copied["hit_rate"], copied["undirected"]) == (None, n)
