"""With and without: planted series are found, useless ones are not, and both sides learn from the same windows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import TooFewRowsError, UsageError
from coincast.experiments.ablation.ablate import _find_blind, ablate
from coincast.experiments.ablation.losses import COMPARED_COLUMNS, WORDS, _compare_runs, _give_words
from coincast.experiments.ablation.variants import Part, plan_variants
from coincast.experiments.run import run_experiment
from coincast.experiments.spec import Spec
from coincast.scores.significance import adjust_holm, compare_losses
from coincast.sources.files import read_candles


@dataclass(frozen=True)
class Linear:
    """Least squares of the next return on the inputs of the last candle of a window; keeps what it learnt from."""

    learns: ClassVar[bool] = True
    seen: list[tuple[int, ...]] = field(default_factory=list, compare=False, repr=False)

    def forecast(self, samples: Any, *, training: Any, origins: Any, seed: int) -> Any:
        windows = samples.windows_in(training, reach_back=False)
        self.seen.append(tuple(windows.starts.tolist()))
        returns = np.log(samples.future_close(windows) / samples.last_close(windows)[:, None])
        beta = np.linalg.lstsq(samples.inputs[windows.origin_rows], returns, rcond=None)[0]
        return samples.close[origins][:, None] * np.exp(samples.inputs[origins] @ beta)


@pytest.fixture(scope="module")
def planted() -> pl.DataFrame:
    """Two walks, each with a column that tells half of the next return and one that tells nothing."""
    candles = cc.simulate("walk", candles=1500, coins=2, seed=3)
    return pl.concat([_plant(own, seed) for seed, own in enumerate(candles.partition_by("market"), start=1)])


def _plant(own: pl.DataFrame, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    future = np.append(np.diff(np.log(own["close"].to_numpy())), 0.0)
    tip = future + rng.normal(0, future.std(), own.height)
    noise = rng.normal(0, 1, own.height)
    return own.with_columns(pl.Series("tip", tip), pl.Series("noise", noise))


@pytest.fixture(scope="module")
def done(planted: pl.DataFrame) -> Any:
    """An ablation of both columns on both markets, with training rows."""
    models = [Linear(), "ar"]
    return ablate(planted, models=models, groups=["tip", "noise"], training_rows=[200, 100], lookback=3)


# ---------------------------------------------------------------- what is found


def test_a_planted_series_helps_and_a_useless_one_does_not(done: Any) -> None:
    for table in (done.comparisons, done.pooled):
        words = {(row["part"], row["beside"]): row["verdict"] for row in table.iter_rows(named=True)}
        assert words == {
            ("tip", "nothing"): "helps",
            ("noise", "nothing"): "not distinguishable",
            ("tip", "noise"): "helps",
            ("noise", "tip"): "not distinguishable",
            ("all together", "nothing"): "helps",
        }
    assert done.comparisons.height == 10
    assert done.pooled["markets"].to_list() == [2] * 5
    assert done.sentence.startswith("Mean of 2 markets: The linear forecast with tip: skill ")
    assert [line.rpartition(": ")[2] for line in done.sentences] == ["helps.", "not distinguishable."]


def test_a_useless_series_is_hardly_ever_said_to_help() -> None:
    candles = cc.simulate("walk", candles=500, coins=40, seed=4)
    many = pl.concat([_plant(own, seed) for seed, own in enumerate(candles.partition_by("market"), start=100)])
    done = ablate(many, models=[Linear()], groups=["noise"], test=0.4)
    alone = done.comparisons.filter(pl.col("p") < 0.05)
    # At most 2.5 % by the test's size; 4 or more of 40 would come with a chance of 2 in 100 then.
    assert alone.filter(pl.col("difference") > 0).height <= 3
    assert "helps" not in {*done.comparisons["verdict"], *done.pooled["verdict"]}


@pytest.mark.long
def test_a_network_finds_it_too(planted: pl.DataFrame) -> None:
    one = planted.filter(pl.col("market") == planted["market"][0])
    settings = {"lookback": 2, "epochs": 8, "seeds": 2, "learning_rate": 0.02, "seed": 1}
    done = ablate(one, models=[cc.LSTM(units=3)], groups=["tip"], **settings)
    row = done.comparisons.row(0, named=True)
    assert (row["model"], row["verdict"], row["runs"], row["runs_helped"]) == ("lstm.ensemble", "helps", 2, 2)


@pytest.mark.parametrize(("spread", "verdict"), [(0.001, "helps"), (2.0, "not distinguishable")])
def test_a_network_gets_a_word_only_where_its_single_runs_differ(spread: float, verdict: str) -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    before, after = (dict(enumerate(level + spread * rng.normal(size=6), start=1)) for level in (1.0, 0.9))
    luck = _compare_runs([before], [after])
    welch = ttest_ind(list(after.values()), list(before.values()), equal_var=False)
    assert luck["p_runs"] == pytest.approx(welch.pvalue)
    row = {"p": 0.001, "loss": 0.9, "naive": 1.0, "is_too_few": False}
    table = _give_words([row | luck], COMPARED_COLUMNS, WORDS)
    assert table["verdict"].to_list() == [verdict]
    turned = _give_words([row | _compare_runs([after], [before])], COMPARED_COLUMNS, WORDS)
    assert turned.select("p_runs", "verdict").row(0)[1] == "not distinguishable"
    assert _compare_runs([{1: 0.5}], [{1: 0.4}]) == _compare_runs([{}], [{}]) == {}


def test_what_harms_is_said_to_hurt(planted: pl.DataFrame) -> None:
    # A column that turns its sign where the test span begins.
    border = planted["open_time"].unique().sort()[1200]
    sign = pl.when(pl.col("open_time") >= border).then(-1.0).otherwise(1.0)
    done = ablate(planted.with_columns(pl.col("tip") * sign), models=[Linear()], groups=["tip"])
    assert done.comparisons["verdict"].to_list() == ["hurts", "hurts"]


def test_the_difference_is_that_of_two_experiments_and_its_test_that_of_their_losses(
    done: Any, planted: pl.DataFrame
) -> None:
    sides = {}
    for name, features in (("without", ["log_return"]), ("with", ["log_return", "tip"])):
        spec = Spec.from_keywords(models=[Linear()], features=features, lookback=3)
        sides[name] = run_experiment(spec, planted).forecasts.filter(pl.col("model") == "linear")
    actual, naive = (sides["with"][name].log() for name in ("actual", "last_close"))
    losses = {name: (own["value"].log() - actual).abs() for name, own in sides.items()}
    rows = done.comparisons.filter(pl.col("part") == "tip", pl.col("beside") == "nothing")
    for row in rows.iter_rows(named=True):
        own = (sides["with"]["market"] == row["market"]).to_numpy()
        before, after, base = (
            loss.to_numpy()[own] for loss in (losses["without"], losses["with"], (naive - actual).abs())
        )
        assert row["skill_without"] == pytest.approx(1 - before.mean() / base.mean(), abs=1e-9)
        assert row["skill_with"] == pytest.approx(1 - after.mean() / base.mean(), abs=1e-9)
        assert row["difference"] == pytest.approx(row["skill_with"] - row["skill_without"], abs=1e-9)
        alone = compare_losses(after, before, overlapping=1)
        assert (row["p"], row["statistic"]) == pytest.approx((alone.p, alone.statistic), rel=1e-6)
        assert row["low"] < row["difference"] < row["high"]
    skills = done.skills.filter(pl.col("variant") == "tip")["skill"].to_list()
    assert skills == pytest.approx(rows["skill_with"].to_list())
    assert done.comparisons["p_holm"].to_list() == pytest.approx(adjust_holm(done.comparisons["p"].to_numpy()))


def test_the_interval_holds_every_difference_that_is_not_rejected(done: Any, planted: pl.DataFrame) -> None:
    row = done.comparisons.row(0, named=True)
    own = done.forecasts.filter(pl.col("market") == row["market"], pl.col("model") == "linear")
    loss = {
        name: (part["value"].log() - part["actual"].log()).abs().to_numpy()
        for (name,), part in own.partition_by("variant", as_dict=True).items()
    }
    base = (own.filter(pl.col("variant") == "tip")).select((pl.col("last_close").log() - pl.col("actual").log()).abs())
    naive = base.to_series().to_numpy()
    for end, inward in ((row["low"], 1e-4), (row["high"], -1e-4)):
        inside, outside = (
            compare_losses(loss["tip"] + shift * naive, loss["nothing"], overlapping=1).p
            for shift in (end + inward, end - inward)
        )
        assert outside < 0.05 < inside


def test_pooling_averages_the_losses_over_markets(done: Any) -> None:
    both = done.comparisons.filter(pl.col("part") == "tip", pl.col("beside") == "nothing")
    pooled = done.pooled.row(0, named=True)
    naive = (
        done.forecasts.filter(pl.col("variant") == "nothing", pl.col("model") == "naive")
        .group_by("market", maintain_order=True)
        .agg((pl.col("value").log() - pl.col("actual").log()).abs().mean())
    )
    weights = naive["value"] / naive["value"].sum()
    assert pooled["difference"] == pytest.approx((both["difference"] * weights).sum())
    assert pooled["low"] > both["low"].min()


def test_too_few_forecasts_get_no_word(planted: pl.DataFrame) -> None:
    done = ablate(planted, models=[Linear()], groups=["tip"], test=15)
    assert done.comparisons["verdict"].to_list() == ["too few", "too few"]
    assert done.comparisons["low"].to_list() == [None, None]
    assert done.sentence.endswith("15 forecasts, and it needs at least 20: too few.")


# ---------------------------------------------------------------- the same windows on all sides


def test_windows_with_an_unknown_input_are_lost_on_all_sides(planted: pl.DataFrame) -> None:
    lookback = 3
    one = planted.filter(pl.col("market") == planted["market"][0])
    unknown = [*range(100), 500, 700, 1300]
    row = pl.int_range(pl.len())
    holed = one.with_columns(pl.when(row.is_in(unknown)).then(None).otherwise(pl.col("tip")).alias("tip"))
    model = Linear()
    done = ablate(holed, models=[model], groups=["tip"], lookback=lookback, test=0.2)
    # The return of the first candle is unknown to all.
    possible = set(range(1, 1200 - lookback))
    lost = {first for first in possible if set(range(first, first + lookback)) & set(unknown)}
    assert [set(starts) for starts in model.seen] == [possible - lost] * 2
    counts = {row["windows"]: (row["possible"], row["used"], row["left_out"]) for row in done.windows.to_dicts()}
    assert counts["training"] == (len(possible), len(possible) - len(lost), len(lost))
    assert counts["test"] == (300, 297, 3)
    origins = done.forecasts.group_by("variant").agg(pl.col("origin").unique().sort())["origin"].to_list()
    assert origins[0] == origins[1]
    assert any("3 of 300 test windows of simulated:WALK1/USD left out on all sides" in note for note in done.notes)


def test_models_that_look_at_prices_only_are_told_and_not_compared(done: Any) -> None:
    assert done.comparisons["model"].unique().to_list() == ["linear"]
    assert "ar looks at none of the ablated inputs and is not compared" in done.notes
    assert "every input is known in every window, so none is left out" in done.notes
    assert set(done.learning["model"]) == {"ar", "linear"}


@pytest.mark.parametrize(("quantity", "blind"), [("price", ["ar", "linear", "naive"]), ("direction", ["ar", "naive"])])
def test_equal_forecasts_make_no_model_blind_that_looks_at_inputs(quantity: str, blind: list[str]) -> None:
    """Signs are often equal by chance: a model of a user's own is compared, too, where only directions are known."""
    spec = Spec.from_keywords(models=["ridge", "lstm", "ar", Linear()], quantity=quantity)
    names = ["ridge", "lstm", "lstm.ensemble", "lstm(dropout=0.5)", "ar", "linear", "naive"]
    keys = {"market": "made:UP/USD", "interval": "1d", "quantity": quantity, "run": 0, "origin": 1, "step": 1}
    same = pl.DataFrame({"model": names, "value": [1.0] * len(names)}).with_columns(
        pl.lit(value).alias(name) for name, value in keys.items()
    )
    assert _find_blind(spec, same, same) == blind


