"""The arrays of the article on its own hours, with the figures that are known of them; and no leak in the fair ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import UNFINISHED, Bench
from coincast.articles.fmz import fair
from coincast.articles.fmz.chapters import tell_charts, tell_data
from coincast.articles.fmz.chapters_direction import tabulate_phases, tell_spoilt
from coincast.articles.fmz.chapters_fair import say_beside
from coincast.articles.fmz.directions import (
    LAST_CLOSE,
    PHASES,
    SAME_WAY,
    count_hits,
    count_phases,
    hourly_spread,
    measure_distance,
    repeat_last_move,
    score_spoilt_copies,
    simple_forecasts,
)
from coincast.articles.fmz.fair import judge_hours, majority_sign, measure_reach, price_table
from coincast.articles.fmz.flaws import list_flaws
from coincast.articles.fmz.hours import LENGTH, Hours, jumping_starts, take_hours
from coincast.articles.fmz.networks import ARTICLE, FAIR_LEVELS, TWINS, Learnt, Variant, _make_span, learn
from coincast.articles.fmz.reversion import LIMIT, measure_reversion
from coincast.articles.fmz.work import Work
from coincast.errors import CandleError, TooFewRowsError
from coincast.experiments import run as run_module
from coincast.experiments.result import Result
from coincast.experiments.spec import Spec
from coincast.sources.files import read_candles
from coincast.sources.simulated import simulate

FIRST, LAST = datetime.fromtimestamp(1_525_622_626, UTC), datetime.fromtimestamp(1_562_658_565, UTC)
"""The range that the article asks the exchange for."""


@pytest.fixture(scope="module")
def hours(shared_data: Path) -> Hours:
    """The article's hours: 10,287 candles without a gap."""
    read = read_candles(shared_data / "bitfinex" / "Bitfinex_BTCUSD_1h.csv")
    return take_hours(read.filter(pl.col("open_time").is_between(FIRST, LAST)))


def article_arrays(hours: Hours) -> tuple[np.ndarray, np.ndarray]:
    """X and Y of the training windows, as the trainer takes them: scaled inputs, and a target at every row."""
    span = _make_span(hours, ARTICLE)
    assert span.step_targets is not None
    rows = span.training.starts[:, None] + np.arange(LENGTH)
    return ((span.inputs - span.scale.centre) / span.scale.spread)[rows], span.step_targets[rows][:, :, 0]


def test_rows_windows_and_arrays_are_the_articles(hours: Hours) -> None:
    assert (len(hours.inputs), hours.gaps, hours.names) == (10_287, 0, ("open", "high", "low", "close", "volume"))
    assert (len(hours.jumping_starts()), hours.training, hours.scored, hours.is_published) == (1_028, 800, 200, True)
    x, y = article_arrays(hours)
    assert (x.shape, y.shape) == ((800, 10, 5), (800, 10))
    mean, deviation = np.mean(hours.close), np.std(hours.close, ddof=1)
    assert x[799, :, 3] == pytest.approx((hours.close[7_990:8_000] - mean) / deviation)
    assert (y[:, :-1] == x[:, 1:, 3]).all()  # the target of a row is the close of the next one
    assert y[799, -1] == pytest.approx((hours.close[8_000] - mean) / deviation)
    assert (hours.gaps, hours.missing, hours.broken) == (0, 0, 0)
    assert hours.candles["open_time"][hours.first_origin - 1] == datetime(2019, 4, 5, tzinfo=UTC)


def test_statistics_of_all_rows_and_of_the_training_rows(hours: Hours) -> None:
    assert hours.scale_close(fair=False) == pytest.approx((6_126.24, 1_948.34), abs=0.005)
    assert hours.scale_close(fair=True) == pytest.approx((5_658.9, 1_594.6), abs=0.05)
    assert hours.close[:8_000].max() == pytest.approx(9_658.7)
    assert hours.close.max() == pytest.approx(13_728)
    targets = hours.close[hours.scored_starts() + LENGTH]
    assert (targets > hours.close[:8_000].max()).mean() == pytest.approx(0.08)
    assert (targets > hours.close[hours.scored_starts() + LENGTH - 1]).mean() == pytest.approx(0.49)


def test_persistence_in_standardised_units(hours: Hours) -> None:
    squared = (np.diff(hours.close) / hours.scale_close(fair=False)[1]) ** 2
    assert squared[:8_000].mean() == pytest.approx(0.000396, abs=5e-7)
    assert squared[8_000:10_000].mean() == pytest.approx(0.001151, abs=5e-7)


