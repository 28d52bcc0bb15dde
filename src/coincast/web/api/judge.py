"""A table of somebody's own forecasts is judged: the verdict, its figures, and the data of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from coincast.candles.table import INTERVALS
from coincast.errors import CoincastError
from coincast.experiments.judge import Judgement
from coincast.experiments.judge import judge as judge_table
from coincast.forecasts.combine import add_ensembles
from coincast.reports.reading import forecast_lines
from coincast.reports.story import Story
from coincast.reports.thinning import thin
from coincast.reports.wording import four_figures, headline
from coincast.tabular import Member, read_table
from coincast.tabular.containers import FEATHER, GZIP, HDF5, PARQUET, ZIP
from coincast.web.answers import send_model
from coincast.web.api.boards import BoardRow, Word, show_rows
from coincast.web.api.shapes import Milliseconds, Number, Shape
from coincast.web.faults import Refusal, describe_faults
from coincast.web.runs.reading import board_rows
from coincast.web.site import Site

NAME = "your file"
"""What a table is called in messages: it has no path."""
MOST_SCORES = 600
MOST_PICTURES = 8
MOST_POINTS = 800
CSV_TYPES = ("text/csv", "application/csv", "application/vnd.ms-excel", "text/plain")
_INTERVAL = f"^({'|'.join(INTERVALS)})$"
_EXAMPLE = "target_time,actual,predicted\n2024-01-01,42280.2,42012.9\n2024-01-02,44187.1,42280.2\n"


class ModelVerdict(Shape):
    """What one model is worth on one market."""

    model: str
    market: str
    verdict: Word
    skill: Number
    low: Number
    high: Number
    detectable: Number
    n: int
    lag: int | None = Field(description="candles back from the target at which the line fits best, 0 for the truth")
    sentence: str


class FigureShape(Shape):
    """One of the four figures a reader should see first."""

    text: str = Field(examples=["-3.2 %"])
    caption: str = Field(examples=["skill against naive"])
    role: str = Field(description="its colour in the palette", examples=["worse"])


class ScoreShape(Shape):
    """A row of the score table."""

    market: str
    interval: str | None
    model: str
    quantity: str
    metric: str
    unit: str
    value: Number
    naive: Number
    skill: Number
    low: Number
    high: Number
    p: Number
    p_holm: Number
    n: int
    detectable: Number
    verdict: Word | None


class PictureShape(Shape):
    """What was said beside what came, of one model on one market; one forecast for each date, thinned."""

    market: str
    interval: str | None
    quantity: str
    model: str
    target_time: list[Milliseconds]
    actual: list[Number]
    predicted: list[Number]
    naive: list[Number]
    low: list[Number] | None
    high: list[Number] | None
    rows: int = Field(description="forecasts, before any were left out")


class JudgementShape(Shape):
    """What forecasts are worth beside the naive one."""

    headline: str = Field(description="in one sentence")
    verdict: Word | None = Field(description="of the first model")
    sentence: str = Field(description="of every model, one line each")
    models: list[ModelVerdict]
    figures: list[FigureShape]
    leaderboard: list[BoardRow]
    scores: list[ScoreShape]
    notes: list[str]
    picture: list[PictureShape]


@dataclass(frozen=True)
class _Asked:
    """A table and what its sender says about it."""

    data: bytes
    reading: Mapping[str, Any]


def make_router(site: Site) -> APIRouter:
    """The address that judges."""
    router = APIRouter(tags=["judge"])
    body = {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "minLength": 1}, "example": _EXAMPLE}},
    }

    @router.post(
        "/judge",
        response_model=JudgementShape,
        responses=describe_faults(415),
        openapi_extra={"requestBody": body},
    )
    async def judge_forecasts(
        request: Request,
        market: Annotated[str | None, Query(max_length=100, description="market of rows that name none")] = None,
        interval: Annotated[str | None, Query(pattern=_INTERVAL, description="of the candles")] = None,
        horizon: Annotated[int | None, Query(ge=1, le=10_000, description="steps ahead of every row")] = None,
        quantity: Annotated[
            Literal["price", "log_return", "direction", "volatility"], Query(description="what is forecast")
        ] = "price",
    ) -> Response:
        """Judge a CSV with the columns target_time, actual, predicted; more where they are there (see docs/judging.md).

        Nothing of it is kept.
        """
        _check_type(request)
        reading = {"market": market, "interval": interval, "horizon": horizon, "quantity": quantity}
        asked = _Asked(await request.body(), reading)
        return send_model(await site.heavy.run(lambda: _judge(asked, site.settings.limits.rows)))

    return router


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in CSV_TYPES:
        raise Refusal(415, "send the CSV itself, with Content-Type: text/csv")


def _judge(asked: _Asked, most_rows: int) -> JudgementShape:
    """Judge a table; what is wrong with it is told in the judge's own words.

    Raises:
        Refusal: it is no CSV, too long, or cannot be judged.
    """
    if asked.data.startswith((PARQUET, FEATHER, HDF5, GZIP, ZIP)) or b"\0" in asked.data:
        raise Refusal(415, "this is no CSV but a binary file; export it as CSV")
    if asked.data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        raise Refusal(415, "this is no CSV but JSON; export it as CSV")
    try:
        table = read_table(Member(NAME, asked.data, sha256=""))
        if table.height > most_rows:
            raise Refusal(413, f"{NAME} has {table.height:,} rows; at most {most_rows:,}")
        return _show(judge_table(table, **asked.reading))
    except (CoincastError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise Refusal(422, _in_short(error)) from None


def _in_short(error: BaseException) -> str:
    """The message of an error; of one that is not ours only that the table cannot be read."""
    ours = isinstance(error, CoincastError)
    return str(error)[:1000] if ours else f"{NAME} cannot be judged: a column holds what does not belong there"


def _show(judgement: Judgement) -> JudgementShape:
    story = _tell(judgement)
    sections = story.sections()
    return JudgementShape(
        headline=headline(story).text,
        verdict=judgement.verdict,
        sentence=judgement.sentence,
        models=[ModelVerdict(**vars(model)) for model in judgement.models],
        figures=[
            FigureShape(text=figure.text, caption=figure.caption, role=figure.role)
            for figure in (four_figures(sections[0]) if sections else [])
        ],
        leaderboard=show_rows(board_rows(judgement.scores), "judgement"),
        scores=_scores(judgement.scores),
        notes=list(judgement.notes),
        picture=[picture for section in sections for picture in _pictures(section)][:MOST_PICTURES],
    )


def _tell(judgement: Judgement) -> Story:
    """The judgement as reports take it, without the further tests, which take their time."""
    return Story(
        title="",
        command="",
        scores=judgement.scores,
        forecasts=add_ensembles(judgement.forecasts),
        intervals=judgement.intervals,
        sentences={(model.market, model.model): model.sentence for model in judgement.models},
        dates_are_targets=True,
    )


def _scores(scores: pl.DataFrame) -> list[ScoreShape]:
    """The score table without its subsets, single steps and single runs."""
    whole = (pl.col("view") == "every_origin") & (pl.col("subset") == "all") & (pl.col("step") == 0)
    rows = scores.filter(whole, pl.col("level") == "ensemble").head(MOST_SCORES)
    return [ScoreShape(**row) for row in rows.select(list(ScoreShape.model_fields)).to_dicts()]


def _pictures(section: Story) -> list[PictureShape]:
    """The lines of every model of a market."""
    pictures = []
    for model in section.scores["model"].unique(maintain_order=True):
        lines = forecast_lines(section, model)
        if lines is None:
            continue
        kept = thin(lines.actual, lines.value, lines.naive, most=MOST_POINTS)
        low, high = (None if band is None else band[kept].tolist() for band in (lines.low, lines.high))
        pictures.append(
            PictureShape(
                market=section.market,
                interval=section.interval or None,
                quantity=section.quantity,
                model=model,
                target_time=lines.time[kept].astype("datetime64[ms]").astype("int64").tolist(),
                actual=lines.actual[kept].tolist(),
                predicted=lines.value[kept].tolist(),
                naive=lines.naive[kept].tolist(),
                low=low,
                high=high,
                rows=lines.time.size,
            )
        )
    return pictures
