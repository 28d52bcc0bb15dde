"""`coincast doctor` from the shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import coincast as cc


def test_facts_as_lines_and_as_one_json_document(coincast: Callable[..., Any]) -> None:
    document = coincast("doctor", "--json").json
    assert document["coincast"] == cc.__version__
    lines = coincast("doctor").out.splitlines()
    assert [line.split()[0] for line in lines] == list(document)
