"""Fixtures that every test may use, and the strictness under which all of them run.

JAX reads its settings when it is first imported, so they are set here, in the environment, which child processes
inherit: no silent promotion of dtypes or ranks, compiled programs kept between tests. Half of the time of the tests
was compiling, of a thousand small programs that run for a moment each; so XLA does not optimise them, but for the tests
marked `optimised`, which train for long or hang on the last bit: `make test` runs those by themselves, with programs as
users have them.
Types and shapes in the signatures of models, samples and training are checked at every call; warnings are errors
(`pyproject.toml`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from jaxtyping import install_import_hook

PROJECT = Path(__file__).resolve().parent.parent

os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(PROJECT / ".pytest_cache" / "compiled")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
os.environ["MPLBACKEND"] = "agg"
if "COINCAST_OPTIMISED" not in os.environ:
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"

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


# ---------------------------------------------------------------- pages

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "use", "rect", "circle", "image"}
LOADS = ("src", "href", "srcset", "data", "action", "poster")


class Page(HTMLParser):
    """What a test wants to know of a page; refuses tags that do not nest, and names that are there twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []
        self.ids = [str(attributes["id"]) for _, attributes in self.tags if attributes.get("id")]
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """What is read, white space and places where a line must not break made alike."""
        return re.sub(r"\s+", " ", "".join(self.words)).replace("\N{WORD JOINER}", "")

    @property
    def data(self) -> dict[str, Any]:
        """What its scripts draw from."""
        return next(json.loads(script) for script in self.scripts if script.startswith("{"))

    def refuse_connections(self, *, scripts: int) -> None:
        """Nothing is fetched, and the policy allows just the scripts that are there, so many of them."""
        for tag, attributes in self.tags:
            assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
            for name in LOADS:
                target = attributes.get(name)
                assert target is None or (name == "href" and target.startswith("#")), (tag, target)
        [policy] = [str(a["content"]) for _, a in self.tags if a.get("http-equiv") == "Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
        assert "unsafe-eval" not in policy
        code = [script for script in self.scripts if not script.startswith("{")]
        hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code}
        assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes
        assert len(code) == scripts
        assert bool(code) == ("script-src 'none'" not in policy)


@pytest.fixture(scope="session")
def read_page() -> type[Page]:
    """Reads the text of a page."""
    return Page
