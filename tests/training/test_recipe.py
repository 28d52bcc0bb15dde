"""What a recipe refuses."""

from __future__ import annotations

from typing import Any

import pytest

from coincast.errors import UnknownNameError, UsageError
from coincast.training.recipe import Recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "training.epochs is 0; allowed: 1 or more"),
        ({"batch_size": -1}, "training.batch_size is -1; allowed: 1 or more"),
        ({"learning_rate": 0.0}, "training.learning_rate is 0.0; allowed: between 0 and 1"),
        ({"learning_rate": float("nan")}, "training.learning_rate is nan"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe(**changes)


def test_an_unknown_loss_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownNameError, match="unknown loss 'maee'; did you mean 'mae'"):
        Recipe(loss="maee")
