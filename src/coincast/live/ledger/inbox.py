"""The inbox: forecasts made elsewhere reach a ledger that another process writes.

A file is written beside its place and renamed, so that the writer never sees half of one. The writer takes it in at
once, and removes it; what it had to refuse goes to `refused/`, with the reasons beside it. A file that was taken and
not yet removed when the writer was killed is taken again: its forecasts are known by then.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coincast.candles.table import check_interval, parse_market
from coincast.errors import CoincastError, UnreadableFileError, UsageError
from coincast.live.ledger.entry import MALFORMED
from coincast.live.ledger.forecast import END_OF_TIME, GIVEN, OUTSIDE, LiveStep
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.offers import MOST_OFFERS, LastTrade, Offer, Offers, check_name, enter_offer
from coincast.tabular import write_beside

VERSION = 1
LARGEST_HANDED = 20_000_000
"""Bytes of a file of the inbox: a table of `LARGEST_FILE` bytes as JSON, unless it has very many quantiles."""
REFUSED = "refused"
MOST_ENTERED = 100
"""Forecasts that are entered at one call, so that a long file never keeps the loop from its own."""
MOST_REFUSED = 100
"""Refused files that are kept."""
LONGEST_REASON = 300
"""Letters of what is said of a file that cannot be read, whatever it holds."""


@dataclass(frozen=True)
class Taken:
    """What became of a file of the inbox.

    Attributes:
        file: its name.
        name: of who made the forecasts; empty where the file cannot be read.
        entered: forecasts that were entered now.
        late: of these, those that were late.
        known: forecasts that were there before.
        refused: why others were refused, a line each.
        is_waiting: whether the file stays for the next call: for a candle that may come, or because it is long.
    """

    file: str
    name: str
    entered: int = 0
    late: int = 0
    known: int = 0
    refused: tuple[str, ...] = ()
    is_waiting: bool = False


def hand_over(offers: Offers, folder: Path, now: int) -> Path:
    """Put forecasts into an inbox.

    Args:
        offers: the forecasts.
        folder: the inbox; made if need be.
        now: milliseconds since 1970; files are taken in this order.

    Raises:
        UsageError: the folder cannot be written, or they are too many for one file.
    """
    document = {"coincast_inbox": VERSION, "name": offers.name, "offers": [asdict(offer) for offer in offers.offers]}
    text = json.dumps(document)
    if len(text) > LARGEST_HANDED:
        raise UsageError(
            f"the forecasts of {offers.name} take {len(text) / 1e6:.0f} MB to be handed over; "
            f"allowed: {LARGEST_HANDED / 1e6:g} MB; give the newest only"
        )
    return write_beside(
        folder / f"{now:015d}-{secrets.token_hex(4)}.json", lambda path: path.write_text(text, encoding="utf-8")
    )


def take_inbox(
    ledger: Ledger,
    folder: Path,
    now: int,
    *,
    last_trade: LastTrade | None = None,
    store: Path | None = None,
    most: int = MOST_ENTERED,
) -> list[Taken]:
    """Enter what lies in an inbox.

    Args:
        ledger: open for writing.
        folder: the inbox; one that is not there is empty.
        now: moment of entering, milliseconds since 1970.
        last_trade: market -> price and time of its last trade, the second naive.
        store: folder of the candles; default: that of the user's home.
        most: forecasts that are entered; the rest stays for the next call.

    Returns:
        What became of every file that was looked at, in their order.
    """
    taken = []
    for path in sorted(folder.glob("[!.]*.json")) if folder.is_dir() else []:
        if path.is_symlink() or not path.is_file():
            continue
        one = _take_file(ledger, path, now, last_trade, store, most)
        taken.append(one)
        most -= one.entered
        if one.refused and not one.is_waiting:
            _put_aside(path, one.refused)
        elif not one.is_waiting:
            path.unlink(missing_ok=True)
        if most <= 0:
            break
    return taken


def _take_file(
    ledger: Ledger, path: Path, now: int, last_trade: LastTrade | None, store: Path | None, most: int
) -> Taken:
    try:
        offers = read_file(path)
    except CoincastError as error:
        return Taken(path.name, "", refused=(str(error),))
    fates: Counter[str] = Counter()
    refused = []
    for offer in offers.offers:
        if fates["on time"] + fates["late"] >= most:
            fates["waiting"] += 1
            break
        try:
            fates[enter_offer(ledger, offer, now, last_trade=last_trade, store=store)] += 1
        except CoincastError as error:
            refused.append(str(error))
    return Taken(
        path.name,
        offers.name,
        entered=fates["on time"] + fates["late"],
        late=fates["late"],
        known=fates["known"],
        refused=tuple(refused),
        is_waiting=fates["waiting"] > 0,
    )


def read_file(path: Path) -> Offers:
    """Read a file of the inbox; whatever it holds, nothing but forecasts comes out of it.

    Raises:
        UnreadableFileError: it is no such file.
    """
    try:
        if path.stat().st_size > LARGEST_HANDED:
            raise UnreadableFileError(f"{path.name} is larger than {LARGEST_HANDED / 1e6:g} MB")
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["coincast_inbox"] != VERSION or len(document["offers"]) > MOST_OFFERS:
            raise UnreadableFileError(
                f"{path.name} is of another version, or holds more than {MOST_OFFERS:,} forecasts"
            )
        name = check_name(document["name"])
        offers = tuple(_read_offer(one, name) for one in document["offers"])
    except (*MALFORMED, OSError, RecursionError, UsageError) as error:
        raise UnreadableFileError(f"{path.name} is no file of forecasts: {str(error)[:LONGEST_REASON]}") from error
    return Offers(name, offers)


def _read_offer(told: Mapping[str, Any], name: str) -> Offer:
    """An offer out of JSON: every part in its type, and under the name of the file."""
    market, interval, model = str(parse_market(told["market"])), check_interval(told["interval"]), str(told["model"])
    if model != f"{name}{GIVEN}" and not (model.startswith(f"{name}: ") and model.endswith(GIVEN)):
        raise ValueError(f"a model of {name} is named {name}{GIVEN} or {name}: MODEL{GIVEN}")
    steps = tuple(
        LiveStep(int(one["step"]), int(one["target_time"]), float(one["value"]), _read_quantiles(one["quantiles"]))
        for one in told["steps"]
    )
    origin = int(told["origin"])
    if not 0 <= origin < END_OF_TIME:
        raise ValueError(f"the origin {origin} is no time")
    return Offer(market, interval, model, f"{OUTSIDE}{name}", origin, steps)


def _read_quantiles(told: Mapping[str, Any] | None) -> dict[str, float] | None:
    return None if told is None else {str(name): float(value) for name, value in told.items()}


def _put_aside(path: Path, reasons: tuple[str, ...]) -> None:
    """Move a file to the refused ones, with the reasons beside it; of very many the oldest go."""
    folder = path.parent / REFUSED
    folder.mkdir(exist_ok=True)
    write_beside(
        folder / f"{path.stem}.txt", lambda beside: beside.write_text("\n".join(reasons) + "\n", encoding="utf-8")
    )
    os.replace(path, folder / path.name)
    for old in sorted(folder.glob("*.json"))[:-MOST_REFUSED]:
        old.unlink(missing_ok=True)
        old.with_suffix(".txt").unlink(missing_ok=True)
