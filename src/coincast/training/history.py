"""The losses of a training as a CSV file that grows by a line an epoch."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from coincast.errors import UnreadableFileError
from coincast.tabular import expand_home, write_beside
from coincast.training.growing import append, read_so_far

HEADER = "epoch,loss,val_loss"
COLUMNS = {"epoch": pl.Int64(), "loss": pl.Float64(), "val_loss": pl.Float64()}


class HistoryFile:
    """Losses by epoch: `epoch,loss,val_loss`, numbers in as many digits as tell them exactly.

    A training that goes on after it was killed comes with an epoch again. Lines from that epoch on, and one that was
    torn, are cut off before the first line is added, so that none is there twice. A training that starts with epoch 1
    therefore starts the file anew.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expand_home(path)
        self._is_open = False

    def add(self, epoch: int, loss: float, val_loss: float | None) -> None:
        """Add the line of an epoch.

        Args:
            epoch: counted from 1.
            loss: of the training windows.
            val_loss: of the validation windows; None where there are none.

        Raises:
            UsageError: the file cannot be written.
        """
        line = f"{epoch},{float(loss)!r},{'' if val_loss is None else repr(float(val_loss))}\n"
        if self._is_open:
            append(self.path, line.encode())
            return
        lines = [HEADER, *_lines_before(self.path, epoch)]
        text = "\n".join(lines) + "\n" + line
        write_beside(self.path, lambda target: Path(target).write_bytes(text.encode()))
        self._is_open = True


def _lines_before(path: Path, epoch: int) -> list[str]:
    """Whole lines of the epochs before one, in order."""
    lines = read_so_far(path).decode("ascii", "replace").split("\n")[1:-1]
    kept: list[str] = []
    last = 0
    for line in lines:
        number = line.partition(",")[0]
        if line.count(",") == 2 and number.isdecimal() and last < int(number) < epoch:
            kept.append(line)
            last = int(number)
    return kept


def read_history(path: str | os.PathLike[str]) -> pl.DataFrame:
    """The table `epoch, loss, val_loss` of a history; a last line that was torn is left out.

    Raises:
        UnreadableFileError: no such file, or not a history.
    """
    path = expand_home(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(f"{path} cannot be read: {error.strerror or error}; give another file") from None
    whole = text[: text.rfind(b"\n") + 1]
    if whole.partition(b"\n")[0].strip() != HEADER.encode():
        raise UnreadableFileError(f"{path} is no history of a training; its first line must be {HEADER}")
    try:
        return pl.read_csv(whole, schema=COLUMNS)
    except pl.exceptions.PolarsError:
        raise UnreadableFileError(f"{path} is a history with lines that are none; give another file") from None
