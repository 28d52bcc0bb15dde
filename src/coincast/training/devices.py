"""The cores of a machine, and the cache of compiled programs."""

from __future__ import annotations

import os

from coincast.tabular import home_folder


def available_cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_compile_cache() -> None:
    """Keep compiled programs under `home_folder()`, so that the second training of the same shape starts at once.

    Where nothing can be written there, programs are compiled anew each time.
    """
    import jax

    folder = home_folder() / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if jax.config.values["jax_compilation_cache_dir"] is None and os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))  # type: ignore[no-untyped-call]
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)  # type: ignore[no-untyped-call]
