"""`coincast forecast` from the shell."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coincast.live.models.model import LiveModel


@pytest.fixture(scope="module")
def answers(
    coincast: Callable[..., Any], btc: Path, quick: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    """The same forecast as words and, shown again, as JSON."""
    run = ["forecast", "--candles", btc, "--horizon", 2, *quick, "--out", tmp_path_factory.mktemp("runs") / "run"]
    return coincast(*run), coincast(*run, "--json")


def test_dated_rows_with_naive_and_the_verdict(answers: tuple[Any, Any]) -> None:
    words, _ = answers
    assert words.code == 0
    lines = [line.rstrip() for line in words.out.splitlines()]
    assert lines[0] == "file:BTC/USD, lstm.ensemble"
    assert [line.split()[0] for line in lines[2:4]] == ["2015-06-11", "2015-06-12"]
    assert all("%" in line for line in lines[2:4])
    after = lines[lines.index("The same settings on the latest test span:") + 1]
    assert after.startswith("The LSTM ensemble ")
    assert lines[-1].startswith("report: ")
    assert "training 4 runs of lstm" in words.err  # two that are judged, two that know everything


def test_a_forecast_that_is_shown_again_says_so(
    answers: tuple[Any, Any], coincast: Callable[..., Any], btc: Path, elsewhere: Path
) -> None:
    assert "was finished" not in answers[0].out
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n', encoding="utf-8")
    run = ["forecast", "--candles", btc, "--spec", "mine.toml", "--out", "run"]
    first, again = coincast(*run), coincast(*run)
    said = "This run was finished before; it was not trained again (--fresh does)."
    assert [line for line in again.out.splitlines() if line not in first.out.splitlines()] == [said]
    assert said not in coincast(*run, "--quiet").out


def test_a_label_is_no_markup(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('[[models]]\nname = "drift"\nlabel = "[/red] :smile:"\n', encoding="utf-8")
    answer = coincast("forecast", "--candles", btc, "--spec", "mine.toml", "--out", "run")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0].strip() == "file:BTC/USD, [/red] :smile:"


@pytest.mark.parametrize("encoding", [pytest.param("ascii", marks=pytest.mark.long), "cp1252"])
def test_a_terminal_of_few_letters_gets_question_marks(
    coincast_process: Callable[..., Any], btc: Path, tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "mine.toml").write_text('[[models]]\nname = "drift"\nlabel = "Ξ"\n', encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    run = ["forecast", "--candles", btc, "--spec", "mine.toml", "--out", "run", "--quiet"]
    answer = coincast_process(*run, cwd=tmp_path, environment=environment)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0].strip() == "file:BTC/USD, ?"


def test_one_json_document(answers: tuple[Any, Any], btc: Path) -> None:
    words, answer = answers
    document = answer.json
    assert document["was_finished"] is True
    rows = document["forecasts"]
    # The last candle opens on 9 June: it closes on the 10th, where the forecast starts.
    assert [row["origin"] for row in rows] == ["2015-06-10T00:00:00+00:00"] * 2
    assert [row["target_time"] for row in rows] == ["2015-06-11T00:00:00+00:00", "2015-06-12T00:00:00+00:00"]
    last = float(btc.read_text(encoding="utf-8").splitlines()[-1].split(",")[4])
    assert [row["naive"] for row in rows] == [last, last]
    assert document["sentence"] in words.out
    assert document["sentences"] == [document["sentence"]]
    assert Path(document["report"]).is_file()


def test_the_report_shows_the_outlook(answers: tuple[Any, Any]) -> None:
    folder = Path(answers[1].json["folder"])
    assert (folder / "outlook.parquet").is_file()
    assert (folder / "figures" / "outlook.png").is_file()


def test_the_horizon_of_the_command_counts_before_that_of_the_spec(
    coincast: Callable[..., Any], btc: Path, elsewhere: Path
) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n[samples]\nhorizon = 3\n', encoding="utf-8")
    run = ["forecast", "--candles", btc, "--spec", "mine.toml", "--json", "--quiet"]
    assert len(coincast(*run, "--horizon", 5).json["forecasts"]) == 5


def test_what_a_comparison_left_is_no_forecast(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n', encoding="utf-8")
    assert coincast("compare", "mine.toml", "--candles", btc, "--out", "run", "--quiet").code == 0
    answer = coincast("forecast", "--spec", "mine.toml", "--candles", btc, "--out", "run", "--quiet")
    assert answer.code == 2
    assert "holds another run" in answer.err


@pytest.mark.parametrize(
    ("quantity", "model", "title", "unit"),
    [
        ("volatility", "volatility_cone", "volatility over 2 candles", " %"),
        ("direction", "ridge", "probability of a rise", "points"),
        ("log_return", "ar", "log return", ""),
    ],
)
def test_what_is_no_price_is_forecast_in_its_own_unit(
    coincast: Callable[..., Any], btc: Path, elsewhere: Path, quantity: str, model: str, title: str, unit: str
) -> None:
    (elsewhere / "mine.toml").write_text(
        f'models = ["{model}"]\n[samples]\nquantity = "{quantity}"\n', encoding="utf-8"
    )
    run = ["forecast", "--candles", btc, "--horizon", 2, "--spec", "mine.toml", "--out", "run", "--quiet"]
    words, document = coincast(*run), json.loads(coincast(*run, "--json").out)
    lines = [line.rstrip() for line in words.out.splitlines()]
    assert lines[0] == f"file:BTC/USD, {model}, {title}"
    assert lines[2].startswith("2015-06-1")
    assert lines[2].endswith(unit)
    rows = document["forecasts"]
    assert [row["step"] for row in rows] == ([2] if quantity == "volatility" else [1, 2])
    assert all(row["quantity"] == quantity and row["naive"] is not None for row in rows)
    if quantity == "log_return":
        assert [row["naive"] for row in rows] == [0.0, 0.0]


# ---------------------------------------------------------------- horizons, saved models, exchanges


def test_several_horizons_have_a_line_each(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n[samples]\nlookback = 3\n', encoding="utf-8")
    run = ["forecast", "--candles", btc, "--spec", "mine.toml", "--horizon", "3", "--horizon", "1", "--quiet"]
    words, document = coincast(*run), coincast(*run, "--json").json
    lines = [line.rstrip() for line in words.out.splitlines()]
    assert "90 % interval" in lines[1]
    assert "naive's 90 %" in lines[1]
    assert [line.split()[0] for line in lines[2:4]] == ["2015-06-11", "2015-06-13"]
    assert [line.partition(":")[0] for line in lines if " ahead: " in line] == ["1 candle ahead", "3 candles ahead"]
    assert [row["step"] for row in document["forecasts"]] == [1, 2, 3]
    assert [row["horizon"] for row in document["horizons"] if row["model"] == "drift"] == [1, 3]
    assert all(row["q05"] < row["value"] < row["q95"] for row in document["forecasts"])
    assert coincast("forecast", "--candles", btc, "--horizon", "x").err.startswith("coincast: horizon is x; allowed")


def test_intervals_are_not_forced_on_anybody(coincast: Callable[..., Any], btc: Path, elsewhere: Path) -> None:
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n', encoding="utf-8")
    run = ["forecast", "--candles", btc, "--spec", "mine.toml", "--set", "judge.intervals=none", "--out", "run"]
    words = coincast(*run)
    assert "9 of 10 runs" in words.out
    assert "note: no intervals were asked for" in words.out


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, btc: Path) -> Path:
    """A small model with its verdict and its intervals, in a folder."""
    import coincast as cc
    from coincast.experiments.spec import Spec
    from coincast.live.models import train_live

    candles = cc.read_candles(btc)
    spec = Spec.from_keywords(models=[cc.Linear()], lookback=3, horizon=2, epochs=2, seeds=2, test=0.3)
    folder = tmp_path_factory.mktemp("models") / "kept"
    train_live(spec, candles, folder)
    return folder


def test_a_saved_model_answers(coincast: Callable[..., Any], btc: Path, kept: Path) -> None:
    run = ["forecast", "--model", kept, "--candles", btc]
    words, document = coincast(*run), coincast(*run, "--json").json
    lines = [line.rstrip() for line in words.out.splitlines()]
    assert lines[0] == "file:BTC/USD, linear.ensemble"
    assert [line.split()[0] for line in lines[2:4]] == ["2015-06-11", "2015-06-12"]
    assert lines[-1] == document["sentence"]
    assert lines[-1].startswith("The linear ensemble ")
    assert [row["naive"] for row in document["forecasts"]] == [document["forecasts"][0]["naive"]] * 2
    assert document["folder"] == str(kept)
    assert set(document["fingerprints"]) == {"data", "model", "code"}
    assert coincast(*run, "--horizon", 1, "--json").json["forecasts"][-1]["step"] == 1


def test_a_saved_model_is_asked_without_jax(coincast_process: Callable[..., Any], btc: Path, kept: Path) -> None:
    """To load JAX takes longer than to answer."""
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    answer = coincast_process("forecast", "--model", kept, "--candles", btc, "--quiet", environment=environment)
    assert answer.code == 0, answer.err
    imported = {line.rpartition("|")[2].strip() for line in answer.err.splitlines()}
    assert "coincast.live.models.model" in imported
    assert imported.isdisjoint({"jax", "equinox", "optax", "matplotlib"})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--spec", "x.toml"], "--spec beside --model: a saved model is asked as it is"),
        (["--interval", "1h"], "needs candles of 1d"),
        (["--update"], "--exchange or --update was asked, which fills the store"),
        (["file:ETH/USD"], "unknown market"),
        (["--horizon", "9", "--set", "a.b=1"], "--set beside --model"),
    ],
)
def test_what_a_saved_model_cannot_be_asked(
    coincast: Callable[..., Any], btc: Path, kept: Path, more: list[str], words: str
) -> None:
    answer = coincast("forecast", "--model", kept, "--candles", btc, *more)
    assert answer.code == 2
    assert words in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_an_exchange_is_asked_first(
    coincast: Callable[..., Any], btc: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import polars as pl

    import coincast as cc
    from coincast.candles.store import write_candles
    from coincast.sources.exchange.download import Downloaded, MarketDownload

    asked = []

    def download(markets: Any, **options: Any) -> Downloaded:
        asked.append((list(markets), options["exchange"], options["interval"]))
        candles = cc.read_candles(btc).with_columns(market=pl.lit("binance:BTC/USDT"))
        write_candles(candles, source="a test", on_conflict="refuse")
        return Downloaded("1d", (MarketDownload("binance:BTC/USDT"),))

    monkeypatch.setattr("coincast.sources.exchange.download.download", download)
    (elsewhere / "mine.toml").write_text('models = ["drift"]\n[samples]\nhorizon = 1\n', encoding="utf-8")
    run = ["forecast", "BTC/USDT", "--exchange", "binance", "--spec", "mine.toml", "--quiet", "--json"]
    document = coincast(*run).json
    assert asked == [(["BTC/USDT"], "binance", "1d")]
    assert [row["market"] for row in document["forecasts"]] == ["binance:BTC/USDT"]
    refused = coincast("forecast", "--candles", btc, "--update")
    assert refused.code == 2
    assert "take one of the two" in refused.err


def test_a_saved_model_gets_the_newest_candles_of_its_inputs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of another coin would else end earlier, and nothing could be forecast."""
    command = importlib.import_module("coincast.cli.forecast")
    asked = []

    def download(markets: Any, exchange: str | None, interval: str, *, quiet: bool) -> list[str]:
        asked.append((list(markets), exchange, interval))
        return [f"binance:{name.removeprefix('binance:')}" for name in markets]

    fitted = SimpleNamespace(interval="1h", inputs=("binance:ETH/USDT", "binance:BTC/USDT"))
    monkeypatch.setattr(command, "_download", download)
    names = command._download_for(LiveModel((fitted,), "", "", Path()), ["BTC/USDT"], "binance", quiet=True)
    assert names == ["binance:BTC/USDT"]
    assert asked == [(["BTC/USDT"], "binance", "1h"), (["binance:ETH/USDT"], None, "1h")]
