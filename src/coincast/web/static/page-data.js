// Data: what is in the store, its gaps and defects, and when it was last written to.

import { get, getAll } from "./api.js";
import { element, swap } from "./elements.js";
import { makeDetail } from "./market-detail.js";
import { card, figures, nextSteps } from "./parts.js";
import { table } from "./tables.js";
import { bytes, count, intervalSeconds, lasting, moment, things } from "./words.js";

const POINTS = 600;

export async function open(panel, first) {
  const top = element("div"),
    detail = element("div", { id: "market-detail", tabIndex: -1 }),
    last = element("div");
  const state = { id: first || null, drawn: null };
  const refresh = async () => {
    const [markets, series, health] = await Promise.all([
      getAll("/markets", { limit: 200 }),
      getAll("/series", { limit: 200 }),
      get("/health"),
    ]);
    if (!markets.items.length && !markets.broken.length && !series.items.length)
      return void swap(
        panel,
        nextSteps(
          "The store is empty.",
          "Candles come from an exchange, from files, or from simulated time. Any of these commands fills the store; this page then shows what is in it.",
          markets.next_steps,
        ),
      );
    if (!top.isConnected) swap(panel, top, detail, last);
    swap(top, head(markets, series, health), marketTable(markets.items, health.now));
    swap(last, broken(markets.broken), seriesTable(series.items));
    await look(state.id ?? markets.items[0]?.id);
  };
  const look = async (id) => {
    if (!id) return;
    const [told, candles] = await Promise.all([
      get(`/markets/${id}`),
      get(`/markets/${id}/candles`, { points: POINTS }),
    ]);
    state.id = id;
    if (state.drawn?.id !== id) state.drawn = makeDetail(told);
    state.drawn.fill(told, candles);
    if (detail.firstElementChild !== state.drawn.node) detail.replaceChildren(state.drawn.node);
  };
  const turn = (id) => {
    if (!id || id === state.id) return;
    look(id)
      .then(() => detail.scrollIntoView({ block: "start" }))
      .catch((error) => swap(detail, element("p", { role: "alert" }, error.message)));
  };
  await refresh();
  return { hears: ["candle"], refresh, turn };
}

function head(markets, series, health) {
  const sum = (pick) => markets.items.reduce((total, one) => total + pick(one), 0);
  const gaps = sum((one) => one.gaps),
    missing = sum((one) => one.missing);
  const spans = new Set(markets.items.map((one) => one.market)).size;
  const latest = Math.max(...markets.items.map((one) => one.updated_at));
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${things(spans, "market")} \u00b7 ${bytes(sum((one) => one.bytes))}${series.items.length ? ` \u00b7 ${things(series.items.length, "outside series").replace(/seriess$/, "series")}` : ""}`,
    ),
    element(
      "h1",
      {},
      gaps
        ? `${things(
            sum((one) => one.rows),
            "candle",
          )} are stored, and ${count(missing)} ${missing === 1 ? "is" : "are"} missing.`
        : `${things(
            sum((one) => one.rows),
            "candle",
          )} are stored, without a gap.`,
    ),
    element(
      "p",
      { className: "lead" },
      "A gap is counted and shown, never filled silently: training does not look across it, and a forecast is not made from it.",
    ),
    figures([
      { text: count(sum((one) => one.rows)), caption: "candles" },
      { text: count(gaps), caption: gaps === 1 ? "gap" : "gaps", role: gaps ? "undecided" : "" },
      { text: count(missing), caption: "candles missing in them", role: missing ? "undecided" : "" },
      { text: markets.items.length ? ago(latest, health.now) : "\u2013", caption: "last update" },
    ]),
  ];
}

const ago = (time, now) => (now - time < 5000 ? "now" : `${lasting(now - time)} ago`);

function marketTable(items, now) {
  const number = (title, words, pick, write = count) => ({
    title,
    words,
    isNumber: true,
    cell: (row) => write(pick(row)),
    order: pick,
  });
  return card(
    { title: "Markets", caption: "Times are UTC, of a candle\u2019s opening." },
    table({
      label: "Markets of the store",
      key: "markets",
      rows: items,
      isTall: items.length > 12,
      columns: [
        {
          title: "market",
          words: "Source, then what is traded; press for its candles and defects.",
          cell: (row) => element("a", { href: `#data/${row.id}`, "data-key": row.id }, row.market),
          order: (row) => row.market,
        },
        {
          title: "interval",
          words: "Length of a candle.",
          cell: (row) => row.interval,
          order: (row) => intervalSeconds(row.interval),
        },
        number("candles", "Candles that are stored.", (row) => row.rows),
        {
          title: "first",
          words: "The oldest candle.",
          cell: (row) => moment(row.first, row.interval),
          order: (row) => row.first,
        },
        {
          title: "last",
          words: "The newest candle.",
          cell: (row) => moment(row.last, row.interval),
          order: (row) => row.last,
        },
        number("gaps", "Places where candles are missing.", (row) => row.gaps),
        number("missing", "Candles that would fill them.", (row) => row.missing),
        {
          title: "from",
          words: "Exchanges and files that they came from.",
          cell: (row) => row.sources.join(", "),
          order: (row) => row.sources.join(", "),
        },
        {
          title: "updated",
          words: "When the store was last written to.",
          cell: (row) => ago(row.updated_at, now),
          order: (row) => row.updated_at,
        },
        number("size", "On disk.", (row) => row.bytes, bytes),
      ],
    }),
  );
}

function broken(parts) {
  if (!parts.length) return null;
  return card(
    { title: "Cannot be read", caption: "These parts of the store are left alone; `coincast data check` says more." },
    element(
      "dl",
      { className: "lines" },
      parts.map((one) =>
        element(
          "div",
          {},
          element("dt", {}, [one.name, one.interval].filter(Boolean).join(", ")),
          element("dd", {}, one.message),
        ),
      ),
    ),
  );
}

function seriesTable(items) {
  if (!items.length) return null;
  return card(
    { title: "Outside series", caption: "What is not a price, joined to candles without looking ahead." },
    table({
      label: "Outside series",
      key: "series",
      rows: items,
      columns: [
        { title: "name", cell: (row) => row.name, order: (row) => row.name },
        {
          title: "values",
          words: "Rows that are stored.",
          isNumber: true,
          cell: (row) => count(row.rows),
          order: (row) => row.rows,
        },
        {
          title: "first",
          words: "Time of the oldest value.",
          cell: (row) => moment(row.first, "1d"),
          order: (row) => row.first,
        },
        {
          title: "last",
          words: "Time of the newest value.",
          cell: (row) => moment(row.last, "1d"),
          order: (row) => row.last,
        },
        { title: "columns", words: "What each row holds.", className: "prose", cell: (row) => row.columns.join(", ") },
        { title: "from", words: "Files that it came from.", className: "prose", cell: (row) => row.sources.join(", ") },
      ],
    }),
  );
}
