// The central picture: the skill of every model with naive at zero, as dot and interval, its word and its figure.

import { element } from "./elements.js";
import { roundTicks } from "./scales.js";
import { known, percent, role, span } from "./words.js";

/**
 * Rows of `{name, note, skill, low, high, verdict, isNaive, href}`, drawn on one axis in the order given.
 *
 * `beside` are all rows of the page, so that every picture of it has the same axis.
 */
export function skillRows(rows, beside = rows) {
  const [low, high] = reach(beside);
  const place = (value) => (100 * (value - low)) / (high - low);
  const { ticks } = roundTicks(low, high, 6);
  const shown = ticks.filter((tick) => Math.abs(tick) < 1e-12 || Math.abs(place(tick) - place(0)) > 7);
  return element(
    "div",
    { className: "rows" },
    element(
      "ol",
      {},
      rows.map((row) => drawRow(row, place, shown)),
    ),
    element(
      "div",
      { className: "axis", "aria-hidden": "true" },
      element(
        "span",
        { className: "track" },
        shown.map((tick) =>
          element(
            "span",
            { className: Math.abs(tick) < 1e-12 ? "tick here" : "tick", place: left(place(tick)) },
            Math.abs(tick) < 1e-12 ? "naive" : percent(tick, { signed: true, digits: high - low < 0.05 ? 1 : 0 }),
          ),
        ),
      ),
    ),
  );
}

/**
 * Bounds of the axis: all that matters, not the one model whose error is beyond all measure.
 *
 * Zeros are those of naive itself: they do not tell how far models lie from it.
 */
function reach(rows) {
  const found = rows.flatMap((row) => [row.skill, row.low, row.high]).filter((end) => known(end) && end !== 0);
  const sizes = found.map(Math.abs).sort((a, b) => a - b);
  const most = Math.max(0.02, 3 * (sizes[Math.floor(sizes.length / 2)] ?? 0));
  const ends = found.map((end) => Math.max(-most, Math.min(most, end)));
  const low = Math.min(-0.005, ...ends),
    high = Math.max(0.005, ...ends);
  const room = (high - low) * 0.06;
  return [low - room, high + room];
}

function drawRow(row, place, ticks) {
  const word = row.isNaive ? "naive itself" : (row.verdict ?? "not judged");
  const tone = row.isNaive ? "muted" : role(row.verdict);
  const told =
    `${row.name}: ${word}, skill ${percent(row.skill, { signed: true })}` +
    (known(row.low) ? `, 95 % interval ${span(row.low, row.high)}` : "");
  return element(
    "li",
    { title: told },
    element(
      "span",
      { className: row.isNaive ? "name muted" : "name" },
      row.href ? element("a", { href: row.href }, row.name) : row.name,
      row.note && element("small", {}, row.note),
    ),
    element(
      "span",
      { className: "track", role: "img", "aria-label": told },
      ticks.map((tick) =>
        element("i", { className: Math.abs(tick) < 1e-12 ? "zero" : "grid", place: left(place(tick)) }),
      ),
      marks(row, place, tone),
    ),
    element("b", { className: `word ${tone}` }, word),
    element("span", { className: "figure" }, percent(row.skill, { signed: true })),
  );
}

function marks(row, place, tone) {
  if (!known(row.skill)) return [];
  const drawn = [];
  if (known(row.low) && known(row.high)) {
    const first = Math.max(0, place(row.low)),
      last = Math.min(100, place(row.high));
    const cut = `${place(row.low) < 0 ? " cut-left" : ""}${place(row.high) > 100 ? " cut-right" : ""}`;
    if (last > first) {
      drawn.push(
        element("i", { className: `interval ${tone}${cut}`, place: { left: `${first}%`, width: `${last - first}%` } }),
      );
    }
  }
  const at = place(row.skill);
  const beyond = at < 0 ? "beyond-left" : at > 100 ? "beyond-right" : null;
  drawn.push(element("i", { className: `${beyond ?? "dot"} ${tone}`, place: left(Math.max(0, Math.min(100, at))) }));
  return drawn;
}

const left = (share) => ({ left: `${share}%` });