def test_equal_directions_are_compared(planted: pl.DataFrame) -> None:
    """A tip too small to turn a sign: a series that is nearly constant."""
    one = planted.filter(pl.col("market") == planted["market"][0]).with_columns(
        dull=(pl.int_range(pl.len()) == 5).cast(pl.Float64)
    )
    done = ablate(one, models=["ridge"], features=["log_return"], groups=["dull"], quantity="direction", test=0.2)
    assert done.comparisons["model"].to_list() == ["ridge"]


def test_variants_add_each_part_alone_and_take_each_out_of_all() -> None:
    spec = Spec.from_keywords(models=["ridge"], features=["log_return", "volume"])
    parts = [Part("a", ("a_1", "a_2")), Part("volume", ("volume",)), Part("c", ("c",))]
    variants, comparisons = plan_variants(spec, parts)
    assert {name: own.samples.features for name, own in variants.items()} == {
        "nothing": ["log_return"],
        "a": ["log_return", "a_1", "a_2"],
        "volume": ["log_return", "volume"],
        "c": ["log_return", "c"],
        "volume, c": ["log_return", "volume", "c"],
        "a, c": ["log_return", "a_1", "a_2", "c"],
        "a, volume": ["log_return", "a_1", "a_2", "volume"],
        "a, volume, c": ["log_return", "a_1", "a_2", "volume", "c"],
    }
    assert [(one.part, one.beside) for one in comparisons] == [
        *(("a", "nothing"), ("volume", "nothing"), ("c", "nothing")),
        *(("a", "volume, c"), ("volume", "a, c"), ("c", "a, volume"), ("all together", "nothing")),
    ]
    alone, one = plan_variants(spec, parts[:1])
    assert (list(alone), len(one)) == (["nothing", "a"], 1)


