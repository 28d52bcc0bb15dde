"""The page about the ledger: its code runs, and prints what it shows."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

from coincast.live.ledger import Ledger, export_ledger


def test_the_code_of_the_page(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (project / "docs" / "ledger.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    names: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, "ledger.md", "exec"), names)
    assert re.findall(r"^```text\n(.*?)^```", text, re.M | re.S)[-1] == printed.getvalue()
    with Ledger.open("mine/ledger.sqlite", write=False) as ledger:
        export_ledger(ledger, "chain.jsonl", what="entries")
        assert names["check_chain"]("chain.jsonl") == ledger.head().hash
    lines = Path("chain.jsonl").read_text().splitlines()
    Path("chain.jsonl").write_text("\n".join([lines[0], lines[1].replace("91250", "91350"), *lines[2:]]))
    assert names["check_chain"]("chain.jsonl") == "entry 2 is not what it was"
