"""What a contestant is: one class per library, in a process of its own, told what to do line by line.

    python -m engine.contestant NAME

A request is one line of JSON, `{"call": method, "with": arguments}`; the answer is one line, too. Between two requests
the process sleeps, so that the one whose turn it is has the machine to itself.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

from engine.jobs import Job

CONTESTANTS = {
    "coincast": "engine.coincast_runs",
    "torch": "engine.torch_loop",
    "stacked": "engine.torch_stacked",
    "keras": "engine.keras_fit",
    "neuralforecast": "engine.neuralforecast_fit",
    "errands": "engine.errands",
}
"""The module of each; its class is called `Contestant`.

Those that train have two methods: `prepare(job)` builds the network and warms up, compiling included, and
`stretch(seconds, threads)` trains for about so long and gives the seconds of one run and step.
"""


def main(name: str) -> None:
    """Answer requests until the input ends."""
    # Libraries print where they please: our answers have the standard output to themselves.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        contestant: Any = None
        for line in sys.stdin:
            try:
                if contestant is None:
                    contestant = import_module(CONTESTANTS[name]).Contestant()
                request = json.loads(line)
                given = request["with"]
                if "job" in given:
                    given["job"] = Job.read(given["job"])
                answer = {"answer": getattr(contestant, request["call"])(**given)}
            except ModuleNotFoundError as error:
                answer = {"missing": error.name}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
