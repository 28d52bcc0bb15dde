"""Models that are asked at every close: trained on all candles, and kept with the verdict on their settings.

train_live(spec, candles, folder) -> LiveModel
load_live(folder) -> LiveModel
LiveModel.forecast(candles) -> LiveAnswer
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coincast.live.models.answer import LiveAnswer
    from coincast.live.models.folder import load_live
    from coincast.live.models.gather import gather_for
    from coincast.live.models.model import LiveModel
    from coincast.live.models.training import train_live

POINTER = "live.json"
"""The file of a folder that says which training in it counts; it is written last."""

_HOMES = {
    "LiveAnswer": "answer",
    "LiveModel": "model",
    "gather_for": "gather",
    "load_live": "folder",
    "train_live": "training",
}

__all__ = ["POINTER", "LiveAnswer", "LiveModel", "gather_for", "load_live", "train_live"]


def __getattr__(name: str) -> Any:
    """What only asks needs nothing of what trains, and that takes long to load."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
