"""Answers that are kept: made once, made anew before they are asked for again, never more than there is room for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest
from pydantic import BaseModel
from starlette.requests import Request

from coincast.web import answers as kept
from coincast.web.answers import OVERHEAD, Answers, has_tag
from coincast.web.faults import Refusal


class Told(BaseModel):
    """What is asked for."""

    value: int


class World:
    """Something that changes, what is said of it, and how often it was looked at."""

    def __init__(self) -> None:
        self.now, self.made = 1, list[int]()
        self.answers = Answers()
        self.meanwhile: Callable[[], object] = lambda: None

    def make(self) -> Told:
        self.made.append(self.now)
        self.meanwhile()
        return Told(value=self.now)

    def ask(self) -> int:
        answer = self.answers.give_live(request(), "it", lambda: self.now, self.make)
        return int(json.loads(bytes(answer.body))["value"])


def request(**headers: str) -> Request:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": named})


def test_what_was_asked_is_made_before_it_is_asked_again() -> None:
    world = World()
    assert world.ask() == 1
    world.answers.renew()
    assert world.made == [1]  # nothing has changed
    world.now = 2
    world.answers.renew()
    assert world.made == [1, 2]
    assert world.ask() == 2
    assert world.made == [1, 2]


def test_readers_get_the_last_answer_while_a_new_one_is_made() -> None:
    world, heard = World(), list[int]()
    world.ask()

    def read() -> None:
        reader = threading.Thread(target=lambda: heard.append(world.ask()), daemon=True)
        reader.start()
        reader.join(5)

    world.now, world.meanwhile = 2, read
    world.answers.renew()
    assert heard == [1]
    assert world.ask() == 2


def test_what_takes_long_is_left_to_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.ask()
    world.now = 2
    monkeypatch.setattr(kept, "RENEWAL_SECONDS", 0.0)
    world.answers.renew()
    assert world.made == [1]
    assert world.ask() == 2


def test_what_nobody_asks_for_any_more_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.ask()
    world.now = 2
    monkeypatch.setattr(kept, "ASKED_LATELY", -1.0)
    world.answers.renew()
    assert world.made == [1]


def test_what_cannot_be_made_is_told_to_those_who_ask() -> None:
    world = World()
    world.ask()

    def refuse() -> None:
        raise Refusal(404, "it is gone")

    world.now, world.meanwhile = 2, refuse
    world.answers.renew()
    with pytest.raises(Refusal, match="it is gone"):
        world.ask()


def test_questions_without_an_answer_take_no_room() -> None:
    answers = Answers()

    def refuse() -> Told:
        raise Refusal(422, "no")

    for number in range(50):
        with pytest.raises(Refusal):
            answers.give(request(), number, 0, refuse)
    assert answers._making == {}


def test_many_small_answers_have_an_end_as_large_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 10 * OVERHEAD)
    answers = Answers()
    for number in range(50):
        answers.give(request(), number, 0, lambda: Told(value=1))
    assert 5 <= len(answers._kept) <= 10


@pytest.mark.parametrize(
    ("told", "is_known"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ('"b","a"', True),
        ("", False),
        ('"b"', False),
        ("a", False),
        ('"a-gzip"', False),
    ],
)
def test_tags_are_compared_as_weak_ones(told: str, is_known: bool) -> None:
    assert has_tag(request(if_none_match=told), 'W/"a"') == is_known
