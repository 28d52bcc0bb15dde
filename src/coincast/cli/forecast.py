"""coincast forecast"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coincast.cli import options
from coincast.cli.compare import command_line
from coincast.cli.outlook import print_outlook
from coincast.cli.output import print_ending, print_json, tell, training_bar
from coincast.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from coincast.experiments.folder import FolderRun
    from coincast.experiments.gather import Gathered
    from coincast.experiments.result import Result
    from coincast.experiments.spec import Spec
    from coincast.live.models import LiveModel


def forecast(
    market: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MARKET]...", help="Markets of the store, such as binance:BTC/USDT.", show_default=False
        ),
    ] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="SPEC.toml", help="Settings; else the defaults.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="FOLDER", help="Ask a saved model; nothing is trained."),
    ] = None,
    candles: options.Candles = None,
    horizon: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N[,N...]", help="How many candles to forecast, or several such numbers; 7 without a spec."
        ),
    ] = None,
    exchange: Annotated[
        str | None,
        typer.Option(help="Download what is missing from this exchange first.", rich_help_panel="Data"),
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Download what is missing first, from each market's own exchange."),
    ] = False,
    interval: options.Interval = None,
    since: options.Since = None,
    until: options.Until = None,
    outside: options.Outside = None,
    zone: options.Zone = None,
    column: options.Columns = None,
    day_first: options.DayFirst = None,
    on_bad: options.OnBad = "refuse",
    changes: options.Changes = None,
    seed: options.Seed = None,
    memory: options.Memory = None,
    out: options.Out = None,
    fresh: options.Fresh = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """The next candles beyond the last one, with naive and the verdict of the same settings beside.

    Each forecast has a calibrated interval, and naive's beside it. A model that was saved before answers at once.

    \b
    Examples:
      coincast forecast binance:BTC/USDT --interval 1d
      coincast forecast BTC/USDT --exchange binance --interval 1h --horizon 1,6,24
      coincast forecast --candles btc.csv --horizon 3 --set training.seeds=25
      coincast forecast --model models/btc --update
    """
    reading: dict[str, Any] = {"zone": zone, "columns": column, "day_first": day_first, "on_bad": on_bad}
    if model is not None:
        training = {"--spec": spec, "--set": changes, "--seed": seed, "--memory": memory, "--out": out}
        _refuse_beside("--model", {**training, "--fresh": fresh, "--since": since})
        kept, names = _open(model, market, interval)
        if exchange or update:
            _refuse_files(candles)
            names = _download_for(kept, names, exchange, quiet=quiet)
        found = _gather_for(kept, names, candles, outside, until, reading, quiet=quiet)
        _ask(kept, names, found, horizon, as_json=as_json, quiet=quiet)
        return
    from coincast.experiments.forecast import Outlook, describe_outlook
    from coincast.experiments.horizons import read_horizons, refuse_horizons

    wanted = _read_settings(
        spec,
        [
            *options.data_changes(market, interval, since, until, outside),
            *(changes or []),
            *([f"samples.horizon={read_horizons(horizon)[-1]}"] if horizon else []),
            *options.training_changes(seed, memory),
        ],
    )
    horizons = read_horizons(horizon or wanted.samples.horizon)
    refuse_horizons(wanted, horizons)
    if exchange or update:
        wanted = _bring_up_to_date(wanted, candles, exchange, interval, quiet=quiet)
    data = options.load_candles(wanted, candles, interval=interval, quiet=quiet, **reading)
    wanted = wanted if spec else _cut_short(wanted, data, quiet=quiet)
    run = _train(wanted, data, out, fresh=fresh, quiet=quiet)
    outlook = Outlook(_with_candles(run.result, data.candles), horizons)
    if as_json:
        print_json(describe_outlook(run, outlook))
        return
    print_outlook(outlook.table, horizons)
    typer.echo("\nThe same settings on the latest test span:")
    typer.echo("\n".join(outlook.sentences))
    for note in () if quiet else outlook.notes:
        typer.echo(f"note: {note}")
    print_ending(run, quiet=quiet)


# ---------------------------------------------------------------- training


def _read_settings(path: Path | None, changes: Sequence[str]) -> Spec:
    """The settings of the command, with intervals that are calibrated unless something else was said."""
    from coincast.experiments.forecast import DEFAULTS, QUICK, USUAL_HORIZON, with_intervals
    from coincast.experiments.spec import read_spec

    spec = read_spec(path, defaults={**DEFAULTS, **QUICK, "horizon": USUAL_HORIZON}, changes=changes)
    return with_intervals(spec, {change.partition("=")[0].strip() for change in changes})


def _cut_short(spec: Spec, data: Gathered, *, quiet: bool) -> Spec:
    """The settings for the newest candles only, where there are many."""
    from coincast.experiments.forecast import NEWEST, with_newest

    cut = with_newest(spec, data.candles)
    if cut != spec and not quiet:
        tell(f"  the newest {NEWEST:,} candles count, from {cut.data.since:%Y-%m-%d %H:%M} UTC; --since takes more")
    return cut


def _train(spec: Spec, data: Gathered, out: Path | None, *, fresh: bool, quiet: bool) -> FolderRun:
    from coincast.experiments.folder import run_in_folder

    with training_bar(quiet=quiet) as bar:
        return run_in_folder(
            spec,
            data.candles,
            files=data.facts,
            out=out,
            fresh=fresh,
            beyond=True,
            command=command_line(),
            on_progress=bar,
        )


def _with_candles(result: Result, candles: pl.DataFrame) -> Result:
    """A result that was read back from its folder has no candles, and intervals are told from them."""
    from dataclasses import replace

    from coincast.experiments.tasks import choose_candles

    return replace(result, candles=choose_candles(candles, result.spec.data)) if result.candles.is_empty() else result


# ---------------------------------------------------------------- a saved model


def _open(folder: Path, markets: Sequence[str] | None, interval: str | None) -> tuple[LiveModel, list[str]]:
    """A saved model, and the markets that it is asked about."""
    from coincast.live.models import load_live

    model = load_live(folder)
    if interval not in (None, model.interval):
        raise UsageError(f"--interval {interval}, and the model in {folder} needs candles of {model.interval}")
    return model, list(markets or model.markets)


def _gather_for(
    model: LiveModel,
    markets: Sequence[str],
    files: Sequence[str] | None,
    outside: Sequence[str] | None,
    until: str | None,
    reading: Mapping[str, Any],
    *,
    quiet: bool,
) -> Gathered:
    """The candles that a saved model needs, with what was recognised told on stderr."""
    from coincast.live.models import gather_for

    told = {**reading, "columns": options.parse_columns(reading["columns"])}
    found = gather_for(model, markets, files, outside=outside, until=until, **told)
    for line in () if quiet else found.lines:
        typer.echo(line, err=True)
    return found


def _ask(
    model: LiveModel,
    markets: Sequence[str],
    found: Gathered,
    horizon: Sequence[str] | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print what a saved model says."""
    from coincast.experiments.horizons import read_horizons

    horizons = read_horizons(horizon) if horizon else ()
    answer = model.forecast(found.candles, markets, horizon=horizons[-1] if horizons else None)
    if as_json:
        print_json({**answer.describe(), "folder": str(model.folder), "horizons": list(horizons)})
        return
    print_outlook(answer.outlook, horizons)
    typer.echo("\n" + "\n".join(answer.sentences))
    for market, reason in answer.missing.items():
        tell(f"coincast: {market}: {reason}")
    for note in () if quiet else answer.notes:
        typer.echo(f"note: {note}")