def test_the_formula_for_copies_and_means(hours: Hours) -> None:
    simple = simple_forecasts(hours)
    assert [count_hits(hours, forecast) for forecast in simple.values()] == [(n, 199) for n in (175, 168, 166, 158)]
    copies = count_phases(hours, {LAST_CLOSE: simple[LAST_CLOSE]})
    assert copies["hits"].to_list() == [175, 177, 176, 185, 180, 178, 181, 181, 173, 172]


def test_copies_made_worse(hours: Hours) -> None:
    """The unit is 66.0 USD; noise of 0.5 gives 82.7 %, of 1.0 76.5 %, a bias of -0.5 77.9 %, of +0.5 82.9 %."""
    assert hourly_spread(hours) == pytest.approx(66.0, abs=0.05)
    spoilt = score_spoilt_copies(hours)
    shares = {(row["noise"], row["bias"]): row["share"] for row in spoilt.iter_rows(named=True)}
    assert shares[0.5, 0.0] == pytest.approx(0.827, abs=0.003)
    assert shares[1.0, 0.0] == pytest.approx(0.765, abs=0.004)
    assert shares[0.0, -0.5] == pytest.approx(0.779, abs=0.0005)
    assert shares[0.0, 0.5] == pytest.approx(0.829, abs=0.0005)


def test_the_fair_question_has_2286_origins(hours: Hours) -> None:
    assert (hours.test_origins[0], hours.test_origins[-1], len(hours.test_origins)) == (8_000, 10_285, 2_286)
    assert majority_sign(hours) == 1.0  # 4,010 rises and 3,951 falls
    simple = simple_forecasts(hours)
    table = judge_hours(hours, {"copy": simple[LAST_CLOSE], "above": simple[LAST_CLOSE] + 1})
    copy, above = table.sort("model", descending=True).to_dicts()
    assert (copy["forecasts"], copy["ties"], copy["n"], copy["hit_rate"]) == (2_286, 13, 0, None)
    assert copy["rises_with_ties"] == pytest.approx(0.5245, abs=5e-5)
    assert (above["n"], above["majority"]) == (2_273, "rise")
    assert above["hit_rate"] == above["majority_hit_rate"] == pytest.approx(0.5275, abs=5e-5)
    assert above["high"] - above["low"] == pytest.approx(2 * 0.021, abs=0.001)


def test_the_sign_of_the_last_move_said_again(hours: Hours) -> None:
    """Of 2,286 moves 13 are ties; 8 of the others follow one, so that no direction is said for them."""
    moves = np.sign(np.diff(hours.close[7_999:]))
    said, went = moves[:-1], moves[1:]
    named = (said != 0) & (went != 0)
    [row] = judge_hours(hours, {SAME_WAY: repeat_last_move(hours)}).to_dicts()
    assert (row["n"], row["hits"]) == (named.sum(), (said == went)[named].sum()) == (2_265, 1_055)


def test_the_second_chart_is_the_headlines_on_the_articles_hours_alone(hours: Hours, walk: Hours) -> None:
    own, other = (" ".join(tell_charts(one, one.learnt).text) for one in map(with_copies, (hours, walk)))  # type: ignore[arg-type]
    assert "The 81.4 % were counted on them." in own
    assert "The article counted its 81.4 % on those of other candles." in other


# ---------------------------------------------------------------- made-up candles


def with_copies(hours: Hours, *, runs: int = 2, noise: float = 0.0) -> Work:
    """The work of a network whose runs copy the last close, more or less."""
    simple = simple_forecasts(hours)
    copy = simple[LAST_CLOSE]
    prices = copy + noise * np.random.default_rng(0).standard_normal((runs, len(copy)))
    return Work(hours, simple, Learnt(ARTICLE, prices, np.ones((runs, 3)), 1_571, hours.training), (), None, None)


def with_closes(closes: np.ndarray) -> Hours:
    """Hourly candles of these closes."""
    candles = simulate("walk", candles=len(closes), interval="1h", seed=1)
    return take_hours(candles.with_columns(close=pl.Series(closes)))


@pytest.fixture(scope="module")
def walk() -> Hours:
    return take_hours(simulate("walk", candles=505, interval="1h", seed=1))


def test_the_loop_drops_the_last_window_where_the_rows_are_a_multiple_of_ten() -> None:
    """The article's loop, written out."""
    for rows in (11, 19, 20, 21, 100, 10_286):
        start, starts = 0, []
        while start < rows - 10:
            starts.append(start)
            start += 10
        assert jumping_starts(rows).tolist() == starts
    assert len(jumping_starts(10_286)) == 1_028
    assert jumping_starts(25, phase=3).tolist() == [3, 13]


