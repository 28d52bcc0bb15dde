// Now: of each market its candles, the forecast as a fan, naive dashed, and the verdict in one sentence.

import { get } from "./api.js";
import { element, swap } from "./elements.js";
import { makeCard } from "./market-card.js";
import { figures, nextSteps, say, verdict } from "./parts.js";
import { clock, count, known, modelName, moment, pair, percent, things } from "./words.js";

const MOST_MARKETS = 12;

export async function open(panel) {
  const cards = new Map();
  const top = element("div"),
    list = element("div", { className: "markets" }),
    more = element("div");
  let isFilled = false;
  const refresh = async () => {
    const [forecasts, health, candles] = await Promise.all([
      get("/forecasts", { limit: 200 }),
      get("/health"),
      wanted(cards),
    ]);
    const markets = group(forecasts.items);
    if (!markets.length) return void swap(panel, empty(forecasts, health));
    if (!isFilled || !list.isConnected) swap(panel, top, list, more);
    isFilled = true;
    swap(top, head(forecasts.items, health));
    for (const market of markets.slice(0, MOST_MARKETS)) {
      if (!cards.has(market.key)) cards.set(market.key, makeCard(market));
      const card = cards.get(market.key);
      card.fill(market, candles.get(market.id) ?? (await newest(market.id)));
    }
    const order = markets.slice(0, MOST_MARKETS).map((market) => cards.get(market.key).node);
    if (order.some((node, at) => list.children[at] !== node)) list.replaceChildren(...order);
    swap(
      more,
      markets.length > MOST_MARKETS &&
        element("p", { className: "small" }, `${markets.length - MOST_MARKETS} more markets stand in the leaderboard.`),
    );
  };
  await refresh();
  const heard = (kind, data) => kind === "forecast" && !panel.hidden && announce(data);
  return { hears: ["candle", "forecast", "score", "health"], refresh, heard };
}

const announce = ({ market, model, origin }) =>
  say(`New forecast of ${modelName(model)} for ${pair(market)}, made at ${clock(origin)} UTC.`, { asked: false });

/** Forecasts of one market and interval, models beside one another, ours first. */
function group(items) {
  const markets = new Map();
  for (const item of items) {
    const key = `${item.market} ${item.interval}`;
    if (!markets.has(key))
      markets.set(key, { key, id: item.market_id, market: item.market, interval: item.interval, items: [] });
    markets.get(key).items.push(item);
  }
  const isNaive = (item) => (item.model === "naive" ? 1 : 0) + (item.source === "coincast" ? 0 : 0.5);
  for (const market of markets.values())
    market.items.sort((a, b) => isNaive(a) - isNaive(b) || a.model.localeCompare(b.model));
  return [...markets.values()].sort((a, b) => a.key.localeCompare(b.key));
}

const newest = (id) => (id ? get(`/markets/${id}/candles`, { last: 120 }).catch(() => null) : null);

async function wanted(cards) {
  const ids = [...cards.values()].map((card) => card.id).filter(Boolean);
  const told = await Promise.all(ids.map(newest));
  return new Map(ids.map((id, at) => [id, told[at]]));
}

function empty(forecasts, health) {
  const isWatched = ["running", "starting", "troubled"].includes(health.watch.state);
  return isWatched
    ? nextSteps(
        "The first forecast is on its way.",
        `A watch loop is at work: ${health.watch.words} As soon as a model is trained and a candle has closed, its forecast appears here by itself.`,
        [],
      )
    : nextSteps(
        "No live forecasts yet.",
        "A watch loop forecasts at every close, writes each forecast down before anybody can know, and scores it when its candle has settled. The first command does so in simulated time, offline.",
        forecasts.next_steps,
      );
}

/** The sentence over all markets, and four figures. */
function head(items, health) {
  const judged = items.filter((item) => item.verdict?.word);
  const words = judged.map((item) => item.verdict.word);
  const scored = judged.reduce((sum, item) => sum + item.verdict.n, 0);
  const inside = judged.filter((item) => known(item.verdict.coverage80));
  const covered =
    inside.reduce((sum, item) => sum + item.verdict.coverage80 * item.verdict.n, 0) /
    inside.reduce((sum, item) => sum + item.verdict.n, 0);
  const { watch } = health;
  const late = items.filter((item) => item.is_late).length;
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${things(new Set(items.map((item) => item.market)).size, "market")} \u00b7 newest forecast made ${moment(Math.max(...items.map((item) => item.made_at)))} UTC`,
    ),
    verdict("h1", ...overall(words)),
    element("p", { className: "lead" }, reason(words)),
    figures([
      {
        text: watch.next_close ? clock(watch.next_close, true) : "\u2013",
        caption: watch.next_close
          ? "next candle closes, UTC by the exchange\u2019s clock"
          : "no next close: the loop is not running",
      },
      { text: count(scored), caption: "origins scored, all models and markets" },
      { text: percent(covered), caption: "of prices inside the 80 % intervals" },
      {
        text: count(late),
        caption:
          late === 1 ? "newest forecast came late and is not scored" : "newest forecasts came late and are not scored",
        role: late ? "undecided" : "",
      },
    ]),
  ];
}

function overall(words) {
  const total = words.length,
    of = (word) => words.filter((one) => one === word).length;
  if (!total || of("too few") === total) return ["Too few live forecasts are scored yet for a verdict.", "too few"];
  if (of("better"))
    return [
      `${of("better")} of ${things(total, "live forecaster")} ${of("better") === 1 ? "is" : "are"} better than \u201cthe price stays where it is\u201d.`,
      "better",
    ];
  if (of("not distinguishable"))
    return [
      "No live forecaster is better so far: not distinguishable from \u201cthe price stays where it is\u201d.",
      "not distinguishable",
    ];
  return ["Every live forecaster is worse than \u201cthe price stays where it is\u201d so far.", "worse"];
}

function reason(words) {
  const told = ["better", "not distinguishable", "worse", "too few"]
    .map((word) => [word, words.filter((one) => one === word).length])
    .filter(([, n]) => n);
  const parts = told.map(([word, n]) => `${n} ${word}`).join(", ");
  return `Each forecast was written down before its candle closed, and is scored beside the naive one when it has settled${parts ? `: ${parts}` : ""}.`;
}
