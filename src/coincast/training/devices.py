"""The devices that a program runs on, and the cache of compiled programs.

XLA shows a CPU as one device unless it is told otherwise before JAX starts. A command owns its process and says so
(`use_every_core`); a library must not, so from Python the devices that are there are used.
"""

from __future__ import annotations

import os
import sys

from coincast.tabular import home_folder

HOST_DEVICES = "--xla_force_host_platform_device_count"


def available_cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_every_core() -> None:
    """Let XLA show one CPU device per core, at least two; no effect once JAX runs, or where the user chose a number."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "jax" not in sys.modules and HOST_DEVICES not in flags:
        # A program over one device compiles to slightly other arithmetic than one over several, and training amplifies
        # its last bits to differences of 1e-5: with two devices a single core gives what every other machine gives.
        os.environ["XLA_FLAGS"] = f"{flags} {HOST_DEVICES}={max(2, available_cores())}".strip()


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


def advise_more_devices() -> str | None:
    """How a Python user gets more devices, where JAX shows one CPU device on a machine of several cores; else None."""
    import jax

    if jax.default_backend() != "cpu" or jax.device_count() > 1 or available_cores() == 1:
        return None
    return (
        f"JAX shows 1 device on {available_cores()} cores; to train on all of them, set "
        f"XLA_FLAGS={HOST_DEVICES}={available_cores()} before Python starts"
    )