# ---------------------------------------------------------------- training rows


def test_the_learning_curve_is_that_of_a_sliding_window(done: Any, planted: pl.DataFrame) -> None:
    rows = done.learning.filter(pl.col("model") == "linear")
    assert rows["training_rows"].to_list() == [100, 200, 100, 200]
    assert rows["training_windows"].to_list() == [97, 197, 97, 197]
    features = ["log_return", "tip", "noise"]
    spec = Spec.from_keywords(models=[Linear()], features=features, lookback=3, window=100)
    scores = run_experiment(spec, planted).leaderboard.filter(pl.col("model") == "linear").sort("market")
    assert rows.filter(pl.col("training_rows") == 100)["skill"].to_list() == pytest.approx(scores["skill"].to_list())
    assert done.learning_pooled.filter(pl.col("model") == "linear")["training_rows"].to_list() == [100, 200]


def test_training_rows_alone_are_an_ablation(planted: pl.DataFrame) -> None:
    done = ablate(planted, models=["ar"], training_rows=[50, 1000])
    assert done.comparisons.is_empty()
    assert done.sentence.startswith("simulated:WALK1/USD: The AR forecast has a skill of ")
    assert done.to_pandas().shape[0] == 4
    with pytest.raises(UsageError, match="take the other one"):
        done.plot("difference")


