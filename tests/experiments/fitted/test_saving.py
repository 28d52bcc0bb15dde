"""Models in folders: loaded they say the same to the bit, and nothing that was changed is loaded."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest

import coincast as cc
from coincast.errors import UnreadableFileError, UsageError
from coincast.experiments.fitted.fit import fit
from coincast.experiments.fitted.loading import load
from coincast.experiments.fitted.model import FittedModel
from coincast.training.arrays import read_arrays, write_arrays

KIND = "fitted model"


@pytest.fixture
def folder(several: FittedModel, tmp_path: Path) -> Path:
    return several.save(tmp_path / "model")


def assert_same(model: FittedModel, loaded: FittedModel, candles: pl.DataFrame) -> None:
    for name in ("trained", "fixed"):
        before, after = (jax.tree.leaves(getattr(one.trained, name)) for one in (model, loaded))
        assert [leaf.tobytes() for leaf in before] == [leaf.tobytes() for leaf in after]
    assert loaded.forecast().table.equals(model.forecast().table)
    assert loaded.forecast(candles).table.equals(model.forecast(candles).table)
    assert loaded.runs.equals(model.runs)
    assert loaded.history.equals(model.history)
    assert loaded.sentence == model.sentence
    assert loaded.spec.to_dict() == model.spec.to_dict()


@pytest.mark.parametrize("name", ["several", "two", "own"])
def test_a_loaded_model_says_the_same_to_the_bit(
    request: pytest.FixtureRequest, two_markets: pl.DataFrame, echo: pl.DataFrame, tmp_path: Path, mean: Any, name: str
) -> None:
    model = request.getfixturevalue(name)
    candles = (
        two_markets.filter(pl.col("open_time") < two_markets["open_time"].max()) if name == "two" else echo.head(99)
    )
    loaded = load(model.save(tmp_path / "a"), network=mean(0.5) if name == "own" else None)
    assert_same(model, loaded, candles)
    again = load(loaded.save(tmp_path / "b"), network=mean(0.5) if name == "own" else None)
    assert_same(model, again, candles)
    assert (tmp_path / "a" / "weights.safetensors").read_bytes() == (
        tmp_path / "b" / "weights.safetensors"
    ).read_bytes()
    assert (tmp_path / "a" / "model.json").read_bytes() == (tmp_path / "b" / "model.json").read_bytes()


def test_a_longer_horizon_and_a_volatility_come_back(
    several: FittedModel, volatile: FittedModel, tmp_path: Path
) -> None:
    loaded = load(several.save(tmp_path / "a"))
    assert loaded.forecast(horizon=4).table.equals(several.forecast(horizon=4).table)
    table = load(volatile.save(tmp_path / "b"), network=volatile.entry.settings).forecast().table
    assert table.equals(volatile.forecast().table)
    assert table["naive"].null_count() == 0


@pytest.mark.parametrize(
    "asked", [{"multi_step": "recursive"}, {"quantity": "direction"}, {"loss": "gaussian"}, {"loss": "quantile"}]
)
def test_what_a_sound_manifest_says_agrees_with_its_weights(
    echo: pl.DataFrame, tmp_path: Path, asked: dict[str, Any]
) -> None:
    model = fit(echo, cc.Linear(), seeds=2, horizon=2, lookback=3, epochs=1, **asked)
    assert load(model.save(tmp_path / "model")).forecast().table.equals(model.forecast().table)


def test_another_process_says_the_same(folder: Path, several: FittedModel) -> None:
    code = (
        "import sys; from coincast.experiments.fitted.loading import load\n"
        "print([value.hex() for value in load(sys.argv[1]).forecast().table['value']])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([value.hex() for value in several.forecast().table["value"]])


def test_the_manifest_tells_a_person_what_it_is(folder: Path, several: FittedModel, echo: pl.DataFrame) -> None:
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert facts["network"] == {
        "label": "lstm",
        "name": "lstm",
        "class": "LSTM",
        "settings": {key: getattr(several.entry.settings, key) for key in facts["network"]["settings"]},
    }
    assert facts["network"]["settings"]["units"] == 2
    assert facts["weights"]["sha256"] == hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    assert (facts["package"], facts["seeds"], facts["interval"]) == (cc.__version__, [0, 1, 2], "1d")
    assert facts["markets"][0]["market"] == echo["market"][0]
    assert facts["markets"][0]["target_scale"]["spread"] == several.markets[0].target_scale.spread
    assert facts["training"]["parameters"] == several.parameters
    assert facts["last_losses"] == several.trained.losses[:, -1].tolist()


def test_a_model_is_replaced(folder: Path, own: FittedModel, mean: Any) -> None:
    own.save(folder)
    assert load(folder, network=mean(0.5)).forecast().table.equals(own.forecast().table)


def test_a_model_that_was_not_written_to_its_end_is_none(
    several: FittedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = several.save(tmp_path / "model")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("coincast.experiments.fitted.saving.write_beside", stop)
        with pytest.raises(KeyboardInterrupt):
            several.save(folder)
    with pytest.raises(UnreadableFileError, match=r"holds no model\.json; give the folder of a saved model"):
        load(folder)
    several.save(folder)
    load(folder)


def test_places_that_cannot_be_written(several: FittedModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        several.save(tmp_path / "file")


# ---------------------------------------------------------------- networks of a user's own


def test_a_network_of_your_own_must_be_given(own: FittedModel, tmp_path: Path, mean: Any) -> None:
    folder = own.save(tmp_path / "model")
    with pytest.raises(
        UsageError, match=r"a network of your own, Mean\(scale=0.5\); give its settings: .*network=Mean"
    ):
        load(folder)
    with pytest.raises(UsageError, match=r"of Mean with scale=0\.5, and network has scale=2\.0; give the one"):
        load(folder, network=mean(2.0))
    with pytest.raises(UsageError, match="of Mean, and network is LSTM; give the one that was fitted"):
        load(folder, network=cc.LSTM())


def test_a_known_network_may_be_given(folder: Path, several: FittedModel) -> None:
    assert load(folder, network=several.entry.settings).label == "lstm"
    with pytest.raises(UsageError, match=r"of LSTM with units=2, dropout=0.25, and network has units=3, dropout=0.0;"):
        load(folder, network=cc.LSTM(units=3))


# ---------------------------------------------------------------- files that were changed


def test_a_change_of_the_manifest_is_found(folder: Path) -> None:
    path = folder / "model.json"
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bad)
        with pytest.raises(UnreadableFileError, match=r"model\.json"):
            load(folder)


def test_a_change_of_the_weights_is_found(folder: Path) -> None:
    path = folder / "weights.safetensors"
    good = path.read_bytes()
    for place in range(0, len(good), 11):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bad)
        with pytest.raises(UnreadableFileError, match=r"weights\.safetensors"):
            load(folder)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_file_that_is_cut_is_found(folder: Path, name: str) -> None:
    good = (folder / name).read_bytes()
    for length in (0, 1, 8, 100, len(good) // 2, len(good) - 1):
        (folder / name).write_bytes(good[:length])
        with pytest.raises(UnreadableFileError):
            load(folder)
    (folder / name).unlink()
    with pytest.raises(UnreadableFileError, match=name):
        load(folder)


TRAP = b"cpytest\nfail\n(S'code of a file was run'\ntR."
"""Bytes that fail the test where anything unpickles them."""


@pytest.mark.parametrize("content", [TRAP, b"[1, 2]", b'{"format": 1}', b"PK\x03\x04", b"[" * 100_000])
def test_a_foreign_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"model\.json"):
        load(folder)


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest, and put the checksums right as somebody would who wants it to pass."""
    path = folder / "model.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["weights"]["sha256"] = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    change(facts)
    seal(path, facts)


