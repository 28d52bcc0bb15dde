"""`coincast` and `python -m coincast`: the command line and its exit codes."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from coincast.errors import CoincastError

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 done; 1 a fault of ours; 2 wrong usage or spec; 3 bad or missing data; 130 interrupted.
    """
    try:
        from coincast.cli import app

        code = app(args=arguments, prog_name="coincast", standalone_mode=False)
    except CoincastError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        message = " ".join(error.format_message().split()).rstrip(".")
        link = " See" if message.endswith("?") else "; see"
        # Without a command the help was printed, and nothing is left to say.
        return _complain(f"{message}{link} coincast --help, or --help of the command", 2) if message else 2
    if code == INTERRUPTED:
        return _complain("interrupted; what was finished is kept, and the same command goes on from there", code)
    return code if isinstance(code, int) else 0


def run() -> NoReturn:
    """Run the command of this process, and end it."""
    code = main()
    if code:
        # An ordinary exit would wait for what the devices still compute, or for one that is stuck.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _complain(message: str, code: int) -> int:
    # A name out of a file may hold marks that a terminal would obey.
    print(
        "coincast: " + "".join(mark if mark.isprintable() or mark == "\n" else "?" for mark in message), file=sys.stderr
    )
    return code


if __name__ == "__main__":
    run()
