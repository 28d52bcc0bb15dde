"""The files of the page: known beforehand, without a word of script or style inside the shell."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from coincast.reports.palette import DARK, LIGHT, VERDICT_ROLES  # noqa: E402
from coincast.web.pages import SHELL, STATIC, read_assets, write_colours  # noqa: E402


def test_the_shell_needs_nothing_that_the_policy_forbids() -> None:
    shell = SHELL.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", shell)
    assert set(re.findall(r'(?:src|href)="/static/([^"]+)"', shell)) <= set(read_assets())
    assert not re.search(r"https?://", shell)


def test_scripts_put_no_text_into_the_page_but_as_text() -> None:
    for path in STATIC.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(.style"
        assert not re.search(forbidden, text), path.name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), path.name


def test_scripts_import_what_is_there_and_what_they_use() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    exported = {
        (name, word)
        for name, text in scripts.items()
        for word in re.findall(r"^export (?:async )?(?:function|const|class) (\w+)", text, re.MULTILINE)
    }
    imported = set()
    for name, text in scripts.items():
        for words, source in re.findall(r'^import \{([^}]+)\} from "\./([\w-]+\.js)";', text, re.MULTILINE):
            for word in re.findall(r"\w+", words):
                imported.add((source, word))
                assert len(re.findall(rf"\b{word}\b", text)) > 1, f"{name} does not use {word}"
    assert imported == {(name, word) for name, word in exported if not (name.startswith("page-") and word == "open")}


def test_colours_are_those_of_reports() -> None:
    written = write_colours()
    for palette in (LIGHT, DARK):
        for name, colour in palette.roles():
            assert f"--{name}: {colour};" in written
    words = (STATIC / "words.js").read_text(encoding="utf-8").replace('"', "")
    assert all(f"{word}: {role}" in words for word, role in VERDICT_ROLES.items())
    assert read_assets()["page.css"].body.startswith(written.encode())


def test_files_are_sent_by_name_and_only_once(client: Any) -> None:
    for path, kind in {"/": "text/html", "/static/page.css": "text/css", "/static/main.js": "text/javascript"}.items():
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    for path in (
        "/static/none.js",
        "/static/..%2fpages.py",
        "/static/%2e%2e/pages.py",
        "/static/page.html",
        "/static/",
    ):
        assert client.get(path).status_code == 404, path
