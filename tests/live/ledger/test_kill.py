"""SIGKILL at random moments: nothing acknowledged is lost, nothing stands twice, every score that is due comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coincast.live.ledger import Ledger, due, forecast_table, verify

KILLS = 25

DRIVER = """
import os, random, select, signal, sys, time
from coincast.live.ledger import *

HOUR, BEGUN, MARKET = 3_600_000, 1_699_999_200_000, "simulated:SIMBTC/USDT"
path, kills = sys.argv[1], int(sys.argv[2])


def work(pipe):
    with Ledger.open(path, write=True, now=BEGUN) as ledger:
        newest = newest_forecasts(ledger)
        number = (newest[0].body["origin"] - BEGUN) // HOUR if newest else 0
        while True:
            now = BEGUN + number * HOUR + 1000
            for one in due(ledger, now, 500):
                append_score(ledger, *one, 100.0 + one.target_time // HOUR % 7, now)
            step = LiveStep(1, BEGUN + (number + 1) * HOUR, 100.0 + number % 5)
            entered = append_forecast(
                ledger,
                LiveForecast(MARKET, "1h", "lstm", BEGUN + number * HOUR, 180_000, BEGUN, 100.0, (step,)),
                now,
            )
            os.write(pipe, f"{number} {entered.entry.number}\\n".encode())
            number += 1


for _ in range(kills):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            work(writing)
        finally:
            os._exit(1)
    os.close(writing)
    select.select([reading], [], [], 10)
    time.sleep(random.uniform(0, 0.04))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(reading) as told:
        print(told.read(), end="", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL and no fork on Windows")
def test_killed_at_random_moments(path: Path, maker: Any) -> None:
    command = [sys.executable, "-c", DRIVER, str(path), str(KILLS)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    lines = [line.split() for line in answer.stdout.splitlines()]
    acknowledged = {int(number): int(entry) for number, entry in lines}
    assert len(acknowledged) > 3
    assert verify(path).ok
    with Ledger.open(path, write=True) as ledger:
        maker.score_due(ledger, maker.origin(len(acknowledged) + 9))
        assert due(ledger, maker.origin(99_999), 0) == []
        told = {(entry.body["origin"] - maker.begun) // maker.hour: entry for entry in ledger.entries(kind="forecast")}
        table = forecast_table(ledger)
    assert {number: told[number].number for number in acknowledged} == acknowledged
    assert sorted(told) == list(range(len(told)))
    assert table.height == table["origin"].n_unique() == table["actual"].drop_nulls().len()
    assert not table["late"].any()
