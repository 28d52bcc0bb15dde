"""What a bug report needs to know about a machine."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = (
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "numpy",
    "scipy",
    "polars",
    "pydantic",
    "matplotlib",
    "plotly",
    "typer",
    "rich",
)


def examine() -> dict[str, Any]:
    """Versions, devices, cores, folders and clock of this machine."""
    import jax

    import coincast
    from coincast.tabular import home_folder
    from coincast.training.devices import available_cores

    folder = home_folder()
    return {
        "coincast": coincast.__version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
        **{name: _version(name) for name in LIBRARIES},
        "cores": available_cores(),
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind} ({jax.default_backend()})",
        "home": f"{folder} ({'writable' if _is_writable(folder) else 'NOT writable: set COINCAST_HOME to another'})",
        "clock": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _is_writable(folder: Path) -> bool:
    """Whether a folder can be written, or made where it is not there yet."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return there.is_dir() and os.access(there, os.W_OK)
