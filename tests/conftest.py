"""Fixtures that every test may use, and the strictness under which all of them run.

JAX reads its settings when it is first imported, so they are set here, in the environment, which child processes
inherit: no silent promotion of dtypes or ranks, compiled programs kept between tests.
Types and shapes in the signatures of models, samples and training are checked at every call; warnings are errors
(`pyproject.toml`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from jaxtyping import install_import_hook

PROJECT = Path(__file__).resolve().parent.parent

os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(PROJECT / ".pytest_cache" / "compiled")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
os.environ["MPLBACKEND"] = "agg"

# A whole number passes for a float, as it does for mypy.
install_import_hook(
    ["coincast.models", "coincast.samples", "coincast.training"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

# No deadline: machines are slow for seconds at a time. In CI the same examples every time.
hypothesis.settings.register_profile("coincast", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("coincast")


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Store and caches of the tests lie in a folder of their own, never in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("COINCAST_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real market files; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("COINCAST_SHARED_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"real market files are absent: {folder} (set COINCAST_SHARED_DATA to their folder)")
    return folder