def test_rows_that_make_no_window_are_counted() -> None:
    """Of 500 rows with a target the last whole window is dropped, too."""
    hours = take_hours(simulate("walk", candles=501, interval="1h", seed=1))
    flaws = list_flaws(Work(hours, simple_forecasts(hours), None, (), None, None))
    assert "500 rows with a target make 49 windows; 10 rows are left over" in " ".join(flaw.effect for flaw in flaws)


def test_simple_forecasts_see_their_window_alone(walk: Hours) -> None:
    simple = simple_forecasts(walk)
    start = 37
    window = walk.close[start : start + LENGTH]
    assert simple[LAST_CLOSE][start] == window[-1]
    assert simple["mean of the last 3 closes"][start] == pytest.approx(window[-3:].mean())
    assert {len(one) for one in simple.values()} == {len(walk.every_start)}
    assert measure_distance(walk, simple[LAST_CLOSE]) == 0


def change_future(hours: Hours, row: int) -> Hours:
    """The same candles up to a row, and others from it on."""
    prices = [
        pl.when(pl.int_range(pl.len()) < row).then(pl.col(name)).otherwise(pl.col(name) * 3 + 7) for name in hours.names
    ]
    return take_hours(hours.candles.with_columns(prices))


def test_the_fair_arrays_do_not_know_the_future_and_the_faithful_ones_do(walk: Hours) -> None:
    other = change_future(walk, walk.first_origin + 1)

    def learnt(hours: Hours, variant: Variant) -> np.ndarray:
        span = _make_span(hours, variant)
        rows = span.training.starts[:, None] + np.arange(LENGTH)
        scaled = (span.inputs[rows] - span.scale.centre) / span.scale.spread
        assert span.step_targets is not None
        return np.concatenate([scaled.ravel(), span.training.targets.ravel(), span.step_targets[rows].ravel()])

    assert (learnt(walk, FAIR_LEVELS) == learnt(other, FAIR_LEVELS)).all()
    assert not np.isclose(learnt(walk, ARTICLE), learnt(other, ARTICLE)).all()
    assert majority_sign(walk) == majority_sign(other)


def test_windows_of_every_variant_end_before_the_first_fair_origin(walk: Hours) -> None:
    for variant in (ARTICLE, *TWINS, FAIR_LEVELS):
        starts = _make_span(walk, variant).training.starts
        assert starts[-1] + LENGTH == walk.first_origin
        assert (np.diff(starts) == variant.stride).all()


def test_the_table_of_forecasts_says_what_stands_in_the_candles(walk: Hours) -> None:
    simple = simple_forecasts(walk)
    table = price_table(walk, {"copy": simple[LAST_CLOSE]})
    assert (table["value"] == table["last_close"]).all()
    joined = table.join(walk.candles.select(target_time="close_time", close="close"), on="target_time")
    assert joined.height == table.height == len(walk.test_origins)
    assert (joined["actual"] == joined["close"]).all()
    assert (table["trained_until"] <= table["origin"]).all()


@pytest.fixture(scope="module")
def broken() -> Hours:
    """505 candles, of which 12 are missing at two places: the 3rd window and, long after training, the 46th."""
    candles = simulate("walk", candles=505, interval="1h", seed=1)
    row = pl.int_range(pl.len())
    return take_hours(candles.filter(~row.is_between(25, 29), ~row.is_between(470, 476)))


def test_a_gap_is_counted_in_candles_and_never_crossed_fairly(broken: Hours) -> None:
    """Rows 25 and 465 follow a gap. Fair origins have eleven rows up to them and one after them without one."""
    assert (broken.gaps, broken.missing, len(broken.inputs), broken.noun) == (2, 12, 493, "candle")
    assert broken.broken == 2  # windows from row 20 to 29 and from row 460 to 469, with targets at 30 and 470
    assert broken.first_origin == 380
    after = set(range(380, 492))
    crossing = {origin for origin in after if origin - 10 < 465 <= origin + 1}
    assert broken.test_origins.tolist() == sorted(after - crossing)
    assert len(broken.training_moves) == 378  # of 379 changes the one into row 25 is none
    changes = np.diff(broken.close)
    assert broken.training_moves.tolist() == np.delete(changes[:379], 24).tolist()
    assert broken.test_moves.tolist() == [changes[origin] for origin in broken.test_origins]
    table = price_table(broken, {"copy": simple_forecasts(broken)[LAST_CLOSE]})
    hours_ahead = (table["target_time"] - table["origin"]).dt.total_hours()
    assert set(hours_ahead) == {1}


