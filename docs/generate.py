"""Write the pages that are made from the program itself: commands.md, forms.md, spec.md, python.md. Run: make docs

`tests/test_docs.py` compares these pages with what this file makes.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
import typer

import coincast
from coincast.cli import app
from coincast.experiments.entries import DEFAULT_MODELS, DEFAULT_VOLATILITY_MODELS
from coincast.experiments.sections import SECTIONS
from coincast.models import MODELS
from coincast.samples.features import FEATURES
from coincast.samples.scaling import SCALINGS
from coincast.samples.splits import Split
from coincast.samples.targets import TARGETS
from coincast.sources.formats import FORMATS, Format
from coincast.sources.series import SERIES_FORMS
from coincast.training.losses import LOSSES
from coincast.training.recipe import Recipe

MADE = "<!-- made by docs/generate.py; change the program's own words, then run: make docs -->"

EXIT_CODES = """\
| code | meaning |
|---|---|
| 0 | done |
| 1 | a fault of ours; please report it |
| 2 | wrong usage, option or spec |
| 3 | bad or missing data |
| 4 | the exchange or the network |
| 5 | done, and the answer is no: `data check` found a broken file, `audit` a leak, `calibrate` a bound that is broken |
| 130 | interrupted; what was finished is kept, and the same command goes on from there |

An expected error is one or two lines on stderr: what was given, what is allowed, what to do. With `--json` one JSON
document stands on stdout, and nothing else; progress and notes go to stderr in any case.
"""


# ---------------------------------------------------------------- commands


def commands() -> Iterator[tuple[str, Any]]:
    """Name and command, in the order of `coincast --help`."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", one) for inner, one in command.commands.items())
        else:
            yield name, command


def commands_page() -> str:
    pieces = [
        MADE,
        "# Commands",
        "`coincast COMMAND`, or the same as `python -m coincast COMMAND`.",
        EXIT_CODES.strip(),
    ]
    for name, command in commands():
        text, _, examples = command.help.partition("\b")
        examples = inspect.cleandoc(examples.partition("Examples:")[2].replace("\n  ", "\n"))
        pieces += [f"## coincast {name}", inspect.cleandoc(text), f"```sh\n{examples}\n```", _options_table(command)]
    return "\n\n".join(pieces) + "\n"


def _options_table(command: Any) -> str:
    rows = [("option", "what it is", "default")]
    for option in command.params:
        names = " ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
        if option.param_type_name == "argument":
            names = f"`{option.metavar or option.name.upper()}`"
        elif option.metavar:
            names += f" `{option.metavar}`"
        rows.append((names, option.help or "", _default(option)))
    return table(rows)


def _default(option: Any) -> str:
    if option.required:
        return "needed"
    return "" if option.default is None or option.default is False else f"`{option.default}`"


# ---------------------------------------------------------------- file forms


def forms_page() -> str:
    rows = [("form", "what such files are", "source", "quote")]
    rows += [(f"`{f.name}`", f.description, _source(f), f.quote or "as content or name tell") for f in FORMATS.values()]
    series = [("form", "what such files are")]
    series += [(f"`{form.name}`", form.description) for form in SERIES_FORMS.values()]
    pieces = [MADE, "# File forms", FORMS, table(rows), "## Outside series", SERIES, table(series), "## Form by form"]
    for form in FORMATS.values():
        text = inspect.cleandoc(inspect.getmodule(form.read).__doc__ or "")
        pieces += [f"### {form.name}", re.sub(r"(?m)((?:^    .*\n?)+)", _fence, text)]
    return "\n\n".join(pieces) + "\n"


FORMS = """\
`coincast import`, `--candles` and `read_candles` recognise a file by its content, never by its name: CSV (with `,` `;`
tab or `|`), Parquet, Feather, JSON and HDF5 (one table), each plain, in gzip or in a ZIP archive. Labels that name the
end of a candle, or the day after, become true open and close times. What no form recognises is read as a general table,
whose columns are found by name or said with `--column`. [Market data](data.md) tells the rest."""

SERIES = """\
Tables without candles, one value or more for each day. They are joined to candles as of the moment when they were
known."""


def _source(form: Format) -> str:
    return (
        f"the exchange that file or folder names, else `{form.source}`" if form.tells_exchange else f"`{form.source}`"
    )


def _fence(found: re.Match[str]) -> str:
    return f"```\n{inspect.cleandoc(found[0])}\n```\n"


# ---------------------------------------------------------------- spec


