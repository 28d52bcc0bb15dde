// What is said and drawn of a random walk, and of many.

import { element } from "./elements.js";
import { card, entry, figures } from "./parts.js";
import { amount, count, moment, percent, things } from "./words.js";

const ODDS = ["looks_alike", "beats_flat", "close_fit", "beats_naive", "judged_better"];

export function headline(walk) {
  const { full_interval: path, naive_full: flat, single_point: single, naive_single: before } = walk.errors;
  const isBetter = path < flat;
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${walk.market} \u00b7 ${things(walk.steps, "step")}, ${moment(walk.close_time[0], walk.interval)} to ${moment(walk.close_time.at(-1), walk.interval)} \u00b7 seed ${walk.seed}${walk.is_article ? " \u00b7 article 0\u2019s candles and span" : ""}`,
    ),
    element(
      "h1",
      {},
      isBetter
        ? "This path is pure chance, and it is closer to the price than a flat line."
        : "This path is pure chance, and looks like a forecast.",
    ),
    element(
      "p",
      { className: "lead" },
      `It was drawn from ${things(walk.training_rows, "past change")} without a look at what came: mean ${percent(walk.mean, { digits: 2 })}, spread ${percent(walk.deviation, { digits: 2 })}. ${isBetter ? "That is luck: below stands how often it comes." : `It misses by ${percent(path / flat - 1)} more than a flat line at the last known price.`}`,
    ),
    figures([
      { text: amount(walk.end, walk.unit), caption: "where the walk ends", id: "walk-end" },
      { text: amount(walk.actual.at(-1), walk.unit), caption: "where the price ended" },
      {
        text: amount(path, walk.unit),
        caption: `mean error of the path; flat line ${amount(flat)}`,
      },
      {
        text: amount(single, walk.unit),
        caption: `mean error step by step; the price before ${amount(before)}`,
      },
    ]),
  ];
}

export function lines(walk, drawn, naive) {
  return {
    x: { kind: "time", title: "UTC" },
    y: { unit: walk.unit },
    layers: [
      { kind: "line", role: "naive", x: walk.close_time, y: naive },
      { kind: "line", role: "price", x: walk.close_time, y: walk.actual },
      { kind: "line", role: "model", x: walk.close_time, y: drawn },
    ],
    points: walk.close_time.map((at, number) => ({
      x: at,
      words: `${moment(at, walk.interval)} UTC: price ${amount(walk.actual[number])}, walk ${amount(drawn[number])}, naive ${amount(naive[number])}`,
    })),
  };
}

export function oddsCard(told) {
  return card(
    {
      title: "How often does a walk look like a forecast?",
      caption: `${count(told.walks)} walks of ${things(told.steps, "step")} on ${told.market}, seeds 0 to ${told.walks - 1}.`,
    },
    element("p", { className: "said" }, told.sentence),
    element(
      "ul",
      { className: "list shares" },
      ODDS.map((name) => shareEntry(told[name])),
    ),
    element(
      "p",
      { className: "small" },
      `Half of the walks end between ${amount(told.ends.q25)} and ${amount(told.ends.q75)}, nine of ten between ${amount(told.ends.q05)} and ${amount(told.ends.q95)}; the price ended at ${amount(told.ends.actual)}.`,
    ),
  );
}

const shareEntry = ({ words, share }) =>
  entry(
    {},
    element("span", {}, words),
    element("b", {}, percent(share, { digits: 0 })),
    element("div", { className: "bar", "aria-hidden": "true" }, element("i", { place: { width: `${100 * share}%` } })),
  );
