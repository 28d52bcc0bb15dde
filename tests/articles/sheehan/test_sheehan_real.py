"""Article 0 on the real files: every figure of it that needs no training.

Expected figures are those of the article's notebook, and those that were calculated from the same files with NumPy
alone when the article was specified (random walks with `numpy.random.seed`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from coincast.articles.bench import Bench
from coincast.articles.remains import judged_row
from coincast.articles.sheehan import published
from coincast.articles.sheehan.chapters import make_slider
from coincast.articles.sheehan.comparison import WHOLE, compare_runs
from coincast.articles.sheehan.ground import Ground, lay_ground
from coincast.articles.sheehan.singles import count_parameters, train_singles
from coincast.articles.sheehan.walks import score_walks, walk_for_seed, walks_for_seed, yardsticks
from coincast.experiments.compare import as_candles
from coincast.experiments.tasks import make_tasks
from coincast.models.random_walk import change_law


@pytest.fixture(scope="module")
def ground(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = shared_data / "cmc" / "kaggle2018"
    candles = as_candles([folder / "bitcoin_price.csv", folder / "ethereum_price.csv"])
    day = pl.col("open_time").dt.date().cast(pl.String)
    span = candles.filter(day >= "2016-01-01", day <= "2017-11-21")
    return lay_ground(Bench(span, tmp_path_factory.mktemp("sheehan")))


def test_rows_windows_and_inputs(ground: Ground) -> None:
    assert [coin.name for coin in ground.coins] == ["BTC", "ETH"]
    assert (ground.rows, ground.border) == (691, "2017-06-01")
    assert ground.features == ("close", "quote_volume", "close_off_high", "volatility")
    for coin in ground.coins:
        task = coin.task
        assert coin.is_published
        assert (len(task.parts.train), len(task.parts.test)) == (517, 174)
        assert (len(task.training), len(task.test)) == (507, 164)
        first = dict(zip(task.samples.names, task.samples.inputs[0], strict=True))
        assert first["BTC close_off_high"] == pytest.approx(-0.560641, abs=5e-7)
        assert first["BTC volatility"] == pytest.approx(0.020292, abs=5e-7)
        assert first["ETH close_off_high"] == pytest.approx(-0.418477, abs=5e-7)
        assert first["ETH volatility"] == pytest.approx(0.025040, abs=5e-7)


def test_parameters_and_segments(ground: Ground) -> None:
    assert count_parameters(ground, 1) == 2341
    assert count_parameters(ground, published.STEPS) == 2425
    five = make_tasks(ground.spec("five", models=["naive"], samples__horizon=5), ground.candles)[0]
    assert (len(five.training), len(five.test)) == (503, 160)
    assert len(range(0, len(five.test), 5)) == 32


def test_laws_of_the_walks(ground: Ground) -> None:
    laws = [change_law(coin.task.samples, coin.task.parts.train) for coin in ground.coins]
    assert laws[0] == pytest.approx((0.0034726, 0.0295772), abs=5e-8)
    assert laws[1] == pytest.approx((0.0128125, 0.0722745), abs=5e-8)


def test_walks_of_seed_202(ground: Ground) -> None:
    samples, parts = [coin.task.samples for coin in ground.coins], ground.coins[0].task.parts
    walks = walks_for_seed(samples, training=parts.train, span=parts.test, seed=202)
    ends = [float(walk.full_interval[-1]) for walk in walks]
    assert ends == pytest.approx([2236.75, 420.59], abs=0.005)
    errors = [
        float(np.abs(walk.full_interval - one.close[517:]).mean()) for walk, one in zip(walks, samples, strict=True)
    ]
    assert errors == pytest.approx([1726.58, 103.48], abs=0.005)
    # The single points take the same draws newest candle first.
    first = walks[0].full_interval[0] / samples[0].close[516]
    assert walks[0].single_point[-1] == pytest.approx(samples[0].close[689] * first)


def test_the_slider_starts_where_the_article_does(ground: Ground) -> None:
    eth = ground.coins[1]
    parts = eth.task.parts
    walk = walk_for_seed(eth.task.samples, training=parts.train, span=parts.test, seed=205)
    assert walk.full_interval[-1] == pytest.approx(951.78, abs=0.005)
    slider = make_slider(ground, eth)
    assert (slider.chosen, slider.choices) == (205, tuple(range(200, 211)))
    [single, full] = slider.panels
    assert len(single.dates) == 174
    assert (single.dates[0], single.dates[-1]) == ("2017-06-01", "2017-11-21")
    assert full.chosen["random walk"][5][-1] == pytest.approx(951.78, rel=1e-4)
    assert full.fixed["price"][-1] == pytest.approx(360.40)
    assert set(full.fixed["naive"]) == {230.67}


def test_scores_of_the_walk(ground: Ground) -> None:
    """Published as about 0.1325 and 0.164; the corrected ones begin at the last price."""
    expected = {
        "BTC": ((0.1327, 0.1303, 0.1359), (0.0456, 0.0423, 0.0490)),
        "ETH": ((0.1636, 0.1566, 0.1747), (0.0753, 0.0702, 0.0808)),
    }
    for coin in ground.coins:
        scores = score_walks(coin, published.SEEDS)
        for name, wanted in zip(("article", "corrected"), expected[coin.name], strict=True):
            values = scores[name].to_numpy()
            assert [values.mean(), values.min(), values.max()] == pytest.approx(wanted, abs=5e-5)


def test_what_needs_no_network(ground: Ground) -> None:
    expected = {
        "BTC": {"lag": 0.0378, "drift": 0.0376, "still": 0.1314, "regression": 0.0389},
        "ETH": {"lag": 0.0417, "drift": 0.0443, "still": 0.1508, "regression": 0.0498},
    }
    for coin in ground.coins:
        found = yardsticks(coin)
        assert {name: round(value, 4) for name, value in found.items()} == expected[coin.name]


def test_another_span_and_coins_have_no_published_figure(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "cmc" / "kaggle2018"
    candles = as_candles([folder / "litecoin_price.csv", folder / "monero_price.csv"])
    ground = lay_ground(Bench(candles, tmp_path))
    assert [coin.name for coin in ground.coins] == ["LTC", "XMR"]
    assert not any(coin.is_published for coin in ground.coins)
    assert ground.coins[0].task.parts.test.first > 0.7 * ground.rows


def test_the_same_coins_and_days_at_an_exchange_are_not_the_articles(ground: Ground, tmp_path: Path) -> None:
    exchange = ground.candles.with_columns(pl.col("open", "high", "low", "close") * 1.001)
    assert not any(coin.is_published for coin in lay_ground(Bench(exchange, tmp_path)).coins)


@pytest.mark.long
def test_the_25_runs(ground: Ground, tmp_path: Path) -> None:
    """Medians lie where the boxes of the notebook do: 0.0405 to 0.045 (BTC) and 0.043 to 0.052 (ETH)."""
    found = compare_runs(Bench(ground.candles, tmp_path), ground)
    expected = {"BTC": (0.0385, 0.045, 0.1327, 0.0456, 0.0378), "ETH": (0.043, 0.052, 0.1636, 0.0753, 0.0417)}
    for coin in ground.coins:
        low, high, article, corrected, lag = expected[coin.name]
        assert found.values(coin.market, "lstm").size == 25
        assert low < found.median(coin.market) < high
        assert found.values(coin.market, "article").mean() == pytest.approx(article, abs=5e-5)
        assert found.values(coin.market, "corrected").mean() == pytest.approx(corrected, abs=5e-5)
        [naive] = found.result.scores.filter(WHOLE, model="naive", market=coin.market)["value"]
        assert round(naive, 4) == lag
        assert judged_row(found.result, coin.market, "lstm")["verdict"] != "better"


@pytest.mark.long
def test_the_single_models_learn_as_published(ground: Ground, tmp_path: Path) -> None:
    """Training losses of the last epoch, dropout on, beside those of the notebook; other draws, so within a tenth."""
    bench = Bench(ground.candles, tmp_path)
    for steps in (1, published.STEPS):
        singles = train_singles(bench, ground, steps, seeds=[published.SEED])
        for coin in ground.coins:
            stated = published.LAST_LOSS[coin.name, steps]
            assert singles.losses(coin.market)[-1] == pytest.approx(stated, rel=0.1)
