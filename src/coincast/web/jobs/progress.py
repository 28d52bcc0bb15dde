"""How far a child process is, from the lines that it writes where nobody looks at a progress bar."""

from __future__ import annotations

import re

from pydantic import Field

from coincast.web.api.shapes import Number, Shape

_TRAINING = re.compile(
    r"training (?P<runs>\d+) runs of (?P<label>.+): epoch (?P<done>\d+)/(?P<total>\d+), "
    r"loss (?P<loss>[-+.\de]+|nan|inf)"
)
_FITTING = re.compile(r"fitting (?P<label>.+): (?P<done>\d+) of (?P<total>\d+)")


class ProgressShape(Shape):
    """How far a training or a slow fit is."""

    label: str = Field(description="the model", examples=["lstm"])
    done: int = Field(examples=[12])
    total: int = Field(examples=[50])
    unit: str = Field(description="epochs or fits", examples=["epochs"])
    loss: Number
    words: str = Field(examples=["training 3 runs of lstm: epoch 12/50"])


def read_progress(line: str) -> ProgressShape | None:
    """What a line says about progress; None where it says something else.

    Example:
        >>> read_progress("training 3 runs of lstm: epoch 12/50, loss 0.012, 5,000 steps/s").done
        12
    """
    if found := _TRAINING.match(line):
        words = line.partition(", loss")[0]
        loss = float(found["loss"])
        return _progress(found, "epochs", words, loss=loss if loss == loss and abs(loss) < 1e300 else None)
    if found := _FITTING.match(line):
        return _progress(found, "fits", line)
    return None


def _progress(found: re.Match[str], unit: str, words: str, *, loss: float | None = None) -> ProgressShape:
    done, total = int(found["done"]), max(1, int(found["total"]))
    return ProgressShape(label=found["label"][:200], done=done, total=total, unit=unit, loss=loss, words=words[:300])
