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
        "step",
        "graph:",
    ]
    assert next(line for line in lines if line.startswith("total")).split()[-1] == "35"
    assert "step 1 sees candles 2 to 0 before the origin's close" in lines
    assert (elsewhere / "graphs" / "lstm.png").read_bytes().startswith(b"\x89PNG")


def test_one_json_document(coincast: Callable[..., Any], project: Path) -> None:
    document = coincast("describe", project / "examples" / "eth-daily.toml", "--json").json
    [network] = document["networks"]
    assert (network["model"], network["parameters"], network["input"]) == ("lstm", 2341, [10, 8])
    assert document["pictures"] == []


def test_candles_say_how_many_markets_are_inputs(coincast: Callable[..., Any], btc: Path) -> None:
    run = ["describe", "--set", "lstm.units=2", "--set", "samples.inputs=all", "--candles", btc, "--json"]
    assert coincast(*run).json["networks"][0]["input"] == [10, 1]