# ---------------------------------------------------------------- outside series


def test_an_outside_file_is_ablated_by_its_name(planted: pl.DataFrame, tmp_path: Path) -> None:
    one = planted.filter(pl.col("market") == planted["market"][0])
    # A value of a day is known when the day has ended, so that the candle after it may use it.
    told = one.select(date=pl.col("open_time").dt.date(), mood=pl.col("tip").shift(-1), hum=pl.col("noise"))
    path = tmp_path / "mood.csv"
    told[200:-1].write_csv(path)
    done = ablate(one.drop("tip", "noise"), models=[Linear()], outside=[f"mood={path}"])
    assert done.comparisons.select("part", "verdict").row(0) == ("mood", "helps")
    assert list(done.specs) == ["nothing", "mood"]
    assert done.specs["mood"].samples.features == ["log_return", "mood_mood", "mood_hum"]
    only = ablate(
        one.drop("tip", "noise"), models=[Linear()], outside=[f"mood={path}"], features=["day_diff", "mood_hum"]
    )
    assert only.specs["nothing"].samples.features == ["day_diff"]
    assert only.specs["mood"].samples.features == ["day_diff", "mood_hum"]


@pytest.mark.long
def test_fear_and_greed_on_daily_bitcoin(shared_data: Path) -> None:
    candles = read_candles(shared_data / "bitstamp" / "Bitstamp_BTCUSD_d.csv")
    settings: dict[str, Any] = {"lookback": 3, "epochs": 2, "seeds": 3, "batch_size": 128, "since": date(2017, 1, 1)}
    index = shared_data / "exogenous" / "fear_greed_index.csv"
    done = ablate(candles, models=[cc.LSTM(units=2)], outside=[str(index)], **settings)
    row = done.comparisons.row(0, named=True)
    assert (row["part"], row["model"], row["runs"]) == ("fear_greed", "lstm.ensemble", 3)
    assert row["verdict"] == "not distinguishable"
    # Known from 2018-02-02 on, and not on the days after 2018-04-14 .. 16, for nothing is filled but for staleness.
    training = done.windows.filter(pl.col("windows") == "training").row(0, named=True)
    assert 390 <= training["left_out"] <= 410
    assert done.windows.filter(pl.col("windows") == "test")["left_out"].to_list() == [0]


