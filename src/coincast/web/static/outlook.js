// What is said of the next candles: the chart with the forecast as a fan and naive dashed, and the same as a table.

import { makeChart } from "./chart.js";
import { element } from "./elements.js";
import { legend } from "./parts.js";
import { column, numbers, table } from "./tables.js";
import { amount, intervalSeconds, known, moment, pair, quote } from "./words.js";

const BANDS = [
  ["q05", "q95"],
  ["q10", "q90"],
  ["q25", "q75"],
];
const CANDLES = { narrow: { least: 18, each: 5, most: 40 }, wide: { least: 34, each: 8, most: 90 } };

/** The chart of a market with its legend; `draw(item, candles)` shows a forecast after candles, null where unknown. */
export function makeOutlook(market) {
  const graph = makeChart({ label: `${pair(market)}: candles, forecast and naive`, tall: true });
  const node = element(
    "div",
    {},
    legend([
      ["candle", "candle (filled: falling)"],
      ["model", "forecast, bands 50, 80 and 90 %"],
      ["naive", "naive: the last close"],
      ["naive thin", "naive\u2019s 80 %"],
    ]),
    graph.node,
  );
  const draw = (item, candles) => graph.draw((isNarrow) => outlook(item, cutCandles(item, candles, isNarrow)));
  return { node, draw };
}

/** The newest candles, more of them before a longer forecast. */
function cutCandles(item, candles, isNarrow) {
  const { least, each, most } = isNarrow ? CANDLES.narrow : CANDLES.wide;
  const wanted = Math.min(most, Math.max(least, each * item.steps.length));
  const [times, open, high, low, close] = ["close_time", "open", "high", "low", "close"].map((name) =>
    (candles?.[name] ?? []).slice(-wanted),
  );
  return { x: times, open, high, low, close };
}

function outlook(item, candles) {
  const { x: times } = candles;
  const length = intervalSeconds(item.interval) * 1000;
  const end = item.steps.at(-1).target_time;
  const first = Math.min(item.origin, times[0] ?? item.origin) - length;
  const ahead = [item.origin, ...item.steps.map((step) => step.target_time)];
  const line = (pick) => [item.last_close, ...item.steps.map(pick)];
  const quantile = (name) => line((step) => step.quantiles?.[name] ?? null);
  const naive = (name) => line((step) => step.naive_quantiles?.[name] ?? null);
  return {
    x: { kind: "time", title: "UTC", bounds: [first, Math.max(end, times.at(-1) ?? end)] },
    y: { unit: quote(item.market) },
    layers: [
      ...BANDS.map(([low, high]) => ({
        kind: "band",
        role: "fan",
        x: ahead,
        low: quantile(low),
        high: quantile(high),
      })),
      { kind: "line", role: "naive thin", x: ahead, y: naive("q10") },
      { kind: "line", role: "naive thin", x: ahead, y: naive("q90") },
      { kind: "candles", ...candles, y: candles.close, length },
      { kind: "line", role: "naive", x: ahead, y: line((step) => step.naive) },
      { kind: "line", role: "model", x: ahead, y: line((step) => step.value) },
      { kind: "dots", x: ahead.slice(1), y: item.steps.map((step) => step.value) },
    ],
    points: [
      ...times.filter((time) => time <= item.origin).map((_, at) => candlePoint(candles, at, item)),
      ...item.steps.map((step) => stepPoint(step, item)),
    ],
  };
}

const candlePoint = ({ x, open, high, low, close }, at, { interval }) => ({
  x: x[at],
  words: `${moment(x[at], interval)} UTC: open ${amount(open[at])}, high ${amount(high[at])}, low ${amount(low[at])}, close ${amount(close[at])}`,
});

const stepPoint = (step, { interval }) => ({
  x: step.target_time,
  words: `${moment(step.target_time, interval)} UTC: forecast ${amount(step.value)}${between(step.quantiles)}, naive ${amount(step.naive)}${known(step.actual) ? `, came ${amount(step.actual)}` : ""}`,
});

const between = (quantiles) =>
  known(quantiles?.q10) && known(quantiles?.q90)
    ? ` (80 %: ${amount(quantiles.q10)} to ${amount(quantiles.q90)})`
    : "";

/** A forecast, candle by candle; what came is shown where it is known. */
export function stepTable(item, key) {
  const unit = quote(item.market) || "the quote currency";
  const columns = [
    column(
      "closes, UTC",
      "Close of the candle that is forecast.",
      (step) => step.target_time,
      (time) => moment(time, item.interval),
    ),
    numbers("forecast", `What the model says, in ${unit}.`, (step) => step.value, amount),
    numbers("low 80 %", "Lower end of the model\u2019s 80 % interval.", (step) => step.quantiles?.q10, amount),
    numbers("high 80 %", "Upper end of the model\u2019s 80 % interval.", (step) => step.quantiles?.q90, amount),
    numbers("naive", "The last close at the origin.", (step) => step.naive, amount),
  ];
  if (item.steps.some((step) => known(step.actual)))
    columns.push(numbers("came", "What the close was.", (step) => step.actual, amount));
  return table({ label: `Forecast of ${pair(item.market)}, candle by candle`, key, rows: item.steps, columns });
}
