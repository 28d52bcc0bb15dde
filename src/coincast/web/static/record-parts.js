// Parts of the track record: whether intervals held, every miss, late forecasts, outages, and the anchor.

import { element } from "./elements.js";
import { card, copyButton, more } from "./parts.js";
import { column, numbers, prose, table } from "./tables.js";
import { amount, count, known, lasting, moment, pair, percent, quote, things } from "./words.js";

const ENTRY = numbers("entry", "Number of the forecast in the ledger.", (row) => row.number);

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
  const { misses: rows, misses_total: total } = item;
  if (!total) return card({ title: "Misses", caption: "No price lay outside a 90 % interval yet." });
  const newest = rows.length < total ? `The newest ${rows.length}. ` : "";
  return card(
    {
      title: `Every miss: ${things(total, "price")} outside the 90 % interval`,
      caption: `${newest}Prices in ${quote(item.market) || "the quote currency"}; the entry is that of the forecast in the ledger.`,
    },
    table({
      label: "Misses",
      key: "misses",
      rows,
      columns: [
        column(
          "closed, UTC",
          "Close of the candle that was forecast.",
          (row) => row.target_time,
          (time) => moment(time, item.interval),
        ),
        numbers("forecast", "What the model said.", (row) => row.value, amount),
        numbers("low 90 %", "Lower end of its 90 % interval.", (row) => row.low, amount),
        numbers("high 90 %", "Upper end of its 90 % interval.", (row) => row.high, amount),
        numbers("came", "What the close was.", (row) => row.actual, amount),
        numbers("naive", "The last close at the origin.", (row) => row.last_close, amount),
        numbers("step", "How many candles ahead.", (row) => row.step),
        ENTRY,
      ],
    }),
  );
}

export function late(item) {
  if (!item.late_total) return null;
  const newest = item.late.length < item.late_total ? ` The newest ${item.late.length}.` : "";
  return card(
    {
      title: `Late: ${things(item.late_total, "forecast")}`,
      caption: `Written later than allowed after the origin: kept, and never scored.${newest}`,
    },
    table({
      label: "Late forecasts",
      key: "late",
      rows: item.late,
      columns: [
        column("origin, UTC", "Close of the last candle that it was allowed to see.", (row) => row.origin, moment),
        column("made, UTC", "When it was written into the ledger.", (row) => row.made_at, moment),
        numbers("after", "How long after the origin.", (row) => row.made_at - row.origin, lasting),
        ENTRY,
      ],
    }),
  );
}

export function outageCard(outages, total) {
  if (!total) return card({ title: "Outages", caption: "None so far: every close had its forecast." });
  const newest = outages.length < total ? ` The newest ${outages.length}.` : "";
  return card(
    {
      title: `Outages: ${count(total)}`,
      caption: `Times without forecasts or scores, and why. Times are UTC.${newest}`,
    },
    table({
      label: "Outages",
      key: "outages",
      rows: outages,
      columns: [
        column("since", "First moment of it.", (row) => row.since, moment),
        column("until", "Last moment of it.", (row) => row.until, moment),
        column("market", "Which market; all where none is named.", (row) => (row.market ? pair(row.market) : "all")),
        prose("why", "What kept forecasts away.", (row) => `${row.reason}: ${row.words}`),
        numbers("missed", "Forecasts that were not made.", (row) => row.missed),
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