# ---------------------------------------------------------------- candles


def _bring_up_to_date(
    spec: Spec, files: Sequence[str] | None, exchange: str | None, interval: str | None, *, quiet: bool
) -> Spec:
    """Download what the store lacks of the markets of a spec; they have their full names afterwards."""
    from coincast.experiments.gather import DEFAULT_INTERVAL

    _refuse_files([*(files or []), *spec.data.candles])
    if not spec.data.markets:
        raise UsageError("no market was named; name what to download, such as BTC/USDT, or leave --update out")
    wanted = interval or spec.data.interval or DEFAULT_INTERVAL
    names = _download(spec.data.markets, exchange, wanted, quiet=quiet)
    renamed = dict(zip(spec.data.markets, names, strict=True))
    changed = {"markets": names, "interval": wanted}
    samples = {"targets": [renamed.get(target, target) for target in spec.samples.targets]}
    values = {**spec.to_dict(), "models": spec.models}
    for section, told in (("data", changed), ("samples", samples)):
        values[section] = {**values[section], **told}
    return type(spec).from_dict(values)


def _download_for(model: LiveModel, markets: Sequence[str], exchange: str | None, *, quiet: bool) -> list[str]:
    """Download for a saved model, its inputs from other markets with the rest; the full names of those asked about."""
    names = _download(markets, exchange, model.interval, quiet=quiet)
    if others := [name for name in model.needed_for(names) if name not in names]:
        _download(others, None, model.interval, quiet=quiet)
    return names


def _refuse_files(files: Sequence[str] | None) -> None:
    if files:
        raise UsageError(
            f"candles of the file {files[0]} are given, and --exchange or --update was asked, which fills the store; "
            "take one of the two"
        )


def _download(markets: Sequence[str], exchange: str | None, interval: str, *, quiet: bool) -> list[str]:
    """Fetch what the store lacks; the full names of the markets, in the same order."""
    from coincast.cli.download import download_bars, print_errors
    from coincast.sources.exchange.download import download

    with download_bars(quiet=quiet) as bars:
        result = download(markets, exchange=exchange, interval=interval, on_progress=bars)
    if result.error:
        print_errors(result)
        raise typer.Exit(result.error.exit_code)
    return [one.market for one in result.markets]


def _refuse_beside(option: str, given: Mapping[str, Any]) -> None:
    said = [name for name, value in given.items() if value]
    if said:
        raise UsageError(f"{', '.join(said)} beside {option}: a saved model is asked as it is; leave {said[0]} out")
