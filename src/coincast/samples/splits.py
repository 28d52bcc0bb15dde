"""Training, validation and test rows, always in this order of time, with an explicit gap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from jaxtyping import Int

from coincast.errors import TooFewRowsError, UsageError

Border = date | datetime | str | float | int | None


@dataclass(frozen=True)
class Part:
    """A stretch of rows: first row and row after the last."""

    first: int
    end: int

    def __len__(self) -> int:
        return max(0, self.end - self.first)


@dataclass(frozen=True)
class Parts:
    """Rows of the three parts; `validation` may be empty."""

    train: Part
    validation: Part
    test: Part


@dataclass(frozen=True)
class Split:
    """Where the parts begin.

    Attributes:
        test: first test row: a date ("2017-06-01"), the share of rows (0.2) or their number (174).
        validation: the rows before the test rows, in the same three ways; 0 for none.
        gap: rows left out between two parts, so that nothing near a border is in both.
        reach_back: whether the past of a test or validation window may lie in earlier rows. That is no leak, since a
            forecast may use all that came before it; without it the first `lookback` rows of a part are never forecast.
    """

    test: Border = 0.2
    validation: Border = 0
    gap: int = 0
    reach_back: bool = True


def split_rows(open_time: Int[np.ndarray, "row"], split: Split) -> Parts:
    """Rows of the three parts.

    Args:
        open_time: milliseconds since 1970 (UTC), in time order.
        split: where the parts begin.

    Raises:
        UsageError: a border that is neither a date nor a share nor a number, or a negative gap.
        TooFewRowsError: a part has no rows.
    """
    if split.gap < 0:
        raise UsageError(f"split.gap is {split.gap}; allowed: 0 or more rows")
    rows = len(open_time)
    test_first = _first_row("test", split.test, open_time, rows)
    if test_first >= rows:
        raise TooFewRowsError(f"the test span has no rows: split.test is {split.test}, and {_span(open_time)}")
    before_test = test_first - split.gap
    has_validation = split.validation not in (None, 0, 0.0)
    if has_validation:
        validation_first = _first_row("validation", split.validation, open_time, before_test)
        validation = Part(max(0, validation_first), before_test)
        if len(validation) == 0:
            raise TooFewRowsError(
                f"the validation span has no rows: split.validation is {split.validation}, before row {before_test}"
            )
    else:
        validation = Part(before_test, before_test)
    train = Part(0, validation.first - split.gap if has_validation else before_test)
    if len(train) == 0:
        raise TooFewRowsError(
            f"no rows are left for training: split.test is {split.test}, validation {split.validation}, "
            f"gap {split.gap}, and {_span(open_time)}"
        )
    return Parts(train, validation, Part(test_first, rows))


def _first_row(name: str, border: Border, open_time: Int[np.ndarray, "row"], end: int) -> int:
    """First row of a part that ends before row `end`."""
    rows = len(open_time)
    if isinstance(border, bool) or not isinstance(border, date | str | float | int):
        raise UsageError(_advice(name, border))
    if isinstance(border, int):
        if border < 0:
            raise UsageError(_advice(name, border))
        return end - border if border else rows
    if isinstance(border, float):
        if not 0 < border < 1:
            raise UsageError(_advice(name, border))
        return end - round(border * rows)
    return int(np.searchsorted(open_time, _milliseconds(name, border)))


def _milliseconds(name: str, border: date | datetime | str) -> int:
    if isinstance(border, str):
        try:
            border = datetime.fromisoformat(border)
        except ValueError:
            raise UsageError(_advice(name, border)) from None
    if not isinstance(border, datetime):
        border = datetime(border.year, border.month, border.day, tzinfo=UTC)
    if border.tzinfo is None:
        border = border.replace(tzinfo=UTC)
    return round(border.timestamp() * 1000)


def _advice(name: str, border: object) -> str:
    return (
        f"split.{name} is {border!r}; allowed: a date such as 2017-06-01, a share of the rows between 0 and 1 such as "
        "0.2, or a number of rows such as 174"
    )


def _span(open_time: Int[np.ndarray, "row"]) -> str:
    first, last = (datetime.fromtimestamp(t / 1000, UTC) for t in (open_time[0], open_time[-1]))
    return f"the {len(open_time)} candles open from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
