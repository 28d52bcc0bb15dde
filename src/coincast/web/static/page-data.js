// Data: what is in the store, its gaps and defects, and when it was last written to.

import { get, getAll } from "./api.js";
import { element, swap } from "./elements.js";
import { makeDetail } from "./market-detail.js";
import { card, figures, nextSteps } from "./parts.js";
import { column, numbers, prose, table } from "./tables.js";
import { bytes, count, intervalSeconds, lasting, moment, things } from "./words.js";

const POINTS = 600;

export async function open(panel, first) {
  const top = element("div"),
    detail = element("div", { id: "market-detail", tabIndex: -1 }),
    last = element("div");
  const state = { id: first, drawn: null };
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
    state.id ||= markets.items[0]?.id;
    if (state.id) await look(state.id);
  };
  const look = async (id) => {
    try {
      const [told, candles] = await Promise.all([
        get(`/markets/${id}`),
        get(`/markets/${id}/candles`, { points: POINTS }),
      ]);
      if (id !== state.id) return;
      if (state.drawn?.id !== id) state.drawn = makeDetail(told);
      state.drawn.fill(told, candles);
      if (detail.firstElementChild !== state.drawn.node) detail.replaceChildren(state.drawn.node);
    } catch (error) {
      if (id === state.id) swap(detail, element("p", { role: "alert", className: "lead" }, error.message));
    }
  };
  const turn = async (id) => {
    if (!id || id === state.id) return;
    state.id = id;
    await look(id);
    detail.scrollIntoView({ block: "start" });
  };
  await refresh();
  return { hears: ["candle"], refresh, turn };
}

function head(markets, series, health) {
  const sum = (pick) => markets.items.reduce((total, one) => total + pick(one), 0);
  const gaps = sum((one) => one.gaps),
    missing = sum((one) => one.missing);
  const rows = sum((one) => one.rows);
  const size = bytes(sum((one) => one.bytes));
  const names = new Set(markets.items.map((one) => one.market)).size;
  const latest = Math.max(...markets.items.map((one) => one.updated_at));
  const beside = series.items.length ? ` \u00b7 ${series.items.length} outside series` : "";
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${things(names, "market")} \u00b7 ${size}${beside}`,
    ),
    element(
      "h1",
      {},
      gaps
        ? `${things(rows, "candle")} are stored, and ${count(missing)} ${missing === 1 ? "is" : "are"} missing.`
        : `${things(rows, "candle")} are stored, without a gap.`,
    ),
    element(
      "p",
      { className: "lead" },
      "A gap is counted and shown, never filled silently: training does not look across it, and a forecast is not made from it.",
    ),
    figures([
      { text: count(rows), caption: "candles" },
      { text: count(gaps), caption: gaps === 1 ? "gap" : "gaps", role: gaps ? "undecided" : "" },
      { text: count(missing), caption: "candles missing in them", role: missing ? "undecided" : "" },
      { text: markets.items.length ? ago(latest, health.now) : "\u2013", caption: "last update" },
    ]),
  ];
}

const ago = (time, now) => (now - time < 5000 ? "now" : `${lasting(now - time)} ago`);

function marketTable(items, now) {
  const day = (row, time) => moment(time, row.interval);
  return card(
    { title: "Markets", caption: "Times are UTC, of a candle\u2019s opening." },
    table({
      label: "Markets of the store",
      key: "markets",
      rows: items,
      columns: [
        {
          ...column("market", "Source, then what is traded; press for its candles and defects.", (row) => row.market),
          cell: (row) => element("a", { href: `#data/${row.id}`, "data-key": row.id }, row.market),
        },
        {
          ...column("interval", "Length of a candle.", (row) => intervalSeconds(row.interval)),
          cell: (row) => row.interval,
        },
        numbers("candles", "Candles that are stored.", (row) => row.rows),
        { ...column("first", "The oldest candle.", (row) => row.first), cell: (row) => day(row, row.first) },
        { ...column("last", "The newest candle.", (row) => row.last), cell: (row) => day(row, row.last) },
        numbers("gaps", "Places where candles are missing.", (row) => row.gaps),
        numbers("missing", "Candles that would fill them.", (row) => row.missing),
        column("from", "Exchanges and files that they came from.", (row) => row.sources.join(", ")),
        column(
          "updated",
          "When the store was last written to.",
          (row) => row.updated_at,
          (time) => ago(time, now),
        ),
        numbers("size", "On disk.", (row) => row.bytes, bytes),
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
  const day = (time) => moment(time, "1d");
  return card(
    { title: "Outside series", caption: "What is not a price, joined to candles without looking ahead." },
    table({
      label: "Outside series",
      key: "series",
      rows: items,
      columns: [
        column("name", "What it is called.", (row) => row.name),
        numbers("values", "Rows that are stored.", (row) => row.rows),
        column("first", "Time of the oldest value.", (row) => row.first, day),
        column("last", "Time of the newest value.", (row) => row.last, day),
        prose("columns", "What each row holds.", (row) => row.columns.join(", ")),
        prose("from", "Files that it came from.", (row) => row.sources.join(", ")),
      ],
    }),
  );
}