def spec_page() -> str:
    pieces = [
        MADE,
        "# The spec",
        "A spec says everything about an experiment. It is a TOML file with one section per noun;"
        " `--set section.key=value` changes one value of it (`--set lstm.units=64` one of a model), and in Python every"
        " key is a keyword of `compare` and `forecast`. A misspelt key is named with the nearest right one. Whole"
        " specs are in [`examples/`](../examples/eth-daily.toml).",
    ]
    for name, section in SECTIONS.items():
        about = {**attributes(SECTION_DOCS.get(name)), **attributes(section)}
        rows = [("key", "default", "what it is")]
        rows += [(f"`{key}`", toml(field.default), about.get(key, "")) for key, field in section.model_fields.items()]
        pieces += [f"## [{name}]", summary(section).partition("; see ")[0].rstrip(".") + ".", table(rows)]
    pieces += ["## [[models]]", _models_text(), _models_table(), "## [grid]", GRID, "## Names", *_names()]
    return "\n\n".join(pieces) + "\n"


SECTION_DOCS: dict[str, type] = {"split": Split, "training": Recipe}

GRID = """\
Lists of values; one model is made of every combination, called for example `lstm(units=50,learning_rate=0.01)`, and
every one has all its seeds. A grid may vary every key of `[training]` that says how a network learns, every setting of
a network, and `samples.lookback`, `features`, `inputs`, `scaling` and `target`, which other models then keep as
`[samples]` has them. What keeps the shapes (decimal numbers such as learning rates, dropout, penalties and noise, and
other data of the same size) is one program, however many settings, seeds, markets and refits there are; other shapes,
losses, optimisers or whole numbers are trained group after group.

```toml
[grid]
training.learning_rate = [0.001, 0.003]
training.l2_kernel = [0.0, 0.0001, 0.001]
lstm.dropout = [0.0, 0.25]
lstm.units = [20, [50, 20]]         # one layer, and two
samples.lookback = [10, 30]
```"""


def _models_text() -> str:
    default, volatile = (
        ", ".join(f"`{name}`" for name in names) for names in (DEFAULT_MODELS, DEFAULT_VOLATILITY_MODELS)
    )
    return (
        "One table for each model: its `name`, its settings, and a `label` where two share a name. Without any, these "
        f"are run: {default}; for volatility {volatile}. `naive` always is, and `all` stands for every one that "
        "suits the quantity. In Python settings objects such as `cc.LSTM(units=20)` and a user's "
        "own networks stand beside names."
    )


def _models_table() -> str:
    rows = [("name", "Python", "settings and defaults", "what it is")]
    for name, settings in MODELS.items():
        fields: Any = dataclasses.fields(settings)  # type: ignore[arg-type]
        values = ", ".join(f"`{field.name} = {toml(field.default, plain=True)}`" for field in fields)
        rows.append((f"`{name}`", f"`{settings.__name__}`", values, summary(settings)))
    return table(rows)


def _names() -> Iterator[str]:
    described: dict[str, dict[str, str]] = {
        "samples.features": {name: feature.description for name, feature in FEATURES.items()},
        "samples.target": {name: target.description for name, target in TARGETS.items()},
        "samples.scaling": SCALINGS,
        "training.loss": {name: loss.description for name, loss in LOSSES.items()},
    }
    for key, names in described.items():
        yield table([(f"`{key}`", "what it is"), *((f"`{name}`", text) for name, text in names.items())])


def toml(value: Any, *, plain: bool = False) -> str:
    """A default as it would be written in TOML; nothing where there is none."""
    if value is None:
        return ""
    written = tomlkit.item(value).as_string() if not isinstance(value, date) else value.isoformat()
    return written if plain else f"`{written}`"


# ---------------------------------------------------------------- Python


def python_page() -> str:
    pieces = [MADE, "# Python", "What `import coincast as cc` offers. What is not here may change without notice."]
    for name in sorted(set(coincast.__all__) - {"__version__"}, key=lambda n: (n[0].isupper(), n.lower())):
        value = getattr(coincast, name)
        shown = "" if issubclass_of(value, Exception) else re.sub(r" -> '?[\w.| \[\],]+'?$", "", _signature(value))
        pieces += [f"## {name}", f"```text\n{name}{shown}\n\n{inspect.getdoc(value)}\n```"]
    return "\n\n".join(pieces) + "\n"


def _signature(value: Any) -> str:
    parameters = inspect.signature(value).parameters.values()
    shown = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(shown))


def issubclass_of(value: Any, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base)


# ---------------------------------------------------------------- words


def summary(documented: Any) -> str:
    """First paragraph of a docstring, as one line."""
    text = inspect.getdoc(documented) or ""
    return " ".join(text.partition("\n\n")[0].split())


def attributes(documented: Any) -> dict[str, str]:
    """Name -> words of the Attributes section of a docstring."""
    section = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.split(r"\n(?=    \S)", "\n" + section)
    found: dict[str, str] = {}
    for entry in entries:
        names, colon, words = entry.strip().partition(": ")
        if colon:
            found.update(dict.fromkeys(names.split(", "), " ".join(words.split())))
    return found


def table(rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; the first row is its heading."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "forms.md": forms_page,
    "spec.md": spec_page,
    "python.md": python_page,
}


def main() -> None:
    for name, page in PAGES.items():
        (Path(__file__).parent / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
