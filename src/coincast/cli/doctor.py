"""coincast doctor"""

from __future__ import annotations

import typer

from coincast.cli import options
from coincast.cli.output import print_json


def doctor(as_json: options.Json = False) -> None:
    """Versions, devices, cores and folders: what a bug report needs.

    \b
    Examples:
      coincast doctor
      coincast doctor --json
    """
    from coincast.experiments.doctor import examine

    facts = examine()
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        typer.echo(f"{name:<22}{value}")
