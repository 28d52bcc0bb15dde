// One market of the store: its price over the whole span, and all that is wrong with its candles.

import { makeChart } from "./chart.js";
import { element, swap } from "./elements.js";
import { bullets, card, legend } from "./parts.js";
import { column, numbers, prose, table } from "./tables.js";
import { amount, count, eachInterval, intervalSeconds, moment, pair, quote, venue } from "./words.js";

/** Its place on the page, filled anew when candles come. */
export function makeDetail(first) {
  const title = element("div"),
    found = element("div");
  const graph = makeChart({ label: `${pair(first.market)}: price over the whole span` });
  const node = element(
    "section",
    { className: "group" },
    title,
    card(
      { title: "Price", caption: "Close of every candle, thinned so that no extreme is lost; grey: gaps." },
      legend([
        ["price", "close"],
        ["outage", "gap"],
      ]),
      graph.node,
    ),
    found,
  );
  const fill = (told, candles) => {
    swap(
      title,
      element("p", { className: "eyebrow" }, `${venue(told.market)} \u00b7 ${eachInterval(told.interval)} candles`),
      element("h2", { className: "verdict" }, pair(told.market)),
    );
    const gaps = told.findings.filter((one) => one.kind === "gap");
    graph.draw(() => ({
      x: { kind: "time", title: "UTC" },
      y: { unit: quote(told.market) },
      layers: [
        {
          kind: "spans",
          role: "outage",
          spans: gaps.map((one) => [one.first, one.last + 1000 * intervalSeconds(told.interval)]),
        },
        { kind: "line", role: "price", ...interrupted(candles, gaps) },
      ],
      points: candles.close_time.map((at, number) => ({
        x: at,
        words: `${moment(at, told.interval)} UTC: close ${amount(candles.close[number])}`,
      })),
    }));
    swap(found, findings(told));
  };
  return { id: first.id, node, fill };
}

/** The line of closes, interrupted where candles are missing. */
function interrupted(candles, gaps) {
  const points = candles.close_time.map((time, at) => [time, candles.close[at]]);
  const holes = gaps.map(({ first }) => [first + 1, null]);
  const sorted = [...points, ...holes].sort(([a], [b]) => a - b);
  return { x: sorted.map(([time]) => time), y: sorted.map(([, close]) => close) };
}

function findings(told) {
  if (!told.findings_total) return card({ title: "Gaps and defects", caption: "None were found." });
  const day = (time) => moment(time, told.interval);
  return card(
    {
      title: `Gaps and defects: ${count(told.findings_total)}`,
      caption:
        told.findings_total > told.findings.length ? `The gravest ${count(told.findings.length)} are listed.` : "",
    },
    bullets(told.summary),
    table({
      label: "Gaps and defects",
      key: "findings",
      rows: told.findings,
      columns: [
        column(
          "kind",
          "What was found.",
          (row) => row.kind,
          (kind) => kind.replaceAll("_", " "),
        ),
        column("weight", "doubtful: a price that may be wrong; note: worth knowing.", (row) => row.severity),
        column("first", "First candle of it, by its opening.", (row) => row.first, day),
        column("last", "Last candle of it, by its opening.", (row) => row.last, day),
        numbers("candles", "How many; of a gap those that are missing.", (row) => row.count),
        prose("what", "In words.", (row) => row.detail),
      ],
    }),
  );
}
