"""Options that several commands share."""

from __future__ import annotations

import pytest

from coincast.cli.options import parse_columns, training_changes
from coincast.errors import UsageError


def test_columns_are_read() -> None:
    assert parse_columns(None) is None
    assert parse_columns([]) is None
    assert parse_columns(["close=My price", "volume=a=b"]) == {"close": "My price", "volume": "a=b"}


@pytest.mark.parametrize("text", ["close", "=Price", "close=", "="])
def test_columns_without_two_sides_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write MEANING=NAME"):
        parse_columns([text])


def test_options_about_training_are_changes_of_a_spec() -> None:
    assert training_changes(None, None) == []
    assert training_changes(3, 0.5) == ["training.seed=3", "training.memory=0.5"]
