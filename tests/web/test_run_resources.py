"""Run folders: what each is, how far it is, and its report in a sandbox."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import coincast as cc
from coincast.experiments.rows import HISTORY_COLUMNS
from coincast.web.api.runs import REPORT_POLICY
from coincast.web.runs import folders
from coincast.web.runs.folders import ALIVE_SECONDS, RunFolders
from coincast.web.site import Site

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def result() -> Any:
    """A comparison of two models that need no training."""
    return cc.compare(cc.simulate("echo", skill=0.1, candles=300, seed=1), models=["ar", "drift"], test=0.5)


@pytest.fixture
def finished(result: Any, home: Path) -> Path:
    """Its run folder, without pictures."""
    from coincast.experiments.folder import write_result
    from coincast.experiments.places import claim_place

    folder = home / "runs" / "mine"
    claim_place(folder, "f" * 64)
    write_result(result, folder, command="", with_pages=False)
    (folder / "report.html").write_text(f"<!doctype html><title>r</title>{EVIL}", encoding="utf-8")
    return folder


def make_folder(home: Path, name: str, *files: str) -> Path:
    folder = home / "runs" / name
    for file in ("fingerprint", *files):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("x", encoding="utf-8")
    return folder


def test_a_finished_run_says_what_it_found(client: Any, finished: Path, result: Any) -> None:
    [told] = client.json("runs")["items"]
    assert (told["name"], told["kind"], told["state"]) == ("mine", "comparison", "finished")
    assert (told["sentence"], told["verdict"]) == (result.sentence, result.verdict)
    whole = client.json(f"runs/{told['id']}")
    assert [row["model"] for row in whole["leaderboard"]] == result.leaderboard["model"].to_list()
    assert [row["skill"] for row in whole["leaderboard"]] == pytest.approx(result.leaderboard["skill"].to_list())
    assert whole["spec"] == result.spec.to_toml()
    board = client.json("leaderboard")
    assert {row["run_id"] for row in board["items"]} == {told["id"]}


@pytest.mark.parametrize(
    ("files", "kind", "state"),
    [
        ((), "comparison", "running"),
        (("finished/lstm/done",), "comparison", "running"),
        (("spec.toml", "scores.parquet"), "comparison", "running"),
        (("tables/a.parquet",), "reproduction", "running"),
        (("results.json", "report.html"), "reproduction", "finished"),
        (("scores.parquet", "report.html"), "judgement", "finished"),
        (("report.html",), "report", "finished"),
    ],
)
def test_what_lies_in_a_folder_tells_what_it_is(
    client: Any, home: Path, files: tuple[str, ...], kind: str, state: str
) -> None:
    make_folder(home, "one", *files)
    [told] = client.json("runs")["items"]
    assert (told["kind"], told["state"]) == (kind, state)
    assert client.json(f"runs/{told['id']}")["id"] == told["id"]  # broken as its files are


def test_what_nobody_works_on_is_interrupted(home: Path) -> None:
    folder = make_folder(home, "one", "finished/lstm/done")
    now = (folder / "fingerprint").stat().st_mtime
    old = RunFolders(home / "runs", now=lambda: now + ALIVE_SECONDS + 60)
    assert [run.state for run in old.every().values()] == ["interrupted"]
    old.mark_busy("one", is_busy=True)
    assert [run.state for run in old.every().values()] == ["running"]


def test_what_is_no_run_is_not_shown(client: Any, home: Path, tmp_path: Path) -> None:
    (home / "runs" / "specs").mkdir(parents=True)
    (home / "runs" / "file").write_text("x", encoding="utf-8")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "fingerprint").write_text("x", encoding="utf-8")
    (home / "runs" / "link").symlink_to(outside)
    assert client.json("runs")["items"] == []


def test_curves_are_means_over_runs(client: Any, home: Path) -> None:
    folder = make_folder(home, "one", "finished/lstm/done")
    losses = {1: [3.0, 2.0], 2: [5.0, 1.0]}
    rows = [
        {"market": "m", "interval": "1d", "model": "lstm", "run": run, "fit": 1, "epoch": epoch, "loss": loss}
        for run, own in losses.items()
        for epoch, loss in enumerate(own, start=1)
    ]
    table = pl.DataFrame(rows).with_columns(validation_loss=pl.lit(None, dtype=pl.Float64))
    table.select(pl.col(name).cast(kind) for name, kind in HISTORY_COLUMNS.items()).write_parquet(
        folder / "finished" / "lstm" / "history.parquet"
    )
    [run] = client.json("runs")["items"]
    [curve] = client.json(f"runs/{run['id']}/curves")["items"]
    assert (curve["runs"], curve["epoch"], curve["loss"]) == (2, [1, 2], [4.0, 1.5])
    assert (curve["low"], curve["high"], curve["validation_loss"]) == ([3.0, 1.0], [5.0, 2.0], [None, None])


def test_a_report_is_shown_in_a_sandbox(client: Any, finished: Path) -> None:
    [told] = client.json("runs")["items"]
    answer = client.get(told["report"])
    assert answer.status_code == 200
    assert EVIL in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy == REPORT_POLICY
    assert policy.startswith("sandbox")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


def test_a_report_that_is_a_link_is_none(client: Any, finished: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret", encoding="utf-8")
    (finished / "report.html").unlink()
    (finished / "report.html").symlink_to(secret)
    [told] = client.json("runs")["items"]
    assert told["report"] is None
    assert client.get(f"/runs/{told['id']}/report").status_code == 404


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"studies": 3}', '{"studies": [], "results": [{}]}', "[" * 100_000, "\x00"]
)
def test_a_broken_run_says_so_and_the_others_are_shown(client: Any, home: Path, finished: Path, text: str) -> None:
    make_folder(home, "bad", "report.html")
    (home / "runs" / "bad" / "results.json").write_text(text, encoding="utf-8")
    told = {one["name"]: one for one in client.json("runs")["items"]}
    assert set(told) == {"bad", "mine"}
    [note] = client.json(f"runs/{told['bad']['id']}")["notes"]
    assert note.startswith("this run cannot be read")
    assert str(home) not in note


def test_a_reproduction_says_what_remains(client: Any, home: Path) -> None:
    folder = make_folder(home, "again", "report.html")
    outcome = {"market": f"a:{EVIL}/USD", "verdict": "worse", "says": EVIL}
    document = {"results": [outcome], "studies": [{"article": "sheehan", "finding": EVIL}], "seconds": 3.0}
    (folder / "results.json").write_text(json.dumps(document), encoding="utf-8")
    [told] = client.json("runs")["items"]
    assert (told["sentence"], told["verdict"]) == (f"sheehan: {EVIL}", "worse")


def test_stamps_follow_the_newest_file(site: Site, home: Path) -> None:
    folder = make_folder(home, "one")
    [before] = site.runs.every().values()
    os.utime(folder / "fingerprint", (before.changed_at / 1000 + 5,) * 2)
    [after] = site.runs.every().values()
    assert after.changed_at == before.changed_at + 5000


def test_what_a_link_in_a_run_folder_leads_to_is_not_read(client: Any, home: Path, tmp_path: Path) -> None:
    secret = {"studies": [{"article": "secret", "finding": "secret"}], "results": []}
    (tmp_path / "elsewhere").write_text(json.dumps(secret), encoding="utf-8")
    for name, file in (("running", "spec.toml"), ("done", "results.json")):
        (make_folder(home, name, "report.html") / file).symlink_to(tmp_path / "elsewhere")
    told = [client.get(f"/api/v1/runs/{run['id']}").text for run in client.json("runs")["items"]]
    assert len(told) == 2
    assert not any("secret" in text for text in told)


def test_a_run_that_ends_while_it_is_read_is_shown(client: Any, home: Path) -> None:
    folder = make_folder(home, "one", "finished/lstm/done")
    (folder / "finished" / "gru").mkdir()
    (folder / "finished" / "gru" / "done").symlink_to(folder / "gone")  # listed, and not there when it is opened
    [told] = client.json("runs")["items"]
    assert (told["state"], told["models"]) == ("running", ["x"])


def test_a_finished_run_is_looked_into_again_when_a_file_comes(
    site: Site, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(home, "one", "report.html")
    os.utime(folder, (1e9, 1e9))
    looked: list[Path] = []
    read_times = folders._read_times
    monkeypatch.setattr(folders, "_read_times", lambda place: looked.append(place) or read_times(place))
    assert [run.kind for _ in range(3) for run in site.runs.every().values()] == ["report"] * 3
    assert looked == [folder]
    (folder / "scores.parquet").touch()
    assert [run.kind for run in site.runs.every().values()] == ["judgement"]
