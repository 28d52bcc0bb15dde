"""The token's file, and the cookie that stands for it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from coincast.errors import UsageError
from coincast.web.security.tokens import SESSION_SECONDS, Tokens, keep_token

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are those of Unix")


def test_a_token_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    token = keep_token(path)
    assert len(token) == 43  # 32 bytes, 6 bits a letter
    assert keep_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [other.name for other in path.parent.iterdir()] == ["token"]
    assert keep_token(tmp_path / "other") != token


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_token_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    keep_token(path)
    path.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        keep_token(path)


@posix
def test_a_link_in_the_place_of_the_token_is_not_followed(tmp_path: Path) -> None:
    keep_token(tmp_path / "elsewhere")
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be used"):
        keep_token(tmp_path / "token")


@pytest.mark.parametrize("text", ["", "short", "two words of twenty-two letters", "äääääääääääääääääääääääää"])
def test_a_file_without_a_good_token_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="no token of at least 22 letters"):
        keep_token(path)


def test_only_the_whole_token_is_right() -> None:
    tokens = Tokens("a" * 43)
    assert tokens.is_right("a" * 43)
    assert not any(tokens.is_right(given) for given in ("", "a" * 42, "a" * 44, "b" * 43, "ä" * 43))
    assert "aaa" not in repr(tokens)


def test_a_cookie_ends_with_its_time_and_with_its_token() -> None:
    now = [1_000_000.0]
    tokens = Tokens("a" * 43, now=lambda: now[0])
    cookie = tokens.make_session()
    assert "aaa" not in cookie
    assert tokens.is_session(cookie)
    assert not Tokens("b" * 43, now=lambda: now[0]).is_session(cookie)
    now[0] += SESSION_SECONDS - 1
    assert tokens.is_session(cookie)
    now[0] += 2
    assert not tokens.is_session(cookie)


@pytest.mark.parametrize("change", ["", "x", ".", "9.{1}", "{0}.", "{0}0.{1}", "99999999999.{1}", "{0}.{1}0", "ä.ä"])
def test_a_forged_cookie_is_none(change: str) -> None:
    tokens = Tokens("a" * 43)
    expires, _, signature = tokens.make_session().partition(".")
    assert not tokens.is_session(change.format(expires, signature))


@posix
def test_a_pipe_in_the_place_of_the_token_keeps_nobody_waiting(tmp_path: Path) -> None:
    said: list[str] = []

    def ask() -> None:
        with pytest.raises(UsageError) as refused:
            keep_token(tmp_path / "token")
        said.append(str(refused.value))

    os.mkfifo(tmp_path / "token", 0o600)
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(10)
    assert "no plain file" in " ".join(said)
