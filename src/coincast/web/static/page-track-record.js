// Track record: what became of every live forecast, failures, late ones and outages included.

import { get, getAll } from "./api.js";
import { skillRows } from "./board.js";
import { makeChart } from "./chart.js";
import { element, swap } from "./elements.js";
import { card, figures, legend, nextSteps, verdict } from "./parts.js";
import { anchor, coverage, late, misses, outageCard } from "./record-parts.js";
import { bounds } from "./scales.js";
import { overall } from "./verdicts.js";
import { count, intervalName, known, modelName, moment, pair, percent, span, things } from "./words.js";

export async function open(panel) {
  const state = { key: null, told: null, ledger: null };
  const top = element("div"),
    picked = element("div"),
    below = element("div"),
    last = element("div");
  const over = makeChart({ label: "Skill over time, with its 95 % interval" });
  const chart = card(
    {
      title: "Skill over time",
      caption: "The verdict as it stood after each score; below the dashed line naive is better.",
    },
    legend([
      ["model", "skill so far"],
      ["band", "95 % interval"],
      ["naive", "naive: skill 0"],
      ["outage", "outage"],
    ]),
    over.node,
  );
  const redraw = () => {
    const { items, outages, outages_total: total } = state.told;
    const item = items.find((one) => name(one) === state.key) ?? items[0];
    picker.offer(items, item);
    swap(picked, own(item));
    const concerning = outages.filter((one) => [null, item.market].includes(one.market));
    over.draw(() => skillOverTime(item, concerning));
    swap(below, coverage(item), misses(item), late(item));
    swap(last, outageCard(outages, total), anchor(state.ledger));
  };
  const picker = makePicker((key) => {
    state.key = key;
    redraw();
  });
  const refresh = async () => {
    [state.told, state.ledger] = await Promise.all([getAll("/track-record", { limit: 100 }), get("/ledger")]);
    const { items, next_steps: steps } = state.told;
    if (!items.length)
      return void swap(
        panel,
        nextSteps(
          "No track record yet.",
          "A track record begins with the first live forecast. Each is written into a ledger that is only ever added to, before its candle closes, and nobody can take one out again unseen.",
          steps,
        ),
      );
    if (!picker.node.isConnected) swap(panel, top, picker.node, picked, chart, below, last);
    swap(top, head(state.told));
    redraw();
  };
  await refresh();
  return { hears: ["score", "outage", "record", "forecast"], refresh };
}

const name = (item) => [item.market, item.interval, item.model].join(" ");
const sum = (items, pick) => items.reduce((total, item) => total + pick(item), 0);

function head({ items, outages_total: outages }) {
  const scored = sum(items, (item) => item.n);
  const late = sum(items, (item) => item.late_total);
  const ninety = items.map((item) => item.coverage.find((one) => one.percent === 90)).filter((one) => one?.n);
  const inside = sum(ninety, (one) => one.covered * one.n) / sum(ninety, (one) => one.n);
  const forecasts = sum(items, (item) => item.forecasts);
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${things(forecasts, "live forecast")} on time \u00b7 ${things(items.length, "forecaster")}`,
    ),
    verdict("h1", ...overall(items.map((item) => item.verdict), "live forecaster")),
    element(
      "p",
      { className: "lead" },
      "Nothing is left out: each forecast stands in a hash-chained ledger from before its candle closed, and so does every miss, every late one and every outage.",
    ),
    figures([
      { text: count(scored), caption: "origins scored" },
      { text: percent(1 - inside), caption: "of prices outside the 90 % intervals; one in ten is what they promise" },
      { text: count(late), caption: "late forecasts, written down and not scored", role: late ? "undecided" : "" },
      { text: count(outages), caption: outages === 1 ? "outage" : "outages", role: outages ? "undecided" : "" },
    ]),
    element(
      "p",
      { className: "said", id: "looked-at-again" },
      "The test is made anew after every score, and its 5 % hold for one look: looked at again and again, a worthless forecaster will sooner or later stand at \u201cbetter\u201d by chance, so the verdict that counts is the one of a day that was fixed beforehand.",
    ),
    card(
      {
        title: "Skill of every forecaster, naive at zero",
        caption: "Dot: skill on all scored forecasts. Line: 95 % interval of the same test that gives the verdict.",
      },
      skillRows(
        [...items]
          .sort((a, b) => (b.skill ?? -Infinity) - (a.skill ?? -Infinity))
          .map((item) => ({
            ...item,
            name: `${pair(item.market)}, ${modelName(item.model)}`,
            note: `${intervalName(item.interval)}, ${things(item.n, "origin")}`,
            isNaive: item.verdict === null,
          })),
      ),
    ),
  ];
}

/** What is shown in detail; an open list is left alone as long as it offers the same. */
function makePicker(take) {
  const list = element("select", { onchange: (event) => take(event.target.value) });
  const node = element(
    "label",
    { className: "group picker" },
    element("span", { className: "muted" }, "In detail: "),
    list,
  );
  const offer = (items, item) => {
    const names = items.map(name);
    if (names.join() !== [...list.options].map((one) => one.value).join())
      swap(
        list,
        items.map((one) =>
          element("option", { value: name(one) }, `${pair(one.market)}, ${one.interval}, ${modelName(one.model)}`),
        ),
      );
    list.value = name(item);
  };
  return { node, offer };
}

function own(item) {
  return [
    verdict("h2", item.sentence ?? "Naive itself: what all others are measured by.", item.verdict),
    figures([
      {
        text: percent(item.skill, { signed: true }),
        caption: known(item.low)
          ? `skill against naive (${span(item.low, item.high)})`
          : "skill against naive; no interval yet",
      },
      {
        text: percent(item.last_trade_skill, { signed: true }),
        caption: "skill against the last trade when it was made",
      },
      { text: count(item.n), caption: "origins scored" },
      { text: percent(item.detectable), caption: "smallest skill that so many could show" },
    ]),
  ];
}

/** The axis is for what has settled: the first scores, and intervals that still reach far, may go beyond it. */
function skillOverTime({ over_time: told, interval }, outages) {
  const { target_time: x, skill, low, high, n } = told;
  const settled = [...low, ...high].some(known) ? [...low, ...high] : skill;
  const sizes = settled
    .filter(known)
    .map(Math.abs)
    .sort((a, b) => a - b);
  const most = Math.max(0.012, 1.8 * (sizes[Math.floor(sizes.length * 0.9)] ?? 0.1));
  const within = (list) => list.filter(known).map((value) => Math.max(-most, Math.min(most, value)));
  return {
    x: { kind: "time", title: "UTC" },
    y: {
      unit: "skill",
      bounds: bounds([...[low, high, skill].map(within), [0]], 0.06),
      write: (value) => percent(value, { signed: true, digits: most < 0.05 ? 1 : 0 }),
    },
    layers: [
      { kind: "spans", role: "outage", spans: outages.map((one) => [one.since, one.until]) },
      { kind: "band", role: "model", x, low, high },
      { kind: "level", role: "zero", at: 0 },
      { kind: "line", role: "model", x, y: skill },
    ],
    points: x.map((at, number) => ({
      x: at,
      words: `${moment(at, interval)} UTC: skill ${percent(skill[number], { signed: true })}${known(low[number]) ? ` (${span(low[number], high[number])})` : ""} after ${things(n[number], "origin")}`,
    })),
  };
}
