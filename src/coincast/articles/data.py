"""The candles of an article: from the files that are named, from a folder of data, or from the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from coincast.articles.about import About
from coincast.candles.table import interval_milliseconds
from coincast.errors import TooFewRowsError, UnreadableFileError, UsageError
from coincast.experiments.gather import gather_candles
from coincast.experiments.sections import DataSection
from coincast.experiments.tasks import choose_candles
from coincast.reports.numbers import interval_name, things
from coincast.sources.files import parse_candle_option
from coincast.tabular import expand_home, read_span

COINS = ("bitcoin", "ethereum")
"""Options that each name the file of one coin, in the order in which an article takes its coins."""


@dataclass(frozen=True)
class Given:
    """What the user says about data.

    Attributes:
        files: option (`bitcoin`, `ethereum`, `candles`) -> files, each `FILE` or `MARKET=FILE`.
        folder: where the files of the articles lie; what is not named is looked for in it.
        markets: of the files that are named, where those hold several; else of the store.
        interval: of the candles.
        since, until: first and last open time, in place of the article's own.
        reading: how files are read, as for `gather_candles`: columns, zone, day_first, on_bad.
    """

    files: Mapping[str, Sequence[str]]
    folder: Path | None = None
    markets: Sequence[str] = ()
    interval: str | None = None
    since: str | None = None
    until: str | None = None
    reading: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Material:
    """What one study is made of.

    Attributes:
        about: the article.
        candles: of all its markets, in the order in which they were given, cut to the span.
        facts: one entry for each file or stored market.
        lines: the same for a person.
        notes: what is otherwise than in the article, or left out, in a sentence each.
        beside: candles of other intervals of the same coins, uncut; None where there are none.
    """

    about: About
    candles: pl.DataFrame
    facts: tuple[Mapping[str, Any], ...]
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()
    beside: pl.DataFrame | None = None


def gather_material(about: About, given: Given) -> list[Material]:
    """Read the candles of an article; several studies where a folder holds further sets of files for it.

    Raises:
        UsageError: neither files nor a folder nor markets are named, or more than the article can take.
        UnreadableFileError: a file is not there.
        TooFewRowsError: the candles do not cover the span.
    """
    named = {option: files for option, files in given.files.items() if files}
    _refuse_unfit(about, given, named)
    if "candles" in named:
        return [_read(about, list(named["candles"]), given)]
    if given.markets and not named:
        return [_read(about, [], given)]
    if not named and given.folder is None:
        raise UsageError(_tell_wanted(about))
    sets = [about.files, *(about.alternatives if not named else ())]
    found = [_find_files(wanted, named, given.folder) for wanted in sets]
    whole = [files for files in found if None not in files.values()]
    if not whole:
        raise _missing(about, next(option for option, file in found[0].items() if file is None), given.folder)
    return [
        _read(about, [*map(str, files.values()), *_find_further(about, files, given.folder)], given) for files in whole
    ]


def _refuse_unfit(about: About, given: Given, named: Mapping[str, Sequence[str]]) -> None:
    coins = [option for option in named if option in COINS]
    if coins and "candles" in named:
        raise UsageError(f"--candles and --{coins[0]} were given; name each file once: {_tell_files(about)}")
    if unfit := [option for option in coins if option not in about.files]:
        raise UsageError(f"{about.name} takes no --{unfit[0]}; give its candles: {_tell_files(about)}")
    for option in named:
        for file in named[option]:
            path = expand_home(parse_candle_option(file)[1])
            if not path.exists():
                raise UnreadableFileError(f"--{option} {path}: there is no such file; looked for it in {Path.cwd()}")
    if given.folder is not None and not expand_home(given.folder).is_dir():
        raise UnreadableFileError(f"--data {given.folder}: there is no such folder; looked for it in {Path.cwd()}")


def _find_files(
    wanted: Mapping[str, Sequence[str]], named: Mapping[str, Sequence[str]], folder: Path | None
) -> dict[str, str | None]:
    """The file of each option: the one that was named, else the first of those in the folder that is there."""
    found: dict[str, str | None] = {}
    for option, places in wanted.items():
        there = [expand_home(folder) / place for place in places] if folder is not None else []
        first = next((str(path) for path in there if path.is_file()), None)
        found[option] = named[option][0] if option in named else first
    return found


def _find_further(about: About, files: Mapping[str, str | None], folder: Path | None) -> list[str]:
    """Files of further markets that belong to those of the folder that are taken."""
    if folder is None:
        return []
    places = [
        place
        for main, more in about.further.items()
        if str(expand_home(folder) / main) in files.values()
        for place in more
    ]
    return [str(path) for place in places if (path := expand_home(folder) / place).is_file()]


def _missing(about: About, option: str, folder: Path | None) -> UnreadableFileError | UsageError:
    if folder is None:
        return UsageError(f"{about.name} lacks --{option}; give {_tell_files(about)}, or --data DIR")
    places = " or ".join(dict.fromkeys(place for files in _sets(about) for place in files.get(option, ())))
    return UnreadableFileError(
        f"{about.name} lacks its candles: {expand_home(folder)} holds no {places};\nname a file: --{option} FILE"
    )


def _sets(about: About) -> list[Mapping[str, tuple[str, ...]]]:
    return [about.files, *about.alternatives]


def _tell_files(about: About) -> str:
    return " ".join(f"--{option} FILE" for option in about.files)


def _tell_wanted(about: About) -> str:
    markets = " ".join(["--market MARKET"] * len(about.files))
    places = ", ".join(places[0] for places in about.files.values())
    return (
        f"{about.name} wants candles of {about.interval}: {_tell_files(about)}, or {markets} from the store,\n"
        f"or --data DIR, a folder that holds {places}"
    )


def _read(about: About, files: list[str], given: Given) -> Material:
    section = DataSection(markets=list(given.markets))
    interval = given.interval or (None if files else about.interval)
    gathered = gather_candles(section, files, interval=interval, **(given.reading or {}))
    told = [str(fact.get("market", fact.get("store", ""))).split(", ") for fact in gathered.facts]
    order = list(given.markets) or list(dict.fromkeys(market for markets in told for market in markets if market))
    if len(order) < len(about.files):
        raise UsageError(
            f"{about.name} wants {len(about.files)} markets, and {len(order)} was given: {', '.join(order)};\n"
            f"give {_tell_files(about)}"
        )
    taken = order[: about.most]
    since, until = _span(about, given)
    if given.since is None and given.until is None:
        _refuse_uncovered(about, gathered.candles, taken)
    candles = choose_candles(gathered.candles, DataSection(markets=taken, since=since, until=until))
    notes = tuple(_tell_otherwise(about, candles["interval"][0], order))
    made = Material(about, candles, gathered.facts, gathered.lines, notes)
    return made if given.folder is None or not about.beside else _add_beside(made, taken, given.folder)


def _add_beside(made: Material, markets: Sequence[str], folder: Path) -> Material:
    """The same with candles of other intervals, where the folder of data has them."""
    from coincast.articles.beside import read_beside

    found = read_beside(made.about, folder, markets)
    if found.candles.is_empty():
        return made
    return replace(made, beside=found.candles, facts=(*made.facts, *found.facts), lines=(*made.lines, *found.lines))


def _tell_otherwise(about: About, interval: str, markets: Sequence[str]) -> Iterator[str]:
    """What is not as in the article, and what is left out."""
    if interval != about.interval:
        yield (
            f"{about.name} is about candles of {interval_name(about.interval)}, and these are of "
            f"{interval_name(interval)}: its published figures are of other candles."
        )
    if left_out := markets[about.most :] if about.most else []:
        yield f"{about.name} takes {things(about.most or 0, 'market')}; left out: {', '.join(left_out)}."


def _span(about: About, given: Given) -> tuple[str | None, str | None]:
    """The article's own span; where a border is given, the other one stays unless that would leave nothing."""
    since, until = given.since or about.since, given.until or about.until
    if since is None or until is None:
        return since, until
    first, end = read_span(since, until)
    if first is not None and end is not None and first >= end:
        return given.since, given.until
    return since, until


def _refuse_uncovered(about: About, candles: pl.DataFrame, markets: Sequence[str]) -> None:
    """Refuse candles that begin later, or end earlier, than the article's own span by more than one of them."""
    if about.since is None and about.until is None:
        return
    first, end = read_span(about.since, about.until)
    for market in markets:
        own = candles.filter(pl.col("market") == market)
        if own.is_empty():
            continue  # told where the market is chosen
        length = timedelta(milliseconds=interval_milliseconds(own["interval"][0]))
        opens, closes = _moment(own["open_time"].min()), _moment(own["close_time"].max())
        late = first is not None and opens > first + length
        early = end is not None and closes < end - length
        if late or early:
            raise TooFewRowsError(
                f"{market} has candles from {opens:%Y-%m-%d} to {closes:%Y-%m-%d}, and {about.name} is about "
                f"{about.since} to {about.until};\nchoose another span: --since {opens:%Y-%m-%d} "
                f"--until {closes - timedelta(milliseconds=1):%Y-%m-%d}"
            )


def _moment(value: Any) -> datetime:
    assert isinstance(value, datetime)
    return value
