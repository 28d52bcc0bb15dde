"""The articles repeated: from candles to a folder with the page, the figures as JSON, every picture and every table.

    report.html  results.json  figures/NAME.png  tables/NAME.csv     what is read
    runs/  tables/NAME-HASH.parquet  unfinished/                     what an interrupted study goes on from

Several studies share the page and the JSON, and each has a folder of its own for the rest. `results.json` is written
last, so that a folder with it is finished.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from coincast.articles.about import About
from coincast.articles.bench import UNFINISHED, Bench, Size, hash_all
from coincast.articles.data import Material
from coincast.errors import UnknownNameError
from coincast.experiments.fingerprint import hash_code
from coincast.experiments.fit import OnProgress
from coincast.experiments.places import choose_place, claim_place, write_json
from coincast.reports.numbers import file_stems
from coincast.reports.study import Picture, Sheet, Study
from coincast.reports.study_page import number_names, write_studies
from coincast.reports.study_pictures import DrawingHand
from coincast.reports.study_tables import write_sheets

ARTICLES: dict[str, str] = {
    "sheehan": "coincast.articles.sheehan",
    "fahimi": "coincast.articles.fahimi",
    "huang": "coincast.articles.huang",
    "fmz": "coincast.articles.fmz",
}
"""Name of an article -> its package, which holds `study` and, in `about`, `ABOUT`."""

ALL = "all"
REPORT, RESULTS = "report.html", "results.json"
KEPT = ("runs", "tables", "unfinished", "figures", "weights", "data", "models")
"""Folders of a study, which are emptied where it begins anew."""


@dataclass(frozen=True)
class Reproduction:
    """What came of it.

    Attributes:
        folder: where everything lies.
        report: the page.
        was_finished: whether it had been made before and was only shown.
        document: what `results.json` holds: `results`, one entry for each article and market, `studies`, what each of
            them found, and how they were made.
    """

    folder: Path
    report: Path
    was_finished: bool
    document: Mapping[str, Any]

    @property
    def results(self) -> list[dict[str, Any]]:
        """One entry for each article and market."""
        return list(self.document["results"])

    def to_dict(self) -> dict[str, Any]:
        """The document with the places of this machine."""
        places = {"report": str(self.report), "folder": str(self.folder), "was_finished": self.was_finished}
        return {**self.document, **places}


def find_about(name: str) -> About:
    """What is known of an article.

    Raises:
        UnknownNameError: no such article.
    """
    if name not in ARTICLES:
        raise UnknownNameError("article", name, [*ARTICLES, ALL])
    about: About = import_module(f"{ARTICLES[name]}.about").ABOUT
    return about


def make_study(material: Material, bench: Bench) -> Study:
    """Do what an article does, with all that it needs at hand."""
    make: Callable[[Bench], Study] = import_module(f"{ARTICLES[material.about.name]}.study").study
    return make(bench)


def reproduce(
    materials: Sequence[Material],
    *,
    size: Size = "usual",
    faithful: bool = True,
    fair: bool = True,
    out: Path | None = None,
    fresh: bool = False,
    command: str = "",
    say: Callable[[str], None] = lambda words: None,
    on_progress: OnProgress | None = None,
) -> Reproduction:
    """Repeat articles in a folder; go on where it was interrupted, show it where it is finished.

    Args:
        materials: what each study is made of; several are one page.
        size, faithful, fair, say, on_progress: as in `Bench`.
        out: the folder; else one is made under `./coincast-runs/`.
        fresh: begin anew.
        command: what makes this again, for the page.

    Raises:
        UsageError: `out` holds something else.
    """
    names = [material.about.name for material in materials]
    ways = [way for way, is_asked in (("faithful", faithful), ("fair", fair)) if is_asked]
    fingerprint = _take_fingerprint(materials, [size, *ways])
    folder = choose_place(out, f"reproduce-{names[0] if len(set(names)) == 1 else ALL}", fingerprint)
    places = [folder] if len(names) == 1 else [folder / key for key in number_names(names)]
    if not fresh and (shown := _read_finished(folder)) is not None:
        return shown
    claim_place(folder, fingerprint)
    if fresh:
        _forget(folder, places)
    began = time.perf_counter()
    asked: dict[str, Any] = {"size": size, "faithful": faithful, "fair": fair, "on_progress": on_progress}
    with DrawingHand() as hand:
        studies = [
            _do(material, place, hand, number=number, say=say, **asked)
            for number, (material, place) in enumerate(zip(materials, places, strict=True))
        ]
        say("pictures and page")
        drawings = hand.finish()
    document: dict[str, Any] = {
        "results": [asdict(outcome) for study in studies for outcome in study.outcomes],
        "studies": [_describe(study, place, folder) for study, place in zip(studies, places, strict=True)],
        "files": [dict(fact) for material in materials for fact in material.facts],
        "size": size,
        "ways": ways,
        "command": command,
        "fingerprint": fingerprint,
    }
    for study, place in zip(studies, places, strict=True):
        write_sheets(study.sheets(), place / "tables")
    write_studies(studies, drawings, folder / REPORT, command=command, facts=_list_facts(document))
    document["seconds"] = time.perf_counter() - began
    write_json(folder / RESULTS, _plain(document))
    for place in places:
        shutil.rmtree(place / UNFINISHED, ignore_errors=True)
    return Reproduction(folder, folder / REPORT, was_finished=False, document=_plain(document))


def _do(
    material: Material, place: Path, hand: DrawingHand, *, number: int, say: Callable[[str], None], **asked: Any
) -> Study:
    """Make a study in its folder, and begin to draw its pictures."""
    place.mkdir(parents=True, exist_ok=True)
    bench = Bench(
        material.candles,
        place,
        say=_named(say, material.about.name),
        files=tuple(material.facts),
        beside=material.beside,
        **asked,
    )
    made = make_study(material, bench)
    study = replace(made, notes=(*material.notes, *made.notes))
    hand.draw(study, place / "figures", prefix=f"d{number}p")
    return study


def _list_facts(document: Mapping[str, Any]) -> dict[str, str]:
    """How it was made, for the end of the page."""
    names = [str(file.get("file", file.get("store", "candles"))) for file in document["files"]]
    files = {
        name if names.count(name) == 1 else f"{name}, {file['market']}": (
            f"{file['rows']:,} candles, sha256 {file['sha256'][:12]}"
        )
        for name, file in zip(names, document["files"], strict=True)
    }
    ways, fingerprint = " and ".join(document["ways"]), document["fingerprint"][:12]
    return {"size": document["size"], "ways": ways, "fingerprint": fingerprint, **files}


def _named(say: Callable[[str], None], article: str) -> Callable[[str], None]:
    return lambda words: say(f"{article}: {words}")


def _take_fingerprint(materials: Sequence[Material], options: Sequence[str]) -> str:
    """A hash of candles, options, code and what is installed: what has the same one gives the same studies."""
    packages = sorted({name for material in materials for name in material.about.packages if find_spec(name)})
    told = json.dumps([[material.about.name for material in materials], packages, *options])
    parts = [told.encode(), *(hash_all(material.candles, material.beside) for material in materials), hash_code()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _read_finished(folder: Path) -> Reproduction | None:
    """What a finished folder holds; None where something of it is missing or broken, which is then made again."""
    try:
        document = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        is_whole = isinstance(document["results"], list) and isinstance(document["studies"], list)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    report = folder / REPORT
    return Reproduction(folder, report, was_finished=True, document=document) if is_whole and report.is_file() else None


def _forget(folder: Path, places: Sequence[Path]) -> None:
    (folder / RESULTS).unlink(missing_ok=True)
    for place in places:
        for name in KEPT:
            shutil.rmtree(place / name, ignore_errors=True)


def _describe(study: Study, place: Path, folder: Path) -> dict[str, Any]:
    """What a study found, and where its pictures and tables are."""
    listed = {
        "pictures": _list_exhibits(study.pictures(), place / "figures", "png", folder),
        "tables": _list_exhibits(study.sheets(), place / "tables", "csv", folder),
    }
    told = (
        "article",
        "title",
        "author",
        "published",
        "claim",
        "finding",
        "reasons",
        "notes",
        "data",
        "is_quick",
        "seconds",
    )
    flaws = [asdict(flaw) for flaw in study.flaws]
    return {**{name: getattr(study, name) for name in told}, "flaws": flaws, **listed}


def _list_exhibits(exhibits: Sequence[Picture | Sheet], place: Path, ending: str, folder: Path) -> list[dict[str, str]]:
    stems = file_stems(shown.name for shown in exhibits)
    return [
        {
            **{name: getattr(shown, name) for name in ("name", "title", "caption", "side", "repeats")},
            "file": (place / f"{stem}.{ending}").relative_to(folder).as_posix(),
        }
        for shown, stem in zip(exhibits, stems, strict=True)
    ]


def _plain(value: Any) -> Any:
    """Values as JSON holds them: NaN and infinity are null, times are text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    return value
