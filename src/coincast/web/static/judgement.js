// A judgement: the verdict, its figures and pictures, and every score.

import { makeChart } from "./chart.js";
import { element } from "./elements.js";
import { boardTable, boards } from "./leaderboards.js";
import { card, figures, legend, more, verdict } from "./parts.js";
import { table } from "./tables.js";
import { amount, count, known, modelName, moment, percent, quote, role, span, things } from "./words.js";

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
    figures(
      told.figures.map((one) => ({
        ...one,
        role: ["better", "worse", "undecided", "few"].includes(one.role) ? one.role : "",
      })),
    ),
    boards(told.leaderboard),
    charts,
    told.notes.length > 0 &&
      card(
        { title: "Notes" },
        element(
          "ul",
          {},
          told.notes.map((note) => element("li", {}, note)),
        ),
      ),
    card({ title: "Leaderboard, all columns" }, boardTable(told.leaderboard, columns, "judged-board")),
    more("Every score", "scores", scoreTable(told.scores)),
  );
}

function picture(one) {
  const unit = one.quantity === "price" ? quote(one.market) : one.quantity.replace("_", " ");
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
    legend([["truth-line", "what came"], ["model", "forecast"], ["naive", "naive"], ...bands]),
    graph.node,
  );
}

function scoreTable(rows) {
  const number = (title, words, pick, write) => ({
    title,
    words,
    isNumber: true,
    cell: (row) => write(pick(row), row),
    order: pick,
  });
  return table({
    label: "Every score",
    key: "scores",
    rows,
    isTall: true,
    columns: [
      { title: "model", words: "Who forecast.", cell: (row) => modelName(row.model), order: (row) => row.model },
      { title: "market", words: "Of what.", cell: (row) => row.market, order: (row) => row.market },
      {
        title: "metric",
        words: "How the error is measured; abs_log_error decides.",
        cell: (row) => row.metric,
        order: (row) => row.metric,
      },
      number(
        "value",
        "Of the forecast.",
        (row) => row.value,
        (value) => amount(value),
      ),
      number(
        "naive\u2019s",
        "Of the naive forecast, on the same dates.",
        (row) => row.naive,
        (value) => amount(value),
      ),
      {
        title: "unit",
        words: "What value and naive\u2019s are measured in.",
        cell: (row) => row.unit,
        order: (row) => row.unit,
      },
      number(
        "skill",
        "1 \u2212 error / naive\u2019s error.",
        (row) => row.skill,
        (value) => percent(value, { signed: true }),
      ),
      number(
        "95 % interval",
        "Of the skill.",
        (row) => row.low,
        (value, row) => (known(value) ? span(row.low, row.high) : "\u2013"),
      ),
      number("n", "Forecasts.", (row) => row.n, count),
      {
        title: "verdict",
        words: "Of the metric that decides.",
        cell: (row) => element("b", { className: role(row.verdict) }, row.verdict ?? ""),
        order: (row) => row.verdict,
      },
    ],
  });
}
