// Parts of the track record: whether intervals held, every miss, late forecasts, outages, and the anchor.

import { element } from "./elements.js";
import { card, copyButton, more } from "./parts.js";
import { table } from "./tables.js";
import { amount, count, known, lasting, moment, pair, percent, quote, things } from "./words.js";

/** How many prices lay inside, beside what the intervals promise and what naive's held. */
export function coverage(item) {
  if (!item.coverage.length) return null;
  return card(
    {
      title: "Did the intervals hold?",
      caption:
        "Dashed: what an interval promises. Dot and line: what it held, with its 95 % interval. Diamond: naive\u2019s interval.",
    },
    element("div", { className: "rows cover" }, element("ol", {}, item.coverage.map(coverRow))),
  );
}

function coverRow(one) {
  const promised = one.percent / 100;
  const isHeld = known(one.low) && one.low <= promised && promised <= one.high;
  const [word, tone] = !known(one.low)
    ? ["too few", "few"]
    : isHeld
      ? ["holds", "better"]
      : one.covered < promised
        ? ["too narrow", "worse"]
        : ["too wide", "undecided"];
  const told = `${one.percent} % interval: ${percent(one.covered)} of ${things(one.n, "price")} inside, ${word}; naive\u2019s ${percent(one.naive_covered)}`;
  const at = (share) => `${100 * share}%`;
  return element(
    "li",
    { title: told },
    element("span", { className: "name" }, `${one.percent} % interval`, element("small", {}, things(one.n, "price"))),
    element(
      "span",
      { className: "track", role: "img", "aria-label": told },
      [0, 0.25, 0.5, 0.75, 1].map((tick) => element("i", { className: "grid", place: { left: at(tick) } })),
      element("i", { className: "zero", place: { left: at(promised) } }),
      known(one.low) &&
        element("i", { className: "interval model", place: { left: at(one.low), width: at(one.high - one.low) } }),
      known(one.naive_covered) && element("i", { className: "diamond muted", place: { left: at(one.naive_covered) } }),
      known(one.covered) && element("i", { className: "dot model", place: { left: at(one.covered) } }),
    ),
    element("b", { className: `word ${tone}` }, word),
    element("span", { className: "figure" }, percent(one.covered)),
  );
}

export function misses(item) {
  const { misses: rows, misses_total: total } = item,
    unit = quote(item.market);
  if (!total) return card({ title: "Misses", caption: "No price lay outside a 90 % interval yet." });
  const number = (title, words, pick) => ({
    title,
    words,
    isNumber: true,
    cell: (row) => amount(pick(row)),
    order: pick,
  });
  return card(
    {
      title: `Every miss: ${things(total, "price")} outside the 90 % interval`,
      caption: `${rows.length < total ? `The newest ${rows.length}. ` : ""}Prices in ${unit}; the entry is that of the forecast in the ledger.`,
    },
    table({
      label: "Misses",
      key: "misses",
      rows,
      isTall: rows.length > 10,
      columns: [
        {
          title: "closed, UTC",
          words: "Close of the candle that was forecast.",
          cell: (row) => moment(row.target_time, item.interval),
          order: (row) => row.target_time,
        },
        number("forecast", "What the model said.", (row) => row.value),
        number("low 90 %", "Lower end of its 90 % interval.", (row) => row.low),
        number("high 90 %", "Upper end of its 90 % interval.", (row) => row.high),
        number("came", "What the close was.", (row) => row.actual),
        number("naive", "The last close at the origin.", (row) => row.last_close),
        {
          title: "step",
          words: "How many candles ahead.",
          isNumber: true,
          cell: (row) => count(row.step),
          order: (row) => row.step,
        },
        {
          title: "entry",
          words: "Number of the forecast in the ledger.",
          isNumber: true,
          cell: (row) => count(row.number),
          order: (row) => row.number,
        },
      ],
    }),
  );
}

export function late(item) {
  if (!item.late_total) return null;
  return card(
    {
      title: `Late: ${things(item.late_total, "forecast")}`,
      caption: "Written later than allowed after the origin: kept, and never scored.",
    },
    table({
      label: "Late forecasts",
      key: "late",
      rows: item.late,
      isTall: item.late.length > 8,
      columns: [
        {
          title: "origin, UTC",
          words: "Close of the last candle that it was allowed to see.",
          cell: (row) => moment(row.origin),
          order: (row) => row.origin,
        },
        {
          title: "made, UTC",
          words: "When it was written into the ledger.",
          cell: (row) => moment(row.made_at),
          order: (row) => row.made_at,
        },
        {
          title: "after",
          words: "How long after the origin.",
          isNumber: true,
          cell: (row) => lasting(row.made_at - row.origin),
          order: (row) => row.made_at - row.origin,
        },
        {
          title: "entry",
          words: "Number of the forecast in the ledger.",
          isNumber: true,
          cell: (row) => count(row.number),
          order: (row) => row.number,
        },
      ],
    }),
  );
}

export function outageCard(outages, total) {
  if (!total) return card({ title: "Outages", caption: "None so far: every close had its forecast." });
  return card(
    { title: `Outages: ${count(total)}`, caption: "Times without forecasts or scores, and why. Times are UTC." },
    table({
      label: "Outages",
      key: "outages",
      rows: outages,
      isTall: outages.length > 8,
      columns: [
        { title: "since", words: "First moment of it.", cell: (row) => moment(row.since), order: (row) => row.since },
        { title: "until", words: "Last moment of it.", cell: (row) => moment(row.until), order: (row) => row.until },
        {
          title: "market",
          words: "Which market; all where none is named.",
          cell: (row) => (row.market ? pair(row.market) : "all"),
          order: (row) => row.market,
        },
        {
          title: "why",
          words: "What kept forecasts away.",
          className: "prose",
          cell: (row) => `${row.reason}: ${row.words}`,
          order: (row) => row.reason,
        },
        {
          title: "missed",
          words: "Forecasts that were not made.",
          isNumber: true,
          cell: (row) => count(row.missed),
          order: (row) => row.missed,
        },
      ],
    }),
  );
}

export function anchor(ledger) {
  if (!ledger?.anchor) return null;
  return more(
    "Anchor of the ledger",
    "anchor",
    element(
      "p",
      { className: "small" },
      "Publish this line anywhere: with it everybody can prove later that no entry before it was cut or rebuilt.",
    ),
    element("pre", {}, ledger.anchor),
    copyButton(ledger.anchor, "Copy the anchor"),
  );
}
