"""The section `[watch]` of a spec; all others are those of any experiment.

[watch]
history = 2000          # candles that are kept up to date, and learnt from
retrain = "daily"       # or "drift", "never", or a number of candles
grace = 2.0             # seconds after a close at which its candle is asked for
allowance = 60.0        # seconds after a close within which a forecast is on time
settle = 30.0           # seconds after a close from which its value counts
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from coincast.errors import UnreadableFileError, UsageError
from coincast.experiments.sections import Section
from coincast.experiments.spec import Spec, apply_changes

SECONDS = "a number of seconds above 0, such as 2.0"


class WatchSection(Section):
    """How the loop goes. What is None follows from the interval.

    Attributes:
        history: candles of each market that are kept up to date, and that a model is trained on.
        retrain: when a model is trained anew: "daily", "drift" (when its loss beside the naive one has grown beyond
            chance since its training), "never", or after so many candles.
        grace: seconds after a close at which its candle is asked for; a quarter of the allowance, at most 10.
        allowance: seconds after a close within which a forecast is on time; 5 % of the interval, at most 300.
        settle: seconds after a close from which the exchange's value counts for scores; half of the interval, at most
            30.
        training_limit: minutes after which a training that has not ended is ended.
        ledger: file of the ledger; else that of the user's home.
        simulated: with `--simulate`: what each market is, in their order, "walk" or "echo"; the last one counts for
            all that follow.
        simulated_skill: what is planted in an "echo".
        simulated_seed: of its draws.
    """

    history: int = Field(default=2000, ge=100, le=1_000_000, description="a whole number from 100 to 1000000")
    retrain: Literal["daily", "drift", "never"] | Annotated[int, Field(ge=1)] = Field(
        default="daily", description="'daily', 'drift', 'never' or a whole number of candles"
    )
    grace: float | None = Field(default=None, gt=0, le=3600, description=SECONDS)
    allowance: float | None = Field(default=None, gt=0, le=86_400, description=SECONDS)
    settle: float | None = Field(default=None, gt=0, le=86_400, description=SECONDS)
    training_limit: float = Field(default=60.0, gt=0, le=10_080, description="a number of minutes above 0, such as 60")
    ledger: str | None = Field(default=None, min_length=1, description="the path of a file")
    simulated: list[Literal["walk", "echo"]] = Field(
        default=["walk"], min_length=1, description="a list of 'walk' and 'echo'"
    )
    simulated_skill: float = Field(default=0.05, gt=0, lt=0.5, description="a number above 0 and below 0.5")
    simulated_seed: int = Field(default=0, ge=0, lt=2**31, description="a whole number from 0 on")


@dataclass(frozen=True)
class WatchSpec:
    """A spec and its section `[watch]`."""

    spec: Spec
    watch: WatchSection


def read_watch_spec(path: Path, changes: Sequence[str] = ()) -> WatchSpec:
    """Read a spec file whose section `[watch]` may be there.

    Args:
        path: the file.
        changes: `section.key=value`, applied to it.

    Raises:
        UnreadableFileError: no such file, or not TOML.
        UsageError: a key or value that is not allowed; says which, and what is.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UnreadableFileError(f"no such spec: {path}; there is one to begin with: examples/live.toml") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnreadableFileError(f"{path} cannot be read as a spec in TOML: {error}") from None
    values.setdefault("name", path.stem)
    return split_watch(values, changes)


def split_watch(values: Mapping[str, Any], changes: Sequence[str] = ()) -> WatchSpec:
    """The two parts of a spec's plain values."""
    own = [change for change in changes if change.strip().startswith("watch.")]
    others = [change for change in changes if change not in own]
    given = values.get("watch", {})
    if not isinstance(given, Mapping):
        raise UsageError(f"watch is {given!r}; allowed: a section [watch] with a line for each key")
    spec = Spec.from_dict(apply_changes({key: part for key, part in values.items() if key != "watch"}, others))
    return WatchSpec(spec, _read_section({**given, **dict(map(_read_change, own))}))


def _read_change(change: str) -> tuple[str, Any]:
    path, separator, text = change.partition("=")
    if not separator:
        raise UsageError(f"--set {change!r}; write section.key=value, for example watch.grace=2.0")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    return path.strip().removeprefix("watch."), value


def _read_section(given: Mapping[str, Any]) -> WatchSection:
    known = WatchSection.model_fields
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean watch.{near[0]}?" if near else ";"
            raise UsageError(f"unknown key watch.{key}{hint} known: {', '.join(known)}")
    try:
        return WatchSection(**given)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        raise UsageError(f"watch.{key} is {given[key]!r}; allowed: {known[key].description}") from None
