"""coincast serve"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from coincast.cli import options
from coincast.cli.output import print_json, tell
from coincast.errors import MissingPackageError

NEEDED = ("fastapi", "uvicorn")


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; any other than this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 lets the system choose.")] = 8351,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Ask for a token on this machine, too, and keep it here.", show_default=False
        ),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Run folders to show, and where new ones are made; else ./coincast-runs.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """The page: live forecasts and their track record, leaderboards, runs, the judge, and what is in the store.

    Open the address that it prints. It can be read from this machine only; --host opens it to others, who then need
    the token. A description of its REST is at /openapi.json. Needs the extra `web`.

    \b
    Examples:
      coincast serve
      coincast serve --port 9000 --runs experiments
      coincast serve --host 0.0.0.0
    """
    for package in NEEDED:
        if find_spec(package) is None:
            raise MissingPackageError(package, "coincast serve", "coincast[web]")
    from coincast.web import serve as serving

    serving.set_up_log(quiet=quiet)
    settings = serving.make_settings(host, port, token_file=token_file, runs=runs)

    def announce(port: int) -> None:
        if as_json:
            places = {"runs": str(settings.runs), "token_file": settings.token_file and str(settings.token_file)}
            print_json({"url": serving.address(settings, port), "port": port, **places})
            sys.stdout.flush()  # whoever waits for it reads a pipe
        else:
            for line in serving.describe(settings, port):
                tell(line)

    serving.serve(settings, ready=announce)
