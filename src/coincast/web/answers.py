"""Answers that are made once and sent to many readers, until what they were made of has changed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from coincast.errors import CoincastError
from coincast.web.faults import Refusal

LOG = logging.getLogger("coincast.web")

MOST_BYTES = 24 * 2**20
"""Of all kept answers together; the longest unused goes first."""
OVERHEAD = 2 * 2**10
"""Bytes that an answer takes beside its text: there may be many small ones."""
LONGEST_WAIT = 0.05
"""Seconds: what took longer to make is made anew beside, where that is allowed."""
ASKED_LATELY = 600.0
"""Seconds for which an answer is made anew before anybody asks again."""
MOST_RENEWED = 64
RENEWAL_SECONDS = 1.0
"""About as long all that may take at a change; the rest is made when somebody asks for it."""
WORTH_PACKING = 1024
"""Bytes from which an answer is packed for those who take it so."""

Make = Callable[[], BaseModel]


@dataclass(frozen=True)
class Answer:
    """An answer as it is sent.

    Attributes:
        stamp: what it was made of, and when that last changed.
        body, packed: as JSON, and the same in gzip where that is worth it.
        tag: for `ETag`.
        seconds: that it took to make.
    """

    stamp: Hashable
    body: bytes
    packed: bytes | None
    tag: str
    seconds: float = 0.0


@dataclass(frozen=True)
class _Question:
    """What was asked: how it is answered anew, and when it was last asked."""

    stamp: Callable[[], Hashable]
    make: Make
    asked_at: float


class Answers:
    """Kept answers by what was asked; from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._asked: OrderedDict[Hashable, _Question] = OrderedDict()
        self._renewing: dict[Hashable, Answer] = {}

    def give(self, request: Request, key: Hashable, stamp: Hashable, make: Make) -> Response:
        """The answer to a question; made where it is not kept, or what it was made of has changed.

        Args:
            request: says what its reader has already, and how he takes it.
            key: what was asked.
            stamp: of what it is made of; another one makes it anew.
            make: makes it; of those who ask at the same time one makes it, and the others wait.
        """
        return send(request, self._find(key, stamp) or self._make(key, stamp, make))

    def give_live(
        self,
        request: Request,
        key: Hashable,
        stamp: Callable[[], Hashable],
        make: Make,
        *,
        wait_for: Callable[[Make], BaseModel] | None = None,
    ) -> Response:
        """As `give`, of what readers ask again whenever something changes: `renew` makes it before they do.

        Args:
            request, key: as for `give`.
            stamp: says of what it would be made now.
            make: makes it of what is there when it is called.
            wait_for: has it made where a reader must wait, such as `Heavy.wait_for`; None: it is made at once.
        """
        now = stamp()
        with self._lock:
            self._asked[key] = _Question(stamp, make, time.monotonic())
            self._asked.move_to_end(key)
            while len(self._asked) > MOST_RENEWED:
                self._asked.popitem(last=False)
            last = self._renewing.get(key)
        if last is not None:
            return send(request, last)
        return self.give(request, key, now, make if wait_for is None else lambda: wait_for(make))

    def renew(self) -> None:
        """Make anew what was asked lately and has changed, the quick ones first; until then the last answers are given.

        Whoever waits for news calls this before he tells them.
        """
        changed = sorted(self._find_changed(), key=lambda one: one[1].seconds)
        costs = accumulate(last.seconds for _, last, _ in changed)
        chosen = [one for one, cost in zip(changed, costs, strict=True) if cost <= RENEWAL_SECONDS]
        self._renewing = {key: last for key, last, _ in chosen}
        try:
            for key, _, question in chosen:
                with contextlib.suppress(Refusal, CoincastError, OSError):  # whoever asks is told
                    self._make(key, question.stamp(), question.make)
                del self._renewing[key]
        finally:
            self._renewing = {}

    def give_soon(
        self, request: Request, key: Hashable, stamp: Hashable, make: Make, *, on_later: Callable[[], object]
    ) -> Response:
        """As `give`, but nobody waits for what takes long: he gets the last answer, and a new one is being made.

        Args:
            request, key, stamp, make: as for `give`.
            on_later: called when a new answer is there that somebody would have had to wait for.
        """
        answer = self._find(key, stamp)
        if answer is None:
            with self._lock:
                old = self._kept.get(key)
                is_made = key in self._making
            if old is None or old.seconds < LONGEST_WAIT:
                return self.give(request, key, stamp, make)
            answer = old
            if not is_made:
                later = threading.Thread(target=self._make_later, args=(key, stamp, make, on_later), daemon=True)
                later.start()
        return send(request, answer)

    def _find_changed(self) -> list[tuple[Hashable, Answer, _Question]]:
        """Kept answers that were asked for lately and would be others now."""
        since = time.monotonic() - ASKED_LATELY
        with self._lock:
            asked = [(key, question) for key, question in self._asked.items() if question.asked_at >= since]
            known = [(key, self._kept[key], question) for key, question in asked if key in self._kept]
        return [(key, last, question) for key, last, question in known if _has_changed(question, last)]

    def _make_later(self, key: Hashable, stamp: Hashable, make: Make, on_later: Callable[[], object]) -> None:
        try:
            self._make(key, stamp, make)
        except Exception:
            LOG.exception("an answer could not be made anew")
            return
        on_later()

    def _make(self, key: Hashable, stamp: Hashable, make: Make) -> Answer:
        """Make an answer; of those who ask at the same time one makes it, and the others wait."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                answer = self._find(key, stamp)
                if answer is None:
                    began = time.perf_counter()
                    made = make_answer(make(), stamp)
                    answer = self._keep(key, replace(made, seconds=time.perf_counter() - began))
                return answer
        finally:
            with self._lock:
                self._making.pop(key, None)

    def _find(self, key: Hashable, stamp: Hashable) -> Answer | None:
        with self._lock:
            answer = self._kept.get(key)
            if answer is None or answer.stamp != stamp:
                return None
            self._kept.move_to_end(key)
            return answer

    def _keep(self, key: Hashable, answer: Answer) -> Answer:
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._bytes -= _size(old)
            self._kept[key] = answer
            self._bytes += _size(answer)
            while self._bytes > MOST_BYTES and len(self._kept) > 1:
                _, old = self._kept.popitem(last=False)
                self._bytes -= _size(old)
        return answer


def _has_changed(question: _Question, last: Answer) -> bool:
    try:
        return question.stamp() != last.stamp
    except (Refusal, CoincastError, OSError):  # what it speaks of is gone, or cannot be read: whoever asks is told
        return False


def make_answer(model: BaseModel, stamp: Hashable = None) -> Answer:
    """A model as it is sent: JSON, in which NaN and infinity are null."""
    body = model.model_dump_json().encode()
    packed = gzip.compress(body, 5, mtime=0) if len(body) >= WORTH_PACKING else None
    return Answer(stamp, body, packed, make_tag(body))


def make_tag(body: bytes) -> str:
    """An `ETag` that changes with the content; weak, because the packed form bears the same."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def has_tag(request: Request, tag: str) -> bool:
    """Whether a reader has what bears a tag: `If-None-Match`, RFC 9110 section 13.1.2."""
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    return tag.removeprefix("W/") in known


def send(request: Request, answer: Answer) -> Response:
    """Send an answer; nothing but its tag to a reader who has it already."""
    headers = {"ETag": answer.tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie"}
    if has_tag(request, answer.tag):
        return Response(status_code=304, headers=headers)
    if answer.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(answer.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type="application/json")
    return Response(answer.body, headers=headers, media_type="application/json")


def send_model(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Send what is not worth keeping."""
    return Response(model.model_dump_json(), status, dict(headers or {}), media_type="application/json")


def _size(answer: Answer) -> int:
    return OVERHEAD + len(answer.body) + len(answer.packed or b"")