def test_moves_that_come_back_are_found_and_pairs_across_a_gap_are_not(broken: Hours) -> None:
    """Against a loop over pairs of rows; and on an MA(1), whose first correlation is -0.5 / 1.25 and others 0."""
    table = measure_reversion(broken)
    returns = {row: np.log(broken.close[row] / broken.close[row - 1]) for row in range(1, 380) if row != 25}
    middle = np.median(list(returns.values()))
    reach = LIMIT * 1.4826 * np.median([abs(value - middle) for value in returns.values()])
    cut = {row: min(max(value, middle - reach), middle + reach) for row, value in returns.items()}
    pairs = [(cut[row - 2], cut[row]) for row in cut if {row - 1, row - 2} <= set(cut)]
    assert table["training"][1] == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1], abs=1e-12)
    shocks = 0.01 * np.random.default_rng(2).standard_normal(4_001)
    candles = simulate("walk", candles=4_000, interval="1h", seed=1)
    closes = 100 * np.exp(np.cumsum(shocks[1:] - 0.5 * shocks[:-1]))
    echo = measure_reversion(take_hours(candles.with_columns(pl.Series("close", closes))))
    assert echo["training"][0] == pytest.approx(-0.4, abs=0.04)
    assert echo["training"][1:].abs().max() < 3.5 / np.sqrt(3_000)  # type: ignore[operator]
    assert echo["band"][5] == pytest.approx(1.96 / np.sqrt(3_110), rel=0.15)


@pytest.mark.parametrize("variant", [ARTICLE, *TWINS], ids=lambda variant: variant.name)
def test_the_usual_size_trains_as_published(walk: Hours, tmp_path: Path, variant: Variant, monkeypatch: Any) -> None:
    """600 full-batch steps of Adam at 0.01 for the article; its twins take as many steps of as many windows."""
    caught: list[Any] = []

    def catch(bench: Bench, name: str, runs: Any, **options: Any) -> None:
        caught.extend(runs)
        raise KeyboardInterrupt

    monkeypatch.setattr(Bench, "train", catch)
    with pytest.raises(KeyboardInterrupt):
        learn(Bench(walk.candles, tmp_path), walk, variant)
    recipe, network = caught[0].recipe, caught[0].settings
    assert (recipe.batch_size, recipe.learning_rate, recipe.loss) == (walk.training, 0.01, "mse")
    assert (recipe.shuffle, recipe.loss_on) == (variant.name == "stride-1", variant.loss_on)
    assert (network.units, network.every_step, network.convention) == ((10, 10), True, "torch")
    assert [run.seed for run in caught] == list(range(25 if variant is ARTICLE else 10))
    windows = len(caught[0].spans[0].training.starts)
    assert recipe.epochs * windows == pytest.approx(600 * walk.training, rel=0.01)


def test_too_few_candles_are_refused() -> None:
    with pytest.raises(TooFewRowsError, match="take a longer span"):
        take_hours(simulate("walk", candles=200, interval="1h"))


def test_a_price_without_directions_is_refused_before_training() -> None:
    closes = np.random.default_rng(3).uniform(90, 110, 505)
    first, last = take_hours(simulate("walk", candles=505, interval="1h", seed=1)).scored_starts()[[0, -1]]
    closes[first : last + LENGTH + 1] = 100.0
    with pytest.raises(CandleError, match=r"each of the 110 moves that are scored is 0, so that there is no direction"):
        with_closes(closes)
    closes[last + LENGTH] = 101.0
    assert hourly_spread(with_closes(closes)) > 0


def test_the_last_move_said_again_against_a_loop(walk: Hours) -> None:
    hits = trials = 0
    for origin in walk.test_origins:
        before, now, after = walk.close[origin - 1 : origin + 2]
        if before != now != after:
            trials += 1
            hits += (now > before) == (after > now)
    rows = {row["model"]: row for row in with_copies(walk).judged.to_dicts()}
    assert (rows[SAME_WAY]["n"], rows[SAME_WAY]["hits"]) == (trials, hits)
    [told] = [words for words in say_beside(with_copies(walk)) if words.startswith("Saying that the price goes on")]
    assert f"is right in {100 * hits / trials:.1f} % of {trials}" in told


def test_a_mean_of_runs_is_called_one(walk: Hours) -> None:
    work = with_copies(walk, runs=3, noise=1.0)
    assert "LSTM, as published, mean of 3 runs" in work.judged["model"].to_list()
    assert say_beside(work)[0].startswith("The mean forecast of 3 runs of the network as published, asked the same")


