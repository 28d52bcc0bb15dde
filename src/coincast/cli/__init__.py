"""The command line: a command parses, calls one library function, and prints."""

from __future__ import annotations

import typer

from coincast.cli import (
    ablate,
    audit,
    calibrate,
    compare,
    data,
    demo,
    describe,
    doctor,
    download,
    forecast,
    import_files,
    judge,
    ledger,
    reproduce,
    serve,
    simulate,
    watch,
)
from coincast.cli.output import spare_letters

app = typer.Typer(
    name="coincast",
    help="Forecast cryptocurrency prices with deep learning, and learn whether the forecast is worth anything.",
    epilog='Start with "coincast demo". Every command has --help with examples. Not financial advice.',
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(demo.demo)
app.command()(judge.judge)
app.command()(forecast.forecast)
app.command()(compare.compare)
app.command()(describe.describe)
app.command()(audit.audit)
app.command()(calibrate.calibrate)
app.command()(ablate.ablate)
app.command()(reproduce.reproduce)
app.command()(download.download)
app.command("import")(import_files.import_files)
app.add_typer(data.app)
app.command()(watch.watch)
app.add_typer(ledger.app)
app.command()(serve.serve)
app.command()(simulate.simulate)
app.command()(doctor.doctor)


@app.callback(invoke_without_command=True)
def options(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    spare_letters()
    if version:
        import coincast

        typer.echo(f"coincast {coincast.__version__}")
        raise typer.Exit
