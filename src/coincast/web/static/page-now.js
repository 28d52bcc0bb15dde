// Now: of each market its candles, the forecast as a fan, naive dashed, and the verdict in one sentence.

import { get, getAll, newestCandles } from "./api.js";
import { makeAsk } from "./ask-model.js";
import { element, swap } from "./elements.js";
import { makeCard } from "./market-card.js";
import { figures, nextSteps, say, verdict } from "./parts.js";
import { overall, tally } from "./verdicts.js";
import { clock, count, known, modelName, moment, pair, percent, things } from "./words.js";

const MOST_MARKETS = 12;

export async function open(panel) {
  const cards = new Map();
  const top = element("div"),
    list = element("div", { className: "markets" }),
    more = element("div"),
    ask = makeAsk();
  let most = MOST_MARKETS;
  const refresh = async () => {
    const [forecasts, health] = await Promise.all([getAll("/forecasts", { limit: 200 }), get("/health")]);
    const markets = group(forecasts.items);
    if (!markets.length) return void swap(panel, empty(forecasts, health));
    const seen = markets.slice(0, most);
    const candles = await Promise.all(seen.map(({ id }) => newestCandles(id)));
    if (!list.isConnected) swap(panel, top, list, more, ask);
    swap(top, head(forecasts.items, health));
    const order = seen.map((market, at) => {
      if (!cards.has(market.key)) cards.set(market.key, makeCard(market));
      const card = cards.get(market.key);
      card.fill(market, candles[at]);
      return card.node;
    });
    if (order.some((node, at) => list.children[at] !== node)) list.replaceChildren(...order);
    swap(more, markets.length > most && showAll(markets.length));
  };
  const showAll = (number) => {
    const take = () => {
      most = Infinity;
      refresh().catch((error) => say(error.message));
    };
    return element("p", {}, element("button", { type: "button", onclick: take }, `Show all ${number} markets`));
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
  const place = (item) => (item.model === "naive" ? 1 : 0) + (item.source === "coincast" ? 0 : 0.5);
  for (const market of markets.values())
    market.items.sort((a, b) => place(a) - place(b) || a.model.localeCompare(b.model));
  return [...markets.values()].sort((a, b) => a.key.localeCompare(b.key));
}

const isAtWork = (watch) => ["running", "starting", "troubled"].includes(watch.state);

function empty(forecasts, { watch }) {
  return isAtWork(watch)
    ? nextSteps(
        "The first forecast is on its way.",
        `A watch loop is at work: ${watch.words} As soon as a model is trained and a candle has closed, its forecast appears here by itself.`,
        [],
      )
    : nextSteps(
        "No live forecasts yet.",
        "A watch loop forecasts at every close, writes each forecast down before anybody can know, and scores it when its candle has settled. The first command does so in simulated time, offline.",
        forecasts.next_steps,
      );
}

/** The sentence over all markets, and four figures. */
function head(items, { watch }) {
  const judged = items.filter((item) => item.verdict?.word);
  const words = judged.map((item) => item.verdict.word);
  const scored = judged.reduce((sum, item) => sum + item.verdict.n, 0);
  const inside = judged.filter((item) => known(item.verdict.coverage80));
  const covered =
    inside.reduce((sum, item) => sum + item.verdict.coverage80 * item.verdict.n, 0) /
    inside.reduce((sum, item) => sum + item.verdict.n, 0);
  const closes = isAtWork(watch) && watch.next_close;
  const late = items.filter((item) => item.is_late).length;
  return [
    element(
      "p",
      { className: "eyebrow" },
      `${things(new Set(items.map((item) => item.market)).size, "market")} \u00b7 newest forecast made ${moment(Math.max(...items.map((item) => item.made_at)))} UTC`,
    ),
    verdict("h1", ...overall(words, "live forecaster")),
    element(
      "p",
      { className: "lead" },
      `Only what was written down in time counts; it is scored beside the naive forecast when its candle has settled${words.length ? `: ${tally(words)}` : ""}.`,
    ),
    figures([
      {
        text: closes ? clock(closes, true) : "\u2013",
        caption: closes
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