@pytest.mark.parametrize(("drift", "word"), [(0.1, "higher"), (-0.1, "lower")])
def test_what_scaling_tells_of_the_future_is_said_of_these_candles(drift: float, word: str) -> None:
    closes = 200 + drift * np.arange(505) + np.random.default_rng(4).standard_normal(505)
    assert f"training is told that {word} prices will follow" in tell_data(with_copies(with_closes(closes))).text[1]


def test_a_network_scores_less_than_a_copy_only_where_it_does(walk: Hours) -> None:
    titles = [tell_spoilt(with_copies(walk, noise=noise)).title for noise in (0.0, 1e3 * hourly_spread(walk))]
    assert titles == ["What an error makes of a copy", "Why a network scores less than a copy"]


def test_the_networks_runs_stand_at_every_phase_beside_the_pairs_of_that_phase() -> None:
    """414 rows with a target make 41 windows from row 0, 1, 2 or 3, and 40 from any other."""
    hours = take_hours(simulate("walk", candles=415, interval="1h", seed=1))
    work = with_copies(hours, runs=3, noise=hourly_spread(hours))
    runs = np.stack([work.shares(work.learnt, phase=phase) for phase in PHASES], axis=1)  # type: ignore[arg-type]
    table = tabulate_phases(count_phases(hours, work.simple), runs)
    rows = {name: list(map(float, counts)) for name, *counts in table.iter_rows()}
    windows = [len(range(phase, len(hours.close) - 1 - LENGTH, LENGTH)) for phase in PHASES]
    assert len(set(windows)) == 2
    assert rows["pairs"] == [windows[phase] - hours.training - 1 for phase in PHASES]
    for phase in PHASES:
        hits = sorted(count_hits(hours, prices, phase=phase)[0] for prices in work.learnt.prices)  # type: ignore[union-attr]
        assert [rows[f"LSTM, {word} of 3 runs"][phase] for word in ("lowest", "median", "highest")] == hits
        assert rows[LAST_CLOSE][phase] == count_hits(hours, work.simple[LAST_CLOSE], phase=phase)[0]


def test_the_reach_goes_on_after_a_kill_and_its_last_step_is_counted_from_the_origin(
    walk: Hours, tmp_path: Path, monkeypatch: Any
) -> None:
    """With drift in place of the network, so that nothing is trained; killed when all is fitted and nothing told."""
    bench = Bench(walk.candles, tmp_path, size="quick")
    told = fair.fair_spec(bench, walk, horizon=10).to_dict()
    spec = Spec.from_dict({**told, "models": [{"name": "drift", "label": fair.NAME}, "naive", *fair.RIVALS]})
    fitted, results = list[str](), list[Result]()
    fit, run = run_module.fit_entry, fair.run_experiment

    def count(entry: Any, *given: Any, **options: Any) -> Any:
        fitted.append(entry.label)
        return fit(entry, *given, **options)

    def keep(*given: Any, **options: Any) -> Result:
        results.append(run(*given, **options))
        return results[-1]

    def die(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coincast.experiments.fingerprint.hash_code", lambda: b"steady")
    monkeypatch.setattr(fair, "fair_spec", lambda *given, **options: spec)
    monkeypatch.setattr(run_module, "fit_entry", count)
    monkeypatch.setattr(fair, "run_experiment", keep)
    with monkeypatch.context() as patch:
        patch.setattr(fair, "list_steps", die)
        with pytest.raises(KeyboardInterrupt):
            measure_reach(bench, walk)
    steps, ahead = measure_reach(bench, walk)
    assert fitted == [fair.NAME, "naive", *fair.AUTOREGRESSIONS]  # each once
    assert not list((tmp_path / UNFINISHED).glob("*"))
    assert steps.group_by("model").len()["len"].to_list() == [10] * 5

    own = results[-1].forecasts.filter(model=fair.NAME, step=10).sort("origin")
    places = walk.candles.with_row_index("row").select("row", origin="close_time")
    origins = own.join(places, on="origin")["row"].to_numpy().astype(int)
    assert origins.tolist() == list(range(walk.first_origin, len(walk.close) - 10))
    went = np.sign(walk.close[origins + 10] - walk.close[origins])
    said = np.sign(own["value"].to_numpy() - walk.close[origins])
    assert (ahead["n"][0], ahead["hits"][0], ahead["overlap"][0]) == (len(origins), (said == went).sum(), 10)
    assert measure_reach(bench, walk)[1].equals(ahead)
    assert len(results) == 2  # the third time nothing is run