def seal(path: Path, facts: dict[str, Any]) -> None:
    facts["sha256"] = "0" * 64
    text = json.dumps(facts, indent=2) + "\n"
    facts["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "newer": (lambda facts: facts.update(version=3), "written by a newer Coincast .format 3, here 2.; update Coincast"),
    "no version": (lambda facts: facts.pop("version"), "was changed"),
    "unknown network": (lambda facts: facts["network"].update(name="tcn9"), "a model of 'tcn9', no network of this"),
    "no network": (lambda facts: facts["network"].update(name="naive"), "a model of 'naive', no network of this"),
    "a path": (lambda facts: facts["network"].update(name="os.system"), "no network of this"),
    "more units": (
        lambda facts: facts["network"]["settings"].update(units=3),
        "and the network has float32",
    ),
    "wrong setting": (lambda facts: facts["network"]["settings"].update(units=-1), "which cannot be built"),
    "unknown setting": (lambda facts: facts["network"]["settings"].update(width=1), "which cannot be built"),
    "other axes": (lambda facts: facts["axes"].update(feature=2), r"contradicts itself or .* \(axes\)"),
    "more runs": (lambda facts: facts.update(runs=4), r"contradicts itself or .* \(runs\)"),
    "unknown key": (lambda facts: facts["spec"]["samples"].update(lag=1), "unknown key samples.lag"),
    "no markets": (lambda facts: facts.pop("markets"), "describes no model: markets: Field required"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_manifest_that_says_something_else_is_refused(folder: Path, name: str) -> None:
    change, words = CHANGES[name]
    rewrite(folder, lambda facts: None)
    load(folder)
    rewrite(folder, change)
    with pytest.raises(UnreadableFileError, match=words) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def put(value: Any, *path: Any) -> Callable[[dict[str, Any]], Any]:
    """A change that puts a value where a path through tables and lists leads."""

    def change(facts: Any) -> None:
        for key in path[:-1]:
            facts = facts[key]
        facts[path[-1]] = value

    return change


def both(*changes: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda facts: [change(facts) for change in changes]


FORGED = [
    *(put(value, "axes", name) for name in ("lookback", "feature", "horizon", "output") for value in (10**12, -1, "2")),
    *(
        both(put(size, "axes", name), put(size, "spec", "samples", name))
        for name, size in (("lookback", 9), ("horizon", 9))
    ),
    both(put(10**9, "axes", "horizon"), put(10**9, "spec", "samples", "horizon")),
    *(put(value, "network") for value in ("text", None, [])),
    *(put(value, "network", "name") for value in (["lstm"], 7, "lstm\nlstm")),
    *(put(value, "network", "label") for value in (7, "", "a\nb", None)),
    *(
        put(value, "network", "settings")
        for value in ([], None, "units", {"units": None}, {"units": 2.5}, {"units": [2, 2]})
    ),
    *(put(value, "network", "settings", "units") for value in (6000, 10**9, 10**30, True, "2")),
    *(put(value, "network", "settings", "depth") for value in (10**9, 10**5, "1")),
    *(put(value, "network", "settings", "dropout") for value in ("a", [0.1], None, 2)),
    *(put(value, "markets") for value in ([], {}, None, ["text"], [[]])),
    *(put(value, "markets", 0, "trained_until") for value in ("2020", 10**18, 1.5, None)),
    *(put(value, "markets", 0, "market") for value in ("", 7, None)),
    *(put(value, "markets", 0, "names") for value in ([], ["close"], "log_return", [1])),
    *(put(value, "markets", 0, "majority") for value in ([], [0.0] * 3, ["a", "b"], None)),
    *(put(value, "markets", 0, "volatility") for value in ("a", [1.0])),
    *(put(value, "markets", 0, "candles") for value in ("a", -1, 10**30)),
    *(
        put(value, "markets", 0, "input_scale", name)
        for name in ("centre", "spread")
        for value in ([], [1.0, 1.0], ["a"], 1.0)
    ),
    put([0.0], "markets", 0, "input_scale", "spread"),
    *(put(value, "markets", 0, "input_scale", "relative") for value in ([], [1], [True, True], "a")),
    *(put(value, "markets", 0, "target_scale", "spread") for value in ("a", 0.0, None, [1.0])),
    put("a", "markets", 0, "target_scale", "centre"),
    lambda facts: facts["markets"].append(facts["markets"][0]),
    *(put(value, "interval") for value in ("zzz", 7, None, "1h\n")),
    *(put(value, "inputs") for value in (["other:A/B"], "a", None, [1])),
    *(put(value, "is_level") for value in ([], [True, True], "a")),
    *(put(value, "seeds") for value in ([0], [1, 2, 3], "a", None)),
    *(put(value, "runs") for value in (0, 10**12, "3", True)),
    *(put(value, "recipe") for value in ({}, None, {"epochs": "a"}, {"unknown": 1})),
    put("quantile", "recipe", "loss"),
    *(put(value, "training") for value in ({}, None, {"parameters": "a", "seconds": 1.0})),
    put([1.0], "training", "validation_losses"),
    *(put(value, "spec") for value in ({}, None, [], "a")),
    *(put(value, "spec", "training", "seeds") for value in (1, 10**9, "3")),
    *(put(value, "spec", "training", "seed") for value in (1, "a")),
    *(put(value, "spec", "samples", "lookback") for value in (2, 10**12, None)),
    *(put(value, "spec", "samples", "horizon") for value in (1, 10**12)),
    *(put(value, "spec", "samples", "features") for value in ([], ["close"], ["close", "volume"], [7])),
    put("all", "spec", "samples", "inputs"),
    put("volatility", "spec", "samples", "quantity"),
    put("recursive", "spec", "samples", "multi_step"),
    *(put(value, "version") for value in (True, 1.0, "1", None, 0)),
    *(put(value, "spec", "split", "test") for value in (math.nan, math.inf)),
    *(put(value, "package") for value in (7, "0.1\n0.2")),
]


@pytest.mark.parametrize("place", range(len(FORGED)))
def test_a_forged_manifest_ends_in_one_line(folder: Path, place: int) -> None:
    rewrite(folder, FORGED[place])
    with pytest.raises(UnreadableFileError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["weights", "network", "axes", "spec", "recipe", "training", "markets", "runs", "seeds"]
)
def test_a_manifest_that_lacks_something_is_refused(folder: Path, key: str) -> None:
    path = folder / "model.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    del facts[key]
    seal(path, facts)
    with pytest.raises(UnreadableFileError, match=rf"describes no model: {key}: Field required"):
        load(folder)


@pytest.mark.parametrize("name", ["losses", "epochs", "best_epochs", "newest/0/close", "newest/0/close_time"])
@pytest.mark.parametrize("change", ["gone", "longer", "other numbers", "beyond", "scalar"])
def test_forged_arrays_end_in_one_line(folder: Path, name: str, change: str) -> None:
    path = folder / "weights.safetensors"
    arrays = read_arrays(path, kind=KIND).arrays
    array = arrays.pop(name)
    if change == "longer":
        arrays[name] = np.concatenate([array, array])
    elif change == "other numbers":
        arrays[name] = array.astype(np.float32)
    elif change == "beyond":
        arrays[name if name != "losses" else "more"] = array * 0 - 2**62
    elif change == "scalar":
        arrays[name] = array[:1].sum()
    write_arrays(path, arrays, kind=KIND, facts={})
    rewrite(folder, lambda facts: None)
    with pytest.raises(UnreadableFileError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_manifest_in_another_encoding_is_refused(folder: Path) -> None:
    path = folder / "model.json"
    text = path.read_text(encoding="utf-8")
    sha256 = json.loads(text)["sha256"]
    escaped = text.replace(sha256, f"\\u{ord(sha256[0]):04x}{sha256[1:]}")
    for data in (text.encode("utf-16"), text.encode("utf-8-sig"), escaped.encode()):
        path.write_bytes(data)
        with pytest.raises(UnreadableFileError, match=r"model\.json is cut or was changed"):
            load(folder)


def test_a_file_that_a_manifest_names_is_not_opened(folder: Path, echo: pl.DataFrame, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("date,value\n2015-01-01,1\n", encoding="utf-8")
    rewrite(folder, put([f"a={secret}", str(secret), "fear_greed"], "spec", "data", "outside"))
    loaded = load(folder)
    assert loaded.spec.data.outside == ["fear_greed"]
    rewrite(folder, put([str(secret)], "spec", "data", "outside"))
    loaded = load(folder)
    secret.unlink()
    assert loaded.forecast(echo.to_pandas()).table.height > 0


def test_weights_of_another_model_are_refused(folder: Path, own: FittedModel, tmp_path: Path) -> None:
    other = own.save(tmp_path / "other")
    shutil.copy(other / "weights.safetensors", folder)
    with pytest.raises(UnreadableFileError, match=r"is not the file that model\.json was written for"):
        load(folder)
    rewrite(folder, lambda facts: None)
    with pytest.raises(UnreadableFileError, match=r"model\.json contradicts itself or weights\.safetensors"):
        load(folder)


@pytest.mark.parametrize("kind", ["checkpoint", KIND])
def test_arrays_of_another_kind_or_shape_are_refused(folder: Path, kind: str) -> None:
    path = folder / "weights.safetensors"
    arrays = read_arrays(path, kind=KIND).arrays
    name = next(name for name in arrays if name.startswith("trained/"))
    arrays[name] = np.zeros((1, 1), dtype=np.float32)
    write_arrays(path, arrays, kind=kind, facts={})
    rewrite(folder, lambda facts: None)
    words = (
        "holds a checkpoint, and a fitted model is needed" if kind != KIND else r"is float32 \[1, 1\], and the network"
    )
    with pytest.raises(UnreadableFileError, match=words):
        load(folder)
