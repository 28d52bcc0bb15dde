"""Every error that Coincast expects, as one tree:

CoincastError                 1  a fault that should not happen
├── StuckError                1  a device that does not answer
├── UsageError                2  a wrong option, argument or spec
│   ├── UnknownNameError      2  a name that no registry knows
│   └── MissingPackageError   2  an optional package is not installed
├── DataError                 3  bad or missing data
│   ├── UnreadableFileError   3  no such file, not a table, a broken file
│   ├── ColumnError           3  a column is missing, doubled or useless
│   │   └── CellError         3  cells that are no number or no time
│   ├── CandleError           3  candles that cannot be true
│   ├── NotStoredError        3  candles that are not in the store
│   ├── UnfinishedError       3  the store could not take everything: a full disk
│   ├── ForecastError         3  forecasts that cannot be judged
│   └── TooFewRowsError       3  not enough candles, windows or forecasts
└── ExchangeError             4  the exchange or the network
    ├── RefusedError          4  it refuses this country, or this address for a while
    └── MaintenanceError      4  it is closed for maintenance

The number is the exit code of the command line. A message is one or two lines: what was given, what is allowed, what to
do. Raise; do not also log.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MOST_NAMED = 60
"""Names that a message tells; of more than these only the nearest."""
NEAREST = 6


class CoincastError(Exception):
    """Base of every error that Coincast raises on purpose."""

    exit_code = 1


class StuckError(CoincastError):
    """A core or an accelerator does not answer."""


class UsageError(CoincastError):
    """A wrong option, argument or spec."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that no registry knows.

    Args:
        kind: what the name stands for, as a user would call it ("model", "feature").
        given: the name as given.
        known: all the names that are allowed; of very many the nearest are told.
    """

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names = sorted(known)
        spelled = {name.lower(): name for name in reversed(names)}
        near = [spelled[name] for name in difflib.get_close_matches(given.lower(), spelled, n=NEAREST)]
        hint = f"; did you mean {near[0]!r}?" if near else ";"
        super().__init__(f"unknown {kind} {given!r}{hint} known: {_name_some(names, near)}")


def _name_some(names: Sequence[str], near: Sequence[str]) -> str:
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    told = list(dict.fromkeys([*near, *names]))[:NEAREST]
    return f"{', '.join(told)} and {len(names) - len(told):,} more"


class MissingPackageError(UsageError):
    """An optional package is not installed.

    Args:
        package: the package that is missing.
        purpose: what it is needed for.
        install: what to hand to `pip install`.
    """

    def __init__(self, package: str, purpose: str, install: str) -> None:
        super().__init__(f"{package} is not installed, and {purpose} needs it; run: pip install '{install}'")


class DataError(CoincastError):
    """Bad or missing data."""

    exit_code = 3


class UnreadableFileError(DataError):
    """No such file, not a table, or a broken file."""


class ColumnError(DataError):
    """A column is missing, doubled or useless."""


class CellError(ColumnError):
    """Cells that are no number or no time.

    Args:
        message: what a person reads.
        rows: positions of the cells in their column, counted from 0.
    """

    def __init__(self, message: str, rows: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.rows = tuple(rows)


class CandleError(DataError):
    """Candles that cannot be true."""


class NotStoredError(DataError):
    """Candles, or an outside series, that the store does not have.

    Args:
        message: what a person reads.
        market, interval: what was asked for; None where it was a series.
        remedies: commands that fetch what is missing.
    """

    def __init__(
        self, message: str, *, market: str | None = None, interval: str | None = None, remedies: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.market, self.interval, self.remedies = market, interval, tuple(remedies)


class UnfinishedError(DataError):
    """The store could not take everything: a full disk, or a file that another program holds open.

    Args:
        message: what a person reads.
        stored: new candles that had been stored before; the same command stores the rest.
    """

    def __init__(self, message: str, *, stored: int = 0) -> None:
        super().__init__(message)
        self.stored = stored


class ForecastError(DataError):
    """Forecasts that cannot be judged."""


class TooFewRowsError(DataError):
    """Not enough candles, windows or forecasts."""


class ExchangeError(CoincastError):
    """The exchange or the network does not give what was asked for."""

    exit_code = 4


class RefusedError(ExchangeError):
    """The exchange refuses the country of this machine, or this address for a while."""


class MaintenanceError(ExchangeError):
    """The exchange is closed for maintenance."""
