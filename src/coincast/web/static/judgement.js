// A judgement: the verdict, its figures and pictures, and every score.

import { makeChart } from "./chart.js";
import { element } from "./elements.js";
import { boardTable, boards } from "./leaderboards.js";
import { bullets, card, figures, legend, more, verdict } from "./parts.js";
import { column, numbers, table } from "./tables.js";
import { amount, count, modelName, moment, percent, quote, role, span, things } from "./words.js";

export function drawJudgement(told, columns, file) {
  const charts = told.picture.map((one) => picture(one));
  return element(
    "div",
    { className: "group" },
    element(
      "p",
      { className: "eyebrow" },
      `${file.name || "your table"} \u00b7 ${things(told.models.length, "forecaster")}`,
    ),
    verdict("h2", told.headline, told.verdict, { id: "judged" }),
    element(
      "div",
      { className: "lead" },
      told.models
        .slice(0, 4)
        .map((one) =>
          element(
            "p",
            {},
            one.sentence,
            one.lag >= 1 ? ` Its line fits the price of ${things(one.lag, "candle")} before best.` : "",
          ),
        ),
    ),
    figures(told.figures),
    boards(told.leaderboard),
    charts,
    told.notes.length > 0 && card({ title: "Notes" }, bullets(told.notes)),
    card({ title: "Leaderboard, all columns" }, boardTable(told.leaderboard, columns, "judged-board")),
    more("Every score", "scores", scoreTable(told.scores)),
  );
}

function picture(one) {
  const unit = (one.quantity === "price" && quote(one.market)) || one.quantity.replace("_", " ");
  const graph = makeChart({
    label: `${modelName(one.model)} on ${one.market}: what was said and what came`,
    tall: true,
  });
  const { target_time: x } = one;
  graph.draw(() => ({
    x: { kind: "time", title: "UTC" },
    y: { unit },
    layers: [
      one.low && { kind: "band", role: "model", x, low: one.low, high: one.high },
      { kind: "line", role: "naive", x, y: one.naive },
      { kind: "line", role: "price", x, y: one.actual },
      { kind: "line", role: "model", x, y: one.predicted },
    ].filter(Boolean),
    points: x.map((at, number) => ({
      x: at,
      words: `${moment(at, one.interval ?? "1d")}: forecast ${amount(one.predicted[number])}, came ${amount(one.actual[number])}, naive ${amount(one.naive[number])}`,
    })),
  }));
  const bands = one.low ? [["band", "its interval"]] : [];
  return card(
    {
      title: "What it said, and what happened",
      caption: `${modelName(one.model)} on ${one.market}: ${things(one.rows, "forecast")}${one.rows > x.length ? `, ${count(x.length)} drawn, no extreme left out` : ""}.`,
    },
    legend([["price", "what came"], ["model", "forecast"], ["naive", "naive"], ...bands]),
    graph.node,
  );
}

function scoreTable(rows) {
  const skill = (value) => percent(value, { signed: true });
  return table({
    label: "Every score",
    key: "scores",
    rows,
    columns: [
      column("model", "Who forecast.", (row) => row.model, modelName),
      column("market", "Of what.", (row) => row.market),
      column("metric", "How the error is measured; abs_log_error decides.", (row) => row.metric),
      numbers("value", "Of the forecast.", (row) => row.value, amount),
      numbers("naive\u2019s", "Of the naive forecast, on the same dates.", (row) => row.naive, amount),
      column("unit", "What value and naive\u2019s are measured in.", (row) => row.unit),
      numbers("skill", "1 \u2212 error / naive\u2019s error.", (row) => row.skill, skill),
      {
        ...numbers("95 % interval", "Of the skill; sorted by its lower end.", (row) => row.low),
        cell: (row) => span(row.low, row.high),
      },
      numbers("n", "Forecasts.", (row) => row.n),
      column("verdict", "Of the metric that decides.", (row) => row.verdict, verdictWord),
    ],
  });
}

const verdictWord = (word) => element("b", { className: role(word) }, word ?? "");
