"""The command line: a command parses, calls one library function, and prints."""

from __future__ import annotations

import typer

from coincast.cli import compare, demo, describe, doctor, forecast, judge, simulate
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

for command in (
    demo.demo,
    judge.judge,
    forecast.forecast,
    compare.compare,
    describe.describe,
    simulate.simulate,
    doctor.doctor,
):
    app.command()(command)


@app.callback(invoke_without_command=True)
def options(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    spare_letters()
    if version:
        import coincast

        typer.echo(f"coincast {coincast.__version__}")
        raise typer.Exit