# ---------------------------------------------------------------- wrong use


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "there is nothing to ablate"),
        ({"groups": [[]]}, "there is nothing to ablate"),
        ({"groups": ["ltip"]}, "unknown feature 'ltip'; did you mean 'tip'"),
        ({"groups": ["tip", ["noise", "tip"]]}, "'tip' is in two parts"),
        ({"groups": ["log_return"]}, 'no input is left; .* "day_diff"'),
        ({"groups": ["tip"], "models": ["ar", "drift"]}, "no model looks at the ablated inputs: ar, drift, naive"),
        ({"training_rows": [0]}, "training_rows holds 0; allowed: whole numbers from 1 to 1,200"),
        ({"training_rows": [1201]}, "training_rows holds 1201"),
        ({"training_rows": [2.5]}, "training_rows holds 2.5"),
        ({"groups": ["tip"], "spec": Spec()}, "not both; given with the spec: models"),
    ],
)
def test_wrong_use_is_refused_in_a_line(settings: dict[str, Any], said: str, planted: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match=said):
        ablate(planted, **{"models": [Linear()], **settings})


def test_a_network_that_diverges_everywhere_is_refused(planted: pl.DataFrame) -> None:
    @dataclass(frozen=True)
    class Lost(Linear):
        def forecast(self, samples: Any, **given: Any) -> Any:
            return np.full((len(given["origins"]), 1), np.nan if samples.inputs.shape[1] > 1 else 1.0)

    with pytest.raises(TooFewRowsError, match="no model has forecasts with and without"):
        ablate(planted, models=[Lost()], groups=["tip"])


# ---------------------------------------------------------------- what is left


def test_it_is_written_whole_and_shown(done: Any, tmp_path: Path) -> None:
    folder = done.save(tmp_path / "out")
    pictures = {"difference.png", "learning.png"}
    tables = ("comparisons", "pooled", "learning", "learning_pooled", "windows", "skills", "forecasts")
    assert {path.name for path in folder.iterdir()} == {
        "ablation.json",
        *pictures,
        *(f"{name}.parquet" for name in tables),
    }
    assert pl.read_parquet(folder / "comparisons.parquet").equals(done.comparisons)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads((folder / "ablation.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert document["comparisons"][0]["verdict"] == "helps"
    done.save(folder)  # over an earlier one
    assert done.sentences[0] in done._repr_html_()
    assert done.plot("learning").axes
    with pytest.raises(UsageError, match="did you mean 'learning'"):
        done.plot("learnin")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="holds other files and no earlier ablation"):
        done.save(tmp_path / "full")


def test_every_variant_is_a_trial(planted: pl.DataFrame, tmp_path: Path) -> None:
    real = planted.with_columns(pl.col("market").str.replace("simulated", "made"))
    done = ablate(real, models=["ridge", "ar"], groups=["volume_change"], training_rows=[100], features=["day_diff"])
    trials = done.record_trials(home=tmp_path)
    # ridge without and with, ar, and both once more from 100 rows.
    assert [(span.count, span.new) for span in trials.spans] == [(5, 5), (5, 5)]
    assert done.record_trials(home=tmp_path).spans[0].new == 0
