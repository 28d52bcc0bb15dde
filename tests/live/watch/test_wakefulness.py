"""Whether a machine slept, by its two clocks."""

from __future__ import annotations

from coincast.live.watch.wakefulness import JUMP, STANDSTILL, Wakefulness
from exchange_server.watching import HandClock


def test_the_wall_clock_alone_goes_on_while_a_machine_sleeps() -> None:
    clock = HandClock(0)
    wake = Wakefulness(clock)
    clock.seconds += 1000
    assert not wake.has_jumped()
    clock.asleep(5)
    assert wake.has_jumped()
    wake.look()
    assert not wake.has_jumped()
    clock.asleep(-5)
    assert wake.has_jumped()


def test_a_rest_that_takes_much_longer_than_it_should_is_a_standstill() -> None:
    clock = HandClock(0)
    wake = Wakefulness(clock)
    wake.rest(1.0)
    clock.seconds += 1 + STANDSTILL
    assert wake.look() == 0.0
    wake.rest(1.0)
    clock.seconds += 2 + STANDSTILL
    assert wake.look() == STANDSTILL + 1
    clock.seconds += 1000  # what a turn takes is no rest
    assert wake.look() == 0.0


def test_in_fast_time_the_same_stands_for_as_many_real_seconds() -> None:
    clock = HandClock(0)
    wake = Wakefulness(clock, speed=60)
    wake.rest(60.0)
    clock.seconds += 60 * STANDSTILL
    assert wake.look() == 0.0
    clock.asleep(60 * JUMP)
    assert not wake.has_jumped()
    clock.asleep(1)
    assert wake.has_jumped()
