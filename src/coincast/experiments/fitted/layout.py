"""What stands where in the folder of a fitted model, and how its manifest is sealed."""

from __future__ import annotations

import numpy as np

Arrays = dict[str, np.ndarray]
MODEL_VERSION = 2
"""Version 2 may have a program beside the weights and `evidence` in the manifest; version 1 is read as one without."""
FIRST_VERSION = 1
FORMAT, KIND = "coincast model", "fitted model"
MANIFEST, WEIGHTS = "model.json", "weights.safetensors"
UNKNOWN = "0" * 64
TREES = ("trained", "fixed")
PROGRAM = "program"
"""The prediction as array operations, among the facts of the weights' file; begins the names of its constants there."""
BESIDE = (*TREES, PROGRAM)
"""Begin the names of arrays that belong to no market and no history."""
BUILT = ("axes", "static", "recipe", *TREES)
"""Fields of the trained runs that are neither a number nor one array."""
WINDOW = ("inputs", "close", "open_time", "close_time")
"""Arrays of the newest window of a market."""


def seal(text: str, old: str, new: str) -> str:
    """The manifest with another checksum in its last line but one."""
    place = text.rindex(old)
    return text[:place] + new + text[place + len(old) :]
