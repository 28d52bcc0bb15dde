"""Messages to many readers: in order, told again to those who were away, never more than there is room for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coincast.web import hub as hubs
from coincast.web.faults import Refusal
from coincast.web.hub import Hub


async def read(stream: AsyncIterator[str], count: int) -> list[tuple[str, str, Any]]:
    """So many messages: id, kind and content."""
    found = []
    async for text in stream:
        fields = dict(line.split(": ", 1) for line in text.splitlines() if line)
        found.append((fields["id"], fields["event"], json.loads(fields["data"])))
        if len(found) == count:
            break
    return found


def follow(hub: Hub, count: int, last: str | None = None, meanwhile: Any = None) -> list[tuple[str, str, Any]]:
    """What a reader hears who comes now."""

    async def listen() -> list[tuple[str, str, Any]]:
        stream = hub.follow(last)
        begun = await read(stream, 1)
        if meanwhile is not None:
            meanwhile()
        rest = await read(stream, count - 1) if count > 1 else []
        await stream.aclose()  # type: ignore[attr-defined]
        return begun + rest

    return asyncio.run(asyncio.wait_for(listen(), 30))


def test_a_reader_hears_what_happens_while_he_is_there() -> None:
    hub = Hub()
    hub.publish("candle", {"close": 1})
    heard = follow(hub, 3, meanwhile=lambda: [hub.publish("candle", {"close": close}) for close in (2, 3)])
    assert [kind for _, kind, _ in heard] == ["hello", "candle", "candle"]
    assert [data.get("close") for _, _, data in heard] == [None, 2, 3]
    assert hub.reading == 0


def test_who_was_away_hears_what_he_missed() -> None:
    hub = Hub()
    [(id_, _, _)] = follow(hub, 1)
    for close in (1, 2, 3):
        hub.publish("candle", {"close": close})
    heard = follow(hub, 4, last=id_)
    assert [data["close"] for _, kind, data in heard if kind == "candle"] == [1, 2, 3]
    later = follow(hub, 2, last=heard[2][0])
    assert later[1][2] == {"close": 3}


@pytest.mark.parametrize("last", ["0-0", "", "x", "{boot}-99", "{boot}-x", "{boot}--1", "{boot}-" + "9" * 30])
def test_who_knows_nothing_that_we_know_fetches_everything(last: str) -> None:
    hub = Hub()
    hub.publish("candle", {})
    assert [kind for _, kind, _ in follow(hub, 2, last=last.format(boot=hub.boot))] == ["hello", "reload"]


def test_what_is_too_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    [(id_, _, _)] = follow(hub, 1)
    for number in range(hubs.KEPT):
        hub.publish("candle", {"close": number})
    assert follow(hub, 2, last=id_)[1][1] == "candle"
    hub.publish("candle", {})
    assert follow(hub, 2, last=id_)[1][1] == "reload"


def test_a_reader_who_is_too_slow_loses_his_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "MOST_WAITING", 3)
    hub = Hub()

    async def listen() -> list[str]:
        stream = hub.follow(None)
        await read(stream, 1)
        for number in range(10):
            hub.publish("candle", {"close": number})
        await asyncio.sleep(0)  # the messages arrive, and nobody reads them
        return [text async for text in stream]

    assert asyncio.run(asyncio.wait_for(listen(), 30)) == []


def test_there_is_room_for_so_many_and_an_end_for_all() -> None:
    async def listen() -> None:
        hub = Hub(readers=2)
        streams = [hub.follow(None) for _ in range(2)]
        for stream in streams:
            await read(stream, 1)
        with pytest.raises(Refusal, match="2 readers"):
            hub.check_room()
        hub.close()
        assert [[text async for text in stream] for stream in streams] == [[], []]
        hub.check_room()

    asyncio.run(asyncio.wait_for(listen(), 30))


def test_silence_is_broken_so_that_nobody_takes_the_stream_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "BREATH_SECONDS", 0.01)

    async def listen() -> str:
        stream = Hub().follow(None)
        await read(stream, 1)
        return await anext(stream)

    assert asyncio.run(asyncio.wait_for(listen(), 30)).startswith(":")
