// The card of one market on Now: its verdict, candles with the forecast as a fan, and what is said candle by candle.

import { makeChart } from "./chart.js";
import { element, swap } from "./elements.js";
import { choice, legend, verdict } from "./parts.js";
import { table } from "./tables.js";
import {
  amount,
  eachInterval,
  intervalSeconds,
  known,
  modelName,
  moment,
  pair,
  percent,
  quote,
  span,
  things,
  venue,
} from "./words.js";

/** The card of one market; it lives as long as the page, so that only what changes is drawn anew. */
export function makeCard(first) {
  const state = { model: null, market: first, candles: null };
  const title = element("div"),
    facts = element("div"),
    rows = element("div");
  const graph = makeChart({ label: `${pair(first.market)}: candles, forecast and naive`, tall: true });
  const node = element(
    "article",
    { className: "card market", "data-market": first.market },
    title,
    legend([
      ["candle", "candle (filled: falling)"],
      ["model", "forecast, bands 50, 80 and 90 %"],
      ["naive", "naive: the last close"],
    ]),
    graph.node,
    facts,
    element(
      "details",
      { className: "columns", "data-key": `${first.key} steps` },
      element("summary", {}, "Candle by candle"),
      rows,
    ),
  );
  const card = { node, id: first.id, fill };
  function fill(market, candles) {
    Object.assign(state, { market, candles: candles ?? state.candles });
    card.id = market.id;
    const item = market.items.find((one) => one.model === state.model) ?? market.items[0];
    swap(
      title,
      heading(market, item, (model) => {
        state.model = model;
        fill(state.market);
      }),
    );
    graph.draw((isNarrow) => outlook(item, state.candles, isNarrow));
    swap(facts, sentence(item));
    swap(rows, steps(item));
  }
  return card;
}

function heading(market, item, take) {
  const { market: name, interval } = market;
  const options = market.items.map((one) => ({ value: one.model, words: modelName(one.model) }));
  const { word, sentence: told } = item.verdict ?? {};
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${pair(name)} \u00b7 ${venue(name)} \u00b7 ${eachInterval(interval)} candles`,
    ),
    verdict("h2", told ?? "Nothing of it is scored yet.", word),
    options.length > 1 &&
      choice({ label: `Forecaster of ${pair(name)}`, options, value: item.model, take, key: market.key }),
  ];
}

/** Candles, and beyond them what was said of the next ones. */
function outlook(item, candles, isNarrow) {
  const length = intervalSeconds(item.interval) * 1000;
  const asked = isNarrow
    ? Math.min(40, Math.max(18, 5 * item.steps.length))
    : Math.min(90, Math.max(34, 8 * item.steps.length));
  const end = item.steps.at(-1).target_time;
  const first = (candles?.close_time.length ?? 0) - asked;
  const cut = (name) => (candles?.[name] ?? []).slice(Math.max(0, first));
  const [times, opens, highs, lows, closes] = ["close_time", "open", "high", "low", "close"].map(cut);
  const ahead = [item.origin, ...item.steps.map((step) => step.target_time)];
  const line = (pick) => [item.last_close, ...item.steps.map(pick)];
  const quantile = (name) => line((step) => step.quantiles?.[name] ?? null);
  const naive = (name) => line((step) => step.naive_quantiles?.[name] ?? null);
  const bands = [
    ["q05", "q95"],
    ["q10", "q90"],
    ["q25", "q75"],
  ].map(([low, high]) => ({ kind: "band", role: "fan", x: ahead, low: quantile(low), high: quantile(high) }));
  return {
    x: { kind: "time", title: "UTC", bounds: [(times[0] ?? item.origin) - length, Math.max(end, times.at(-1) ?? end)] },
    y: { unit: quote(item.market) },
    layers: [
      ...bands,
      { kind: "line", role: "naive thin", x: ahead, y: naive("q10") },
      { kind: "line", role: "naive thin", x: ahead, y: naive("q90") },
      { kind: "candles", x: times, open: opens, high: highs, low: lows, close: closes, y: closes, length },
      { kind: "line", role: "naive", x: ahead, y: line((step) => step.naive) },
      { kind: "line", role: "model", x: ahead, y: line((step) => step.value) },
      { kind: "dots", role: "model", x: ahead.slice(1), y: item.steps.map((step) => step.value), size: 3 },
    ],
    points: [
      ...times
        .map((time, at) => ({
          x: time,
          words: `${moment(time, item.interval)} UTC: open ${amount(opens[at])}, high ${amount(highs[at])}, low ${amount(lows[at])}, close ${amount(closes[at])}`,
        }))
        .filter(({ x }) => x <= item.origin),
      ...item.steps.map((step) => ({
        x: step.target_time,
        words: `${moment(step.target_time, item.interval)} UTC: forecast ${amount(step.value)}${between(step.quantiles, "q10", "q90")}, naive ${amount(step.naive)}${known(step.actual) ? `, came ${amount(step.actual)}` : ""}`,
      })),
    ],
  };
}

const between = (quantiles, low, high) =>
  known(quantiles?.[low]) && known(quantiles?.[high])
    ? ` (80 %: ${amount(quantiles[low])} to ${amount(quantiles[high])})`
    : "";

function sentence(item) {
  const { verdict: judged } = item,
    unit = quote(item.market);
  const [step] = item.steps;
  const change = step.value / item.last_close - 1;
  const skill = judged?.n
    ? `Skill ${percent(judged.skill, { signed: true })}${known(judged.low) ? ` (${span(judged.low, judged.high)})` : ""} on ${things(judged.n, "origin")}.`
    : "";
  return element(
    "p",
    { className: "said" },
    `${modelName(item.model)} says ${amount(step.value, unit)} for the candle that closes ${moment(step.target_time, item.interval)} UTC, ${percent(change, { signed: true, digits: 2 })} from the last close; naive says ${amount(step.naive, unit)}. `,
    skill,
    item.is_late ? " This forecast came late: it will not be scored." : "",
  );
}

function steps(item) {
  const unit = quote(item.market);
  const number = (title, words, pick) => ({
    title,
    words,
    isNumber: true,
    cell: (step) => amount(pick(step)),
    order: pick,
  });
  return [
    element(
      "p",
      { className: "small" },
      `Entry ${item.number} of the ledger, made ${moment(item.made_at)} UTC, origin ${moment(item.origin)} UTC, trained until ${moment(item.trained_until)} UTC. Prices in ${unit || "the quote currency"}.`,
    ),
    table({
      label: `Forecast of ${pair(item.market)}, candle by candle`,
      key: `${item.market} ${item.interval}`,
      rows: item.steps,
      columns: [
        {
          title: "closes, UTC",
          words: "Close of the candle that is forecast.",
          cell: (step) => moment(step.target_time, item.interval),
          order: (step) => step.target_time,
        },
        number("forecast", "What the model says.", (step) => step.value),
        number("low 80 %", "Lower end of the model\u2019s 80 % interval.", (step) => step.quantiles?.q10),
        number("high 80 %", "Upper end of the model\u2019s 80 % interval.", (step) => step.quantiles?.q90),
        number("naive", "The last close at the origin.", (step) => step.naive),
        number("came", "What the close was, once it has settled.", (step) => step.actual),
      ],
    }),
  ];
}
