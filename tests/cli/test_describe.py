"""`coincast describe` from the shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_layers_are_printed_and_drawn(coincast: Callable[..., Any], elsewhere: Path) -> None:
    run = ["describe", "--set", "lstm.units=2", "--set", "samples.lookback=3", "--out", "graphs"]
    answer = coincast(*run)
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "layer",
        "input",
        "lstm",
        "dropout",
        "head",
        "total",
        "output",
        "graph:",
    ]
    assert next(line for line in lines if line.startswith("total")).split()[-1] == "35"
    assert "output 1 sees inputs 0 to 2 of 3" in lines
    assert (elsewhere / "graphs" / "lstm.png").read_bytes().startswith(b"\x89PNG")


def test_one_json_document(coincast: Callable[..., Any], project: Path) -> None:
    document = coincast("describe", project / "examples" / "eth-daily.toml", "--json").json
    [network] = document["networks"]
    assert (network["model"], network["parameters"], network["input"]) == ("lstm", 2341, [10, 8])
    assert document["pictures"] == []


def test_candles_say_how_many_markets_are_inputs(coincast: Callable[..., Any], btc: Path) -> None:
    run = ["describe", "--set", "lstm.units=2", "--set", "samples.inputs=all", "--candles", btc, "--json"]
    assert coincast(*run).json["networks"][0]["input"] == [10, 1]


def test_features_are_checked_where_candles_are_given(coincast: Callable[..., Any], btc: Path) -> None:
    answer = coincast("describe", "--set", "samples.features=['cloze']", "--candles", btc, "--quiet")
    assert (answer.code, answer.out) == (2, "")
    assert "unknown feature 'cloze'; did you mean 'close'" in answer.err


def test_every_network_has_a_picture_of_its_own(coincast: Callable[..., Any], elsewhere: Path) -> None:
    labels = ["a b", "a_b", "lstm", "LSTM"]
    models = "".join(f'[[models]]\nname = "lstm"\nunits = 1\nlabel = "{label}"\n' for label in labels)
    (elsewhere / "mine.toml").write_text(models, encoding="utf-8")
    document = coincast("describe", "mine.toml", "--out", "graphs", "--json").json
    assert len({path.name.lower() for path in (elsewhere / "graphs").iterdir()}) == len(labels)
    assert [Path(path).is_file() for path in document["pictures"]] == [True] * len(labels)
    assert "graphs/lstm.png" in document["pictures"]


def test_a_label_is_no_markup(coincast: Callable[..., Any], elsewhere: Path) -> None:
    label = "[/red] [bold]x[/bold] :smile: $y"
    (elsewhere / "mine.toml").write_text(f'[[models]]\nname = "lstm"\nlabel = "{label}"\n', encoding="utf-8")
    answer = coincast("describe", "mine.toml", "--out", "graphs")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0].strip() == label
